"""A file as it would be with other bytes behind it, without a copy."""

from __future__ import annotations

import io
import os


class View(io.RawIOBase):
    """The first bytes of an open file, and other bytes behind them."""

    def __init__(self, descriptor: int, length: int, end: bytes) -> None:
        super().__init__()
        self._descriptor, self._length, self._end = descriptor, length, end
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._length + len(self._end)}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, target: memoryview | bytearray, /) -> int:  # type: ignore[override]
        view = memoryview(target)
        if self._at < self._length:
            count = os.preadv(self._descriptor, [view[: self._length - self._at]], self._at)
        else:
            piece = self._end[self._at - self._length :][: len(view)]
            view[: len(piece)] = piece
            count = len(piece)
        self._at += count
        return count
