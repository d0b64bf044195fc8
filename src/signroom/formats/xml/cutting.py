"""A canonical form without some of the signatures, cut out of the whole one.

C14N writes each node of a set for itself: what it writes of the others does not depend on whether a signature is among
them (C14N 1.0, 2.3; Exclusive C14N, 3). So the form without a signature is the form with it, less the octets from its
start tag to its end tag. That saves a second tree of the file.

Start tags and end tags are counted. In a canonical form ``<`` begins a tag or a processing instruction, for text and
attributes have ``&lt;`` instead, and comments are left out. Only a processing instruction can look like a tag. Then
there are more of what looks like a tag than there are elements, and nothing is cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.etree import _Element as Element  # type: ignore[import-untyped]

_NAME = b"Signature"
_MANY = 1_000
"""Times that the name stands somewhere. Where it does more often, looking at each takes longer than a second tree."""
_LONGEST_PREFIX = 256
"""Octets."""
_NO_PREFIX = frozenset(b" \t\r\n<>/?!=\"'&")
"""Octets that are in no prefix."""


def without(octets: bytes, top: Element, hidden: Sequence[Element]) -> bytes | None:
    """`octets` without the signatures `hidden`; None where their places cannot be told.

    Args:
        octets: the canonical form of `top`, without comments.
        top: an element.
        hidden: elements below it with the local name ``Signature``.

    The time grows with the octets, and with the square of how often the name stands there, which is bounded.
    """
    starts = _starts(octets)
    found = list(top.iter("{*}Signature"))
    if starts is None or len(starts) != len(found):
        return None
    places = dict(zip(found, starts, strict=True))
    if not starts:
        return octets
    ends = {name: _ends(octets, name, starts[0][0]) for name in {name for _, name in starts}}
    if any(len(each) != sum(name == one for _, one in starts) for name, each in ends.items()):
        return None
    kept, position = [], 0
    for element in found:
        start, name = places[element]
        if element not in hidden or start < position:  # what is inside of one goes with it
            continue
        inside = sum(places[each][1] == name for each in element.iterdescendants("{*}Signature"))
        behind = [end for end in ends[name] if end > start]
        kept.append(octets[position:start])
        position = behind[inside] + len(name) + len(b"</>")
    return b"".join((*kept, octets[position:]))


def _starts(octets: bytes) -> list[tuple[int, bytes]] | None:
    """Where each start tag of the local name begins, and its qualified name; None where there may be too many."""
    found = []
    at, seen = octets.find(_NAME), 0
    while at >= 0:
        seen += 1
        if seen > _MANY:
            return None
        behind = at + len(_NAME)
        start = octets.rfind(b"<", max(0, at - _LONGEST_PREFIX - 2), at)
        prefix = octets[start + 1 : at]
        is_whole = prefix == b"" or (prefix.endswith(b":") and _NO_PREFIX.isdisjoint(prefix))
        if start >= 0 and is_whole and octets[behind : behind + 1] in {b" ", b">"}:
            found.append((start, octets[start + 1 : behind]))
        at = octets.find(_NAME, behind)
    return found


def _ends(octets: bytes, name: bytes, start: int) -> list[int]:
    """Where each end tag of the qualified `name` begins, from `start` on."""
    tag, found = b"</" + name + b">", []
    at = octets.find(tag, start)
    while at >= 0:
        found.append(at)
        at = octets.find(tag, at + len(tag))
    return found
