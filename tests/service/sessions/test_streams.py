"""Event streams: six of a session, one look at the database for all of them, and an end with the token."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from signroom.domain.errors import TooManyRequests
from signroom.domain.session import Session
from signroom.ports.store import SessionOfPage
from signroom.service.sessions import follow_session as following
from signroom.service.sessions.end_session import cancel_session
from signroom.service.sessions.follow_session import MAX_STREAMS, SessionStreams
from signroom.service.sessions.read_sessions import read_session_of_page
from tests.harness.waiting import SECONDS
from tests.service.conftest import Room


def opened(room: Room) -> Session:
    return room.session(predefined=False)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110  (a look at the database rings no bell)
            await asyncio.sleep(0.01)


def begun(room: Room, streams: SessionStreams, session: Session) -> AsyncIterator[SessionOfPage]:
    return streams.follow(read_session_of_page(room.ports, session.id))


def test_a_session_has_six_streams_and_a_place_is_given_back(room: Room) -> None:
    one, other = opened(room), opened(room)

    async def run() -> None:
        streams = SessionStreams(room.ports)
        taken = [begun(room, streams, one) for _ in range(MAX_STREAMS)]
        for stream in taken:
            await anext(stream)
        with pytest.raises(TooManyRequests):
            await anext(begun(room, streams, one))
        with pytest.raises(TooManyRequests):
            streams.require_place(one.id)
        streams.require_place(other.id)
        elsewhere = begun(room, streams, other)
        await anext(elsewhere)

        await taken.pop().aclose()  # type: ignore[attr-defined]
        again = begun(room, streams, one)
        await anext(again)
        for stream in (*taken, elsewhere, again):
            await stream.aclose()  # type: ignore[attr-defined]
        assert not streams._followed  # noqa: SLF001

    asyncio.run(run())


def test_a_subscription_has_a_limit_over_all_its_applications(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two applications of one subscription took every connection of a process, through a proxy."""
    monkeypatch.setattr(following, "MAX_OF_SUBSCRIPTION", 3)

    def of_another_application() -> SessionOfPage:
        found = read_session_of_page(room.ports, opened(room).id)
        return replace(found, session=replace(found.session, application_id=uuid4()))

    async def run() -> None:
        streams = SessionStreams(room.ports)
        taken = [streams.follow(of_another_application()) for _ in range(3)]
        for stream in taken:
            await anext(stream)
        with pytest.raises(TooManyRequests):
            await anext(streams.follow(of_another_application()))

    asyncio.run(run())


def test_all_streams_of_a_session_cost_one_look_and_all_hear_of_a_change(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause = 0.5
    monkeypatch.setattr(following, "_PAUSE", pause)
    session = opened(room)
    looks: list[str] = []

    def see(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "FROM signroom_sessions" in statement:
            looks.append(statement)

    async def follow(streams: SessionStreams) -> list[str]:
        async with aclosing(begun(room, streams, session)) as stream:  # type: ignore[type-var]
            return [found.session.status.value async for found in stream]

    async def run() -> list[list[str]]:
        streams = SessionStreams(room.ports)
        reading = [asyncio.create_task(follow(streams)) for _ in range(MAX_STREAMS)]
        # Each has looked once itself, and the task that they share for the first time.
        await until(lambda: len(looks) > MAX_STREAMS)
        looks.clear()
        begin = time.monotonic()
        await until(lambda: bool(looks) and time.monotonic() - begin > 4 * pause)
        # A busy machine takes longer for these looks, and so is allowed more of them.
        assert len(looks) <= (time.monotonic() - begin) / pause + 1, "one for each pause, not six"
        await asyncio.to_thread(cancel_session, room.ports, session.id)
        return await asyncio.gather(*reading)

    event.listen(room.service.engine, "before_cursor_execute", see)
    try:
        assert asyncio.run(run()) == [["Pending", "UserCancelled"]] * MAX_STREAMS
    finally:
        event.remove(room.service.engine, "before_cursor_execute", see)


def test_a_stream_ends_with_its_token(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_CHECK_SECONDS", 0.1)
    session, asked = opened(room), 0

    def holds() -> bool:
        nonlocal asked
        asked += 1
        return asked < 4

    async def run() -> int:
        streams = SessionStreams(room.ports)
        found = await asyncio.to_thread(read_session_of_page, room.ports, session.id)
        async with asyncio.timeout(SECONDS):
            return len([one async for one in streams.follow(found, holds)])

    assert asyncio.run(run()) == 1


def test_a_database_that_is_away_ends_all_streams(room: Room) -> None:
    session = opened(room)
    away = False

    def refuse(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if away and "FROM signroom_sessions" in statement:
            raise sa.exc.OperationalError(statement, {}, Exception("away"))

    async def run() -> list[BaseException | str]:
        nonlocal away
        streams = SessionStreams(room.ports)
        taken = [begun(room, streams, session) for _ in range(2)]
        for stream in taken:
            await anext(stream)
        reading: list[asyncio.Task[object]] = [asyncio.create_task(anext(stream)) for stream in taken]  # type: ignore[arg-type]
        away = True
        async with asyncio.timeout(SECONDS):
            return [type(error).__name__ for error in await asyncio.gather(*reading, return_exceptions=True)]

    event.listen(room.service.engine, "before_cursor_execute", refuse)
    try:
        assert asyncio.run(run()) == ["OperationalError"] * 2
    finally:
        event.remove(room.service.engine, "before_cursor_execute", refuse)
