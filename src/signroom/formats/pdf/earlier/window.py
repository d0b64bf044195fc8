"""A revision of a file as a file of its own, for readers that want one."""

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
from signroom.formats.pdf.reading.view import View

if TYPE_CHECKING:
    from signroom.formats.pdf.reading.syntax import Buffer

_HEADER = b"%PDF-"
_HEAD = 1024
_END = b"%%EOF"
_BUFFER = 1 << 15
_NEAR = 1000
"""Bytes behind the end mark in which every reader still finds it."""


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


def revision(buffer: Buffer, end: int) -> View:
    """The PDF that the bytes before `end` are, exactly as it stands there."""
    return View(buffer, header_at(buffer), end_of_pdf(buffer, end))


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
    view = revision(buffer, len(buffer) if end is None else end)
    try:
        pdf = pikepdf.open(io.BufferedReader(view, _BUFFER), inherit_page_attributes=False)
    except pikepdf.PasswordError as error:
        raise ProtectedPdf("It opens with a password only.") from error
    except (pikepdf.PdfError, pikepdf.DependencyError, RuntimeError, ValueError, OverflowError, TypeError) as error:
        raise InvalidPdf("It cannot be followed. Open it and save it again as a PDF.") from error
    with pdf:
        yield pdf
        require_all_read(pdf)
