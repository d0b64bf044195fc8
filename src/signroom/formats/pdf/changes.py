"""What was changed in a PDF after a revision of it, and whether that is allowed (ISO 32000-1, 12.8.2.2).

Each object that was redefined or removed since must be explained: it means the same as before, or a rule of this list
says that its change is allowed. What is not explained is forbidden. The rules, by the place where they hold:

1. Trailer: /Info and /ID; the catalog's number. Everything else means the same.
2. Catalog: /AcroForm (3), /DSS and /Extensions in any shape (EN 319 142-1, 5.4), /Metadata, /Version, /StructTreeRoot (8).
3. Form: /Fields and /Kids gain signature fields (4); /SigFlags, /DA, /NeedAppearances; /DR gains names; of /XFA the data.
4. A signature field may be added anywhere in the field tree or to a page, or an empty one filled in.
5. Pages: /Annots gains signature fields (4) and comments (7); /Resources, boxes and rotation may move with the same
   content; /Metadata, /LastModified, /PieceInfo, /StructParents, /Tabs.
6. Form fields: the value of a text field or a choice with its appearance; the value and the state of a check box or a
   radio button, never its appearance; nothing of a push button. A field may become read-only. Locked ones stay.
7. Comments are added; where the author allows it, they are changed and removed.
8. Structure tree: its nodes and its parent tree gain entries, none is lost.

Rules change what the eye sees in two cases only: inside the rectangle of a field that was filled in, of a signature or
of a comment. What can reach further (a stream that was redefined, a name that came to life) is told in `Changes.shared`:
the pages that use it must be compared as pictures (`looks`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pikepdf

from signroom.formats.pdf.embedded import (
    Place,
    elements,
    form_fields,
    full_name,
    inherited,
    numbers_of,
    pages,
    place_of,
)
from signroom.formats.pdf.rules import COMMENTS, NOTHING, Rules
from signroom.formats.pdf.sameness import Sameness, TooMuch
from signroom.formats.pdf.syntax import Buffer

Table = dict[Place, int | tuple[int, int]]
"""Where each object is: its offset, or its object stream and its index in there."""
Rule = Callable[[Any, Any], None]
Rectangle = tuple[float, ...]

KINDS_OF_COMMENTS = frozenset(
    [
        "/Text",
        "/FreeText",
        "/Line",
        "/Square",
        "/Circle",
        "/Polygon",
        "/PolyLine",
        "/Highlight",
        "/Underline",
        "/Squiggly",
        "/StrikeOut",
        "/Stamp",
        "/Caret",
        "/Ink",
        "/Popup",
        "/FileAttachment",
    ]
)
_ACTIONS = ("/A", "/AA")
_MAX_DEPTH = 64
_MAX_STEPS = 100_000
_READ_ONLY, _PUSH_BUTTON = 1, 1 << 16
_OF_SIGNING = frozenset(
    ["/V", "/AP", "/F", "/MK", "/M", "/NM", "/DA", "/AS", "/Ff", "/P", "/Rect", "/StructParent", "/Type"]
)
_OF_FILLING = frozenset(["/V", "/RV", "/I", "/M", "/NM", "/DA", "/StructParent"])
_QUIET = frozenset(["/StructParent", "/M"])
_MOVING = frozenset(["/Resources", "/MediaBox", "/CropBox", "/Rotate"])
_OF_NO_CONSEQUENCE = frozenset(["/StructParents", "/Tabs", "/Type"])
_PRIVATE = frozenset(["/Metadata", "/LastModified", "/PieceInfo"])
_MAX_NAMED = 2000


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


def table_of(pdf: pikepdf.Pdf) -> Table:
    return {
        place: (entry.obj_stream_number, entry.obj_stream_index) if entry.type == 2 else entry.offset
        for place, entry in pdf.get_xref_table().items()
    }


def compare(old: pikepdf.Pdf, new: pikepdf.Pdf, tables: tuple[Table, Table], rules: Rules, signed: Buffer) -> Changes:
    """The changes from `old` to `new`, whose cross-reference tables are `tables`; `signed` are the bytes of `old`.

    Raises: Forbidden, TooMuch.
    """
    return _Comparison(old, new, tables, rules).run(signed)


class _Comparison:
    def __init__(self, old: pikepdf.Pdf, new: pikepdf.Pdf, tables: tuple[Table, Table], rules: Rules) -> None:
        self._old, self._new = old, new
        self._before, self._after = tables
        self._rules = rules
        self._same = Sameness()
        self._changed = _changed(*tables)
        self._explained: set[Place] = set()
        self._done: set[tuple[Place, str]] = set()
        self._found = Changes()
        self._removed: set[Place | None] = set()
        """Comments that were removed, where that is allowed."""
        self._left = _MAX_STEPS

    def run(self, signed: Buffer) -> Changes:
        self._trailer()
        come_to_life = self._come_to_life(signed)
        self._found.shared |= come_to_life
        for place in sorted(self._changed):
            self._by_kind(place)
        if self._changed - self._explained or come_to_life:
            self._by_owner(come_to_life)
        unexplained = sorted(self._changed - self._explained - self._removed)
        if unexplained:
            self._require_unused(unexplained)
        return self._found

    # -- the walk ----------------------------------------------------------------------------------

    def _value(self, name: str, rule: Rule, old: Any, new: Any) -> None:
        """Judge a value by the rule of its place, called `name`."""
        self._left -= 1
        if self._left < 0:
            raise TooMuch
        before = place_of(old)
        if before is not None and before == place_of(new):
            if (before, name) in self._done:
                return
            self._done.add((before, name))
            self._explained.add(before)
            rule(old, new)
        elif not self._same.same(old, new):
            rule(old, new)

    def _by_kind(self, place: Place) -> None:
        """Objects that say themselves what they are, or that mean the same as before."""
        old, new = self._old.get_object(place), self._new.get_object(place)
        if place in self._explained:
            return
        if self._same.same_content(old, new):
            self._explained.add(place)
            return
        kind = _kind(old)
        rule: Rule | None = None
        if isinstance(old, pikepdf.Dictionary) and isinstance(new, pikepdf.Dictionary):
            if kind == "/Page":
                rule = partial(self._page, place)
            elif kind == "/Pages":
                raise Forbidden("pages were added, removed or moved")
            elif _is_field(old):
                rule = self._field
            elif kind == "/StructElem" or ("/S" in old and "/K" in old and "/P" in old):
                rule = self._structure_element
            elif "/Nums" in old or ("/Limits" in old and "/Kids" in old):
                rule = self._tree
        elif isinstance(old, pikepdf.Stream) and isinstance(new, pikepdf.Stream):
            if kind in {"/XRef", "/Metadata"} and _kind(new) == kind:
                rule = self._anything
        elif isinstance(old, pikepdf.Array) and isinstance(new, pikepdf.Array) and _is_of_structure(old, new):
            rule = self._kids_of_structure
        if rule is not None:
            self._value(str(getattr(rule, "__name__", kind)), rule, old, new)

    def _by_owner(self, come_to_life: set[Place]) -> None:
        """Objects that only their owners can explain: lists of annotations and fields, appearances."""
        for old in pages(self._old):
            place = place_of(old)
            if place is None or place not in self._after:
                continue
            new = self._new.get_object(place)
            annotations, later = old.get("/Annots"), new.get("/Annots") if isinstance(new, pikepdf.Dictionary) else None
            if place_of(annotations) in self._changed or (later is not None and place_of(later) in come_to_life):
                self._value("annotations", partial(self._annotations, place), annotations, later)
            for node in elements(annotations):
                self._owned(node)
        for one in form_fields(self._old):
            self._owned(one.node)
            above = one.node.get("/Parent")
            if isinstance(above, pikepdf.Dictionary) and place_of(above.get("/Kids")) in self._changed:
                kids = self._new.get_object(place_of(above)).get("/Kids") if place_of(above) else None
                self._value("fields", self._fields, above["/Kids"], kids)

    def _owned(self, old: Any) -> None:
        """The appearance of an annotation that was not itself redefined."""
        place = place_of(old)
        if not isinstance(old, pikepdf.Dictionary) or place is None or place in self._changed:
            return
        parts = (place_of(inherited(old, "/V")), *_places_below(old.get("/AP")))
        if any(part in self._changed for part in parts):
            new = self._new.get_object(place)
            self._field(old, new)

    def _require_unused(self, unexplained: list[Place]) -> None:
        """An object that is gone harms nobody when nothing speaks of it any more. Raises: Forbidden."""
        gone = [place for place in unexplained if place not in self._after]
        for place in unexplained:
            if place in self._after:
                raise Forbidden(_what(self._old.get_object(place)))
        wanted = set(gone)
        for value in self._new.objects:
            for part in _references(value):
                if part in wanted:
                    raise Forbidden("something that the pages or the form use was removed")

    def _come_to_life(self, signed: Buffer) -> set[Place]:
        """New objects that the old revision already spoke of, when they did not exist."""
        added = [place for place in self._after if place not in self._before]
        if not added:
            return set()
        if len(added) > _MAX_NAMED:
            raise TooMuch
        return spoken_of(added, signed, self._old, self._before)

    # -- trailer and catalog -----------------------------------------------------------------------

    def _trailer(self) -> None:
        old, new = self._old.trailer, self._new.trailer
        self._value("catalog", self._catalog, old.get("/Root"), new.get("/Root"))
        self._value("anything", self._anything, old.get("/Info"), new.get("/Info"))
        if not self._same.same(old.get("/Encrypt"), new.get("/Encrypt")):
            raise Forbidden("the encryption was changed")

    def _catalog(self, old: Any, new: Any) -> None:
        for key in _keys(old, new):
            before, after = old.get(key), new.get(key)
            match key:
                case "/AcroForm":
                    self._value("form", self._form, before, after)
                case "/DSS" | "/Extensions" | "/Metadata":
                    self._value("anything", self._anything, before, after)
                case "/StructTreeRoot":
                    self._value("structure", self._structure, before, after)
                case "/Version":
                    if not isinstance(after, pikepdf.Name):
                        raise Forbidden("the version was changed")
                case _:
                    self._require_same(before, after, f"{key} of the catalog was changed")

    def _anything(self, old: Any, _new: Any) -> None:
        """What nobody sees: all of it may change, and pages that use a part of it are looked at."""
        for place in _places_below(old):
            if place in self._changed and not _has_rules_of_its_own(self._old.get_object(place)):
                self._explained.add(place)
                self._found.shared.add(place)

    # -- form --------------------------------------------------------------------------------------

    def _form(self, old: Any, new: Any) -> None:
        if not isinstance(new, pikepdf.Dictionary):
            raise Forbidden("the form was removed")
        old = old if isinstance(old, pikepdf.Dictionary) else pikepdf.Dictionary()
        for key in _keys(old, new):
            before, after = old.get(key), new.get(key)
            match key:
                case "/Fields":
                    self._value("fields", self._fields, before, after)
                case "/DR":
                    self._value("resources", self._resources, before, after)
                case "/XFA":
                    self._value("xfa", self._xfa, before, after)
                case "/SigFlags" | "/DA" | "/NeedAppearances":
                    pass
                case _:
                    self._require_same(before, after, f"{key} of the form was changed")

    def _fields(self, old: Any, new: Any) -> None:
        """A list of fields or of a field's kids."""
        for before, after in self._members(elements(old), elements(new), "a form field was removed"):
            if before is None:
                self._new_field(after, 0)
            else:
                self._field(before, after)

    def _members(self, first: list[Any], second: list[Any], gone: str) -> list[tuple[Any, Any]]:
        """(None, added) and (before, after) pairs of two lists; those that are the same are left out.

        Raises: Forbidden with the text `gone` when one is missing.
        """
        known = {place for value in first if (place := place_of(value)) is not None}
        kept = {place for value in second if (place := place_of(value)) is not None}
        found: list[tuple[Any, Any]] = []
        inside_before = [value for value in first if place_of(value) is None and value is not None]
        inside_after = [value for value in second if place_of(value) is None and value is not None]
        if len(inside_after) < len(inside_before) or not known <= kept:
            raise Forbidden(gone)
        for before, after in zip(inside_before, inside_after, strict=False):
            if not self._same.same(before, after):
                found.append((before, after))
        added = [value for value in second if (place := place_of(value)) is not None and place not in known]
        return found + [(None, value) for value in (*inside_after[len(inside_before) :], *added)]

    def _new_field(self, node: Any, depth: int) -> None:
        """Raises: Forbidden unless it is a signature field, or a parent of such fields only."""
        if not isinstance(node, pikepdf.Dictionary) or depth > _MAX_DEPTH:
            raise Forbidden("a form field was added that is none")
        kids = [kid for kid in elements(node.get("/Kids")) if isinstance(kid, pikepdf.Dictionary)]
        if inherited(node, "/FT") != "/Sig" and (not kids or "/FT" in node):
            raise Forbidden("a form field was added")
        if any(key in node for key in _ACTIONS):
            raise Forbidden("a field with an action was added")
        self._sign(node)
        for kid in kids:
            self._new_field(kid, depth + 1)

    def _sign(self, node: Any) -> None:
        """A signature field that is new, or filled in."""
        value = inherited(node, "/V")
        is_timestamp = isinstance(value, pikepdf.Dictionary) and value.get("/SubFilter") == "/ETSI.RFC3161"
        is_leaf = inherited(node, "/FT") == "/Sig"
        if is_leaf and not is_timestamp:
            if self._rules.level == NOTHING:
                raise Forbidden("a signature was added, and the file allows no further ones")
            if self._rules.locks_field(full_name(node)):
                raise Forbidden("a signature was added in a field that is locked")
        self._found.signed = True
        place = place_of(node)
        if place is not None:
            self._found.signatures.add(place)

    def _resources(self, old: Any, new: Any) -> None:
        """Resources of the form gain names."""
        place = place_of(old)
        if place in self._changed:
            self._found.shared.add(place)
        for key in _keys(old, new):
            before = old.get(key) if isinstance(old, pikepdf.Dictionary) else None
            after = new.get(key) if isinstance(new, pikepdf.Dictionary) else None
            if before is None or self._same.same(before, after):
                self._explain(before)
                continue
            if not isinstance(before, pikepdf.Dictionary) or not isinstance(after, pikepdf.Dictionary):
                raise Forbidden("a resource of the form was changed")
            self._explain(before)
            for name in before.keys():  # noqa: SIM118  # a dictionary of a PDF is none of Python's
                self._require_same(before[name], after.get(name), "a resource of the form was changed")

    def _explain(self, value: Any) -> None:
        """A category of resources that stands by itself: it may gain names, and pages may use it too."""
        place = place_of(value)
        if place in self._changed and isinstance(self._new.get_object(place), pikepdf.Dictionary):
            after = self._new.get_object(place)
            for name in value.keys():  # noqa: SIM118
                self._require_same(value[name], after.get(name), "a resource of the form was changed")
            self._explained.add(place)
            self._found.shared.add(place)

    def _xfa(self, old: Any, new: Any) -> None:
        """The data of an XFA form, where it comes in parts: datasets and form (XFA 3.3)."""
        first, second = elements(old), elements(new)
        if len(first) != len(second) or len(first) % 2:
            raise Forbidden("the XFA form was changed")
        for at in range(0, len(first), 2):
            part, before, after = first[at], first[at + 1], second[at + 1]
            self._require_same(part, second[at], "the XFA form was changed")
            place = place_of(before)
            is_changed = place != place_of(after) or place in self._changed
            if is_changed and not self._same.same_content(before, after):
                if str(part) not in {"datasets", "form"} or self._rules.level == NOTHING:
                    raise Forbidden("the XFA form was changed")
                self._found.filled = True
                self._anything(before, after)

    # -- fields and annotations --------------------------------------------------------------------

    def _field(self, old: Any, new: Any) -> None:
        """A field, a widget or another annotation that was there before."""
        if not isinstance(new, pikepdf.Dictionary):
            raise Forbidden("a form field or an annotation was removed")
        kind, subtype = inherited(old, "/FT"), old.get("/Subtype")
        changed = {key for key in _keys(old, new) if not self._same.same(old.get(key), new.get(key))}
        if any(part in self._changed for part in _places_below(old.get("/AP"))):
            changed.add("/AP")
        if place_of(old.get("/V")) in self._changed and kind != "/Sig":
            changed.add("/V")
        if kind is None and subtype is not None and subtype != "/Widget":
            self._annotation(old, new, changed)
            return
        changed = self._list_of_kids(old, new, changed)
        if not changed:
            return
        match kind:
            case "/Sig":
                self._signature_field(old, new, changed)
            case "/Tx" | "/Ch" | "/Btn":
                self._form_field(str(kind), old, new, changed)
            case _:
                if changed - _QUIET - {"/V"}:
                    raise Forbidden("a form field was changed")
                self._fill(new)

    def _list_of_kids(self, old: Any, new: Any, changed: set[str]) -> set[str]:
        before = old.get("/Kids")
        if "/Kids" in changed or place_of(before) in self._changed:
            self._value("fields", self._fields, before, new.get("/Kids"))
        return changed - {"/Kids"}

    def _annotation(self, old: Any, new: Any, changed: set[str]) -> None:
        is_comment = str(old.get("/Subtype")) in KINDS_OF_COMMENTS and old.get("/Subtype") == new.get("/Subtype")
        if is_comment and self._rules.level == COMMENTS and not changed & set(_ACTIONS):
            self._anything(old.get("/AP"), None)
            self._comment(new)
        elif changed - _QUIET - ({"/Popup", "/NM"} if is_comment else set()):
            raise Forbidden("a comment was changed" if is_comment else "an annotation was changed")

    def _signature_field(self, old: Any, new: Any, changed: set[str]) -> None:
        before = inherited(old, "/V")
        if isinstance(before, pikepdf.Dictionary) and "/Contents" in before:
            if changed - _QUIET:
                raise Forbidden("an earlier signature was changed or removed")
            return
        if changed - _OF_SIGNING:
            raise Forbidden("a signature field was changed")
        self._anything(before, None)
        self._anything(old.get("/AP"), None)
        self._sign(new)

    def _form_field(self, kind: str, old: Any, new: Any, changed: set[str]) -> None:
        flags = inherited(old, "/Ff")
        is_push_button = kind == "/Btn" and isinstance(flags, int) and bool(flags & _PUSH_BUTTON)
        if "/Ff" in changed and _became_read_only(flags, inherited(new, "/Ff")):
            changed = changed - {"/Ff"}
        if not changed - _QUIET:
            return
        if is_push_button:
            raise Forbidden("a button was changed")
        if changed - _OF_FILLING - {"/AP", "/AS"} or kind != str(inherited(new, "/FT")):
            raise Forbidden("a form field was changed in more than its value")
        is_filled = self._has_another_value(inherited(old, "/V"), inherited(new, "/V"))
        if "/AP" in changed:
            if kind == "/Btn":
                raise Forbidden("a check box or a radio button looks different")
            self._appearance(old, new, is_filled=is_filled)
        if "/AS" in changed and (kind != "/Btn" or not is_filled):
            raise Forbidden("a form field shows another state than its value")
        if is_filled:
            self._fill(new)

    def _has_another_value(self, old: Any, new: Any) -> bool:
        place = place_of(old)
        if place in self._changed and place == place_of(new):
            self._explained.add(place)
            self._found.shared.add(place)
            return not self._same.same_content(old, new)
        return not self._same.same(old, new)

    def _appearance(self, old: Any, new: Any, *, is_filled: bool) -> None:
        self._anything(old.get("/AP"), None)
        place = place_of(new)
        if place is None:
            raise Forbidden("a form field looks different")
        if not is_filled:  # programs draw fields again that nobody filled in: they must look as before
            self._found.redrawn.add(place)

    def _fill(self, node: Any) -> None:
        if self._rules.level == NOTHING:
            raise Forbidden("a form was filled in")
        if self._rules.locks_field(full_name(node)):
            raise Forbidden("a locked form field was filled in")
        self._found.filled = True
        for one in (node, *elements(node.get("/Kids"))):
            place = place_of(one)
            if place is not None:
                self._found.spots.add(place)

    def _comment(self, node: Any) -> None:
        self._found.commented = True
        place = place_of(node)
        if place is not None:
            self._found.spots.add(place)
            self._found.comments.add(place)

    # -- pages -------------------------------------------------------------------------------------

    def _page(self, place: Place, old: Any, new: Any) -> None:
        for key in _keys(old, new):
            before, after = old.get(key), new.get(key)
            if key == "/Annots":
                self._value("annotations", partial(self._annotations, place), before, after)
            elif key in _MOVING:
                self._require_same(inherited(old, key), inherited(new, key), f"{key} of a page was changed")
            elif key in _PRIVATE:
                self._anything(before, after)
            elif key not in _OF_NO_CONSEQUENCE:
                self._require_same(before, after, f"{key} of a page was changed")

    def _annotations(self, page: Place, old: Any, new: Any) -> None:
        earlier, later = elements(old), elements(new)
        if self._rules.level == COMMENTS:
            earlier = self._without_removed_comments(earlier, later)
        for before, after in self._members(earlier, later, "an annotation was removed"):
            if before is not None:
                self._field(before, after)
                continue
            if not isinstance(after, pikepdf.Dictionary):
                raise Forbidden("an annotation was added that is none")
            if inherited(after, "/FT") is not None or after.get("/Subtype") == "/Widget":
                self._new_field(after, 0)
            else:
                self._new_comment(page, after)
        first = [place for value in earlier if (place := place_of(value)) is not None]
        known = set(first)
        if first != [place for value in later if (place := place_of(value)) in known]:
            raise Forbidden("annotations lie in another order above each other")

    def _new_comment(self, page: Place, node: Any) -> None:
        if str(node.get("/Subtype")) not in KINDS_OF_COMMENTS or any(key in node for key in _ACTIONS):
            raise Forbidden("an annotation was added that is no comment")
        if self._rules.level is not None and self._rules.level != COMMENTS:
            raise Forbidden("a comment was added")
        self._comment(node)
        if place_of(node) is None:
            self._found.rectangles.setdefault(page, []).append(numbers_of(node.get("/Rect")))

    def _without_removed_comments(self, earlier: list[Any], later: list[Any]) -> list[Any]:
        kept = {place_of(value) for value in later}
        found = []
        for value in earlier:
            is_comment = isinstance(value, pikepdf.Dictionary) and str(value.get("/Subtype")) in KINDS_OF_COMMENTS
            if is_comment and place_of(value) is not None and place_of(value) not in kept:
                self._comment(value)
                self._removed |= {place_of(value), *_places_below(value.get("/AP"))} & self._changed
            else:
                found.append(value)
        return found

    # -- structure ---------------------------------------------------------------------------------

    def _structure(self, old: Any, new: Any) -> None:
        if not isinstance(old, pikepdf.Dictionary) or not isinstance(new, pikepdf.Dictionary):
            raise Forbidden("the document's tags were added or removed")
        for key in _keys(old, new):
            before, after = old.get(key), new.get(key)
            match key:
                case "/K":
                    self._value("kids", self._kids_of_structure, before, after)
                case "/ParentTree" | "/IDTree":
                    self._value("tree", self._tree, before, after)
                case "/ParentTreeNextKey" | "/Type":
                    pass
                case "/RoleMap" | "/ClassMap":
                    self._value("roles", self._gains, before, after)
                case _:
                    self._require_same(before, after, "the document's tags were changed")

    def _structure_element(self, old: Any, new: Any) -> None:
        if isinstance(old.get("/K"), int):  # so does a dictionary with the parameters of a filter look
            self._found.shared |= {place_of(old)} & self._changed  # type: ignore[operator]
        for key in _keys(old, new):
            if key == "/K":
                self._value("kids", self._kids_of_structure, old.get(key), new.get(key))
            else:
                self._require_same(old.get(key), new.get(key), "the document's tags were changed")

    def _kids_of_structure(self, old: Any, new: Any) -> None:
        first = elements(old) if isinstance(old, pikepdf.Array) else [] if old is None else [old]
        second = elements(new) if isinstance(new, pikepdf.Array) else [] if new is None else [new]
        at = 0
        for value in first:
            while at < len(second) and not self._same.same(value, second[at]):
                at += 1
            if at == len(second):
                raise Forbidden("some of the document's tags were removed")
            at += 1

    def _tree(self, old: Any, new: Any) -> None:
        """A node of a number or a name tree gains entries (7.9.6, 7.9.7)."""
        if not isinstance(old, pikepdf.Dictionary) or not isinstance(new, pikepdf.Dictionary):
            raise Forbidden("the document's tags were removed")
        for key in ("/Nums", "/Names"):
            before, after = elements(old.get(key)), elements(new.get(key))
            later = {_sortable(name): value for name, value in zip(after[::2], after[1::2], strict=False)}
            if place_of(old.get(key)) in self._changed:
                self._explained.add(place_of(old.get(key)))  # type: ignore[arg-type]
            for name, value in zip(before[::2], before[1::2], strict=False):
                found = later.get(_sortable(name))
                if isinstance(value, pikepdf.Array) and isinstance(found, pikepdf.Array):
                    self._value("kids", self._kids_of_structure, value, found)
                else:
                    self._require_same(value, found, "some of the document's tags were changed")
        kept = {place_of(kid) for kid in elements(new.get("/Kids"))}
        if any(place_of(kid) not in kept for kid in elements(old.get("/Kids"))):
            raise Forbidden("some of the document's tags were removed")

    def _gains(self, old: Any, new: Any) -> None:
        if isinstance(old, pikepdf.Dictionary):
            for key in old.keys():  # noqa: SIM118
                after = new.get(key) if isinstance(new, pikepdf.Dictionary) else None
                self._require_same(old[key], after, "the document's tags were changed")

    def _require_same(self, old: Any, new: Any, what: str) -> None:
        if not self._same.same(old, new):
            raise Forbidden(what)


# -- helpers ---------------------------------------------------------------------------------------


def _changed(before: Table, after: Table) -> set[Place]:
    """Objects whose place is another one or none; those in an object stream that was redefined count too."""
    found = {place for place, where in before.items() if after.get(place) != where}
    streams = {number for number, _ in found}
    return found | {place for place, where in before.items() if isinstance(where, tuple) and where[0] in streams}


def spoken_of(added: Iterable[Place], signed: Buffer, old: pikepdf.Pdf, before: Table) -> set[Place]:
    """Those of `added` that a reference in `signed` may mean. One too many is looked at in vain, and that is all."""
    by_front: dict[int, list[Place]] = {}
    for place in added:
        by_front.setdefault(place[0] // 10, []).append(place)
    streams = [old.get_object((number, 0)) for number in {w[0] for w in before.values() if isinstance(w, tuple)}]
    packed = [data for stream in streams if (data := _data(stream))]
    found: set[Place] = set()
    for front, places in by_front.items():
        digits = b"".join(b"%d" % (number % 10) for number, _ in places)
        space = rb"(?:[\0\t\n\f\r ]|%[^\r\n]*[\r\n])+"
        start = b"%d" % front if front else b""
        pattern = re.compile(start + b"([" + digits + b"])" + space + rb"\d+" + space + b"R")
        last = {int(match[1]) for data in (signed, *packed) for match in pattern.finditer(data)}
        found |= {place for place in places if place[0] % 10 in last}
    return found


def _data(stream: Any) -> bytes:
    try:
        return bytes(stream.read_bytes()) if isinstance(stream, pikepdf.Stream) else b""
    except pikepdf.PdfError:
        return b""


def _keys(old: Any, new: Any) -> list[str]:
    found = {key for value in (old, new) if isinstance(value, pikepdf.Dictionary) for key in value.keys()}  # noqa: SIM118
    return sorted(found)


def _kind(value: Any) -> str:
    if isinstance(value, pikepdf.Stream):
        value = value.stream_dict
    return str(value.get("/Type", "")) if isinstance(value, pikepdf.Dictionary) else ""


def _is_field(value: Any) -> bool:
    if value.get("/Subtype") is not None and value.get("/Type") in {None, "/Annot"} and "/Rect" in value:
        return True
    return inherited(value, "/FT") is not None or ("/T" in value and "/Kids" in value)


def _has_rules_of_its_own(value: Any) -> bool:
    """What matters wherever it is: no list of validation data excuses a change of it."""
    if not isinstance(value, pikepdf.Dictionary):
        return False
    return _kind(value) in {"/Page", "/Pages", "/Catalog", "/Annot", "/OCG"} or _is_field(value)


def _is_of_structure(old: Any, new: Any) -> bool:
    """Arrays of structure elements, and of references from them to objects and marked content."""
    return all(
        isinstance(value, pikepdf.Dictionary)
        and ("/S" in value or value.get("/Type") in {"/StructElem", "/OBJR", "/MCR"})
        for one in (old, new)
        for value in elements(one)
        if value is not None and not isinstance(value, int)
    )


def _became_read_only(old: Any, new: Any) -> bool:
    before = old if isinstance(old, int) else 0
    return isinstance(new, int) and new == before | _READ_ONLY


def _sortable(value: Any) -> Any:
    return bytes(value) if isinstance(value, pikepdf.String) else value


def _places_below(value: Any) -> Iterable[Place]:
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
            if _kind(found) in {"/Page", "/Pages", "/Catalog"}:
                continue
            waiting += [(found[key], depth + 1) for key in found.keys() if key not in {"/Parent", "/P"}]  # noqa: SIM118
        elif isinstance(found, pikepdf.Array):
            waiting += [(one, depth + 1) for one in found]


_REFERENCE = re.compile(rb"(\d{1,10}) (\d{1,5}) R")


def _references(value: Any) -> list[Place]:
    """What an object refers to; text that looks like a reference counts too."""
    if isinstance(value, pikepdf.Stream):
        value = value.stream_dict
    if not isinstance(value, pikepdf.Dictionary | pikepdf.Array):
        return []
    return [(int(number), int(generation)) for number, generation in _REFERENCE.findall(value.unparse(resolved=True))]


def _what(value: Any) -> str:
    """A redefined object that nothing explains, in words."""
    if isinstance(value, pikepdf.Stream):
        kind = str(value.stream_dict.get("/Subtype", ""))
        if kind == "/Form":
            return "something that is drawn on a page or in a field was changed"
        return "a picture was changed" if kind == "/Image" else "the content of a page or another stream was changed"
    kind = _kind(value).strip("/")
    return f"an object of the kind {kind[:40]} was changed" if kind else "an object was changed that nothing explains"
