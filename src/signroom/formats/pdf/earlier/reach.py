"""What objects of a PDF reach, and what its bytes speak of."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Set
from typing import Any

import pikepdf

from signroom.formats.pdf.earlier.embedded import place_of
from signroom.formats.pdf.earlier.places import Place, Table
from signroom.formats.pdf.earlier.sameness import TooMuch
from signroom.formats.pdf.reading.syntax import Buffer

_MAX_DEPTH = 64
_MAX_STEPS = 100_000
_MAX_PATTERNS = 8
_BEHIND_NUMBER = rb"(?:%|[\0\t\n\f\r ]++(?:%|\d++(?:%|[\0\t\n\f\r ]++[%R])))"
"""The rest of a reference; where a comment begins in it, it counts as one."""
_REFERENCE = re.compile(rb"(\d{1,10}) (\d{1,5}) R")


def keys_of(old: Any, new: Any) -> list[str]:
    found = {key for value in (old, new) if isinstance(value, pikepdf.Dictionary) for key in value.keys()}  # noqa: SIM118
    return sorted(found)


def kind_of(value: Any) -> str:
    if isinstance(value, pikepdf.Stream):
        value = value.stream_dict
    return str(value.get("/Type", "")) if isinstance(value, pikepdf.Dictionary) else ""


def places_below(value: Any) -> Iterable[Place]:
    """Objects that `value` is or reaches, but for those that lead back to pages or fields. Raises: TooMuch."""
    seen: set[Place] = set()
    waiting = [(value, 0)]
    while waiting:
        found, depth = waiting.pop()
        if len(seen) > _MAX_STEPS or len(waiting) > _MAX_STEPS:
            raise TooMuch
        place = place_of(found)
        if place is not None:
            if place in seen:
                continue
            seen.add(place)
            yield place
        if depth > _MAX_DEPTH:
            continue
        if isinstance(found, pikepdf.Stream):
            found = found.stream_dict
        if isinstance(found, pikepdf.Dictionary):
            if kind_of(found) in {"/Page", "/Pages", "/Catalog"}:
                continue
            waiting += [(found[key], depth + 1) for key in found.keys() if key not in {"/Parent", "/P"}]  # noqa: SIM118
        elif isinstance(found, pikepdf.Array):
            waiting += [(one, depth + 1) for one in found]


def references_of(value: Any) -> list[Place]:
    """What an object refers to; text that looks like a reference counts too."""
    if isinstance(value, pikepdf.Stream):
        value = value.stream_dict
    if not isinstance(value, pikepdf.Dictionary | pikepdf.Array):
        return []
    return [(int(number), int(generation)) for number, generation in _REFERENCE.findall(value.unparse(resolved=True))]


def spoken_of(added: Collection[Place], signed: tuple[Buffer, int], old: pikepdf.Pdf, before: Table) -> set[Place]:
    """Those of `added` that a reference in `old` may mean. One too many is looked at in vain, and that is all.

    `signed`: the file, and where `old` ends in it. `before`: the table of `old`.
    """
    numbers = {number for number, _ in added}
    streams = [old.get_object((number, 0)) for number in {w[0] for w in before.values() if isinstance(w, tuple)}]
    parts = [signed, *((data, len(data)) for data in map(_data, streams))]
    found: set[int] = set()
    for pattern, front in _patterns(numbers):
        for part, end in parts:
            found.update(front + int(match[1]) for match in pattern.finditer(part, 0, end))
    return {place for place in added if place[0] in found}


def _patterns(numbers: Set[int]) -> Iterator[tuple[re.Pattern[bytes], int]]:
    """References to `numbers` and some more: a pattern for the last digits, and what is to be added to them.

    A pattern that begins with fixed digits is found by a search that reads a gigabyte in a second.
    """
    digits = next(n for n in range(1, 12) if len({number // 10**n for number in numbers}) <= _MAX_PATTERNS)
    for front in {number // 10**digits for number in numbers}:
        start, last = (b"%d" % front, b"%d" % digits) if front else (b"", b"1,%d" % digits)
        yield re.compile(start + rb"(\d{" + last + rb"})" + _BEHIND_NUMBER), front * 10**digits


def _data(stream: Any) -> bytes:
    try:
        return bytes(stream.read_bytes()) if isinstance(stream, pikepdf.Stream) else b""
    except pikepdf.PdfError:
        return b""
