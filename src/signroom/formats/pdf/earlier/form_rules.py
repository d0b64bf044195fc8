"""Rules for what may change in a form, in its fields, and in the annotations of pages (ISO 32000-1, 12.5, 12.7).

The list of all rules is in `changes`.
"""

from __future__ import annotations

from typing import Any

import pikepdf

from signroom.formats.pdf.earlier.comparison import Comparison, Forbidden
from signroom.formats.pdf.earlier.embedded import elements, full_name, inherited, listed, numbers_of, place_of
from signroom.formats.pdf.earlier.places import Place
from signroom.formats.pdf.earlier.reach import keys_of, places_below
from signroom.formats.pdf.earlier.rules import COMMENTS, NOTHING
from signroom.formats.pdf.widget_looks import shows_something

KINDS_OF_COMMENTS = frozenset(
    {
        "/Caret",
        "/Circle",
        "/FileAttachment",
        "/FreeText",
        "/Highlight",
        "/Ink",
        "/Line",
        "/PolyLine",
        "/Polygon",
        "/Popup",
        "/Square",
        "/Squiggly",
        "/Stamp",
        "/StrikeOut",
        "/Text",
        "/Underline",
    }
)
_ACTIONS = ("/A", "/AA")
_MAX_DEPTH = 64
_READ_ONLY, _PUSH_BUTTON = 1, 1 << 16
_OF_SIGNING = frozenset(
    ["/V", "/AP", "/F", "/MK", "/M", "/NM", "/DA", "/AS", "/Ff", "/P", "/Rect", "/StructParent", "/Type"]
)
_OF_FILLING = frozenset(["/V", "/RV", "/I", "/M", "/NM", "/DA", "/StructParent"])
_QUIET = frozenset(["/StructParent", "/M"])


class FormRules:
    """Each rule gets a value of the old and of the new revision. Raises: Forbidden."""

    def __init__(self, comparison: Comparison) -> None:
        self._of = comparison

    def form(self, old: Any, new: Any) -> None:
        if not isinstance(new, pikepdf.Dictionary):
            raise Forbidden("the form was removed")
        old = old if isinstance(old, pikepdf.Dictionary) else pikepdf.Dictionary()
        for key in keys_of(old, new):
            before, after = old.get(key), new.get(key)
            match key:
                case "/Fields":
                    self._of.value("fields", self.fields, before, after)
                case "/DR":
                    self._of.value("resources", self._resources, before, after)
                case "/XFA":
                    self._of.value("xfa", self._xfa, before, after)
                case "/SigFlags" | "/DA" | "/NeedAppearances":
                    pass
                case _:
                    self._of.require_same(before, after, f"{key} of the form was changed")

    def fields(self, old: Any, new: Any) -> None:
        """A list of fields or of a field's kids."""
        for before, after in self._of.members(listed(old), listed(new), "a form field was removed"):
            if before is None:
                self._new_field(after, 0)
            else:
                self.field(before, after)

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
            if self._of.rules.level == NOTHING:
                raise Forbidden("a signature was added, and the file allows no further ones")
            if self._of.rules.locks_field(full_name(node)):
                raise Forbidden("a signature was added in a field that is locked")
        self._of.found.signed = True
        place = place_of(node)
        if place is not None:
            self._of.found.signatures.add(place)

    def _resources(self, old: Any, new: Any) -> None:
        """Resources of the form gain names."""
        place = place_of(old)
        if place in self._of.changed:
            self._of.found.shared.add(place)
        for key in keys_of(old, new):
            before = old.get(key) if isinstance(old, pikepdf.Dictionary) else None
            after = new.get(key) if isinstance(new, pikepdf.Dictionary) else None
            if before is None or self._of.same.same(before, after):
                self._explain(before)
                continue
            if not isinstance(before, pikepdf.Dictionary) or not isinstance(after, pikepdf.Dictionary):
                raise Forbidden("a resource of the form was changed")
            self._explain(before)
            for name in before.keys():  # noqa: SIM118  # a dictionary of a PDF is none of Python's
                self._of.require_same(before[name], after.get(name), "a resource of the form was changed")

    def _explain(self, value: Any) -> None:
        """A category of resources that stands by itself: it may gain names, and pages may use it too."""
        place = place_of(value)
        if place in self._of.changed and isinstance(self._of.new.get_object(place), pikepdf.Dictionary):
            after = self._of.new.get_object(place)
            for name in value.keys():  # noqa: SIM118
                self._of.require_same(value[name], after.get(name), "a resource of the form was changed")
            self._of.explained.add(place)
            self._of.found.shared.add(place)

    def _xfa(self, old: Any, new: Any) -> None:
        """The data of an XFA form, where it comes in parts: datasets and form (XFA 3.3)."""
        first, second = elements(old), elements(new)
        if len(first) != len(second) or len(first) % 2:
            raise Forbidden("the XFA form was changed")
        for at in range(0, len(first), 2):
            part, before, after = first[at], first[at + 1], second[at + 1]
            self._of.require_same(part, second[at], "the XFA form was changed")
            place = place_of(before)
            is_changed = place != place_of(after) or place in self._of.changed
            if is_changed and not self._of.same.same_content(before, after):
                if str(part) not in {"datasets", "form"} or self._of.rules.level == NOTHING:
                    raise Forbidden("the XFA form was changed")
                self._of.found.filled = True
                self._of.anything(before, after)

    def field(self, old: Any, new: Any) -> None:
        """A field, a widget or another annotation that was there before."""
        if not isinstance(new, pikepdf.Dictionary):
            raise Forbidden("a form field or an annotation was removed")
        kind, subtype = inherited(old, "/FT"), old.get("/Subtype")
        changed = {key for key in keys_of(old, new) if not self._of.same.same(old.get(key), new.get(key))}
        if any(part in self._of.changed for part in places_below(old.get("/AP"))):
            changed.add("/AP")
        if place_of(old.get("/V")) in self._of.changed and kind != "/Sig":
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
        if "/Kids" in changed or place_of(before) in self._of.changed:
            self._of.value("fields", self.fields, before, new.get("/Kids"))
        return changed - {"/Kids"}

    def _annotation(self, old: Any, new: Any, changed: set[str]) -> None:
        is_comment = str(old.get("/Subtype")) in KINDS_OF_COMMENTS and old.get("/Subtype") == new.get("/Subtype")
        if is_comment and self._of.rules.level == COMMENTS and not changed & set(_ACTIONS):
            self._of.anything(old.get("/AP"), None)
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
        self._of.anything(before, None)
        self._of.anything(old.get("/AP"), None)
        # Allowed, and usual where it says "sign here". It may also have covered something of the page.
        self._of.found.uncovered |= "/AP" in changed and shows_something(old)
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
        if place in self._of.changed and place == place_of(new):
            self._of.explained.add(place)
            self._of.found.shared.add(place)
            return not self._of.same.same_content(old, new)
        return not self._of.same.same(old, new)

    def _appearance(self, old: Any, new: Any, *, is_filled: bool) -> None:
        self._of.anything(old.get("/AP"), None)
        place = place_of(new)
        if place is None:
            raise Forbidden("a form field looks different")
        if not is_filled:  # programs draw fields again that nobody filled in: they must look as before
            self._of.found.redrawn.add(place)

    def _fill(self, node: Any) -> None:
        if self._of.rules.level == NOTHING:
            raise Forbidden("a form was filled in")
        if self._of.rules.locks_field(full_name(node)):
            raise Forbidden("a locked form field was filled in")
        self._of.found.filled = True
        for one in (node, *elements(node.get("/Kids"))):
            place = place_of(one)
            if place is not None:
                self._of.found.spots.add(place)

    def _comment(self, node: Any) -> None:
        self._of.found.commented = True
        place = place_of(node)
        if place is not None:
            self._of.found.spots.add(place)
            self._of.found.comments.add(place)

    def annotations(self, page: Place, old: Any, new: Any) -> None:
        earlier, later = listed(old), listed(new)
        if self._of.rules.level == COMMENTS:
            earlier = self._without_removed_comments(earlier, later)
        for before, after in self._of.members(earlier, later, "an annotation was removed"):
            if before is not None:
                self.field(before, after)
                continue
            if not isinstance(after, pikepdf.Dictionary):
                raise Forbidden("an annotation was added that is none")
            if inherited(after, "/FT") is not None or after.get("/Subtype") == "/Widget":
                self._new_field(after, 0)
            else:
                self._new_comment(page, after)
        first = [value for value in earlier if isinstance(value, tuple)]
        known = set(first)
        if first != [value for value in later if isinstance(value, tuple) and value in known]:
            raise Forbidden("annotations lie in another order above each other")

    def _new_comment(self, page: Place, node: Any) -> None:
        if str(node.get("/Subtype")) not in KINDS_OF_COMMENTS or any(key in node for key in _ACTIONS):
            raise Forbidden("an annotation was added that is no comment")
        if self._of.rules.level is not None and self._of.rules.level != COMMENTS:
            raise Forbidden("a comment was added")
        self._comment(node)
        if place_of(node) is None:
            self._of.found.rectangles.setdefault(page, []).append(numbers_of(node.get("/Rect")))

    def _without_removed_comments(self, earlier: list[Any], later: list[Any]) -> list[Any]:
        kept = {value for value in later if isinstance(value, tuple)}
        found = []
        for place in earlier:
            value = self._of.old.get_object(place) if isinstance(place, tuple) and place not in kept else None
            if isinstance(value, pikepdf.Dictionary) and str(value.get("/Subtype")) in KINDS_OF_COMMENTS:
                self._comment(value)
                self._of.removed |= {place, *places_below(value.get("/AP"))} & self._of.changed
            else:
                found.append(place)
        return found


def _became_read_only(old: Any, new: Any) -> bool:
    before = old if isinstance(old, int) else 0
    return isinstance(new, int) and new == before | _READ_ONLY
