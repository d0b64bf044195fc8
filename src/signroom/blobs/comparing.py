"""A blob compared with what was stored, while it is read.

Disks and stores lose bits, and people with access to them change files. What has changed is never handed out as a
whole.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import structlog

from signroom.domain.errors import FileChanged
from signroom.ports.files import Stored

log = structlog.get_logger()

Count = Callable[[str, str], None]
"""`Meter.count`."""

_MOST_REMEMBERED = 1000
_SET_BACK = 1_000_000_000
"""Nanoseconds."""
SMALL = 1 << 20
"""Bytes of a blob that is compared before its first byte is handed out."""


class Comparison:
    """Takes the bytes of one blob in, and says at the end whether they are the expected ones."""

    def __init__(self, expected: Stored) -> None:
        self._expected = expected
        self._digest, self._length = hashlib.sha256(), 0

    def take(self, chunk: bytes) -> None:
        """Raises: FileChanged as soon as there are too many bytes."""
        self._length += len(chunk)
        if self._length > self._expected.length:
            raise FileChanged
        self._digest.update(chunk)

    def require_same(self) -> None:
        """Raises: FileChanged."""
        if (self._length, self._digest.digest()) != (self._expected.length, self._expected.sha256):
            raise FileChanged


class JustWritten:
    """Files of this disk whose digest was computed while they were written, by this process.

    Who reads such a file for the first time need not read all of it twice: it is the one that was written as long as
    its inode, its length and its times are the same. After that, or once there are many, it is compared like any other.
    """

    def __init__(self) -> None:
        self._files: dict[str, tuple[tuple[int, ...], Stored]] = {}
        self._lock = Lock()

    def put(self, key: str, file: Path, stored: Stored) -> None:
        """Remember a file that was just written. Raises: OSError."""
        # Clocks of disks tick each 4 ms. What writes in the same tick would not be seen, so the time is set back.
        before = time.time_ns() - _SET_BACK
        os.utime(file, ns=(before, before))
        with self._lock:
            self._files[key] = (_identity(file), stored)
            if len(self._files) > _MOST_REMEMBERED:
                del self._files[next(iter(self._files))]

    def is_still(self, key: str, file: Path, expected: Stored) -> bool:
        """The first time after `put`: whether it is that file, with the `expected` content. Raises: OSError."""
        with self._lock:
            found = self._files.pop(key, None)
        return found == (_identity(file), expected)


def _identity(file: Path) -> tuple[int, ...]:
    found = file.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


class Alarm:
    """Whoever reads the log or the metrics hears of a blob that has changed, whoever asked for it."""

    def __init__(self, count: Count) -> None:
        self._count = count

    @contextmanager
    def about(self, key: str) -> Iterator[None]:
        try:
            yield
        except FileChanged as error:
            self._count("file", "changed")
            log.error("file.changed", code=error.code, key=key)
            raise


async def compared(alarm: Alarm, key: str, chunks: AsyncIterator[bytes], expected: Stored) -> AsyncIterator[bytes]:
    """`chunks` themselves; the last one only once all were compared. Raises: FileChanged."""
    comparison = Comparison(expected)
    held: list[bytes] = []
    with alarm.about(key):
        async for chunk in chunks:
            if not chunk:  # held back, it would let the last one of content through
                continue
            comparison.take(chunk)
            held.append(chunk)
            while len(held) > 1 and expected.length > SMALL:
                yield held.pop(0)
        comparison.require_same()
    for chunk in held:
        yield chunk


def require_file(alarm: Alarm, key: str, file: Path, expected: Stored) -> None:
    """Raises: FileChanged, OSError."""
    comparison = Comparison(expected)
    with alarm.about(key), file.open("rb") as source:
        while chunk := source.read(SMALL):
            comparison.take(chunk)
        comparison.require_same()
