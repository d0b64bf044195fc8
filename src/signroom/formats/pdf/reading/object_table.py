"""Where every object of a file lies, as qpdf has found it, in columns.

A tuple and an entry for each object take 270 bytes, a row of the columns takes 16. Some files have 200,000 objects.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import chain, compress, repeat
from operator import attrgetter, itemgetter

import pikepdf

from signroom.formats.pdf.reading.whole_table import Place, as_places

COMPRESSED = 2
"""The type of a cross-reference entry of an object in an object stream (ISO 32000-1, table 18)."""
_IS_COMPRESSED = bytes(kind == COMPRESSED for kind in range(256))
_IS_PLAIN = bytes(kind != COMPRESSED for kind in range(256))


class _Columns:
    """Of the objects in object streams, or of the others: numbers, ascending, and where each object lies."""

    __slots__ = ("last", "numbers", "where")

    def __init__(self, keys: Iterable[tuple[int, int]], where: Iterable[int], last: Iterable[int]) -> None:
        self.numbers = array("i", map(itemgetter(0), keys))
        self.where = array("q", where)
        """As `Place.offset`."""
        self.last = array("i", last)
        """As `Place.generation`."""

    def rows(self, number: int) -> Iterator[tuple[int, int]]:
        """`where` and `last` of each object with this number: qpdf may keep several generations."""
        row = bisect_left(self.numbers, number)
        while row < len(self.numbers) and self.numbers[row] == number:
            yield self.where[row], self.last[row]
            row += 1

    def places(self, *, compressed: bool) -> Iterator[Place]:
        return as_places(zip(self.numbers, repeat(compressed), self.where, self.last, strict=False))


class ObjectTable:
    """The rows of a table. An object in an object stream has the generation 0 (ISO 32000-1, 7.5.7)."""

    __slots__ = ("_inside", "_plain")

    def __init__(self, pdf: pikepdf.Pdf, *, but: Iterable[tuple[int, int]] = ()) -> None:
        """The table of `pdf` without the objects `but`.

        `pdf` is asked once: its answer takes ten times the memory of what is kept. It is sorted by number.
        """
        entries = pdf.get_xref_table()
        for key in but:
            entries.pop(key, None)
        kinds = bytes(map(attrgetter("type"), entries.values()))
        inside, plain = kinds.translate(_IS_COMPRESSED), kinds.translate(_IS_PLAIN)
        offsets = map(attrgetter("offset"), compress(entries.values(), plain))
        self._plain = _Columns(
            compress(entries, plain),
            # An entry of a kind that is none has no offset.
            (offset or 0 for offset in offsets) if 0 in kinds else offsets,
            map(itemgetter(1), compress(entries, plain)),
        )
        self._inside = _Columns(
            compress(entries, inside),
            map(attrgetter("obj_stream_number"), compress(entries.values(), inside)),
            map(attrgetter("obj_stream_index"), compress(entries.values(), inside)),
        )

    def __len__(self) -> int:
        return len(self._plain.numbers) + len(self._inside.numbers)

    def __contains__(self, key: tuple[int, int]) -> bool:
        """There is an object with this number and generation."""
        return self.get(*key) is not None

    def get(self, number: int, generation: int) -> Place | None:
        for offset, its_generation in self._plain.rows(number):
            if its_generation == generation:
                return Place(number, False, offset, generation)
        found = None if generation else next(self._inside.rows(number), None)
        return None if found is None else Place(number, True, *found)

    def has_number(self, number: int) -> bool:
        """There is an object with this number, of any generation."""
        return any(next(columns.rows(number), None) for columns in (self._plain, self._inside))

    def numbers(self) -> Iterator[int]:
        """Of all objects, not sorted. One that is there in two generations is there twice."""
        return chain(self._plain.numbers, self._inside.numbers)

    def keys(self) -> Iterator[tuple[int, int]]:
        """Number and generation of each object, not sorted."""
        plain = zip(self._plain.numbers, self._plain.last, strict=True)
        return chain(plain, zip(self._inside.numbers, repeat(0), strict=False))

    def places(self) -> Iterator[Place]:
        """All of them, sorted by number; the generations of one number ascend."""
        plain, inside = self._plain.places(compressed=False), self._inside.places(compressed=True)
        return iter(sorted(chain(inside, plain), key=itemgetter(0))) if self._inside.numbers else plain

    def plain(self) -> Iterator[tuple[int, int]]:
        """Number and offset of each object that is not in an object stream."""
        return zip(self._plain.numbers, self._plain.where, strict=True)

    def offsets(self) -> Iterator[int]:
        """Of each object that is not in an object stream."""
        return iter(self._plain.where)

    def object_streams(self) -> set[int]:
        """The numbers of the object streams that have an object in them."""
        return set(self._inside.where)
