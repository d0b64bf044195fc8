"""The ``Cache`` port in memory: what is older than its time goes, and before that the least recently used."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

LIFETIME = 60.0
"""Seconds. Another process may have erased what a value was made of, and tells nobody."""


class BytesCache:
    """At most `limit` bytes of values, each for at most `lifetime` seconds, however often it is asked for.

    A timer empties it, so that nothing stays in the memory of a process that nobody asks any more.
    """

    def __init__(self, limit: int, lifetime: float = LIFETIME) -> None:
        self._limit, self._lifetime = limit, lifetime
        self._length = 0
        self._values: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def get(self, key: str) -> bytes | None:
        with self._lock:
            until, value = self._values.get(key, (0.0, None))
            if value is None or until <= time.monotonic():
                return None
            self._values.move_to_end(key)
            return value

    def put(self, key: str, value: bytes) -> None:
        if len(value) > self._limit:
            return
        with self._lock:
            self._drop(key)
            self._length += len(value)
            self._values[key] = time.monotonic() + self._lifetime, value
            while self._length > self._limit:
                self._drop(next(iter(self._values)))
            if self._timer is None:
                self._wait(self._lifetime)

    def forget(self, beginning: str) -> None:
        with self._lock:
            for key in [key for key in self._values if key.startswith(beginning)]:
                self._drop(key)

    def _drop(self, key: str) -> None:
        _, value = self._values.pop(key, (0.0, b""))
        self._length -= len(value)

    def _wait(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._drop_old)
        self._timer.daemon = True
        self._timer.start()

    def _drop_old(self) -> None:
        with self._lock:
            now = time.monotonic()
            for key in [key for key, (until, _) in self._values.items() if until <= now]:
                self._drop(key)
            self._timer = None
            if self._values:
                self._wait(max(min(until for until, _ in self._values.values()) - now, self._lifetime / 10))
