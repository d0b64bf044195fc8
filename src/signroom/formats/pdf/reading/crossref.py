"""The chain of cross-reference sections (ISO 32000-1, 7.5.4 and 7.5.8), read for what an update must know.

Where each object lies is qpdf's affair. Here is what qpdf does not tell: where the newest section truly begins, of
which kind it is, what the trailers say, and the highest object number that any section speaks of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain
from typing import NamedTuple

from signroom.domain.errors import PdfTooComplex
from signroom.formats.pdf.reading.syntax import (
    BadSyntax,
    Buffer,
    Dictionary,
    indirect_object,
    integer,
    items,
    skip_space,
)

_STARTXREF = re.compile(rb"startxref[\x00\t\n\x0c\r ]*+(\d{1,18}+)")
_SPACE = re.compile(rb"[\x00\t\n\x0c\r ]{0,64}")
"""Before a section. A bound, since many sections may be said to begin in the same megabytes of white space."""
_SECTION = re.compile(rb"[\x00\t\n\x0c\r ]{0,64}+(?=xref|\d{1,10}+ \d{1,5}+ obj\b)")
_SUBSECTION = re.compile(rb"[\x00\t\n\x0c\r ]{0,64}+(\d{1,10}+)[\t ]{1,16}+(\d{1,10}+)[\t ]{0,16}+(?:\r\n|\r|\n)?")
_DIGITS = re.compile(rb"\d{1,10}+")
_ENTRY = re.compile(rb"\d{10}[ ]\d{5}[ ][nf](?:[ ]\r|[ ]\n|\r\n)")
_ENTRY_LENGTH = 20
_ROW = re.compile(rb"(\d{10}) (\d{5}) ([nf])")
_FIELDS = 3
_WIDEST = 24
"""Bytes of one row of a cross-reference stream."""
_XREF = b"xref"
_BESIDE = re.compile(rb"(?<!start)xref")
_TRAILER = b"trailer"
_FARTHEST = 16
"""Bytes that a wrong startxref may be off, for a section to be found beside it."""
_MOST_SECTIONS = 4096
_MOST_SUBSECTIONS = 1 << 20
"""Of one table."""
_MOST_ROWS = 2_000_000
"""Of all tables together. qpdf needs a second and 200 MB for a million objects, and ten times that for free rows."""
_LONGEST_TRAILERS = 1 << 20
"""Bytes of all trailers together, which may lie inside each other."""


class SectionKind(StrEnum):
    """How a cross-reference section is written."""

    TABLE = "table"
    STREAM = "stream"


@dataclass(frozen=True, slots=True)
class Section:
    offset: int
    """Where it begins, in bytes from the beginning of the file."""
    kind: SectionKind
    trailer: Dictionary
    """Of a cross-reference stream: the stream's dictionary."""
    highest: int
    """The highest object number that it speaks of; -1 for an empty one."""
    rows: int = 0
    """Of a table: how many objects it has."""
    number: int | None = None
    """That of the stream itself."""
    misread: int | None = None
    """What is left of that number where the address leads into it: some programs take it for the number."""


class NoChain(Exception):
    """The sections cannot be followed: the file needs a table that is made anew."""


def read_chain(buffer: Buffer) -> tuple[Section, ...]:
    """All sections, the newest first; those of a hybrid file's /XRefStm behind their table.

    Raises: NoChain, PdfTooComplex.
    """
    at = buffer.rfind(b"startxref")
    found = _STARTXREF.match(buffer, at) if at >= 0 else None
    if not found:
        raise NoChain("the file does not say where its cross-reference table is")
    sections: dict[int, Section] = {}
    trailers = rows = 0
    offset: int | None = int(found[1])
    if not offset:
        raise NoChain("the file does not say where its cross-reference table is")
    while offset:
        section = _section(buffer, offset)
        if section.offset in sections:
            raise NoChain("its cross-reference sections go in a circle")
        sections[section.offset] = section
        if section.kind is SectionKind.TABLE and (beside := integer(section.trailer.get("XRefStm"))):
            # What such a stream says of /Prev does not count (7.5.8.4). Two tables may have the same one.
            stream = _section(buffer, beside)
            sections.setdefault(stream.offset, stream)
            trailers += len(stream.trailer.raw)
        trailers += len(section.trailer.raw)
        rows += section.rows
        if rows > _MOST_ROWS:
            raise PdfTooComplex(f"It has {rows} objects.")
        if len(sections) > _MOST_SECTIONS or trailers > _LONGEST_TRAILERS:
            raise NoChain("it has too many cross-reference sections")
        # "/Prev 0" is written for "there is none": nothing can begin there.
        offset = integer(section.trailer.get("Prev"))
    return tuple(sections.values())


def _section(buffer: Buffer, offset: int) -> Section:
    """The section at `offset`, or a few bytes beside it."""
    if not 0 < offset < len(buffer):
        raise NoChain("a cross-reference section lies outside of the file")
    found = _SPACE.match(buffer, offset)
    at = found.end() if found else offset
    try:
        if buffer[at : at + len(_XREF)] == _XREF:
            return _table(buffer, at)
        beside = _BESIDE.search(buffer, max(0, offset - _FARTHEST), offset + _FARTHEST)
        if beside:
            return _table(buffer, beside.start())
        stated = at
        while buffer[at - 1 : at].isdigit() and stated - at < _FARTHEST:
            at -= 1  # in the middle of the object's number
        section = _stream(buffer, at)
        return section if at == stated else replace(section, misread=_number(buffer, stated))
    except BadSyntax as error:
        raise NoChain(f"a cross-reference section is damaged: {error}") from error


def _number(buffer: Buffer, at: int) -> int | None:
    found = _DIGITS.match(buffer, at)
    return int(found[0]) if found else None


def _table(buffer: Buffer, offset: int) -> Section:
    at, highest, rows = offset + len(_XREF), -1, 0
    for _ in range(_MOST_SUBSECTIONS):
        found = _SUBSECTION.match(buffer, at)
        if not found:
            break
        first, count = int(found[1]), int(found[2])
        end = found.end() + count * _ENTRY_LENGTH
        if count and not (_ENTRY.match(buffer, found.end()) and _ENTRY.match(buffer, end - _ENTRY_LENGTH)):
            raise NoChain("a cross-reference table has entries that are not of 20 bytes")
        if count:
            highest = max(highest, first + count - 1)
        at = end
        rows += count
    at = skip_space(buffer, at)
    if buffer[at : at + len(_TRAILER)] != _TRAILER:
        raise NoChain("a cross-reference table has no trailer")
    return Section(offset, SectionKind.TABLE, Dictionary.at(buffer, at + len(_TRAILER)), highest, rows)


def is_passed_over(buffer: Buffer, sections: Iterable[Section]) -> bool:
    """A section that the file says to be its newest at some time is not among `sections`, all that lead to it now.

    Programs that search the file for objects see what it shows, others do not.
    """
    known = [section.offset for section in sections]
    for found in _STARTXREF.finditer(buffer):
        offset = int(found[1])
        begins = 0 < offset < len(buffer) and _SECTION.match(buffer, offset)
        if begins and all(abs(begins.end() - at) > _FARTHEST for at in known):
            return True
    return False


class Row(NamedTuple):
    """What a section says of one object (7.5.8.3)."""

    number: int
    kind: int
    """0: free, 1: it lies in the file, 2: it lies in an object stream."""
    where: int
    """The offset, or the number of the object stream."""
    last: int
    """The generation, or the index in the object stream."""


def rows_of_table(buffer: Buffer, section: Section) -> Iterator[Row]:
    """Those of a table that `read_chain` has read. Raises: NoChain for a row that is none."""
    at = section.offset + len(_XREF)
    while found := _SUBSECTION.match(buffer, at):
        first, count, at = int(found[1]), int(found[2]), found.end()
        for number in range(first, first + count):
            row = _ROW.match(buffer, at)
            if not row:
                raise NoChain("a cross-reference table has a row that is none")
            yield Row(number, int(row[3] == b"n"), int(row[1]), int(row[2]))
            at += _ENTRY_LENGTH


def rows_of_stream(section: Section, data: bytes) -> Iterator[Row]:
    """Those of a cross-reference stream; `data` are decompressed. Raises: NoChain for widths that are none."""
    try:
        widths = [integer(width) or 0 for width in items(section.trailer.get("W") or b"[]")]
        size = integer(section.trailer.get("Size")) or 0
        index = [integer(number) or 0 for number in items(section.trailer.get("Index") or b"[0 %d]" % size)]
    except BadSyntax as error:
        raise NoChain("a cross-reference stream has no widths") from error
    if len(widths) != _FIELDS or not 0 < sum(widths) <= _WIDEST or min(widths) < 0:
        raise NoChain("a cross-reference stream has no widths")
    first, second = widths[0], widths[0] + widths[1]
    numbers = chain.from_iterable(range(a, a + n) for a, n in zip(index[::2], index[1::2], strict=False))
    for number, at in zip(numbers, range(0, len(data) - sum(widths) + 1, sum(widths)), strict=False):
        row = data[at : at + sum(widths)]
        kind = int.from_bytes(row[:first]) if first else 1
        yield Row(number, kind, int.from_bytes(row[first:second]), int.from_bytes(row[second:]))


def _stream(buffer: Buffer, offset: int) -> Section:
    found = indirect_object(buffer, offset)
    trailer = Dictionary(found.value)
    if trailer.get("Type") != b"/XRef" or found.stream_at is None:
        raise NoChain("startxref points to something else")
    size = integer(trailer.get("Size")) or 0
    index = [integer(number) or 0 for number in items(trailer.get("Index") or b"[0 %d]" % size)]
    ends = [first + count - 1 for first, count in zip(index[::2], index[1::2], strict=False) if count]
    return Section(offset, SectionKind.STREAM, trailer, max(ends, default=-1), number=found.reference.number)
