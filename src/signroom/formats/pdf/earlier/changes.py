"""What was changed in a PDF after a revision of it, and whether that is allowed (ISO 32000-1, 12.8.2.2).

Each object that was redefined or removed since must be explained: it means the same as before, or a rule of this list
says that its change is allowed. What is not explained is forbidden. The rules, by the place where they hold:

1. Trailer: /Info and /ID; the catalog's number. Everything else means the same.
2. Catalog: /AcroForm (3), /StructTreeRoot (8), /Metadata, /Version; /DSS and /Extensions in any shape (EN 319 142-1,
   5.4).
3. Form: /Fields and /Kids gain signature fields (4); /SigFlags, /DA, /NeedAppearances; /DR gains names; the data of
   /XFA.
4. A signature field may be added anywhere in the field tree or to a page, or an empty one filled in.
5. Pages: /Annots gains signature fields (4) and comments (7); /Resources, boxes and rotation may move with the same
   content; /Metadata, /LastModified, /PieceInfo, /StructParents, /Tabs.
6. Form fields: the value of a text field or a choice with its appearance; the value and the state of a check box or a
   radio button, never its appearance; nothing of a push button. A field may become read-only. Locked ones stay.
7. Comments are added; where the author allows it, they are changed and removed.
8. Structure tree: its nodes and its parent tree gain entries, none is lost.

What the eye sees changes inside the rectangles of fields that were filled in, of signatures and of comments only. What
can reach further (a stream that was redefined, an object that came to life) is told in `Changes.shared`: the pages that
use it must be compared as pictures (`looks`).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pikepdf

from signroom.formats.pdf.earlier.comparison import Changes, Comparison, Forbidden, Rule, is_field
from signroom.formats.pdf.earlier.embedded import elements, form_fields, inherited, pages, place_of
from signroom.formats.pdf.earlier.form_rules import FormRules
from signroom.formats.pdf.earlier.places import Place, Table
from signroom.formats.pdf.earlier.reach import keys_of, kind_of, places_below, references_of, spoken_of
from signroom.formats.pdf.earlier.rules import Rules
from signroom.formats.pdf.earlier.sameness import TooMuch
from signroom.formats.pdf.earlier.tag_rules import TagRules, are_of_structure
from signroom.formats.pdf.reading.syntax import Buffer

_MOVING = frozenset(["/Resources", "/MediaBox", "/CropBox", "/Rotate"])
_OF_NO_CONSEQUENCE = frozenset(["/StructParents", "/Tabs", "/Type"])
_PRIVATE = frozenset(["/Metadata", "/LastModified", "/PieceInfo"])
_MAX_NAMED = 100_000
_MAX_DEPTH = 64


def compare(
    old: pikepdf.Pdf, new: pikepdf.Pdf, tables: tuple[Table, Table], rules: Rules, signed: tuple[Buffer, int]
) -> Changes:
    """The changes from `old` to `new`.

    Args:
        tables: the cross-reference tables of both.
        signed: the file, and where `old` ends in it.

    Raises: Forbidden, TooMuch.
    """
    return _Walk(Comparison(old, new, tables, rules)).run(signed)


class _Walk:
    """From the trailer through the catalog and the form, and then to each object that was redefined."""

    def __init__(self, comparison: Comparison) -> None:
        self._of = comparison
        self._forms = FormRules(comparison)
        self._tags = TagRules(comparison)

    def run(self, signed: tuple[Buffer, int]) -> Changes:
        self._trailer()
        come_to_life = self._come_to_life(signed)
        self._of.found.shared |= come_to_life
        for place in sorted(self._of.changed):
            self._by_kind(place)
        if self._of.changed - self._of.explained or come_to_life:
            self._by_owner(come_to_life)
        unexplained = sorted(self._of.changed - self._of.explained - self._of.removed)
        if unexplained:
            self._require_unused(unexplained)
        return self._of.found

    def _by_kind(self, place: Place) -> None:
        """Objects that say themselves what they are, or that mean the same as before."""
        old, new = self._of.old.get_object(place), self._of.new.get_object(place)
        if place in self._of.explained:
            return
        if self._of.same.same_content(old, new):
            self._of.explained.add(place)
            return
        kind = kind_of(old)
        rule: Rule | None = None
        if isinstance(old, pikepdf.Dictionary) and isinstance(new, pikepdf.Dictionary):
            if kind == "/Page":
                rule = partial(self._page, place)
            elif kind == "/Pages":
                raise Forbidden("pages were added, removed or moved")
            elif is_field(old):
                rule = self._forms.field
            elif kind == "/StructElem" or ("/S" in old and "/K" in old and "/P" in old):
                rule = self._tags.structure_element
            elif "/Nums" in old or ("/Limits" in old and "/Kids" in old):
                rule = self._tags.tree
        elif isinstance(old, pikepdf.Stream) and isinstance(new, pikepdf.Stream):
            if kind in {"/XRef", "/ObjStm", "/Metadata"} and kind_of(new) == kind:
                rule = self._of.anything
        elif isinstance(old, pikepdf.Array) and isinstance(new, pikepdf.Array) and are_of_structure(old, new):
            rule = self._tags.kids_of_structure
        if rule is not None:
            self._of.value(str(getattr(rule, "__name__", kind)), rule, old, new)

    def _by_owner(self, come_to_life: set[Place]) -> None:
        """Objects that only their owners can explain: lists of annotations and fields, appearances."""
        for old in pages(self._of.old):
            place = place_of(old)
            if place is None or place not in self._of.after:
                continue
            new = self._of.new.get_object(place)
            annotations, later = old.get("/Annots"), new.get("/Annots") if isinstance(new, pikepdf.Dictionary) else None
            if place_of(annotations) in self._of.changed or (later is not None and place_of(later) in come_to_life):
                self._of.value("annotations", partial(self._forms.annotations, place), annotations, later)
            for node in elements(annotations):
                self._owned(node)
        for one in form_fields(self._of.old):
            self._owned(one.node)
            self._lists_above(one.node)

    def _lists_above(self, node: Any) -> None:
        """Lists of kids that stand by themselves."""
        for _ in range(_MAX_DEPTH):
            node = node.get("/Parent")
            place = place_of(node)
            if not isinstance(node, pikepdf.Dictionary) or place is None:
                return
            if place_of(node.get("/Kids")) in self._of.changed and place in self._of.after:
                later = self._of.new.get_object(place)
                kids = later.get("/Kids") if isinstance(later, pikepdf.Dictionary) else None
                self._of.value("fields", self._forms.fields, node["/Kids"], kids)

    def _owned(self, old: Any) -> None:
        """The appearance of an annotation that was not itself redefined."""
        place = place_of(old)
        if not isinstance(old, pikepdf.Dictionary) or place is None or place in self._of.changed:
            return
        parts = (place_of(inherited(old, "/V")), *places_below(old.get("/AP")))
        if any(part in self._of.changed for part in parts):
            new = self._of.new.get_object(place)
            self._forms.field(old, new)

    def _require_unused(self, unexplained: list[Place]) -> None:
        """An object that is gone harms nobody when nothing speaks of it any more. Raises: Forbidden."""
        gone = [place for place in unexplained if place not in self._of.after]
        for place in unexplained:
            if place in self._of.after:
                raise Forbidden(_what(self._of.old.get_object(place)))
        wanted = set(gone)
        for value in self._of.new.objects:
            for part in references_of(value):
                if part in wanted:
                    raise Forbidden("something that the pages or the form use was removed")

    def _come_to_life(self, signed: tuple[Buffer, int]) -> set[Place]:
        """New objects that the old revision already spoke of, when they did not exist."""
        added = [place for place in self._of.after if place not in self._of.before]
        if not added:
            return set()
        if len(added) > _MAX_NAMED:
            raise TooMuch
        return spoken_of(added, signed, self._of.old, self._of.before)

    def _trailer(self) -> None:
        old, new = self._of.old.trailer, self._of.new.trailer
        self._of.value("catalog", self._catalog, old.get("/Root"), new.get("/Root"))
        self._of.value("anything", self._of.anything, old.get("/Info"), new.get("/Info"))
        if not self._of.same.same(old.get("/Encrypt"), new.get("/Encrypt")):
            raise Forbidden("the encryption was changed")

    def _catalog(self, old: Any, new: Any) -> None:
        for key in keys_of(old, new):
            before, after = old.get(key), new.get(key)
            match key:
                case "/AcroForm":
                    self._of.value("form", self._forms.form, before, after)
                case "/DSS" | "/Extensions" | "/Metadata":
                    self._of.value("anything", self._of.anything, before, after)
                case "/StructTreeRoot":
                    self._of.value("structure", self._tags.structure, before, after)
                case "/Version":
                    if not isinstance(after, pikepdf.Name):
                        raise Forbidden("the version was changed")
                case _:
                    self._of.require_same(before, after, f"{key} of the catalog was changed")

    def _page(self, place: Place, old: Any, new: Any) -> None:
        for key in keys_of(old, new):
            before, after = old.get(key), new.get(key)
            if key == "/Annots":
                self._of.value("annotations", partial(self._forms.annotations, place), before, after)
            elif key in _MOVING:
                self._of.require_same(inherited(old, key), inherited(new, key), f"{key} of a page was changed")
            elif key in _PRIVATE:
                self._of.anything(before, after)
            elif key not in _OF_NO_CONSEQUENCE:
                self._of.require_same(before, after, f"{key} of a page was changed")


def _what(value: Any) -> str:
    """A redefined object that nothing explains, in words."""
    if isinstance(value, pikepdf.Stream):
        kind = str(value.stream_dict.get("/Subtype", ""))
        if kind == "/Form":
            return "something that is drawn on a page or in a field was changed"
        return "a picture was changed" if kind == "/Image" else "the content of a page or another stream was changed"
    kind = kind_of(value).strip("/")
    return f"an object of the kind {kind[:40]} was changed" if kind else "an object was changed that nothing explains"
