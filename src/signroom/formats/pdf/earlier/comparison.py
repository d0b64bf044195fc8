"""The frame in which two revisions of a PDF are compared: what was redefined, what is explained, what was found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pikepdf

from signroom.formats.pdf.earlier.embedded import inherited, place_of
from signroom.formats.pdf.earlier.places import Place, Table
from signroom.formats.pdf.earlier.reach import kind_of, places_below
from signroom.formats.pdf.earlier.rules import Rules
from signroom.formats.pdf.earlier.sameness import Sameness, TooMuch

Rule = Callable[[Any, Any], None]
Rectangle = tuple[float, ...]

_MAX_STEPS = 100_000


class Forbidden(Exception):
    """A change that no rule allows. Its text says which, in plain words."""


@dataclass(slots=True)
class Changes:
    """Allowed changes, and where they may be seen."""

    filled: bool = False
    """A form field has another value."""
    commented: bool = False
    signed: bool = False
    """A signature field was added or filled in."""
    uncovered: bool = False
    """A signature field that showed something shows something else since it was filled in."""
    spots: set[Place] = field(default_factory=set)
    """Fields that were filled in, and comments: inside their rectangles pages may differ."""
    signatures: set[Place] = field(default_factory=set)
    """Signature fields that were added or filled in: the same, and by their nature nowhere else."""
    comments: set[Place] = field(default_factory=set)
    """Those of `spots` that are comments."""
    rectangles: dict[Place, list[Rectangle]] = field(default_factory=dict)
    """Page -> those of comments that are no objects of their own."""
    redrawn: set[Place] = field(default_factory=set)
    """Fields with another appearance and the same value: they must look the same."""
    shared: set[Place] = field(default_factory=set)
    """Objects that were changed by a rule and that pages may use as well."""


class Comparison:
    """`old` and `new` are the revisions, `before` and `after` their tables."""

    def __init__(self, old: pikepdf.Pdf, new: pikepdf.Pdf, tables: tuple[Table, Table], rules: Rules) -> None:
        self.old, self.new = old, new
        self.before, self.after = tables
        self.rules = rules
        self.same = Sameness()
        self.changed = _changed(*tables)
        """Objects of `old` that were redefined or removed."""
        self.explained: set[Place] = set()
        """Those that a rule has judged."""
        self.removed: set[Place] = set()
        """Comments that were removed, where that is allowed."""
        self.found = Changes()
        self._done: set[tuple[Place, str]] = set()
        self._left = _MAX_STEPS

    def value(self, name: str, rule: Rule, old: Any, new: Any) -> None:
        """Judge a value by the rule of its place, called `name`."""
        self._left -= 1
        if self._left < 0:
            raise TooMuch
        before = place_of(old)
        if before is not None and before == place_of(new):
            if (before, name) in self._done:
                return
            self._done.add((before, name))
            self.explained.add(before)
            rule(old, new)
        elif not self.same.same(old, new):
            rule(old, new)

    def require_same(self, old: Any, new: Any, what: str) -> None:
        if not self.same.same(old, new):
            raise Forbidden(what)

    def anything(self, old: Any, _new: Any) -> None:
        """What nobody sees: all of it may change, and pages that use a part of it are looked at."""
        for place in places_below(old):
            if place in self.changed and not _has_rules_of_its_own(self.old.get_object(place)):
                self.explained.add(place)
                self.found.shared.add(place)

    def members(self, first: list[Any], second: list[Any], gone: str) -> list[tuple[Any, Any]]:
        """(None, added) and (before, after) pairs of two lists (`listed`); those that are the same are left out.

        Raises: Forbidden with the text `gone` when one is missing.
        """
        known = {value for value in first if isinstance(value, tuple)}
        second_places = [value for value in second if isinstance(value, tuple)]
        inside_before = [value for value in first if isinstance(value, pikepdf.Object)]
        inside_after = [value for value in second if isinstance(value, pikepdf.Object)]
        if len(inside_after) < len(inside_before) or not known <= set(second_places):
            raise Forbidden(gone)
        found: list[tuple[Any, Any]] = [
            (before, after)
            for before, after in zip(inside_before, inside_after, strict=False)
            if not self.same.same(before, after)
        ]
        added = [self.new.get_object(place) for place in dict.fromkeys(second_places) if place not in known]
        return found + [(None, value) for value in (*inside_after[len(inside_before) :], *added)]


def _changed(before: Table, after: Table) -> set[Place]:
    """Objects whose place is another one or none; those in an object stream that was redefined count too."""
    found = {place for place, where in before.items() if after.get(place) != where}
    streams = {number for number, _ in found}
    return found | {place for place, where in before.items() if isinstance(where, tuple) and where[0] in streams}


def is_field(value: Any) -> bool:
    if value.get("/Subtype") is not None and value.get("/Type") in {None, "/Annot"} and "/Rect" in value:
        return True
    return inherited(value, "/FT") is not None or ("/T" in value and "/Kids" in value)


def _has_rules_of_its_own(value: Any) -> bool:
    """What matters wherever it is: no list of validation data excuses a change of it."""
    if not isinstance(value, pikepdf.Dictionary):
        return False
    return kind_of(value) in {"/Page", "/Pages", "/Catalog", "/Annot", "/OCG"} or is_field(value)
