"""Rules for what may change in a document's tags (ISO 32000-1, 14.7): they gain entries, and lose none."""

from __future__ import annotations

from typing import Any

import pikepdf

from signroom.formats.pdf.earlier.comparison import Comparison, Forbidden
from signroom.formats.pdf.earlier.embedded import elements, place_of
from signroom.formats.pdf.earlier.reach import keys_of


class TagRules:
    """Each rule gets a value of the old and of the new revision. Raises: Forbidden."""

    def __init__(self, comparison: Comparison) -> None:
        self._of = comparison

    def structure(self, old: Any, new: Any) -> None:
        if not isinstance(old, pikepdf.Dictionary) or not isinstance(new, pikepdf.Dictionary):
            raise Forbidden("the document's tags were added or removed")
        for key in keys_of(old, new):
            before, after = old.get(key), new.get(key)
            match key:
                case "/K":
                    self._of.value("kids", self.kids_of_structure, before, after)
                case "/ParentTree" | "/IDTree":
                    self._of.value("tree", self.tree, before, after)
                case "/ParentTreeNextKey" | "/Type":
                    pass
                case "/RoleMap" | "/ClassMap":
                    self._of.value("roles", self._gains, before, after)
                case _:
                    self._of.require_same(before, after, "the document's tags were changed")

    def structure_element(self, old: Any, new: Any) -> None:
        if isinstance(old.get("/K"), int):  # so does a dictionary with the parameters of a filter look
            self._of.found.shared |= {place for place in (place_of(old),) if place is not None}
        for key in keys_of(old, new):
            if key == "/K":
                self._of.value("kids", self.kids_of_structure, old.get(key), new.get(key))
            else:
                self._of.require_same(old.get(key), new.get(key), "the document's tags were changed")

    def kids_of_structure(self, old: Any, new: Any) -> None:
        first = elements(old) if isinstance(old, pikepdf.Array) else [] if old is None else [old]
        second = elements(new) if isinstance(new, pikepdf.Array) else [] if new is None else [new]
        at = 0
        for value in first:
            while at < len(second) and not self._of.same.same(value, second[at]):
                at += 1
            if at == len(second):
                raise Forbidden("some of the document's tags were removed")
            at += 1

    def tree(self, old: Any, new: Any) -> None:
        """A node of a number or a name tree gains entries (7.9.6, 7.9.7)."""
        if not isinstance(old, pikepdf.Dictionary) or not isinstance(new, pikepdf.Dictionary):
            raise Forbidden("the document's tags were removed")
        for key in ("/Nums", "/Names"):
            before, after = elements(old.get(key)), elements(new.get(key))
            later = {_sortable(name): value for name, value in zip(after[::2], after[1::2], strict=False)}
            if place_of(old.get(key)) in self._of.changed:
                self._of.explained.add(place_of(old.get(key)))  # type: ignore[arg-type]
            for name, value in zip(before[::2], before[1::2], strict=False):
                found = later.get(_sortable(name))
                if isinstance(value, pikepdf.Array) and isinstance(found, pikepdf.Array):
                    self._of.value("kids", self.kids_of_structure, value, found)
                else:
                    self._of.require_same(value, found, "some of the document's tags were changed")
        kept = {place_of(kid) for kid in elements(new.get("/Kids"))}
        if any(place_of(kid) not in kept for kid in elements(old.get("/Kids"))):
            raise Forbidden("some of the document's tags were removed")

    def _gains(self, old: Any, new: Any) -> None:
        if isinstance(old, pikepdf.Dictionary):
            for key in old.keys():  # noqa: SIM118
                after = new.get(key) if isinstance(new, pikepdf.Dictionary) else None
                self._of.require_same(old[key], after, "the document's tags were changed")


def are_of_structure(old: Any, new: Any) -> bool:
    """Arrays of structure elements, and of references from them to objects and marked content."""
    return all(
        isinstance(value, pikepdf.Dictionary)
        and ("/S" in value or value.get("/Type") in {"/StructElem", "/OBJR", "/MCR"})
        for one in (old, new)
        for value in elements(one)
        if value is not None and not isinstance(value, int)
    )


def _sortable(value: Any) -> Any:
    return bytes(value) if isinstance(value, pikepdf.String) else value
