"""The event feed by both clients."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from signroom_client import AsyncSignroomClient, Event, EventType, RefusedError, SignroomClient, UnexpectedAnswerError

from tests.client.loopback import loopback, refused, told
from tests.harness.server import Server


def test_events_are_followed_from_the_last_one_seen(server: Server, signroom: SignroomClient) -> None:
    first = signroom.create_session()
    seen = list(signroom.events(session_id=first.session_id, follow=False))
    second = signroom.create_session()
    following = signroom.events(after=seen[-1].cursor, type=EventType.SESSION_CREATED)
    new = next(e for e in following if e.session_id == second.session_id)

    assert [(e.type, e.session_id) for e in seen] == [(EventType.SESSION_CREATED, first.session_id)]
    assert new.created_at.tzinfo is not None

    async def awaited() -> list[Event]:
        async with AsyncSignroomClient(server.url, server.api_key) as client:
            return [e async for e in client.events(session_id=first.session_id, follow=False)]

    assert asyncio.run(awaited()) == seen


def test_pages_lead_on_and_an_empty_one_is_waited_for() -> None:
    event = {"id": "803517ad-3bbc-4169-b085-60053a8f6dbf", "type": "SessionOpened", "createdAt": "2026-01-01T00:00:00Z"}
    pages = [
        told({"events": [{**event, "cursor": "a"}], "next": "a"}),
        told({"events": [], "next": "b"}),
        told({"events": [{**event, "cursor": "c", "type": "Unheard"}], "next": "c"}),
    ]
    with loopback(*pages) as service, SignroomClient(service.url, "key") as client:
        found = [str(e.cursor) for e in itertools.islice(client.events(), 2)]

    assert found == ["a", "c"]
    assert [heard.path.partition("?")[2] for heard in service.heard] == [
        "limit=100&wait=15",
        "limit=100&wait=15&after=a",
        "limit=100&wait=15&after=b",
    ]


def test_a_feed_that_was_purged_is_an_error_and_nonsense_too() -> None:
    answers = refused(422, "EventsPurged"), told({"events": []})
    with loopback(*answers) as service, SignroomClient(service.url, "key") as client:
        with pytest.raises(RefusedError, match="EventsPurged"):
            next(iter(client.events(after="old")))
        with pytest.raises(UnexpectedAnswerError):
            next(iter(client.events()))
