"""Entries of qpdf's dictionaries and arrays, read as mainstream readers do.

An entry that is null, missing, or points to an object that is not there is absent (ISO 32000-1, 7.3.7 and 7.3.10).
So is one of another type than is asked for, and one that qpdf cannot read: nothing here raises because of a file's
content, but where `elements` says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pikepdf

from signroom.domain.errors import PdfTooComplex
from signroom.formats.malformed import MALFORMED

UNREADABLE = (*MALFORMED, pikepdf.PdfError, RuntimeError)
"""What pikepdf raises over an object that is not what it claims to be."""


def is_dictionary(value: object) -> bool:
    """True for dictionaries, and for streams, which have one."""
    return isinstance(value, (pikepdf.Dictionary, pikepdf.Stream))


def is_array(value: object) -> bool:
    """True for arrays, empty ones too."""
    return isinstance(value, pikepdf.Array)


def entry(holder: object, key: str) -> Any:
    """The value under `key` of a dictionary or stream, of any type; None when it is absent."""
    if not is_dictionary(holder):
        return None
    try:
        return holder.get(key)  # type: ignore[attr-defined]  # it is a pikepdf.Object
    except UNREADABLE:
        return None


def dictionary(holder: object, key: str) -> pikepdf.Object | None:
    """A dictionary or a stream."""
    value = entry(holder, key)
    return value if is_dictionary(value) else None


def name(holder: object, key: str) -> str | None:
    """A name without its slash."""
    return as_name(entry(holder, key))


def as_name(value: object) -> str | None:
    """A value that is a name, without its slash."""
    if not isinstance(value, pikepdf.Name):
        return None
    try:
        return str(value).removeprefix("/")
    except UnicodeDecodeError:  # a name is bytes (7.3.5); nothing that is looked for here has such ones
        return None


def text(holder: object, key: str) -> str | None:
    """A text string (7.9.2.2)."""
    return as_text(entry(holder, key))


def as_text(value: object) -> str | None:
    """A value that is a text string (7.9.2.2)."""
    if not isinstance(value, pikepdf.String):
        return None
    try:
        return value.as_str()
    except UNREADABLE:
        return None


def truth(holder: object, key: str) -> bool:
    """True when it says true."""
    return entry(holder, key) is True


def integer(holder: object, key: str) -> int | None:
    """A whole number."""
    value = entry(holder, key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def number(holder: object, key: str) -> float | None:
    """A number, whole or not."""
    return as_number(entry(holder, key))


def as_number(value: object) -> float | None:
    """A value that is a number, and not too large for one."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    found = float(value)
    return found if math.isfinite(found) else None


def elements(holder: object, key: str, most: int) -> Iterator[Any]:
    """What is in an array, one by one: each may have to be read from the file.

    Raises: PdfTooComplex when there are more than `most`.
    """
    array = entry(holder, key)
    for index in range(len(array) if is_array(array) else 0):
        if index == most:
            raise PdfTooComplex(f"An array under {key} has more than {most} elements.")
        yield element(array, index)


def element(array: Any, index: int) -> Any:
    """One value of an array; None when it cannot be read."""
    try:
        return array[index]
    except UNREADABLE:
        return None


def rectangle(value: Any) -> tuple[float, float, float, float] | None:
    """Left, bottom, right, top, whichever corners it was written with (7.9.5); None when it is none."""
    if not is_array(value) or len(value) < 4:
        return None
    corners = [as_number(element(value, index)) for index in range(4)]
    a, b, c, d = corners
    if a is None or b is None or c is None or d is None:
        return None
    return min(a, c), min(b, d), max(a, c), max(b, d)
