"""Open a PDF with pyHanko and turn whatever its parser throws into refusals of ours.

pyHanko is strict first and lenient second: slightly wrong files are common and can be signed soundly (appending
does not depend on what was wrong), hybrid ones need the lenient mode.
"""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from signroom.domain.errors import (
    EmptyFile,
    InvalidPdf,
    PdfTooComplex,
    ProtectedPdf,
    Refused,
    UnsupportedFileType,
)
from signroom.formats.beginning import HEAD, may_be_pdf, name_of

if TYPE_CHECKING:
    from pyhanko.pdf_utils.decode_limits import DecodeLimits
    from pyhanko.pdf_utils.reader import PdfFileReader

_MAX_XREF_STREAM = 8 << 20
"""Bytes, decoded: more than a million objects. A few kilobytes can unfold to 15 million, and each costs 9 us."""
_MAX_OBJECTS = 8_388_607
"""ISO 32000-1, table C.1. New objects are numbered from /Size, which anybody can write."""
_BAD_OFFSETS = {errno.EINVAL, errno.EOVERFLOW}


@contextmanager
def only_refusals() -> Iterator[None]:
    """Nothing of a parser may cross: hostile files make it fail in every way there is.

    An error of the disk is not the file's fault and passes (`pool` makes StorageUnavailable of it).
    """
    from pyhanko.pdf_utils.misc import PdfDecodeLimitError

    try:
        yield
    except Refused:
        raise
    except (MemoryError, RecursionError, PdfDecodeLimitError) as error:
        raise PdfTooComplex from error
    except OSError as error:
        # "startxref -5" makes the parser seek there.
        if error.errno in _BAD_OFFSETS:
            raise InvalidPdf from error
        raise
    except Exception as error:
        raise InvalidPdf from error


def require_pdf(stream: BinaryIO) -> None:
    """Look at the first bytes. Raises: EmptyFile, UnsupportedFileType, InvalidPdf."""
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    head = stream.read(HEAD)
    if not head:
        raise EmptyFile
    if may_be_pdf(head, size):
        return
    kind = name_of(head, size)
    if kind is not None:
        raise UnsupportedFileType(f"It looks like {kind}.")
    raise InvalidPdf("It does not begin like a PDF.")


def open_reader(stream: io.BufferedReader | io.BufferedRandom) -> PdfFileReader:
    """Read the cross-reference tables of an unencrypted file. To be used inside `only_refusals`.

    Raises: ProtectedPdf, PdfTooComplex.
    """
    from pyhanko.pdf_utils.misc import PdfReadError
    from pyhanko.pdf_utils.reader import PdfFileReader

    limits = _limits()
    try:
        reader = PdfFileReader(stream, strict=True, decode_limits=limits)
        strict = not reader.xrefs.hybrid_xrefs_present
    except PdfReadError:
        strict = False
    if not strict:
        reader = PdfFileReader(stream, strict=False, decode_limits=limits)
    if reader.encrypted:
        raise ProtectedPdf
    if int(reader.trailer["/Size"]) > _MAX_OBJECTS + 1:
        raise PdfTooComplex("It claims to have more objects than a PDF may have.")
    return reader


def _limits() -> DecodeLimits:
    """pyHanko's limits for strangers' files, and a tighter one for cross-reference streams."""
    from pyhanko.pdf_utils.decode_limits import (
        DEFAULT_PURPOSE_LIMITS,
        DecodeLimits,
        DecodePurpose,
        StreamDecodeLimits,
    )

    tables = StreamDecodeLimits(max_output_size=_MAX_XREF_STREAM)
    return DecodeLimits(per_purpose={**DEFAULT_PURPOSE_LIMITS, DecodePurpose.XREF_STREAM: tables})
