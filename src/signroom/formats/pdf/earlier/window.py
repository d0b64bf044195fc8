"""A part of a file as a file of its own, for readers that want one. Nothing is copied but what is read."""

from __future__ import annotations

import io
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pikepdf

from signroom.domain.errors import InvalidPdf, ProtectedPdf
from signroom.formats.pdf.reading.large_objects import require_no_large_objects
from signroom.formats.pdf.reading.limits import limit_qpdf, require_all_read

if TYPE_CHECKING:
    from signroom.formats.pdf.reading.syntax import Buffer

_HEADER = b"%PDF-"
_HEAD = 1024
_END = b"%%EOF"
_BUFFER = 1 << 15
_NEAR = 1000
"""Bytes behind the end mark in which every reader still finds it."""


class Window(io.RawIOBase):
    """Bytes `start` to `end` of `buffer`, to be read only."""

    def __init__(self, buffer: Buffer, start: int, end: int) -> None:
        super().__init__()
        self._buffer = buffer
        self._start = start
        self._length = end - start
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence]
        if origin + offset < 0:
            raise ValueError("a place before the beginning")
        self._at = origin + offset
        return self._at

    def readinto(self, target: memoryview | bytearray, /) -> int:  # type: ignore[override]
        view = memoryview(target).cast("B")
        count = max(0, min(len(view), self._length - self._at))
        start = self._start + self._at
        view[:count] = self._buffer[start : start + count]
        self._at += count
        return count


@contextmanager
def mapped(file: Path) -> Iterator[Buffer]:
    """The bytes of `file`, which the operating system reads when they are asked for.

    Raises: PdfTooComplex for an object with millions of parts.
    """
    with file.open("rb") as stream:
        if file.stat().st_size == 0:
            yield b""
            return
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as found:
            require_no_large_objects(found)
            yield found


def header_at(buffer: Buffer) -> int:
    """Where the file begins for its readers: offsets are counted from there. 0 when there is no header."""
    return max(0, buffer.find(_HEADER, 0, _HEAD))


def end_of_pdf(buffer: Buffer, end: int) -> int:
    """Where a PDF that lies before `end` ends: mail gateways and web servers put bytes behind it."""
    mark = buffer.rfind(_END, 0, end)
    return end if mark < 0 or end - mark <= _NEAR else mark + len(_END)


def is_mended(pdf: pikepdf.Pdf) -> bool:
    """The cross-reference table was of no use, and the reader made one of its own: something may be lost.

    Raises: PdfTooComplex.
    """
    return any("reconstruct" in warning for warning in require_all_read(pdf))


@contextmanager
def opened(buffer: Buffer, end: int | None = None) -> Iterator[pikepdf.Pdf]:
    """The PDF that the bytes before `end` are, exactly as it stands there; all bytes when there is no `end`.

    Raises: InvalidPdf, ProtectedPdf when it cannot be read without a password, PdfTooComplex.
    """
    limit_qpdf()
    window = Window(buffer, header_at(buffer), end_of_pdf(buffer, len(buffer) if end is None else end))
    try:
        pdf = pikepdf.open(io.BufferedReader(window, _BUFFER), inherit_page_attributes=False)
    except pikepdf.PasswordError as error:
        raise ProtectedPdf("It opens with a password only.") from error
    except (pikepdf.PdfError, pikepdf.DependencyError, RuntimeError, ValueError, OverflowError, TypeError) as error:
        raise InvalidPdf("It cannot be followed. Open it and save it again as a PDF.") from error
    with pdf:
        yield pdf
        require_all_read(pdf)
