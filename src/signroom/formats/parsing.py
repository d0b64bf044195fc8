"""Open a PDF with pyHanko and turn whatever its parser throws into refusals of ours.

pyHanko is strict first and lenient second: slightly wrong files are common and can be signed soundly (appending
does not depend on what was wrong), hybrid ones need the lenient mode.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from signroom.domain.errors import (
    CertifiedPdf,
    EmptyFile,
    InvalidPdf,
    PdfTooComplex,
    ProtectedPdf,
    Refused,
    UnsupportedFileType,
    XfaPdf,
)

if TYPE_CHECKING:
    from pyhanko.pdf_utils.reader import PdfFileReader

_HEAD = 1024
_FORBIDS_EVERYTHING = 1  # DocMDP P, ISO 32000-1, table 254


@contextmanager
def only_refusals() -> Iterator[None]:
    """Nothing of a parser may cross: hostile files make it fail in every way there is."""
    from pyhanko.pdf_utils.misc import PdfDecodeLimitError

    try:
        yield
    except Refused:
        raise
    except (MemoryError, RecursionError, PdfDecodeLimitError) as error:
        raise PdfTooComplex from error
    except Exception as error:
        raise InvalidPdf from error


def require_pdf(stream: BinaryIO) -> None:
    """Look at the first kilobyte. Raises: EmptyFile, UnsupportedFileType, InvalidPdf."""
    stream.seek(0)
    head = stream.read(_HEAD)
    if not head:
        raise EmptyFile
    if b"%PDF-" in head:
        return
    kind = _other_kind(head)
    if kind is not None:
        raise UnsupportedFileType(f"It looks like {kind}.")
    raise InvalidPdf("It does not begin like a PDF.")


def open_reader(stream: io.BufferedReader | io.BufferedRandom) -> PdfFileReader:
    """Parse what is needed to sign. To be used inside `only_refusals`. Raises: a DocumentRejected."""
    from pyhanko.pdf_utils.misc import PdfReadError
    from pyhanko.pdf_utils.reader import PdfFileReader

    try:
        reader = PdfFileReader(stream, strict=True)
        strict = not reader.xrefs.hybrid_xrefs_present
    except PdfReadError:
        strict = False
    if not strict:
        reader = PdfFileReader(stream, strict=False)
    _require_open(reader)
    return reader


def _require_open(reader: PdfFileReader) -> None:
    from pyhanko.sign.validation.pdf_embedded import read_certification_data

    if reader.encrypted:
        raise ProtectedPdf
    certification = read_certification_data(reader)
    permission = None if certification is None else certification.permission
    if permission is not None and permission.value == _FORBIDS_EVERYTHING:
        raise CertifiedPdf
    if bool(reader.root.get("/NeedsRendering", False)):
        raise XfaPdf


def _other_kind(head: bytes) -> str | None:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    lowered = start[:256].lower()
    if start.startswith(b"PK\x03\x04"):
        return "a ZIP or Office file"
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        return "an old Office file"
    if lowered.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    if lowered.startswith(b"<?xml"):
        return "an XML file"
    if start.startswith((b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"II*\x00", b"MM\x00*")):
        return "an image"
    return None
