"""Refuse objects with very many parts before qpdf reads them: each part costs it 150 nanoseconds and 150 bytes.

Most of a large file is in streams, which nobody takes apart. What is not in a stream ends with "endobj" after some
hundred bytes. So the file is looked at in steps of a window: only where a window holds no "endobj", its bytes are
counted. That costs next to nothing, for large files too.

Of 2,682 real files (manuals, forms, scans, office exports, the test files of qpdf and pdf.js) none has an object of
more than 256 KB that is not a stream. What hides from this check, for instance behind an "endobj" in a comment, ends at
the limits of the process that reads it.
"""

from __future__ import annotations

import re
from mmap import MADV_DONTNEED, mmap

from signroom.domain.errors import PdfTooComplex

_WINDOW = 1 << 20
"""Bytes of an object that are not looked into: it has fewer parts than are too many."""
_MOST_PARTS = 1 << 20
_END = b"endobj"
_HEADER = re.compile(rb"(?<![^\x00\t\n\x0c\r ])(\d{1,10})[\x00\t\n\x0c\r ]+\d{1,5}[\x00\t\n\x0c\r ]+obj\b")
_WORD = b"obj"
_LONGEST_HEADER = 64
"""Bytes in front of the word in which its two numbers are looked for."""
_BEHIND = len(_WORD) + 1
_STREAM = re.compile(rb">>[\x00\t\n\x0c\r ]*+stream\r?\n")
_SEPARATORS = b"\x00\t\n\x0c\r []<>()/"


def require_no_large_objects(buffer: mmap) -> None:
    """No object of the file that is not a stream has more than a million parts.

    Raises: PdfTooComplex naming the object.
    """
    at = 0
    while (end := at + _WINDOW) < len(buffer):
        last = buffer.rfind(_END, at, end)
        if last >= 0:
            at = last + len(_END)
            continue
        following = buffer.find(_END, end)
        following = len(buffer) if following < 0 else following
        # Before the first object of an update there is a table, which may be long.
        header = _first_header(buffer, at, following)
        if header is not None:
            stream = _STREAM.search(buffer, header.end(), following)
            _require_few(buffer, header, following if stream is None else stream.start())
        at = following + len(_END)
        buffer.madvise(MADV_DONTNEED)  # what was read counts as memory of the process


def _first_header(buffer: mmap, start: int, end: int) -> re.Match[bytes] | None:
    """Looked for by its last word: a table in front of it is all numbers."""
    at = buffer.find(_WORD, start, end)
    while at >= 0:
        header = _HEADER.search(buffer, max(start, at - _LONGEST_HEADER), min(end, at + _BEHIND))
        if header is not None:
            return header
        at = buffer.find(_WORD, at + len(_WORD), end)
    return None


def _require_few(buffer: mmap, header: re.Match[bytes], end: int) -> None:
    parts = 0
    for at in range(header.end(), end, _WINDOW):
        piece = buffer[at : min(at + _WINDOW, end)]
        parts += len(piece) - len(piece.translate(None, _SEPARATORS))
        if parts > _MOST_PARTS:
            raise PdfTooComplex(f"Object {int(header[1])} has more than a million parts.")
