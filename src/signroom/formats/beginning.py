"""What a file is, decided by its first bytes.

The rules are tried in this order, and the first one that fits decides:

1. A byte order mark and white space at the start do not count.
2. ``%PDF-``: a PDF.
3. A DER or BER SEQUENCE: a CMS object, or another structure of ASN.1.
4. ``<``: XML or HTML. The first bytes of archives, Office files and images: what those bytes say. The fields of a
   mail's header: a mail.
5. Only then ``%PDF-`` may stand further inside the first kilobyte: programs and printers leave junk before it. A text
   that merely mentions it has no object behind it.
"""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path

HEAD = 4096
"""Bytes that are looked at."""
_PDF = b"%PDF-"
_PDF_ROOM = 1024
"""Bytes in which a PDF's header may start (ISO 32000-1, Annex H, note 13)."""
_PDF_HEADER = re.compile(rb"%PDF-\d\.\d")
_PDF_OBJECT = re.compile(rb"\d{1,10}[ \t\r\n\0]{1,9}\d{1,5}[ \t\r\n\0]{1,9}obj\b")
_MARK = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_SPACE = b" \t\r\n\f\v"
_SEQUENCE = 0x30
_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
_SLACK = 16
"""Bytes that may stand behind a SEQUENCE: mail programs add line ends."""
_MAIL = re.compile(rb"(?:From [^\r\n]*\r?\n)?(?:[!-9;-~]+:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*\r?\n){2}")
"""Two fields of a header, each with the lines that belong to it (RFC 5322, 2.2), perhaps from an mbox (RFC 4155)."""
_MAGIC = (
    (b"PK\x03\x04", "a ZIP or Office file"),
    (b"\xd0\xcf\x11\xe0", "an old Office file"),
    (b"\xff\xd8\xff", "an image"),
    (b"\x89PNG", "an image"),
    (b"GIF8", "an image"),
    (b"II*\x00", "an image"),
    (b"MM\x00*", "an image"),
    (b"\x1f\x8b\x08", "a compressed file"),
    (b"7z\xbc\xaf", "a compressed file"),
    (b"Rar!\x1a", "a compressed file"),
    (b"%!PS", "a PostScript file"),
    (b"{\\rtf", "an RTF file"),
)


class Beginning(Enum):
    """What the first bytes of a file say that it is."""

    EMPTY = "empty"
    PDF = "PDF"
    CMS = "CMS"
    MARKUP = "markup"
    """XML or HTML."""
    OTHER = "other"


def beginning_of(file: Path) -> Beginning:
    """Read the first bytes of `file`."""
    with file.open("rb") as stream:
        head = stream.read(HEAD)
    return decide(head, file.stat().st_size)


def decide(head: bytes, size: int) -> Beginning:
    """`head` is at least the first kilobyte of a file of `size` bytes, or all of it."""
    if not head:
        return Beginning.EMPTY
    start = _without_mark(head)
    if start.startswith(_PDF):
        return Beginning.PDF
    if _is_sequence(head, size):
        return Beginning.CMS
    if start.startswith(b"<"):
        return Beginning.MARKUP
    if _magic(start) is not None or _MAIL.match(start):
        return Beginning.OTHER
    return Beginning.PDF if _is_pdf_behind_junk(head) else Beginning.OTHER


def may_be_pdf(head: bytes, size: int) -> bool:
    """True when a file that is said to be a PDF may be one, also with junk before its header.

    More is let through than by `decide`: there nobody has said what the file is.
    """
    start = _without_mark(head)
    if start.startswith(_PDF):
        return True
    return name_of(head, size) is None and _PDF in head[: _PDF_ROOM + len(_PDF)]


def name_of(head: bytes, size: int) -> str | None:
    """What a file that is no PDF looks like, in words; None when that is not known."""
    start = _without_mark(head)
    lowered = start[:256].lower()
    if start.startswith(_PDF):
        return None
    if _is_sequence(head, size):
        return "a signed file (CMS, .p7m or .p7s)" if _SIGNED_DATA in head[:32] else "a file of ASN.1, perhaps a key"
    if lowered.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    if lowered.startswith(b"<?xml"):
        return "an XML file"
    return _magic(start)


def _without_mark(head: bytes) -> bytes:
    """`head` without byte order mark and white space; of UTF-16 every other byte is left out."""
    if head.startswith(_UTF_16):
        head = head[2:].replace(b"\0", b"")
    return head.removeprefix(_MARK).lstrip(_SPACE)


def _magic(start: bytes) -> str | None:
    return next((name for magic, name in _MAGIC if start.startswith(magic)), None)


def _is_sequence(head: bytes, size: int) -> bool:
    """A SEQUENCE that is the whole file, or one that begins like SignedData, cut or not (X.690, 8.1)."""
    if len(head) < 2 or head[0] != _SEQUENCE:
        return False
    octets = head[1] & 0x7F if head[1] > 0x80 else 0
    if head.startswith(_SIGNED_DATA, 2 + octets):
        return True
    if head[1] == 0x80 or octets > 8:  # only SignedData is looked for in BER
        return False
    length = head[1] if octets == 0 else int.from_bytes(head[2 : 2 + octets], "big")
    return 0 <= size - (2 + octets + length) <= _SLACK


def _is_pdf_behind_junk(head: bytes) -> bool:
    found = _PDF_HEADER.search(head, 0, _PDF_ROOM + 8)
    return found is not None and _PDF_OBJECT.search(head, found.end()) is not None
