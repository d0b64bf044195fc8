"""The signature fields of a form that hold a signature, wherever they are in its tree (ISO 32000-1, 12.7.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pikepdf

from signroom.domain.errors import PdfTooComplex
from signroom.formats.pdf import entries

_MAX_FIELDS = 100_000
"""Each costs some 10 us."""
_DEEPEST = 64
"""Levels of a form's tree."""


@dataclass(frozen=True, slots=True)
class FilledField:
    """A field with a signature or a document timestamp in it."""

    name: str
    """With the names of the fields above it (12.7.3.2)."""
    field: pikepdf.Object
    signature: pikepdf.Object

    @property
    def is_timestamp(self) -> bool:
        """A document timestamp (EN 319 142-1, 5.4.3): its /Type is a later habit than its /SubFilter."""
        kinds = entries.name(self.signature, "/Type"), entries.name(self.signature, "/SubFilter")
        return kinds[0] == "DocTimeStamp" or kinds[1] == "ETSI.RFC3161"


@dataclass(frozen=True, slots=True)
class _Node:
    """A field or widget, and what it inherits."""

    value: Any
    path: tuple[str, ...]
    kind: str | None
    signature: pikepdf.Object | None
    level: int


def filled_fields(pdf: pikepdf.Pdf) -> Iterator[FilledField]:
    """In the order of the tree. A dictionary without /Contents is no signature, only the room for one.

    Raises: PdfTooComplex.
    """
    form = entries.dictionary(pdf.Root, "/AcroForm")
    waiting = [_Node(value, (), None, None, 0) for value in entries.elements(form, "/Fields", _MAX_FIELDS)]
    waiting.reverse()
    seen: set[tuple[int, int]] = set()
    count = 0
    while waiting:
        node = waiting.pop()
        if not entries.is_dictionary(node.value) or (node.value.is_indirect and node.value.objgen in seen):
            continue
        seen.add(node.value.objgen)
        count += 1
        if count > _MAX_FIELDS or node.level > _DEEPEST:
            raise PdfTooComplex("The form has too many fields, or too many levels of them.")
        kind = entries.name(node.value, "/FT") or node.kind
        if kind != "Sig" and not entries.is_array(entries.entry(node.value, "/Kids")):
            continue  # most fields are of this kind
        partial = entries.text(node.value, "/T")
        path = node.path if partial is None else (*node.path, partial)
        signature = entries.dictionary(node.value, "/V") or node.signature
        if kind == "Sig" and signature is not None and _is_filled(signature):
            yield FilledField(".".join(path), node.value, signature)
            signature = None  # its widgets are below
        kids = [
            _Node(value, path, kind, signature, node.level + 1)
            for value in entries.elements(node.value, "/Kids", _MAX_FIELDS)
        ]
        waiting.extend(reversed(kids))


def _is_filled(signature: pikepdf.Object) -> bool:
    return isinstance(entries.entry(signature, "/Contents"), pikepdf.String)
