"""The ``Cache`` port in memory: the least recently used goes first."""

from __future__ import annotations

import threading
from collections import OrderedDict


class BytesCache:
    """At most `limit` bytes of values."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._length = 0
        self._values: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> bytes | None:
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key]

    def put(self, key: str, value: bytes) -> None:
        if len(value) > self._limit:
            return
        with self._lock:
            self._length += len(value) - len(self._values.pop(key, b""))
            self._values[key] = value
            while self._length > self._limit:
                _, oldest = self._values.popitem(last=False)
                self._length -= len(oldest)

    def forget(self, beginning: str) -> None:
        with self._lock:
            for key in [key for key in self._values if key.startswith(beginning)]:
                self._length -= len(self._values.pop(key))
