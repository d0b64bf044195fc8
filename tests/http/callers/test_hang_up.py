"""A caller who hangs up: what they wait for is cancelled, and nothing else is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import pytest
from litestar import Request
from litestar.exceptions import HTTPException
from litestar.types import HTTPScope

from signroom.domain.errors import TooManyRequests
from signroom.http.callers.hang_up import MAX_HANG_UPS, Body, HangUps, while_connected
from signroom.http.problems import GONE
from tests.harness.garbage import refused_and_gone

NAME: ContextVar[str] = ContextVar("NAME", default="")
END: dict[str, Any] = {"type": "http.request", "body": b"", "more_body": False}
GOES: dict[str, Any] = {"type": "http.disconnect"}


def request(messages: Iterable[dict[str, Any]]) -> Request[Any, Any, Any]:
    """A request whose server says `messages`, and nothing more."""
    left = list(messages)

    async def receive() -> Any:
        if left:
            return left.pop(0)
        await asyncio.sleep(60)
        raise AssertionError

    scope = {
        "type": "http",
        "method": "PUT",
        "path": "/",
        "headers": [],
        "query_string": b"",
        "state": {},
        "route_handler": SimpleNamespace(resolve_request_max_body_size=lambda: None),
    }
    return Request(cast(HTTPScope, scope), receive=receive)


def run(call: Callable[[], Awaitable[Any]]) -> Any:
    async def soon() -> Any:
        async with asyncio.timeout(50):
            return await call()

    return asyncio.run(soon())


def test_who_hangs_up_cancels_what_they_wait_for() -> None:
    cleaned = []

    async def answer() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cleaned.append(True)
            raise

    with pytest.raises(HTTPException) as gone:
        run(lambda: while_connected(request([END, GOES]), answer()))

    assert (gone.value.detail, cleaned) == (GONE, [True])


def test_a_refusal_goes_with_its_answer() -> None:
    async def answer() -> None:
        await asyncio.sleep(0)
        raise TooManyRequests

    refused_and_gone(TooManyRequests, lambda: while_connected(request([END]), answer()))


def test_who_waits_has_the_answer() -> None:
    async def answer() -> str:
        await asyncio.sleep(0.01)
        return "done"

    assert run(lambda: while_connected(request([END]), answer())) == "done"


def test_a_refusal_comes_as_it_is() -> None:
    async def answer() -> None:
        raise KeyError("ours")

    with pytest.raises(KeyError):
        run(lambda: while_connected(request([END]), answer()))


def test_what_has_ended_all_the_same_is_the_answer() -> None:
    async def answer() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "committed"
        raise AssertionError

    assert run(lambda: while_connected(request([GOES]), answer())) == "committed"


def test_the_body_has_one_reader_and_is_watched_behind_its_end() -> None:
    parts = [{**END, "body": b"one", "more_body": True}, {**END, "body": b"two"}, GOES]
    asked = request(parts)
    body, read = Body(asked), []

    async def answer() -> None:
        async for chunk in body.chunks():
            await asyncio.sleep(0.01)
            read.append(chunk)
        await asyncio.sleep(60)

    with pytest.raises(HTTPException):
        run(lambda: while_connected(asked, answer(), body=body))

    assert b"".join(read) == b"onetwo"


def test_a_handler_that_is_cancelled_takes_its_work_with_it() -> None:
    ended = []

    async def answer() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    async def stopped() -> None:
        handler = asyncio.create_task(while_connected(request([END]), answer()))
        await asyncio.sleep(0.01)
        handler.cancel()
        await asyncio.wait({handler})
        assert handler.cancelled()

    run(stopped)

    assert ended == [True]


def test_whose_calls_are_given_up_too_often_waits_and_nobody_else() -> None:
    hang_ups = HangUps(clock=lambda: 1000.0)  # a machine that is busy has another minute before the last of them

    async def given_up(owner: str) -> None:
        with pytest.raises(HTTPException):
            await while_connected(request([GOES]), asyncio.sleep(60), on_gone=lambda: hang_ups.count(owner))

    async def answered(owner: str) -> None:
        await while_connected(request([]), asyncio.sleep(0), on_gone=lambda: hang_ups.count(owner))

    for _ in range(MAX_HANG_UPS):
        hang_ups.require_few("Ana")
        run(lambda: given_up("Ana"))
        run(lambda: answered("Bia"))

    hang_ups.require_few("Bia")
    with pytest.raises(TooManyRequests) as refused:
        hang_ups.require_few("Ana")
    assert 1 <= (refused.value.retry_after or 0) <= 120


def test_who_waits_costs_one_task_beside_their_own() -> None:
    async def answer() -> str:
        NAME.set("bound by the answer")
        return "done"

    async def counted() -> tuple[int, str, str]:
        made: list[object] = []

        def make(loop: asyncio.AbstractEventLoop, work: Any, **about: Any) -> asyncio.Task[Any]:
            made.append(work)
            return asyncio.Task(work, loop=loop, **about)

        asyncio.get_running_loop().set_task_factory(make)
        said = await while_connected(request([END]), answer())
        return len(made), said, NAME.get()

    assert run(counted) == (1, "done", "bound by the answer")


def test_who_goes_as_the_answer_ends_cancels_nothing_that_comes_after() -> None:
    async def answer(ends: asyncio.Event) -> str:
        await ends.wait()
        return "done"

    async def one(turns: int) -> str:
        ends, gone = asyncio.Event(), asyncio.Event()

        async def receive() -> Any:
            await gone.wait()
            return GOES

        connection = request([])
        connection.receive = receive
        waiting = asyncio.create_task(while_connected(connection, answer(ends)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gone.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        ends.set()
        try:
            said = await waiting
        except HTTPException as error:
            said = str(error.detail)
        assert waiting.cancelling() == 0
        return said

    said = [run(partial(one, turns)) for turns in range(5)]

    assert set(said) == {"done", GONE}
    assert said == sorted(said, key=["done", GONE].index)


def test_who_is_cancelled_by_others_too_is_cancelled() -> None:
    async def answer() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            asyncio.current_task().cancel()  # type: ignore[union-attr]
            await asyncio.sleep(0)

    async def stopped() -> bool:
        waiting = asyncio.create_task(while_connected(request([END, GOES]), answer()))
        await asyncio.wait({waiting})
        return waiting.cancelled()

    assert run(stopped)
