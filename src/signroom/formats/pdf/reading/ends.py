"""Every object that the table leads to ends inside of the file.

A program that does not find an object's end reads on: to the next "endstream" or "endobj", to a bracket that closes, or
to the end of the file. An update of ours brings such words and brackets, and moves the end. So a page could show after
signing what it did not show before. Such a file is refused, with the object's number.

For a key without a value, some programs take the bracket that closes its dictionary, and read on as well.

A /Length that is wrong is common, and most programs look for the end then. That is allowed where all of them find it
in the file as it is.

Some programs ask of a place in the file to which object it belongs, for a wrong /Length or a long string. Where the
only table leaves out numbers they make it anew then, and once there is an update they do not. A search of such a file
must find what the table says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from mmap import MADV_DONTNEED, mmap

from signroom.domain.errors import InvalidPdf, PdfTooComplex
from signroom.formats.pdf.reading.crossref import SectionKind
from signroom.formats.pdf.reading.opening import OBJECT, OpenPdf
from signroom.formats.pdf.reading.syntax import (
    BadSyntax,
    Dictionary,
    DoesNotEnd,
    indirect_object,
    integer,
    is_well_formed,
    may_have_bare_key,
    may_have_bare_keys,
    reference,
    skip_space,
    value_end,
)

END_OF_STREAM = b"endstream"
_END = b"endobj"
_HEAD = 1024
"""Bytes of an object that are looked at first: most are shorter, and so are most dictionaries of streams."""
_STREAM = re.compile(rb"[\x00\t\n\x0c\r >]stream[\t ]*+(?:\r\n|\n|\r)?+")
_ENDED = re.compile(rb"[\x00\t\n\x0c\r ]*+endstream")
_UNCOMMENTED = re.compile(rb"(?:[^%e]++|%[^\r\n]*+|e(?!ndstream))*+endstream")
"""Up to the end of a stream for programs that pass over comments."""
_HEADER = re.compile(rb"[\x00\t\n\x0c\r ]*+(\d{1,10}+)[\x00\t\n\x0c\r ]++\d{1,10}+[\x00\t\n\x0c\r ]++obj")
_STRING = rb"\((?:[^()\\]++|\\.|\((?:[^()\\]++|\\.|\((?:[^()\\]++|\\.)*+\))*+\))*+\)"
_SIMPLE = re.compile(rb"(?:[^()%%]++|%b)*+" % _STRING, re.DOTALL)
"""Without a comment, and with strings whose parentheses are at most three deep."""
_STRING_OR_COMMENT = re.compile(rb"\(|%[^\r\n]*+")
_LONG_HEAD = 8192
"""Bytes of a longer one."""
_MOST_TAKEN_APART = 20_000
"""Objects that need a close look, for a comment or for brackets that are hard to count: 0.4 s. Besides, there may be as
many as fit into the file with a long head each."""
_LONGEST = 1 << 20
"""Bytes of an object that is no stream."""
_MOST_PAIRED = 4 << 20
"""Bytes of objects whose keys are counted: 1.2 s."""
_KEPT = 4 << 20
"""Bytes of the file that are in memory at once."""
_TOGETHER = 256
"""Objects that are looked at in one step, where all of them are short and simple."""
_TOKEN = re.compile(
    rb"(?:[\x00\t\n\x0c\r ]++|%[^\r\n]*+[\r\n])*+"
    rb"(<<|>>|[\[\]]|/?[^\x00\t\n\x0c\r ()<>\[\]{}/%]++|/|\((?:[^()\\]++|\\.)*+\)|<[0-9A-Fa-f\s]*+>)",
    re.DOTALL,
)
"""What all programs take for the same. Behind other bytes nothing is told."""
_LENGTH = re.compile(
    rb"/Length[\t\n\r ]{1,4}+(\d{1,10}+)(?:[\t\n\r ]{1,4}+(\d{1,5}+)[\t\n\r ]{1,4}+R)?+[^<>()]*+>>\s*+\Z"
)
"""The entry of a dictionary, up to the dictionary's end: nothing between could hide another."""
_UNUSUAL = re.compile(rb"[%#]|/Length\b.*/Length\b", re.DOTALL)
"""A dictionary that needs to be taken apart: the entry may be in a comment, or there twice."""
_VALUE = re.compile(rb"\d{1,10} \d{1,5} obj\s{1,4}+(\d{1,10}+)\s{1,4}+endobj")


def require_ends(opened: OpenPdf) -> None:
    """To be asked of a file that is to be signed. Raises: InvalidPdf naming the object, PdfTooComplex."""
    buffer = opened.buffer
    places = list(dict.fromkeys(sorted(opened.table.offsets(), reverse=True)))
    taken_apart, paired, most = 0, 0, _MOST_TAKEN_APART + len(buffer) // _LONG_HEAD
    for at, following in _not_plainly_ended(buffer, places):
        head = buffer[at : following if following < at + _HEAD else at + _HEAD]
        if may_have_bare_key(head, is_whole=following <= at + _HEAD):
            paired += _require_paired(buffer, at, following)
            if paired > _MOST_PAIRED:
                raise PdfTooComplex("It has more dictionaries inside each other than can be looked at.")
        if b"stream" not in head and _END in head and b"(" not in head and b"%" not in head:
            continue
        stream = _STREAM.search(head) if _HEADER.match(head) else None
        if stream is None and (_are_closed(head) or _is_plain(buffer[at : min(following, at + _LONG_HEAD)])):
            continue
        start = None if stream is None else at + stream.end()
        length = None if stream is None else plain_length(opened, head[: stream.start() + 1])
        if length is None:
            taken_apart += stream is None
            if taken_apart > most:
                raise PdfTooComplex("It has more comments and brackets than can be looked at.")
            start, length = _taken_apart(opened, at)
        if start is not None and not _ENDED.match(buffer, start + (length or 0)):
            _require_found(buffer, at, start, length or 0, is_last=at == places[0])
    if _has_gaps(opened):
        _require_searched_alike(opened)


def _not_plainly_ended(buffer: mmap, places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Where each object begins that needs a look of its own, and where the one behind it begins; from the end."""
    following = kept = len(buffer)
    for first in range(0, len(places), _TOGETHER):
        together = places[first : first + _TOGETHER]
        ended = _are_plainly_ended(buffer, together[::-1], following)
        for at in together[-1:] if ended else together:
            if kept - at > _KEPT:
                buffer.madvise(MADV_DONTNEED)  # what was read counts as memory of the process
                kept = at
            if not ended:
                yield at, following
            following = at


def _are_plainly_ended(buffer: mmap, places: Sequence[int], end: int) -> bool:
    """Nothing needs a closer look of the objects at `places`, ascending, the last of which is over before `end`.

    Each is short, and has an "endobj" of its own. None is a stream. None has a string, a comment, or a key that may be
    without a value.
    """
    data = buffer[places[0] : end] if end - places[0] <= _HEAD * len(places) else b"%"
    if any(sign in data for sign in (b"%", b"(", b"stream")) or may_have_bare_keys(data):
        return False
    pieces = data.split(_END)
    if len(pieces) != len(places) + 1:
        return False
    at = places[0]
    for piece, begin, following in zip(pieces, places, [*places[1:], end], strict=False):
        at += len(piece)
        if not begin <= at <= following - len(_END) or following - begin > _HEAD:
            return False
        at += len(_END)
    return True


def _require_paired(buffer: mmap, at: int, following: int) -> int:
    """No key of the object at `at` stands alone. Returns how many bytes were taken apart. Raises: InvalidPdf.

    Some programs take the end of the dictionary for the key's value, and read on behind the object.
    """
    if not may_have_bare_key(buffer[at : min(following, at + _LONGEST)]):
        return 0
    try:
        value = indirect_object(buffer, at).value
    except BadSyntax:
        return _HEAD  # what it lacks is more than a value
    if is_well_formed(value, with_more_words=True):
        return len(value)
    header = _HEADER.match(buffer, at)
    start = at if header is None else skip_space(buffer, header.end())
    end = start + len(value) + _LONG_HEAD
    if not _ends_before(buffer, start, end):
        raise InvalidPdf(f"{_named(buffer, at)} has a key without a value: programs may read it differently.")
    return end - start


def _ends_before(buffer: mmap, at: int, end: int) -> bool:
    """A program that takes what stands behind a key for its value, whatever it is, finds the end before `end`."""
    depth, in_array, is_due = 0, 0, False
    while (found := _TOKEN.match(buffer, at, end)) and found[1] != b"stream":
        at, token = found.end(), found[1]
        if in_array:
            in_array += (token == b"[") - (token == b"]")
            if token == b"<<":
                return False  # as far as can be told
        elif token == b">>" and not is_due:
            depth -= 1
            if depth <= 0:
                return True
        elif token == b"<<" and (is_due or not depth):
            depth, is_due = depth + 1, False
        else:
            in_array = int(token == b"[" and is_due)
            is_due = token[:1] == b"/" and not is_due
    return False


def _has_gaps(opened: OpenPdf) -> bool:
    """It has one table, which leaves out numbers: a table that is the only one must not (ISO 32000-1, 7.5.4)."""
    if len(opened.sections) != 1 or opened.sections[0].kind is not SectionKind.TABLE:
        return False
    return opened.sections[0].rows <= opened.sections[0].highest


def _are_closed(head: bytes) -> bool:
    """No string is open at the end of an object, as far as can be told at once."""
    at = head.rfind(_END)
    return at > 0 and _SIMPLE.fullmatch(head, 0, at) is not None


def _is_plain(head: bytes) -> bool:
    """A longer object that is no stream, as far as can be told: it is over, and no string is open."""
    return b"stream" not in head and _are_closed(head)


def _taken_apart(opened: OpenPdf, at: int) -> tuple[int | None, int | None]:
    """Where the data of the stream at `at` begin, and how long they are; None for what is no stream.

    Raises: InvalidPdf for a string that does not end. What lacks a bracket ends at "endobj", or is nothing.
    """
    buffer = opened.buffer
    try:
        found = indirect_object(buffer, at, len(buffer))
    except BadSyntax as error:
        if _is_open(buffer, at):
            raise InvalidPdf(f"{_named(buffer, at)} has a string that does not end.") from error
        return None, None
    return found.stream_at, None if found.stream_at is None else any_length(opened, found.value)


def _is_open(buffer: mmap, at: int) -> bool:
    """A string that begins before the next "endobj" has no end."""
    end = buffer.find(_END, at)
    end = len(buffer) if end < 0 else end
    while found := _STRING_OR_COMMENT.search(buffer, at, end):
        at = found.end()
        if found[0] == b"(":
            try:
                at = value_end(buffer, found.start(), len(buffer))
            except DoesNotEnd:
                return True
    return False


def _require_found(buffer: mmap, at: int, start: int, length: int, *, is_last: bool) -> None:
    """Programs that look for the end of a stream find one. Raises: InvalidPdf."""
    stated = start + length
    if stated > len(buffer):
        raise InvalidPdf(f"{_named(buffer, at)} is longer than the file: a part of it is missing.")
    try:
        behind = skip_space(buffer, stated)
        # Some programs read one value there, which may be a string without an end.
        behind = value_end(buffer, behind) if buffer[behind : behind + 1] in (b"(", b"<") else behind
    except DoesNotEnd:
        behind = len(buffer)
    except BadSyntax:
        behind = stated
    is_found = any(buffer.find(word, start) >= 0 for word in (END_OF_STREAM, _END)) and behind < len(buffer)
    if not is_found or (is_last and not _UNCOMMENTED.match(buffer, behind)):
        raise InvalidPdf(f"{_named(buffer, at)} does not end: programs would show it otherwise once it is signed.")


def _require_searched_alike(opened: OpenPdf) -> None:
    """A search finds each object where the table says. Raises: InvalidPdf."""
    searched = {int(match[1]): match.start(1) for match in OBJECT.finditer(opened.buffer)}
    for number, inside, at, _ in opened.table.places():
        if number not in searched:
            continue
        header = None if inside else _HEADER.match(opened.buffer, at)
        # A row that leads to no object counts for nothing, for all programs.
        if inside or (header is not None and header.start(1) != searched[number]):
            raise InvalidPdf(f"Object {number} is there twice, and the table leaves out numbers.")


def plain_length(opened: OpenPdf, dictionary: bytes) -> int | None:
    """/Length of a stream, where it can be found without taking the dictionary apart."""
    found = _LENGTH.search(dictionary)
    if found is None or _UNUSUAL.search(dictionary):
        return None
    if found[2] is None:
        return int(found[1])
    place = opened.table.get(int(found[1]), int(found[2]))
    if place is None or place.compressed:
        return None
    number = _VALUE.match(opened.buffer, place.offset)
    return int(number[1]) if number else None


def any_length(opened: OpenPdf, dictionary: bytes) -> int | None:
    """/Length of a stream; None where it has none that is a number."""
    try:
        raw = Dictionary.at(dictionary, 0).get("Length")
        target = reference(raw)
        return integer(raw if target is None else opened.raw(target))
    except (BadSyntax, InvalidPdf):
        return None


def _named(buffer: mmap, at: int) -> str:
    found = _HEADER.match(buffer, at)
    return f"Object {int(found[1])}" if found else "An object"
