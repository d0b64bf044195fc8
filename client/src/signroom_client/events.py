"""The event feed: every fact of the subscription, once and in order, from wherever you are."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from typing import Any

import httpx

from signroom_client import models
from signroom_client.calling import listing
from signroom_client.decoding import decode
from signroom_client.errors import UnexpectedAnswerError
from signroom_client.requests import Id
from signroom_client.service import Connected
from signroom_client.words import EventType

_PATH = "api/events"
_WAIT = 15
"""Seconds that the service holds its answer while there is nothing new."""
_HELD = 25.0
_SHORTEST_ROUND = 1.0


class EventOperations(Connected):
    @listing
    async def events(
        self,
        *,
        after: str | None = None,
        type: EventType | str | None = None,
        session_id: Id | None = None,
        application_id: Id | None = None,
        follow: bool = True,
        page_size: int = 100,
    ) -> AsyncGenerator[models.Event, None]:
        """Events after `after` (the ``cursor`` of the last one that you have dealt with; None: from the oldest).

        With `follow` it goes on for ever and waits for the next; without, it ends when there is nothing new. A lost
        connection is an error as everywhere: begin again after your last cursor, and you miss nothing. `RefusedError`
        (``EventsPurged``) when that is older than what the service keeps, 30 days at least.

        Example:
            for event in signroom.events(after=cursor, follow=False):
                print(event.created_at, event.type, event.session_id)
                cursor = event.cursor  # keep it: read on from there next time
        """
        chosen = [("type", type), ("sessionId", session_id), ("applicationId", application_id)]
        params = [("limit", str(page_size)), *((name, str(value)) for name, value in chosen if value is not None)]
        if follow:
            params.append(("wait", str(_WAIT)))
        given = self._timeout
        held = httpx.Timeout(connect=given.connect, read=_HELD, write=given.write, pool=given.pool)
        while True:
            started = time.monotonic()
            position = [] if after is None else [("after", after)]
            answer = await self._service.get(_PATH, [*params, *position], timeout=held if follow else given)
            found, after = _page(answer)
            for event in found:
                yield event
            if not found and not follow:
                return
            if not found:
                # The service holds its answer; should it ever not, we do not hammer it.
                await self._service.wire.sleep(max(0.0, _SHORTEST_ROUND - (time.monotonic() - started)))


def _page(answer: Any) -> tuple[list[models.Event], str]:
    if not isinstance(answer, dict) or not isinstance(answer.get("next"), str):
        raise UnexpectedAnswerError("Events should come with where to read on.")
    return [decode(models.Event, event) for event in answer.get("events") or ()], answer["next"]
