"""The event feed: all facts of a subscription in the order in which they became known, from wherever a reader is.

A reader that was down asks again from its last position and misses nothing, as long as that is kept.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from signroom.domain.application import READERS, ApplicationCaller, Caller
from signroom.domain.errors import ApplicationDisabled, BadInput, EventsPurged, Unauthenticated
from signroom.domain.event import TYPES, RecordedEvent
from signroom.ports import Ports
from signroom.ports.store import ANY_EVENT, EventFilter

MAX_WAIT = 15
"""Seconds."""


@dataclass(frozen=True, slots=True)
class ReadEvents:
    """The command. ``after`` None: from the oldest that is kept; ``wait`` in seconds, for the first event to come."""

    after: int | None = None
    limit: int = 100
    wanted: EventFilter = ANY_EVENT
    wait: int = 0


@dataclass(frozen=True, slots=True)
class EventPage:
    """``next``: the position to ask on from. It moves on past what was not wanted, too."""

    events: tuple[RecordedEvent, ...]
    next: int


async def read_events(ports: Ports, caller: Caller, command: ReadEvents) -> EventPage:
    """Raises: NotAllowed, BadInput for a type that there is not, EventsPurged, Unauthenticated for a key that was taken
    back while its caller waited, ApplicationDisabled for one that was closed meanwhile.
    """
    caller.require(READERS)
    if command.wanted.type is not None and command.wanted.type not in TYPES:
        raise BadInput(f"type is one of {', '.join(sorted(TYPES))}.", path="?type")
    loop = asyncio.get_running_loop()
    until = loop.time() + min(command.wait, MAX_WAIT)
    if command.wait <= 0:
        return await asyncio.to_thread(_read, ports, caller, command, command.after)
    with ports.changes.watch(caller.subscription_id) as watch:
        after, has_waited = command.after, False
        while True:
            page = await asyncio.to_thread(_read, ports, caller, command, after)
            left = until - loop.time()
            if page.events and has_waited:
                await asyncio.to_thread(_require_usable, ports, caller)
            if page.events or left <= 0 or ports.changes.over:
                return page
            after, has_waited = page.next, True
            await watch.changed(left)


def _require_usable(ports: Ports, caller: Caller) -> None:
    """Raises: Unauthenticated, ApplicationDisabled."""
    if not isinstance(caller, ApplicationCaller) or caller.key_id is None:
        return
    with ports.store.read() as work:
        keys = work.applications.keys_of(caller.application.id)
        closed = work.applications.closed(caller.application.id)
    if not any(key.id == caller.key_id and key.usable(ports.clock.now()) for key in keys):
        raise Unauthenticated("It was revoked or has expired.")
    if closed:
        raise ApplicationDisabled


def _read(ports: Ports, caller: Caller, command: ReadEvents, after: int | None) -> EventPage:
    with ports.store.read() as work:
        # Before the events are looked for: up to `newest` none is missed, though more may be found.
        bounds = work.feed.bounds(caller.subscription_id)
        if after is not None and after < bounds.purged:
            raise EventsPurged
        position = after or 0
        if position > bounds.newest:
            raise EventsPurged("It is ahead of the feed: was the database restored from a copy?")
        found = work.feed.after(caller.subscription_id, position, command.limit, command.wanted)
    if len(found) == command.limit:
        return EventPage(tuple(found), found[-1].position)
    return EventPage(tuple(found), max(bounds.newest, found[-1].position if found else 0))
