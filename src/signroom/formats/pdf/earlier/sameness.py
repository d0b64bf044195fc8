"""Whether two values of two revisions of a file mean the same (ISO 32000-1, 7.3), wherever their parts lie.

A reference to the same object counts as the same: whether that object was redefined is asked for each object by itself.
"""

from __future__ import annotations

from typing import Any

import pikepdf

from signroom.formats.pdf.earlier.embedded import listed, place_of
from signroom.formats.pdf.earlier.places import Place

_MAX_STEPS = 200_000
_MAX_DEPTH = 64
_MAX_STREAM = 64 << 20


class TooMuch(Exception):
    """There is more to compare than a signature is worth."""


class Sameness:
    """Compares values, up to a number of steps for all of them together."""

    def __init__(self) -> None:
        self._left = _MAX_STEPS
        self._met: set[tuple[Place, Place]] = set()

    def same(self, old: Any, new: Any) -> bool:
        """Raises: TooMuch."""
        self._met.clear()  # what was taken for the same within one comparison is not known for the next
        return self._same(old, new, 0)

    def same_content(self, old: Any, new: Any) -> bool:
        """As `same` for two objects of the same number: their contents are compared. Raises: TooMuch."""
        is_plain = isinstance(old, pikepdf.Dictionary | pikepdf.Array) and type_of(old) == type_of(new)
        if is_plain and old.unparse(resolved=True) == new.unparse(resolved=True):
            return True
        self._met.clear()
        return self._same_value(old, new, 0)

    def _same(self, old: Any, new: Any, depth: int) -> bool:
        before, after = place_of(old), place_of(new)
        if before is not None and before == after:
            return True
        if before is not None and after is not None:
            if (before, after) in self._met:
                return True
            self._met.add((before, after))
        return self._same_value(old, new, depth)

    def _same_value(self, old: Any, new: Any, depth: int) -> bool:
        self._left -= 1
        if self._left < 0 or depth > _MAX_DEPTH:
            raise TooMuch
        if type_of(old) != type_of(new):
            return False
        if isinstance(old, pikepdf.Stream):
            return self._same_entries(old.stream_dict, new.stream_dict, depth, {"/Length"}) and _same_data(old, new)
        if isinstance(old, pikepdf.Dictionary):
            return self._same_entries(old, new, depth, set())
        if isinstance(old, pikepdf.Array):
            first, second = listed(old), listed(new)
            return len(first) == len(second) and all(
                (isinstance(a, tuple) and a == b) or self._same(old[at], new[at], depth + 1)
                for at, (a, b) in enumerate(zip(first, second, strict=True))
            )
        if isinstance(old, pikepdf.String):
            return bytes(old) == bytes(new)
        return bool(old == new)

    def _same_entries(self, old: Any, new: Any, depth: int, passed_over: set[str]) -> bool:
        keys = set(old.keys()) - passed_over
        if keys != set(new.keys()) - passed_over:
            return False
        return all(self._same(old[key], new[key], depth + 1) for key in keys)


def type_of(value: Any) -> object:
    """The kind of a value, to be compared with that of another one."""
    if not isinstance(value, pikepdf.Object):
        return bool if isinstance(value, bool) else None if value is None else float
    return value._type_code  # noqa: SLF001  # the public way makes a text of it


def _same_data(old: Any, new: Any) -> bool:
    if max(_length(old), _length(new)) > _MAX_STREAM:
        raise TooMuch
    return bool(old.read_raw_bytes() == new.read_raw_bytes())


def _length(stream: Any) -> int:
    found = stream.stream_dict.get("/Length", 0)
    return found if isinstance(found, int) else 0
