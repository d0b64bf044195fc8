"""A file without a usable cross-reference table is searched for its objects, and programs search differently.

An update of ours brings a whole table. From then on all programs follow that table, and nobody searches any more. So
what a search finds must be what the table will say: every object that is written in the file, each once, and every
stream as long as its /Length says. Else a program would show other pages than before.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from mmap import mmap

import pikepdf

from signroom.domain.errors import InvalidPdf, PdfTooComplex
from signroom.formats.pdf.reading.crossref import NoChain, Row, Section, SectionKind, rows_of_stream, rows_of_table
from signroom.formats.pdf.reading.ends import END_OF_STREAM, any_length, plain_length
from signroom.formats.pdf.reading.limits import MOST_UNFOLDED
from signroom.formats.pdf.reading.object_table import COMPRESSED
from signroom.formats.pdf.reading.opening import OBJECT, ObjectStream, OpenPdf

_OBJECT_STREAM = b"/ObjStm"
_OBJECT_WORD = b" obj"
_SPACE = b"\x00\t\n\x0c\r "
_STREAM = re.compile(rb"stream(?<=[\x00\t\n\x0c\r >]stream)[\t ]{0,8}+(?:\r\n|\n|\r)")
_HEADER = re.compile(rb"(\d{1,10})\s+\d{1,5}\Z")
_LONGEST_HEADER = 32
"""Bytes in front of "obj" in which an object's number is looked for."""
_AT = re.compile(rb"[\x00\t\n\x0c\r ]{0,16}+(\d{1,10}+)[\x00\t\n\x0c\r ]+\d{1,5}[\x00\t\n\x0c\r ]+obj")
_IN_MID_LINE = re.compile(rb"[^\d\r\n](\d{1,10}+)[\x00\t\n\x0c\r ]{1,16}+(\d{1,5}+)[\x00\t\n\x0c\r ]{1,16}+obj\b")
"""Some programs look for objects at the beginnings of lines only, others everywhere."""
_MOST_ROWS = 300_000
"""Of all sections: 0.4 s."""
_MOST_UNUSUAL = 5_000
"""Streams whose dictionary is taken apart: 0.2 s."""


def require_one_reading(opened: OpenPdf) -> None:
    """To be asked of a file whose table is made anew. Raises: InvalidPdf naming the object, PdfTooComplex."""
    twice = _twice(opened)
    if twice is not None:
        raise InvalidPdf(f"Object {twice} is there twice, and the table is damaged: programs take one or the other.")
    _require_found_in_mid_line(opened)
    _require_lengths(opened)
    if opened.claimed:
        _require_claimed(opened)


def require_found_by_all(opened: OpenPdf) -> None:
    """Where a row leads to no object MuPDF searches the file, and passes over what a stream without an end swallows.

    Raises: InvalidPdf, PdfTooComplex.
    """
    if opened.leads_nowhere:
        _require_lengths(opened)


def _require_claimed(opened: OpenPdf) -> None:
    """What the old table says of an object is what a search has found: some programs follow that table.

    What it says of a place where the object is not counts for nothing: all programs see that it is wrong.

    Raises: InvalidPdf, PdfTooComplex.
    """
    for section in opened.claimed:
        if section.misread is not None:
            raise InvalidPdf(f"Some programs take a cross-reference stream for object {section.misread}.")
    claimed = _claimed(opened)
    # Of a number that is there in two generations the second one counts.
    found = {place.number: place for place in opened.table.places()}
    for row in claimed.values():
        place = found.get(row.number)
        if row.kind == COMPRESSED:
            same = place is not None and place.compressed and (place.offset, place.generation) == (row.where, row.last)
        elif place is None or row.kind == 0:
            same = place is None and not (row.kind and _begins(opened, row))
        else:
            generation, at = (0, -1) if place.compressed else (place.generation, place.offset)
            same = generation == row.last and (at == row.where or not _begins(opened, row))
        if row.number and not same:
            raise InvalidPdf(f"Object {row.number} is another one for programs that follow the damaged table.")
    for number in sorted(found.keys() - claimed.keys() - {0}):
        generation = 0 if found[number].compressed else found[number].generation
        if not _is_cross_reference(opened.pdf.get_object(number, generation)):
            raise InvalidPdf(f"Object {number} is there for some programs only.")


def _claimed(opened: OpenPdf) -> dict[int, Row]:
    claimed: dict[int, Row] = {}
    rows = 0
    for section in opened.claimed:
        for row in _rows(opened, section):
            claimed.setdefault(row.number, row)
            rows += 1
            if rows > _MOST_ROWS:
                raise PdfTooComplex("It is damaged, and has more objects than can be compared.")
    return claimed


def _rows(opened: OpenPdf, section: Section) -> Iterator[Row]:
    try:
        if section.kind is SectionKind.TABLE:
            yield from rows_of_table(opened.buffer, section)
            return
        stream = opened.pdf.get_object(section.number or 0, 0)
        if isinstance(stream, pikepdf.Stream) and _is_cross_reference(stream):
            yield from rows_of_stream(section, bytes(stream.read_bytes()))
            return
    except NoChain as error:
        raise InvalidPdf(f"A part of its cross-reference table cannot be read ({error}).") from error
    except pikepdf.PdfError as error:  # which has the path of the file in it
        raise InvalidPdf("A part of its cross-reference table cannot be read.") from error
    raise InvalidPdf("A cross-reference stream cannot be found without its table.")


def _begins(opened: OpenPdf, row: Row) -> bool:
    """The object begins at the place that the row names."""
    header = _AT.match(opened.buffer, row.where)
    return header is not None and int(header[1]) == row.number


def _is_cross_reference(found: object) -> bool:
    return isinstance(found, pikepdf.Stream) and found.get("/Type") == "/XRef"


def _twice(opened: OpenPdf) -> int | None:
    """The number of an object that is there in a second way, which another program would take.

    Of two plain definitions all programs take the last one. They differ about generations, and about object streams.

    Raises: InvalidPdf for an object that only some programs find, PdfTooComplex.
    """
    numbers = list(opened.table.numbers())
    if len(set(numbers)) < len(numbers):
        return min(number for number, count in Counter(numbers).items() if count > 1)
    written = {(int(found[1]), int(found[2])) for found in OBJECT.finditer(opened.buffer)}
    known = set(numbers)
    others = [number for number, _ in written.difference(opened.table.keys())]
    # qpdf passes over generations that it takes for impossible; others do not.
    if again := [number for number in others if number in known]:
        return min(again)
    # It passes over numbers that so small a file cannot have, and over what a damaged table calls deleted.
    if others:
        raise InvalidPdf(f"Object {min(others)} is there for some programs only.")
    return _inside_and_outside(opened)


def _require_found_in_mid_line(opened: OpenPdf) -> None:
    """What begins in the middle of a line is in the table, or a later one with its number is. Raises: InvalidPdf."""
    for found in _IN_MID_LINE.finditer(opened.buffer):
        place = opened.table.get(int(found[1]), int(found[2]))
        at = -1 if place is None or place.compressed else place.offset
        header = _AT.match(opened.buffer, at) if at >= 0 else None
        if header is None or header.start(1) < found.start(1):
            raise InvalidPdf(f"Object {int(found[1])} is there for some programs only.")


def _inside_and_outside(opened: OpenPdf) -> int | None:
    """The number of an object that is in an object stream, and beside it."""
    streams = _object_streams(opened)
    if not streams:
        return None
    plain = {number for number, _ in opened.table.plain()}
    unfolded = 0
    for number in sorted(streams):
        stream = ObjectStream.read(opened.pdf, number)
        if inside := plain.intersection(stream.numbers()):
            return min(inside)
        unfolded += len(stream.data)
        if unfolded > MOST_UNFOLDED:
            raise PdfTooComplex("Its object streams have more in them than can be looked at.")
    return None


def _object_streams(opened: OpenPdf) -> set[int]:
    """Numbers of all object streams, those that no entry of the table speaks of, too."""
    at = opened.buffer.find(_OBJECT_STREAM)
    if at < 0:
        return set()
    plain = (place for place in opened.table.places() if not place.compressed)
    numbers = {place.offset: (place.number, place.generation) for place in plain}
    places, candidates = sorted(numbers), set()
    while at >= 0:
        if before := bisect_left(places, at):
            candidates.add(numbers[places[before - 1]])
        at = opened.buffer.find(_OBJECT_STREAM, at + 1)
    return {key[0] for key in candidates if _is_object_stream(opened.pdf.get_object(*key))}


def _is_object_stream(found: object) -> bool:
    return isinstance(found, pikepdf.Stream) and found.get("/Type") == "/ObjStm"


def _require_lengths(opened: OpenPdf) -> None:
    """Every stream ends where its /Length says, at the first "endstream".

    Programs that search a file go by the word, those that have a table by the number.
    """
    buffer, end, unusual = opened.buffer, 0, 0
    while found := _STREAM.search(buffer, end):
        start = found.end()
        header = max(buffer.rfind(_OBJECT_WORD, end, found.start()), end)
        if buffer.find(END_OF_STREAM, end, header) >= 0:
            raise _wrong(buffer, end)
        dictionary = bytes(buffer[header + len(_OBJECT_WORD) : found.start()])
        length = plain_length(opened, dictionary)
        if length is None:
            unusual += 1
            if unusual > _MOST_UNUSUAL:
                raise PdfTooComplex("It is damaged, and has more streams than can be looked at.")
            length = any_length(opened, dictionary)
        end = buffer.find(END_OF_STREAM, start)
        if length is None or end < start + length or buffer[start + length : end].strip(_SPACE):
            raise _wrong(buffer, start)
        end += len(END_OF_STREAM)
    if buffer.find(END_OF_STREAM, end) >= 0:
        raise _wrong(buffer, len(buffer))


def _wrong(buffer: mmap, before: int) -> InvalidPdf:
    """For the stream of the last object before a place."""
    at = max(buffer.rfind(_OBJECT_WORD, 0, before), 0)
    found = _HEADER.search(buffer[max(0, at - _LONGEST_HEADER) : at])
    which = f"Object {int(found[1])}" if found else "A stream"
    return InvalidPdf(f"{which} is not as long as it says, and the table is damaged: programs show it differently.")
