"""A whole cross-reference table, packed: where every object of a file lies whose own table is wrong or missing."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import starmap
from operator import itemgetter
from typing import NamedTuple

_ROW = struct.Struct(">BIQH")


class Place(NamedTuple):
    """Where an object lies (ISO 32000-1, table 18). A tuple: some files have hundreds of thousands."""

    number: int
    compressed: bool
    offset: int
    """Of an object in an object stream: the number of the stream."""
    generation: int
    """Of an object in an object stream: its index there."""


_as_row = itemgetter(1, 0, 2, 3)
"""As the rows have it: whether it is compressed comes first. The way back is the same."""


def as_places(rows: Iterable[tuple[int, bool, int, int]]) -> Iterator[Place]:
    """What `Place` makes of each row, without a call in Python for each of hundreds of thousands."""
    return map(partial(tuple.__new__, Place), rows)


def packed(places: Iterable[Place]) -> bytes:
    rows = starmap(_ROW.pack, map(_as_row, places))
    return zlib.compress(b"".join(rows), 1)  # twenty times as fast, and a fifth longer


def unpacked(table: bytes) -> Iterator[Place]:
    """Whether one is compressed is said by 0 and 1."""
    return as_places(map(_as_row, _ROW.iter_unpack(zlib.decompress(table))))
