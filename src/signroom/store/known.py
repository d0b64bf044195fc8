"""Answers as they were read a moment ago: most requests come with a key, or for a page, that was just used.

A transaction of this process that changes a key, an application, a subscription or a file validation empties them.
What another process changes is seen `KEPT_SECONDS` after it, however long a read takes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

KEPT_SECONDS = 1.0
_MOST = 10_000
"""Answers. When there are more, all are read again."""

Asked = TypeVar("Asked")
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Reading:
    """The moment before a read."""

    emptied: int
    """How often the answers were emptied by then."""
    begun: float
    """Seconds, by the clock of the answers."""


class Known(Generic[Asked, Found]):
    """Safe to call from threads; nothing blocks."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = _MOST) -> None:
        self._clock, self._most = clock, most
        self._lock = threading.Lock()
        self._known: dict[Asked, tuple[float, Found]] = {}
        self._emptied = 0

    def get(self, asked: Asked) -> Found | None:
        """None for what must be read."""
        known = self._known.get(asked)
        if known is None or known[0] < self._clock():
            return None
        return known[1]

    def take(self, asked: Asked) -> Found | None:
        """The same, once."""
        found = self.get(asked)
        self._known.pop(asked, None)
        return found

    def begin(self) -> Reading:
        """Before a read whose answer you `keep`."""
        return Reading(self._emptied, self._clock())

    def keep(self, asked: Asked, found: Found, reading: Reading) -> None:
        """Known for `KEPT_SECONDS` from before it was read. Not at all when anything has changed since."""
        with self._lock:
            if reading.emptied != self._emptied:
                return
            if len(self._known) >= self._most:
                self._known.clear()
            self._known[asked] = reading.begun + KEPT_SECONDS, found

    def empty(self) -> None:
        """A key, an application or a subscription has changed."""
        with self._lock:
            self._emptied += 1
            self._known.clear()
