"""Turn whatever a reader of PDFs throws into refusals of ours."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from signroom.domain.errors import (
    EmptyFile,
    InvalidPdf,
    PdfTooComplex,
    Refused,
    UnsupportedFileType,
)
from signroom.formats.beginning import HEAD, may_be_pdf, name_of

_UNREADABLE = "A part of it cannot be read. Open it and save it again as a PDF."
_BAD_OFFSETS = {errno.EINVAL, errno.EOVERFLOW}


@contextmanager
def only_refusals() -> Iterator[None]:
    """Nothing of a parser may cross: hostile files make it fail in every way there is.

    An error of the disk is not the file's fault and passes (`pool` makes StorageUnavailable of it).
    """
    try:
        yield
    except Refused:
        raise
    except (MemoryError, RecursionError) as error:
        raise PdfTooComplex("It needs too much memory, or has too many things inside each other.") from error
    except OSError as error:
        # "startxref -5" makes the parser seek there.
        if error.errno in _BAD_OFFSETS:
            raise InvalidPdf(_UNREADABLE) from error
        raise
    except Exception as error:
        raise InvalidPdf(_UNREADABLE) from error


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
