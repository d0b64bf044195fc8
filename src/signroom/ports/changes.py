"""Waking callers who wait for an event."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol
from uuid import UUID


class Watch(Protocol):
    async def changed(self, seconds: float) -> bool:
        """True as soon as there was an event since the watch began, or since the last True; False after `seconds`.

        Now and then also True for nothing: look, and wait again.
        """


class Changes(Protocol):
    """Wakes who waits for an event, on the event loop: no thread is held, and nobody asks the database by himself."""

    @property
    def over(self) -> bool:
        """The server stops: every watch was rung, nobody shall wait any more."""

    def watch(self, subject: UUID) -> AbstractContextManager[Watch]:
        """Events of a session, or of a subscription. Begin it before you look, so that nothing falls in between."""
