"""Plan the update that adds one signature to a PDF (ISO 32000-1, 12.7.4.5; 7.5.6).

Everything is decided here, at upload: which objects are written again, with which bytes, and under which numbers.
`tail` only puts it together. Null and missing entries are absent (7.3.7, 7.3.10).

Only three objects can be written again: the page (or, for a page that is added, the root of the page tree), the
catalog, and the form where it is an object of its own. Where a field is there already that is filled in, its
dictionary is written again instead of the page. An array that is an object of its own is taken in: pages may
share it, and anything else may, so that one item more would appear where nobody wanted it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Set

import pikepdf

from signroom.domain.errors import InvalidPdf, PdfTooComplex
from signroom.domain.pdf_facts import (
    ChangedObject,
    CrossReferenceKind,
    EmptyField,
    PdfFacts,
    SignatureSite,
    TakenIn,
    ValidationStore,
)
from signroom.formats.pdf.reading.crossref import SectionKind
from signroom.formats.pdf.reading.opening import OpenPdf
from signroom.formats.pdf.reading.searched import require_one_reading
from signroom.formats.pdf.reading.syntax import (
    BadSyntax,
    Dictionary,
    Reference,
    integer,
    is_well_formed,
    items,
    reference,
    skip_space,
)
from signroom.formats.pdf.reading.whole_table import packed

_MAX_OBJECTS = 8_388_607
"""ISO 32000-1, table C.1."""
_ROOM = 64
"""Object numbers for what an update adds."""
_BESIDE = 16
"""Bytes that an address may be off."""
_NUMBER = re.compile(rb"\d{1,10}")
"""What an object begins with."""
_SIGNATURES_EXIST, _APPEND_ONLY = 1, 2
"""/SigFlags (table 219)."""
STORE_LISTS = ("Certs", "CRLs", "OCSPs")
"""EN 319 142-1, 5.4.2.2."""
_MOST_STORED = 1000
"""Streams of one list of the document security store."""
_MOST_COMPARED = 64 << 20
"""Bytes of all of them that are compared with what is to come."""
_LEAST_COUNTED = 1 << 16
"""Bytes that a small one counts as: to open it takes time."""
_MENDED_BY_QPDF: Set[str | int] = frozenset({"Type", "MediaBox", "Resources", "Annots"})
"""What it adds in its memory to pages that lack it, or leaves out where it is of a wrong type."""


def plan_update(
    opened: OpenPdf,
    *,
    page_index: int,
    sha256_state: bytes,
    site: SignatureSite | None = None,
    new_page: tuple[float, float] | None = None,
    fills: EmptyField | None = None,
) -> PdfFacts:
    """The plan for a field whose widget is on the page with `page_index`, or on a new last page.

    Args:
        opened: the file.
        page_index: counted from 0.
        sha256_state: see `PdfFacts`.
        site: where a visible signature is; None: nothing is drawn.
        new_page: the width and the height of the page that is added, in points.
        fills: the field of the file that is filled in; its widget is on that page. None: a field is added.

    Raises: InvalidPdf naming the object that cannot be changed, PdfTooComplex.
    """
    _require_own_numbers(opened)
    number = _next_number(opened)
    field = b"%d 0 R" % number
    root = _root(opened)
    changes = _Changes(opened)
    added_page = None
    if fills is not None:
        page = _page(opened, page_index)
        _fill(opened, changes, fills, signature=field, is_drawn=site is not None)
    elif new_page is None:
        page = _page(opened, page_index)
        if site is not None:
            _require_shown_once(opened)
        before = _dictionary(opened, page)
        longer = changes.longer(before, "Annots", field, page)
        changes.replace(page, before, before.with_entry("Annots", longer), "Annots")
    else:
        page = Reference(number + 2)
        added_page = _add_page(opened, changes, root=root, page=page, field=field, size=new_page)
    _add_to_form(opened, changes, root, None if fills is not None else field)
    newest = opened.sections[0] if opened.sections else None
    compressed = bool(opened.table.object_streams()) if newest is None else False
    as_stream = compressed if newest is None else newest.kind is SectionKind.STREAM
    trailer, permanent_id = _trailer(opened, root)
    catalog = _dictionary(opened, root).raw
    _require_well_formed(catalog, root)  # an update to come may write it again
    buffer = opened.buffer
    beside = None if fills is None else _beside(opened, root, page, field)
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
        taken_in=changes.taken_in() if beside is None else beside.taken_in(),
        fills=fills,
        catalog=catalog,
        store=_store(opened, root),
        beside=() if beside is None else beside.planned(),
    )


def _beside(opened: OpenPdf, root: Reference, page: Reference, field: bytes) -> _Changes | None:
    """What a field that is added would change; None when none can be added."""
    changes = _Changes(opened)
    try:
        before = _dictionary(opened, page)
        longer = changes.longer(before, "Annots", field, page)
        changes.replace(page, before, before.with_entry("Annots", longer), "Annots")
        _add_to_form(opened, changes, root, field)
    except (InvalidPdf, BadSyntax):
        return None
    return changes


def _store(opened: OpenPdf, root: Reference) -> ValidationStore | None:
    """The document security store, when all of it that may get longer can be read."""
    raw = _dictionary(opened, root).get("DSS")
    target = reference(raw)
    try:
        value = raw if target is None else opened.writable(target)
        if value is None or value[:2] != b"<<":
            return None
        dictionary = Dictionary(value)
        lists = tuple((name, tuple(_streams(opened, dictionary.get(name)))) for name in STORE_LISTS)
    except (InvalidPdf, BadSyntax):
        return None
    if not is_well_formed(value) or len(set(dictionary.names())) < len(dictionary.names()):
        return None
    place = None if target is None else _key(target)
    known = _digests(opened, dict.fromkeys(one for _, found in lists for one in found))
    return ValidationStore(place, value, lists, tuple(known))


def _streams(opened: OpenPdf, raw: bytes | None) -> list[bytes]:
    """Raises: InvalidPdf, BadSyntax."""
    found = items(_resolved(opened, raw) or b"[]")
    if len(found) > _MOST_STORED or any(reference(one) is None for one in found):
        raise InvalidPdf("Its validation data are no list of streams.")
    return found


def _digests(opened: OpenPdf, references: Iterable[bytes]) -> Iterator[bytes]:
    """Of what is in the streams. Those behind the limit are not looked at: they would be added once more."""
    left = _MOST_COMPARED
    for raw in references:
        target = reference(raw)
        found = None if target is None else opened.pdf.get_object(_key(target))
        if not isinstance(found, pikepdf.Stream):
            continue
        try:
            data = found.read_bytes()
        except pikepdf.PdfError:
            data = b""
        left -= max(len(data), _LEAST_COUNTED)
        if left < 0:
            return
        if data:
            yield hashlib.sha256(data).digest()


class _Changes:
    """The objects that are written again. Each is changed once."""

    def __init__(self, opened: OpenPdf) -> None:
        self._opened = opened
        self._changed: dict[int, ChangedObject] = {}
        self._taken: dict[int, TakenIn] = {}

    def planned(self) -> tuple[ChangedObject, ...]:
        return tuple(self._changed[number] for number in sorted(self._changed))

    def taken_in(self) -> tuple[TakenIn, ...]:
        return tuple(self._taken[number] for number in sorted(self._taken))

    def replace(self, target: Reference, old: Dictionary, new: bytes, entry: str) -> None:
        """Raises: InvalidPdf when another entry needs the same object changed otherwise, or it is not well-formed."""
        if target.number in self._changed:
            raise InvalidPdf(f"Object {target.number} is used for two things that it cannot both be.")
        _require_well_formed(new, target)
        self._changed[target.number] = ChangedObject(target.number, target.generation, old.raw, new, entry)

    def taken(self, target: Reference, home: Reference) -> bytes | None:
        """The value of `target`, which becomes a part of the object `home`. None: there is nothing."""
        value = self._opened.writable(target, home)
        value = None if value == b"null" else value
        if self._taken.setdefault(target.number, TakenIn(*_key(target), value)).value != value:
            # The page and the form have the same array, with strings that are encrypted for one of them.
            raise InvalidPdf(f"Object {target.number} is used for two things that it cannot both be.")
        return value

    def longer(self, owner: Dictionary, name: str, item: bytes, home: Reference) -> bytes:
        """The array under `name` of `owner` with `item` behind. It may be absent, direct, or an object of its own."""
        raw = owner.get(name)
        target = reference(raw)
        found = raw if target is None else self.taken(target, home)
        if found is None or found == b"null":
            return b"[" + item + b"]"
        if found[:1] != b"[":
            if name == "Annots":
                # Some readers show nothing of the page then. They would show it once there is a list.
                raise InvalidPdf(f"/{name} of object {home.number} is no list: programs may read it differently.")
            return b"[" + item + b"]"
        try:
            before = items(found)
        except BadSyntax as error:
            raise InvalidPdf(f"/{name} of object {home.number} cannot be read: {error}.") from error
        if target is not None:
            _require_agreement(self._opened, target, enumerate(before))
        return found[: found.rindex(b"]")] + b" " + item + b"]"


def _fill(opened: OpenPdf, changes: _Changes, fills: EmptyField, *, signature: bytes, is_drawn: bool) -> None:
    """/V in the field; `tail` adds what is drawn. Raises: InvalidPdf."""
    target = Reference(fills.number, fills.generation)
    field = _dictionary(opened, target)
    if _resolved(opened, field.get("V")) is not None:
        raise InvalidPdf(f"Object {target.number} is no empty field for all programs.")
    changes.replace(target, field, field.with_entry("V", signature), "V AP" if is_drawn else "V")


def _add_to_form(opened: OpenPdf, changes: _Changes, root: Reference, field: bytes | None) -> None:
    """/SigFlags of the interactive form (12.7.2), and `field` in its /Fields where there is one. The form may be new.

    Raises: InvalidPdf.
    """
    catalog = _dictionary(opened, root)
    raw = catalog.get("AcroForm")
    owner = reference(raw)
    found = raw if owner is None else opened.raw(owner)
    if field is None and (found is None or found[:2] != b"<<" or catalog.names().count("AcroForm") > 1):
        raise InvalidPdf("Programs do not agree on what its form is.")
    if found is None or found[:2] != b"<<":
        # Null, missing, or of another type, which every reader passes over.
        if owner is not None:
            changes.taken(owner, root)
        owner, form = None, Dictionary(b"<<>>")
    elif owner is not None:
        form = _dictionary(opened, owner)
        if catalog.names().count("AcroForm") > 1:
            # Some programs take the first entry: the catalog is written again with one, and the form in it.
            form = _parsed(changes.taken(owner, root) or b"", root)
            owner = None
    else:
        form = _parsed(found, root)
    if field is None and form.names().count("Fields") > 1:
        # Some programs take the first list. They would not find the field.
        raise InvalidPdf("Programs do not agree on what its form is.")
    before = integer(_resolved(opened, form.get("SigFlags"))) or 0
    flags = before | _SIGNATURES_EXIST | _APPEND_ONLY
    if field is None and flags == before:
        return
    written = form.with_entry("SigFlags", b"%d" % flags)
    if field is not None:
        written = Dictionary(written).with_entry("Fields", changes.longer(form, "Fields", field, owner or root))
    if owner is None:
        changes.replace(root, catalog, catalog.with_entry("AcroForm", written), "AcroForm")
    else:
        changes.replace(owner, form, written, "Fields SigFlags" if field is not None else "SigFlags")


def _add_page(
    opened: OpenPdf, changes: _Changes, *, root: Reference, page: Reference, field: bytes, size: tuple[float, float]
) -> bytes:
    """An empty page as the last child of the page tree's root, with everything of its own that could be inherited."""
    tree = reference(_dictionary(opened, root).get("Pages"))
    if tree is None:
        raise InvalidPdf("Its page tree is no object of its own: a page cannot be added.")
    node = _dictionary(opened, tree)
    longer = changes.longer(node, "Kids", bytes(page), tree)
    count = b"%d" % (len(opened.pdf.pages) + 1)
    changes.replace(tree, node, Dictionary(node.with_entry("Count", count)).with_entry("Kids", longer), "Kids Count")
    box = b"[0 0 %b %b]" % tuple(f"{side:.2f}".encode() for side in size)
    return b"<</Type/Page/Parent %b/MediaBox%b/CropBox%b/Rotate 0/Resources<<>>/Annots[%b]>>" % (
        bytes(tree),
        box,
        box,
        field,
    )


def _resolved(opened: OpenPdf, raw: bytes | None) -> bytes | None:
    target = reference(raw)
    found = raw if target is None else opened.raw(target)
    return None if found == b"null" else found


def _root(opened: OpenPdf) -> Reference:
    root = Reference(*opened.pdf.Root.objgen)
    if _key(root) not in opened.table:
        raise InvalidPdf("It has no catalog.")
    if opened.sections and reference(opened.sections[0].trailer.get("Root")) != root:
        raise InvalidPdf("Programs do not agree on what its catalog is.")
    return root


def _page(opened: OpenPdf, index: int) -> Reference:
    found = Reference(*opened.pdf.pages[index].obj.objgen)
    if _key(found) not in opened.table:
        raise InvalidPdf(f"Page {index + 1} is no object of its own: a signature cannot be put there.")
    return found


def _require_shown_once(opened: OpenPdf) -> None:
    """Of a page that is listed twice qpdf makes a copy. A visible signature would be seen on both."""
    if any(page.obj.objgen not in opened.table for page in opened.pdf.pages):
        raise InvalidPdf("It lists a page twice, or has pages that are no objects: nothing can be put on one of them.")


def _key(target: Reference) -> tuple[int, int]:
    return target.number, target.generation


def _dictionary(opened: OpenPdf, target: Reference) -> Dictionary:
    """The dictionary of an object that will be written again; both readers must see the same entries in it."""
    known = opened.agreed_on.get(target)
    if known is not None:
        return known
    found = _parsed(opened.writable(target) or b"", target)
    if found.lacks_a_value():  # before something is added to it
        raise _without_a_value(target)
    _require_agreement(opened, target, ((name, found.get(name)) for name in found.names()))
    opened.agreed_on[target] = found
    return found


def _require_well_formed(raw: bytes, target: Reference) -> None:
    """At every depth. Raises: InvalidPdf."""
    if not is_well_formed(raw):
        raise _without_a_value(target)


def _without_a_value(target: Reference) -> InvalidPdf:
    return InvalidPdf(f"Object {target.number} has a key without a value: programs may read it differently.")


def _parsed(raw: bytes, target: Reference) -> Dictionary:
    try:
        return Dictionary(raw)
    except BadSyntax as error:
        raise InvalidPdf(f"Object {target.number} cannot be read: {error}.") from error


def _require_agreement(
    opened: OpenPdf, target: Reference, ours: Iterable[tuple[str, bytes | None]] | Iterable[tuple[int, bytes]]
) -> None:
    """qpdf sees the same references in an object, under the same names or indices. Raises: InvalidPdf."""
    theirs = _seen_by_qpdf(opened, target)
    ambiguous = InvalidPdf(f"Object {target.number} is ambiguous: programs may read it differently.")
    names = set()
    for name, value in ours:
        names.add(name)
        seen = theirs.get(name)
        refers = reference(value)
        if seen is None and name in _MENDED_BY_QPDF:
            continue
        if seen is None or seen == b"null":
            # What is null, what refers to nothing and what cannot be read is absent for qpdf.
            if not _is_absent(opened, value, refers):
                raise ambiguous
        elif reference(seen) != refers or value is None:
            raise ambiguous
    if theirs.keys() - names - _MENDED_BY_QPDF:
        raise ambiguous


def _is_absent(opened: OpenPdf, value: bytes | None, refers: Reference | None) -> bool:
    try:
        return (value if refers is None else opened.raw(refers)) in (None, b"null")
    except InvalidPdf:
        return True


def _seen_by_qpdf(opened: OpenPdf, target: Reference) -> Mapping[str | int, bytes]:
    """Values by name, or by index."""
    unparsed = opened.pdf.get_object(*_key(target)).unparse(resolved=True)
    if unparsed[:1] == b"[":
        return dict(enumerate(items(unparsed)))
    found = _parsed(unparsed, target)
    return {name: found.get(name) or b"null" for name in found.names()}


def _next_number(opened: OpenPdf) -> int:
    """Above every number that a section or an entry speaks of. /Size is a claim (table 15): it may be too small.

    Nor does one that is too large count: some readers pass over objects with numbers that a small file cannot have.
    """
    highest = max(opened.table.numbers(), default=0)
    # A section that speaks of more than a PDF may have speaks of nothing.
    known = (section.highest for section in opened.sections if section.highest <= _MAX_OBJECTS - _ROOM)
    highest = max(highest, *known, 0)
    # What refers to nothing must not come to refer to the signature.
    info = reference(_trailer_entry(opened, "Info"))
    named = opened.named_above(highest) | ({info.number} if info is not None else set())
    while beside := [number for number in named if highest < number <= highest + _ROOM]:
        highest = max(beside)
    if highest > _MAX_OBJECTS - _ROOM:
        raise PdfTooComplex("It has more objects than a PDF may have.")
    return highest + 1


def _claimed_size(opened: OpenPdf) -> int:
    claims = [integer(section.trailer.get("Size")) or 0 for section in opened.sections]
    claims += [section.highest + 1 for section in opened.sections]
    return max((claim for claim in claims if 0 < claim <= _MAX_OBJECTS + 1), default=0)


def _table(opened: OpenPdf) -> bytes:
    """Of a file that must be mended all objects; of a hybrid one (7.5.8.4) those that its tables do not show.

    The object streams themselves are with them: tables may call those free, too.
    """
    if not opened.sections:
        require_one_reading(opened)
        _require_possible_count(opened)
        return packed(opened.table.places())
    if opened.sections[0].kind is SectionKind.STREAM or all(s.kind is SectionKind.TABLE for s in opened.sections):
        return b""
    streams = opened.table.object_streams()
    return packed(place for place in opened.table.places() if place.compressed or place.number in streams)


def _require_own_numbers(opened: OpenPdf) -> None:
    """No cross-reference stream has the number of another object: some programs would take it for that object."""
    sections = [section.offset for section in opened.sections]
    for section in opened.sections:
        if section.misread is not None and opened.table.has_number(section.misread):
            raise InvalidPdf(f"Some programs take a cross-reference stream for object {section.misread}.")
        place = opened.table.get(section.number or 0, 0)
        if place is None:
            continue
        if place.compressed:
            stream = opened.table.get(place.offset, 0)
            at = 0 if stream is None else stream.offset
        else:
            at = place.offset
            named = _NUMBER.match(opened.buffer, skip_space(opened.buffer, at))
            if named is None or int(named[0]) != section.number:
                continue  # it does not begin there: the row was written before the place was known
        # An update may use the number again.
        if at < section.offset and all(abs(at - offset) > _BESIDE for offset in sections):
            raise InvalidPdf(f"A cross-reference stream has the number of object {section.number}.")


def _require_possible_count(opened: OpenPdf) -> None:
    """There is a program that shows nothing of a file with fewer objects than it claims to have pages.

    Its own table may have been longer than the one that an update brings.
    """
    tree = opened.pdf.Root.get("/Pages")
    count = tree.get("/Count") if isinstance(tree, pikepdf.Dictionary) else None
    if isinstance(count, int) and count > len(opened.table):
        raise InvalidPdf("It claims to have more pages than it has objects.")


def _trailer(opened: OpenPdf, root: Reference) -> tuple[tuple[tuple[str, bytes], ...], bytes | None]:
    """The entries that the new trailer takes over as they are, and the permanent part of /ID (14.4).

    What refers to nothing is not taken over.

    The newest trailer counts alone (7.5.6): with /Encrypt of an older one nothing could be read any more.
    """
    kept = [("Root", bytes(root))]
    info, encrypt = _trailer_entry(opened, "Info"), _trailer_entry(opened, "Encrypt")
    # For what refers to nothing some programs search the whole file, and then find other objects.
    if info is not None and not _is_absent(opened, info, reference(info)):
        kept.append(("Info", info))
    if encrypt is not None and _resolved(opened, encrypt) is not None:
        kept.append(("Encrypt", encrypt))
    if not all(is_well_formed(value) for _, value in kept):
        raise InvalidPdf("Its trailer has a key without a value: programs may read it differently.")
    if ("Encrypt" in dict(kept)) != opened.pdf.is_encrypted:
        raise InvalidPdf("Programs do not agree on whether it is encrypted.")
    return tuple(kept), _permanent(opened, _trailer_entry(opened, "ID"))


def _trailer_entry(opened: OpenPdf, name: str) -> bytes | None:
    """Of the newest trailer; where there is no table, of the one that qpdf has found."""
    if opened.sections:
        return opened.sections[0].trailer.get(name)
    value = opened.pdf.trailer.get("/" + name)
    return value.unparse() if isinstance(value, pikepdf.Object) else None  # a number: not what is asked for


def _permanent(opened: OpenPdf, raw: bytes | None) -> bytes | None:
    try:
        found = items(_resolved(opened, raw) or b"")
    except BadSyntax:
        return None
    return found[0] if found and found[0][:1] in (b"(", b"<") and found[0][:2] != b"<<" else None
