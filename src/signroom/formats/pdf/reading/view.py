"""A part of a file as a file of its own, and other bytes behind it. Nothing is copied but what is read."""

from __future__ import annotations

import io
import os

from signroom.formats.pdf.reading.syntax import Buffer


class View(io.RawIOBase):
    """The bytes of `source` from `start` to `end`, and `behind` after them; to be read only.

    A `source` that is the number of an open file is read without being mapped: what is mapped and read counts as
    memory of the process.
    """

    def __init__(self, source: Buffer | int, start: int, end: int, behind: bytes = b"") -> None:
        super().__init__()
        self._source, self._start, self._behind = source, start, behind
        self._own = end - start
        """How many bytes of `source` it has."""
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._own + len(self._behind)}[whence]
        if origin + offset < 0:
            raise ValueError("a place before the beginning")
        self._at = origin + offset
        return self._at

    def readinto(self, target: memoryview | bytearray, /) -> int:  # type: ignore[override]
        view = memoryview(target).cast("B")
        left = self._own - self._at
        if left > 0:
            count = self._into(view[:left])
        else:
            piece = self._behind[-left:][: len(view)]
            view[: len(piece)] = piece
            count = len(piece)
        self._at += count
        return count

    def _into(self, view: memoryview) -> int:
        at = self._start + self._at
        if isinstance(self._source, int):
            return os.preadv(self._source, [view], at)
        piece = self._source[at : at + len(view)]
        view[: len(piece)] = piece
        return len(piece)
