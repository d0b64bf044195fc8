"""Plan the update that adds one signature field to a PDF (ISO 32000-1, 12.7.4.5; 7.5.6).

Everything is decided here, at upload: which objects are written again, with which bytes, and under which numbers.
`tail` only puts it together. Null and missing entries are absent (7.3.7, 7.3.10).
"""

from __future__ import annotations

import pikepdf

from signroom.domain.errors import InvalidPdf, PdfTooComplex
from signroom.domain.pdf_facts import (
    ChangedObject,
    CrossReferenceKind,
    PdfFacts,
    SignatureSite,
)
from signroom.formats.pdf.crossref import SectionKind
from signroom.formats.pdf.opening import COMPRESSED, OpenPdf, place_of
from signroom.formats.pdf.syntax import BadSyntax, Dictionary, Reference, integer, items, reference
from signroom.formats.pdf.whole_table import Place, packed

_MAX_OBJECTS = 8_388_607
"""ISO 32000-1, table C.1."""
_ROOM = 64
"""Object numbers for what an update adds."""
_SIGNATURES_EXIST, _APPEND_ONLY = 1, 2
"""/SigFlags (table 219)."""


def plan_update(
    opened: OpenPdf,
    *,
    page_index: int,
    sha256_state: bytes,
    site: SignatureSite | None = None,
    new_page: tuple[float, float] | None = None,
) -> PdfFacts:
    """The plan for a field whose widget is on the page with `page_index`, or on a new last page.

    `new_page` are the width and the height of that page, in points.

    Raises: InvalidPdf naming the object that cannot be changed, PdfTooComplex.
    """
    number = _next_number(opened)
    field = b"%d 0 R" % number
    root = _root(opened)
    changes = _Changes(opened)
    added_page = None
    if new_page is None:
        page = _page(opened, page_index)
        changes.add_to_array(page, _dictionary(opened, page), "Annots", field)
    else:
        page = Reference(number + 2)
        added_page = _add_page(opened, changes, root=root, page=page, field=field, size=new_page)
    _add_to_form(opened, changes, root, field)
    newest = opened.sections[0] if opened.sections else None
    compressed = any(entry.type == COMPRESSED for entry in opened.table.values()) if newest is None else False
    as_stream = compressed if newest is None else newest.kind is SectionKind.STREAM
    trailer, permanent_id = _trailer(opened, root)
    buffer = opened.buffer
    return PdfFacts(
        length=len(buffer),
        sha256_state=sha256_state,
        ends_line=buffer[len(buffer) - 1 :] in (b"\r", b"\n"),
        kind=CrossReferenceKind.STREAM if as_stream else CrossReferenceKind.TABLE,
        previous=None if newest is None else newest.offset,
        table=_table(opened),
        next_number=number,
        trailer=trailer,
        least_size=_claimed_size(opened),
        permanent_id=permanent_id,
        page=(page.number, page.generation),
        changed=changes.planned(),
        added_page=added_page,
        encryption=opened.encryption,
        site=site,
    )


class _Changes:
    """The objects that are written again. Each is changed once."""

    def __init__(self, opened: OpenPdf) -> None:
        self._opened = opened
        self._found: dict[int, ChangedObject] = {}

    def planned(self) -> tuple[ChangedObject, ...]:
        return tuple(self._found[number] for number in sorted(self._found))

    def replace(self, target: Reference, old: bytes, new: bytes, entry: str) -> None:
        """Raises: InvalidPdf when another entry needs the same object changed otherwise."""
        before = self._found.get(target.number)
        if before is not None and before.new != new:
            raise InvalidPdf(f"Object {target.number} is used for two things that cannot both be.")
        self._found[target.number] = ChangedObject(target.number, target.generation, old, new, entry)

    def add_to_array(self, owner: Reference, dictionary: Dictionary, name: str, item: bytes) -> None:
        """Append `item` to the array under `name`, which may be absent, direct, or an object of its own."""
        raw = dictionary.get(name)
        target = reference(raw)
        found = self._opened.writable(target) if target is not None else raw
        if found is None or not _is_array(found):
            # Null, missing, or of another type, which every reader passes over.
            self.replace(owner, dictionary.raw, dictionary.with_entry(name, b"[" + item + b"]"), name)
            return
        longer = found[: found.rindex(b"]")] + b" " + item + b"]"
        if target is None:
            self.replace(owner, dictionary.raw, dictionary.with_entry(name, longer), name)
        else:
            self.replace(target, found, longer, "")


def _add_to_form(opened: OpenPdf, changes: _Changes, root: Reference, field: bytes) -> None:
    """The field in /Fields of the interactive form, and /SigFlags (12.7.2). The form may be new."""
    catalog = _dictionary(opened, root)
    raw = catalog.get("AcroForm")
    owner = reference(raw)
    found = opened.writable(owner) if owner is not None else raw
    flags = _SIGNATURES_EXIST | _APPEND_ONLY
    if found is None or not _is_dictionary(found):
        new = b"<</Fields[%b]/SigFlags %d>>" % (field, flags)
        changes.replace(root, catalog.raw, catalog.with_entry("AcroForm", new), "AcroForm")
        return
    form = Dictionary(found)
    before = integer(_resolved(opened, form.get("SigFlags"))) or 0
    with_flags = Dictionary(form.with_entry("SigFlags", b"%d" % (before | flags)))
    fields = form.get("Fields")
    array = reference(fields)
    value = opened.raw(array) if array is not None else fields
    if array is not None and value is not None and _is_array(value):
        changes.add_to_array(root, form, "Fields", field)
        written = with_flags.raw if before & flags != flags else form.raw
    else:
        written = with_flags.with_entry("Fields", _longer(value, field))
    if written == form.raw:
        return
    if owner is None:
        changes.replace(root, catalog.raw, catalog.with_entry("AcroForm", written), "AcroForm")
    else:
        changes.replace(owner, found, written, "Fields SigFlags")


def _add_page(
    opened: OpenPdf, changes: _Changes, *, root: Reference, page: Reference, field: bytes, size: tuple[float, float]
) -> bytes:
    """An empty page as the last child of the page tree's root, with everything of its own that could be inherited."""
    tree = reference(_dictionary(opened, root).get("Pages"))
    if tree is None:
        raise InvalidPdf("Its page tree is no object of its own: a page cannot be added.")
    node = _dictionary(opened, tree)
    count = b"%d" % (len(opened.pdf.pages) + 1)
    kids = node.get("Kids")
    longer = Dictionary(node.with_entry("Count", count))
    if reference(kids) is None:
        written = longer.with_entry("Kids", _longer(kids, bytes(page)))
    else:
        changes.add_to_array(tree, node, "Kids", bytes(page))
        written = longer.raw
    changes.replace(tree, node.raw, written, "Kids Count")
    box = b"[0 0 %b %b]" % tuple(f"{side:.2f}".encode() for side in size)
    return b"<</Type/Page/Parent %b/MediaBox%b/CropBox%b/Rotate 0/Resources<<>>/Annots[%b]>>" % (
        bytes(tree),
        box,
        box,
        field,
    )


def _is_array(raw: bytes) -> bool:
    try:
        items(raw)
    except BadSyntax:
        return False
    return True


def _is_dictionary(raw: bytes) -> bool:
    try:
        Dictionary(raw)
    except BadSyntax:
        return False
    return True


def _longer(array: bytes | None, item: bytes) -> bytes:
    if array is None or not _is_array(array):
        return b"[" + item + b"]"
    return array[: array.rindex(b"]")] + b" " + item + b"]"


def _resolved(opened: OpenPdf, raw: bytes | None) -> bytes | None:
    target = reference(raw)
    found = raw if target is None else opened.raw(target)
    return None if found == b"null" else found


def _root(opened: OpenPdf) -> Reference:
    number, generation = opened.pdf.Root.objgen
    root = Reference(number, generation)
    if (number, generation) not in opened.table:
        raise InvalidPdf("It has no catalog.")
    return root


def _page(opened: OpenPdf, index: int) -> Reference:
    found = Reference(*opened.pdf.pages[index].obj.objgen)
    if (found.number, found.generation) not in opened.table:
        raise InvalidPdf(f"Page {index + 1} is no object of its own: a signature cannot be put there.")
    return found


def _dictionary(opened: OpenPdf, target: Reference) -> Dictionary:
    """The dictionary of an object that will be written again; both readers must see the same entries in it."""
    raw = opened.writable(target)
    try:
        found = Dictionary(raw or b"")
    except BadSyntax as error:
        raise InvalidPdf(f"Object {target.number} cannot be read: {error}.") from error
    seen = opened.pdf.get_object(target.number, target.generation)
    theirs = {name.removeprefix("/") for name in _names(seen)}
    # qpdf leaves out what is null, and what refers to nothing.
    ours = {name for name in found.names() if name.isascii() and _resolved(opened, found.get(name)) is not None}
    # Nor does it keep an /Annots that is no array.
    if ours - theirs - {"Annots"}:
        raise InvalidPdf(f"Object {target.number} is ambiguous: programs may read it differently.")
    return found


def _names(seen: pikepdf.Object) -> set[str]:
    return set(seen.keys()) if isinstance(seen, pikepdf.Dictionary) else set()


def _next_number(opened: OpenPdf) -> int:
    """Above every number that a section, an entry or /Size speaks of: /Size alone is a claim (table 15)."""
    highest = max((number for number, _ in opened.table), default=0)
    claims = [section.highest for section in opened.sections]
    claims += [(integer(section.trailer.get("Size")) or 1) - 1 for section in opened.sections]
    # A claim beyond what a PDF may have is none: nothing can be there.
    highest = max([highest, *(claim for claim in claims if claim <= _MAX_OBJECTS - _ROOM)])
    if highest > _MAX_OBJECTS - _ROOM:
        raise PdfTooComplex("It has more objects than a PDF may have.")
    return highest + 1


def _claimed_size(opened: OpenPdf) -> int:
    claims = [integer(section.trailer.get("Size")) or 0 for section in opened.sections]
    claims += [section.highest + 1 for section in opened.sections]
    return max((claim for claim in claims if 0 < claim <= _MAX_OBJECTS + 1), default=0)


def _table(opened: OpenPdf) -> bytes:
    """Of a file that must be mended all objects, of a hybrid one (7.5.8.4) those that its tables do not show."""
    if not opened.sections:
        return packed(_places(opened))
    if opened.sections[0].kind is SectionKind.STREAM or all(s.kind is SectionKind.TABLE for s in opened.sections):
        return b""
    return packed(place for place in _places(opened) if place.compressed)


def _places(opened: OpenPdf) -> list[Place]:
    return [place_of(*key, entry, opened.header) for key, entry in sorted(opened.table.items())]


def _trailer(opened: OpenPdf, root: Reference) -> tuple[tuple[tuple[str, bytes], ...], bytes | None]:
    """The entries that the new trailer takes over as they are, and the permanent part of /ID (14.4)."""
    kept = [("Root", bytes(root))]
    for name in ("Info", "Encrypt"):
        value = next((v for s in opened.sections if (v := s.trailer.get(name)) is not None), None)
        if value is None and not opened.sections and name in opened.pdf.trailer:
            value = opened.pdf.trailer["/" + name].unparse()
        if value is not None:
            kept.append((name, value))
    raw = next((v for s in opened.sections if (v := s.trailer.get("ID")) is not None), None)
    return tuple(kept), _permanent(opened, raw)


def _permanent(opened: OpenPdf, raw: bytes | None) -> bytes | None:
    try:
        found = items(_resolved(opened, raw) or b"")
    except BadSyntax:
        return None
    return found[0] if found and found[0][:1] in (b"(", b"<") and found[0][:2] != b"<<" else None
