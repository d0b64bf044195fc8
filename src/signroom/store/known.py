"""Answers as they were read a moment ago: most requests come with a key, or for a page, that was just used.

A transaction of this process that changes a key, an application or a subscription empties them. What another process
changes is seen after `KEPT_SECONDS`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

KEPT_SECONDS = 1.0
_MOST = 10_000
"""Answers. When there are more, all are read again."""

Asked = TypeVar("Asked")
Found = TypeVar("Found")


class Known(Generic[Asked, Found]):
    """Safe to call from threads; nothing blocks."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[Asked, tuple[float, Found]] = {}
        self.emptied = 0
        """How often it was emptied. Ask for it before you read what you `keep`."""

    def get(self, asked: Asked) -> Found | None:
        """None for what must be read."""
        known = self._known.get(asked)
        if known is None or known[0] < self._clock():
            return None
        return known[1]

    def keep(self, asked: Asked, found: Found, emptied: int) -> None:
        """`emptied` is from before the read. If it has grown since, what was read may be older than a change."""
        with self._lock:
            if emptied != self.emptied:
                return
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[asked] = self._clock() + KEPT_SECONDS, found

    def empty(self) -> None:
        """A key, an application or a subscription has changed."""
        with self._lock:
            self.emptied += 1
            self._known.clear()
