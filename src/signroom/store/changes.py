"""The ``Changes`` port: who waits is woken by the commits of this process at once, by those of others within a tick.

Others' commits are seen by one look at the event feed per tick, however many wait, and only while somebody does.
Positions are given in the order of commits, so one number says what was seen.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from signroom.domain.event import RecordedEvent
from signroom.store import tables
from signroom.store.engine import reading

log = structlog.get_logger()

TICK_SECONDS = 0.15
_AT_ONCE = 1000
_NEWEST = sa.select(sa.func.max(tables.events.c.position))
_SINCE = (
    sa.select(*(tables.events.c[name] for name in ("position", "id", "session_id", "subscription_id")))
    .where(tables.events.c.position > sa.bindparam("seen"))
    .order_by(tables.events.c.position)
    .limit(_AT_ONCE)
)
"""Made once: both are asked again and again."""


class _Watch:
    """One who waits, on the event loop that made it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """From any thread."""
        try:
            self._loop.call_soon_threadsafe(self._rung.set)
        except RuntimeError:  # the loop has ended, and with it who waited
            log.debug("changes.loop_closed")

    async def changed(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return False
        self._rung.clear()
        return True


class EventChanges:
    """Watches on sessions and subscriptions, rung by events. `stopping` ends all waiting."""

    def __init__(self, engine: Engine, stopping: threading.Event, *, tick: float = TICK_SECONDS) -> None:
        self._engine = reading(engine, each_alone=True)
        self._stopping = stopping
        self._tick = tick
        self._lock = threading.Lock()
        self._watches: dict[UUID, set[_Watch]] = {}
        self._looking = False
        self._looker: threading.Thread | None = None
        self._seen: int | None = None
        """The position up to which the feed was read; None before the first look."""
        self._own: set[UUID] = set()
        """Events of this process that were not read back yet. Nobody needs to be rung for them any more: whoever waits
        was rung when they were told, or has begun to wait after their commit."""
        self._lost = False

    @property
    def over(self) -> bool:
        return self._stopping.is_set()

    @contextmanager
    def watch(self, subject: UUID) -> Iterator[_Watch]:
        """In a running event loop only."""
        watch = _Watch()
        with self._lock:
            self._watches.setdefault(subject, set()).add(watch)
            if not self._looking:
                self._looking = True
                self._looker = threading.Thread(target=self._look_on, name="changes", daemon=True)
                self._looker.start()
        try:
            yield watch
        finally:
            with self._lock:
                self._watches[subject].discard(watch)
                if not self._watches[subject]:
                    del self._watches[subject]

    def tell(self, events: Sequence[RecordedEvent]) -> None:
        """What this process has committed."""
        with self._lock:
            if len(self._own) > _AT_ONCE:  # read back before they were told, again and again
                self._own.clear()
            self._own.update(event.id for event in events)
            if not self._watches:
                return
        self._ring({subject for e in events for subject in (e.session_id, e.subscription_id) if subject is not None})

    def close(self, *, timeout: float = 5) -> None:
        """Once all waiting has ended (`stopping`): leave the database alone."""
        with self._lock:
            looker = self._looker
        if looker is not None:
            looker.join(timeout)

    def _look_on(self) -> None:
        """Until nobody waits."""
        while True:
            with self._lock:
                if not self._watches or self.over:
                    self._looking = False
                    break
            self._look()
            self._stopping.wait(self._tick)
        if self.over:
            self._ring_all()

    def _look(self) -> None:
        try:
            self._read_on()
        except SQLAlchemyError:
            if not self._lost:
                log.warning("changes.database_lost", exc_info=True)
            self._lost = True
        else:
            self._lost = False

    def _read_on(self) -> None:
        with self._engine.connect() as connection:
            if self._seen is None:
                self._seen = connection.execute(_NEWEST).scalar() or 0
                found: Sequence[Any] = ()
                everything = True  # who began to wait before this look may have missed something
            else:
                found = connection.execute(_SINCE, {"seen": self._seen}).all()
                everything = len(found) == _AT_ONCE
                if everything:
                    self._seen = connection.execute(_NEWEST).scalar() or 0
                elif found:
                    self._seen = found[-1].position
        if everything:
            self._ring_all()
            return
        with self._lock:
            others = [row for row in found if row.id not in self._own]
            self._own.difference_update(row.id for row in found)
        self._ring({s for row in others for s in (row.session_id, row.subscription_id) if s is not None})

    def _ring(self, subjects: set[UUID]) -> None:
        with self._lock:
            waiting = [watch for subject in subjects for watch in self._watches.get(subject, ())]
        for watch in waiting:
            watch.ring()

    def _ring_all(self) -> None:
        with self._lock:
            waiting = [watch for watches in self._watches.values() for watch in watches]
        for watch in waiting:
            watch.ring()
