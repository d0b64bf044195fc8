"""The ``Cache`` port in memory: what is older than its time goes, and before that what is used least.

Nobody pushes out the values of others: when the room is full, the session that holds most of it loses its own value
that was used least recently. So it is with subscriptions before that.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass
from uuid import UUID

from signroom.ports.files import Turn

LIFETIME = 60.0
"""Seconds. Another process may have erased what a value was made of, and tells nobody."""


@dataclass(frozen=True, slots=True)
class _Value:
    until: float
    """Seconds of the monotonic clock."""
    content: bytes
    turn: Turn


_NOTHING = _Value(0, b"", Turn(UUID(int=0)))


class BytesCache:
    """At most `limit` bytes of values, each for at most `lifetime` seconds, however often it is asked for.

    A timer empties it, so that nothing stays in the memory of a process that nobody asks any more.
    """

    def __init__(self, limit: int, lifetime: float = LIFETIME) -> None:
        self._limit, self._lifetime = limit, lifetime
        self._length = 0
        self._values: OrderedDict[str, _Value] = OrderedDict()
        self._held: Counter[UUID | Turn] = Counter()
        """Bytes of each subscription and of each session."""
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def get(self, key: str) -> bytes | None:
        with self._lock:
            value = self._values.get(key, _NOTHING)
            if value.until <= time.monotonic():
                return None
            self._values.move_to_end(key)
            return value.content

    def put(self, key: str, value: bytes, turn: Turn) -> None:
        if len(value) > self._limit:
            return
        with self._lock:
            self._drop(key)
            self._values[key] = _Value(time.monotonic() + self._lifetime, value, turn)
            self._count(turn, len(value))
            while self._length > self._limit:
                self._drop(self._least_needed())
            if self._timer is None:
                self._wait(self._lifetime)

    def forget(self, beginning: str) -> None:
        with self._lock:
            for key in [key for key in self._values if key.startswith(beginning)]:
                self._drop(key)

    def _drop(self, key: str) -> None:
        value = self._values.pop(key, _NOTHING)
        self._count(value.turn, -len(value.content))

    def _count(self, turn: Turn, octets: int) -> None:
        self._length += octets
        for holder in (turn.subscription_id, turn):
            self._held[holder] += octets
            if not self._held[holder]:
                del self._held[holder]

    def _least_needed(self) -> str:
        """The oldest value of the largest session of the largest subscription."""
        subscription = max((held for held in self._held if isinstance(held, UUID)), key=self._held.__getitem__)
        turns = (held for held in self._held if isinstance(held, Turn) and held.subscription_id == subscription)
        largest = max(turns, key=self._held.__getitem__)
        return next(key for key, value in self._values.items() if value.turn == largest)

    def _wait(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._drop_old)
        self._timer.daemon = True
        self._timer.start()

    def _drop_old(self) -> None:
        with self._lock:
            now = time.monotonic()
            for key in [key for key, value in self._values.items() if value.until <= now]:
                self._drop(key)
            self._timer = None
            if self._values:
                self._wait(max(min(value.until for value in self._values.values()) - now, self._lifetime / 10))
