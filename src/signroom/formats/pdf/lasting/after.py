"""What is known of a file once an update of ours is appended: computed, so that nobody has to read the file again.

The next update is always that of a field that is not seen: a document timestamp, or another signature's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from signroom.domain.pdf_facts import ChangedObject, CrossReferenceKind, PdfFacts, ValidationStore
from signroom.formats.pdf.reading import whole_table
from signroom.formats.pdf.reading.syntax import Dictionary, Reference, integer, reference
from signroom.formats.pdf.signing.own_update import CheckedUpdate

_FLAGS = 3
"""/SigFlags (ISO 32000-1, table 219): there are signatures, and the file is only appended to."""


@dataclass(frozen=True, slots=True)
class _Form:
    """Where the interactive form is, and what it has."""

    owner: Reference | None
    """None: it is a part of the catalog."""
    value: bytes


def facts_after(
    facts: PdfFacts, update: CheckedUpdate, *, length: int, state: bytes, store: ValidationStore | None
) -> PdfFacts | None:
    """The facts of the file that is now `length` bytes long, and whose running hash has this state.

    None: the objects that the next update needs are not known. So it is of files that an older version has read.
    """
    root = reference(dict(facts.trailer).get("Root"))
    catalog = facts.catalog if root is None else update.values.get(root.number, facts.catalog)
    if root is None or catalog is None:
        return None
    number = update.highest + 1
    taken = {one.number: one.value for one in facts.taken_in}
    page, form = _page(facts, update.values), _form(facts, update.values, Dictionary(catalog), taken)
    if page is None or form is None:
        return None
    changes = _changes(facts.page, page, root=root, catalog=catalog, form=form, taken=taken, number=number)
    return replace(
        facts,
        length=length,
        sha256_state=state,
        ends_line=True,
        previous=update.section,
        table=_table(facts, update.values),
        next_number=number,
        least_size=max(facts.least_size, number),
        changed=changes,
        # A signature takes them in. Validation data leave page and form alone.
        taken_in=() if facts.page[0] in update.values else facts.taken_in,
        added_page=None,
        site=None,
        fills=None,
        beside=(),
        catalog=catalog,
        store=store,
    )


def _page(facts: PdfFacts, values: Mapping[int, bytes]) -> bytes | None:
    """The dictionary of the page that has the widget."""
    number = facts.page[0]
    if number in values:
        return values[number]
    return _old(facts, number)


def _old(facts: PdfFacts, number: int) -> bytes | None:
    return next((one.old for one in (*facts.changed, *facts.beside) if one.number == number), None)


def _form(
    facts: PdfFacts, values: Mapping[int, bytes], catalog: Dictionary, taken: Mapping[int, bytes | None]
) -> _Form | None:
    raw = catalog.get("AcroForm")
    owner = reference(raw)
    if owner is None:
        return _Form(None, raw or b"<<>>")
    if owner.number in values:
        return _Form(owner, values[owner.number])
    if owner.number in taken:
        return _Form(None, taken[owner.number] or b"<<>>")
    old = _old(facts, owner.number)
    return None if old is None else _Form(owner, old)


def _changes(
    page_at: tuple[int, int],
    page: bytes,
    *,
    root: Reference,
    catalog: bytes,
    form: _Form,
    taken: Mapping[int, bytes | None],
    number: int,
) -> tuple[ChangedObject, ...]:
    """The page and the form with a field more, as ``signing.plan`` has them."""
    field = bytes(Reference(number))
    before, fields = Dictionary(page), Dictionary(form.value)
    longer = before.with_entry("Annots", _longer(before.get("Annots"), field, taken))
    flags = (integer(fields.get("SigFlags")) or 0) | _FLAGS
    written = Dictionary(fields.with_entry("SigFlags", b"%d" % flags))
    written_form = written.with_entry("Fields", _longer(fields.get("Fields"), field, taken))
    found = [ChangedObject(*page_at, page, longer, "Annots")]
    if form.owner is None:
        new = Dictionary(catalog).with_entry("AcroForm", written_form)
        found.append(ChangedObject(root.number, root.generation, catalog, new, "AcroForm"))
    else:
        owner = form.owner
        found.append(ChangedObject(owner.number, owner.generation, form.value, written_form, "Fields SigFlags"))
    return tuple(sorted(found, key=lambda one: one.number))


def _longer(raw: bytes | None, item: bytes, taken: Mapping[int, bytes | None]) -> bytes:
    target = reference(raw)
    found = raw if target is None else taken.get(target.number)
    if found is None or found[:1] != b"[":
        return b"[" + item + b"]"
    return found[: found.rindex(b"]")] + b" " + item + b"]"


def _table(facts: PdfFacts, values: Mapping[int, bytes]) -> bytes:
    """Of a hybrid file the objects that its tables do not show, without those that were written again."""
    if facts.kind is not CrossReferenceKind.TABLE or facts.previous is None or not facts.table:
        return b""
    kept = [place for place in whole_table.unpacked(facts.table) if place.number not in values]
    return whole_table.packed(kept) if kept else b""
