"""A file that is read as it is and grows in memory: the original stays untouched, only the tail is kept.

An incremental update (ISO 32000-1, 7.5.6) appends; so pyHanko can "sign in place" here without a copy of the file.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BUFFER = 1 << 16


class Overlay(io.RawIOBase):
    """`base` (opened for reading) followed by a tail in memory. Writes below the length of `base` are refused."""

    def __init__(self, base: io.FileIO) -> None:
        super().__init__()
        self._base = base
        self._base_length = os.fstat(base.fileno()).st_size
        self._tail = bytearray()
        self._position = 0

    @property
    def base_length(self) -> int:
        return self._base_length

    @property
    def tail(self) -> bytes:
        """Everything that was appended."""
        return bytes(self._tail)

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        starts = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._length}
        if whence not in starts:
            raise ValueError("unknown whence")
        start = starts[whence]
        if start + offset < 0:
            raise ValueError("negative position")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: memoryview | bytearray, /) -> int:  # type: ignore[override]
        view = memoryview(buffer)
        if self._position < self._base_length:
            wanted = min(len(view), self._base_length - self._position)
            count = os.preadv(self._base.fileno(), [view[:wanted]], self._position)
        else:
            start = self._position - self._base_length
            piece = self._tail[start : start + len(view)]
            view[: len(piece)] = piece
            count = len(piece)
        self._position += count
        return count

    def write(self, data: memoryview | bytes, /) -> int:  # type: ignore[override]
        start = self._position - self._base_length
        if start < 0:
            raise io.UnsupportedOperation("the original may not be changed")
        if start > len(self._tail):
            self._tail.extend(bytes(start - len(self._tail)))
        piece = bytes(data)
        self._tail[start : start + len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def truncate(self, size: int | None = None, /) -> int:
        raise io.UnsupportedOperation("truncate")

    @property
    def _length(self) -> int:
        return self._base_length + len(self._tail)


@contextmanager
def open_overlay(file: Path) -> Iterator[tuple[io.BufferedRandom, Overlay]]:
    """A buffered stream over `file` and the overlay behind it; flush the stream before reading the tail."""
    with io.FileIO(file, "rb") as base:
        overlay = Overlay(base)
        with io.BufferedRandom(overlay, _BUFFER) as stream:
            yield stream, overlay
