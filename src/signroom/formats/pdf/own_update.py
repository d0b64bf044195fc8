"""Check the update that was written: it adds one signature and changes nothing else.

The file is read back as a stranger reads it. Nothing of `plan` or `tail` is used but the facts of the upload, so that
a mistake there does not pass here. The value itself is the affair of `own_signature`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from signroom.domain.errors import VerificationFailed
from signroom.domain.pdf_facts import ChangedObject, PdfFacts
from signroom.formats.pdf import whole_table
from signroom.formats.pdf.syntax import (
    BadSyntax,
    Buffer,
    Dictionary,
    Reference,
    indirect_object,
    integer,
    items,
    reference,
    skip_space,
    value_end,
)

_END = re.compile(rb"startxref\n(\d{1,18})\n%%EOF\n\Z")
_SUBSECTION = re.compile(rb"(\d+) (\d+)\n")
_ROW = 20
_STREAM_ROW = 11
"""Bytes of /W[1 8 2]."""
_FIELD_KEYS = {"Type", "Subtype", "FT", "T", "V", "F", "Rect", "P", "AP"}
_SIGNATURE_KEYS = {"Type", "Filter", "SubFilter", "M", "ByteRange", "Contents"}
_APPENDED = {"Annots", "Fields"}
"""Arrays that get one item more."""
_FLAGS = 3


@dataclass(frozen=True, slots=True)
class Gap:
    """Where /Contents is: from `start` to `end`, delimiters included, in bytes of the file."""

    start: int
    end: int


def check_update(buffer: Buffer, facts: PdfFacts) -> Gap:
    """Raises: VerificationFailed naming what is wrong."""
    try:
        return _check(buffer, facts)
    except (BadSyntax, ValueError, IndexError) as error:
        raise VerificationFailed("The update that was written cannot be read.") from error


def _check(buffer: Buffer, facts: PdfFacts) -> Gap:
    end = _END.search(buffer, max(0, len(buffer) - 64))
    at = int(end[1]) if end else -1
    _require(facts.length < at < len(buffer), "startxref does not point into the update")
    entries, trailer, own_stream = _section(buffer, at)
    hidden = integer(trailer.get("XRefStm"))
    if hidden is not None:
        own_stream = _check_hidden(buffer, hidden, facts, {change.number for change in facts.changed})
    _check_trailer(facts, trailer, max(max(entries) + 1, facts.least_size))
    changed = {change.number: change for change in facts.changed}
    _check_entries(facts, entries, changed)
    field = Reference(facts.next_number)
    page = b"%d %d R" % facts.page if facts.added_page is not None else None
    for change in facts.changed:
        found = indirect_object(buffer, entries[change.number])
        right = found.reference == Reference(change.number, change.generation) and found.stream_at is None
        _require(right, f"object {change.number} is another one")
        _require(_only_added(change, found.value, bytes(field), page), f"object {change.number} lost something")
    for number in entries.keys() - changed.keys():
        if number >= facts.next_number and number != own_stream:
            _require(
                indirect_object(buffer, entries[number]).reference == Reference(number),
                f"object {number} is another one",
            )
    if facts.added_page is not None:
        added = indirect_object(buffer, entries[facts.page[0]]).value
        _require(added == facts.added_page and facts.page[0] >= facts.next_number, "the added page is another one")
    signature = _check_field(Dictionary(indirect_object(buffer, entries[field.number]).value), facts)
    return _gap(buffer, entries[signature.number])


def _check_hidden(buffer: Buffer, at: int, facts: PdfFacts, changed: set[int]) -> int:
    """The objects that a hybrid file's table does not show are where they were. The number of their stream."""
    _require(at > facts.length, "/XRefStm does not point into the update")
    entries, _, number = _section(buffer, at)
    before = {place.number: place.offset for place in whole_table.unpacked(facts.table)}
    _require(
        entries == {name: offset for name, offset in before.items() if name not in changed},
        "an object in an object stream was moved",
    )
    return number or 0


def _require(right: bool, wrong: str) -> None:
    if not right:
        raise VerificationFailed(f"The update that was written is wrong: {wrong}.")


def _section(buffer: Buffer, at: int) -> tuple[dict[int, int], Dictionary, int | None]:
    """Offsets by number, the trailer, and the number of the section's own stream."""
    if buffer[at : at + 5] == b"xref\n":
        return _table(buffer, at + 5)
    found = indirect_object(buffer, at)
    trailer = Dictionary(found.value)
    _require(trailer.get("Type") == b"/XRef" and trailer.get("W") == b"[1 8 2]", "no cross-reference stream")
    length, start = integer(trailer.get("Length")) or 0, found.stream_at or 0
    rows = bytes(buffer[start : start + length])
    index = [int(number) for number in items(trailer.get("Index") or b"[]")]
    entries, compressed, row = {}, set(), 0
    for first, count in zip(index[::2], index[1::2], strict=True):
        for number in range(first, first + count):
            cells = rows[row : row + _STREAM_ROW]
            entries[number] = int.from_bytes(cells[1:9], "big")
            if cells[0] != 1:
                compressed.add(number)
            row += _STREAM_ROW
    _require(row == len(rows), "a cross-reference stream of another length")
    return entries, trailer, found.reference.number


def _table(buffer: Buffer, at: int) -> tuple[dict[int, int], Dictionary, None]:
    entries: dict[int, int] = {}
    while found := _SUBSECTION.match(buffer, at):
        first, count = int(found[1]), int(found[2])
        rows = bytes(buffer[found.end() : found.end() + count * _ROW])
        for row in range(count):
            cells = rows[row * _ROW : (row + 1) * _ROW]
            if cells[17:18] == b"n":
                entries[first + row] = int(cells[:10])
        at = found.end() + count * _ROW
    _require(buffer[at : at + 8] == b"trailer\n", "no trailer")
    return entries, Dictionary.at(buffer, at + 8), None


def _check_trailer(facts: PdfFacts, trailer: Dictionary, size: int) -> None:
    for name, value in facts.trailer:
        _require(trailer.get(name) == value, f"the trailer has another /{name}")
    _require(integer(trailer.get("Prev")) == facts.previous, "/Prev is another one")
    _require(integer(trailer.get("Size")) == size, "/Size is not one more than the highest object number")
    known = {name for name, _ in facts.trailer} | {"Size", "Prev", "ID", "XRefStm", "Type", "W", "Index", "Length"}
    _require(set(trailer.names()) <= known, "the trailer has an entry that nobody asked for")


def _check_entries(facts: PdfFacts, entries: Mapping[int, int], changed: Mapping[int, ChangedObject]) -> None:
    """Every object is where it was, but those that are changed or new."""
    _require(changed.keys() <= entries.keys(), "a changed object is missing")
    whole = facts.table if facts.previous is None else b""
    before = {place.number: place.offset for place in whole_table.unpacked(whole)} if whole else {}
    for number, offset in entries.items():
        if number in changed or number >= facts.next_number:
            _require(offset >= facts.length, f"object {number} is not in the update")
        else:
            _require(before.get(number) == offset, f"object {number} was moved")
    _require(before.keys() <= entries.keys(), "the table has lost an object")


def _only_added(change: ChangedObject, new: bytes, field: bytes, page: bytes | None) -> bool:
    """`new` is what it was, with the field in one array more, and /SigFlags; or with the added page in /Kids."""
    if change.old is None:
        return new == change.new
    if change.old[:1] == b"[":
        return items(new) in ([*items(change.old), field], [*items(change.old), page])
    old, found = Dictionary(change.old), Dictionary(new)
    if page is not None and old.get("Kids") is not None:
        return _same_tree(old, found, page)
    return _same_but(old, found, field)


def _same_tree(old: Dictionary, new: Dictionary, page: bytes) -> bool:
    """The root of the page tree with one page more."""
    before, after = old.get("Kids") or b"", new.get("Kids") or b""
    longer = after == before or items(after) == [*items(before), page]
    others = {*old.names(), *new.names()} - {"Kids", "Count"}
    return longer and all(old.get(name) == new.get(name) for name in others)


def _same_but(old: Dictionary, new: Dictionary, field: bytes) -> bool:
    allowed = set(old.names()) | {"Annots", "Fields", "SigFlags", "AcroForm"}
    return set(new.names()) <= allowed and all(
        _same_entry(name, old.get(name), new.get(name), field) for name in {*old.names(), *new.names()}
    )


def _same_entry(name: str, old: bytes | None, new: bytes | None, field: bytes) -> bool:
    if old == new:
        return True
    if new is None:
        return False
    if name == "SigFlags":
        return integer(new) is not None and (integer(new) or 0) & _FLAGS == _FLAGS
    is_array = old is not None and old[:1] == b"["
    if name in _APPENDED:
        return items(new) == ([*items(old or b"[]"), field] if is_array else [field])
    if name == "AcroForm":
        # A form that was absent, or a reference to nothing, has become one with only this field.
        before = Dictionary(old) if old is not None and old[:2] == b"<<" else Dictionary(b"<<>>")
        return _same_but(before, Dictionary(new), field)
    return False


def _check_field(field: Dictionary, facts: PdfFacts) -> Reference:
    """The reference to the signature dictionary."""
    _require(set(field.names()) <= _FIELD_KEYS and field.get("FT") == b"/Sig", "the field is no signature field")
    _require(field.get("P") == b"%d %d R" % facts.page, "the field is on another page")
    signature = reference(field.get("V"))
    _require(signature == Reference(facts.next_number + 1), "the field has another signature")
    return Reference(facts.next_number + 1)


def _gap(buffer: Buffer, at: int) -> Gap:
    """EN 319 142-1, 5.4: all of the file is signed but the hexadecimal string of /Contents."""
    found = indirect_object(buffer, at)
    signature = Dictionary(found.value)
    _require(set(signature.names()) == _SIGNATURE_KEYS, "the signature dictionary has other entries")
    zero, first, second, rest = (int(number) for number in items(signature.get("ByteRange") or b"[]"))
    gap = Gap(first, second)
    _require(zero == 0 and second + rest == len(buffer), "the byte range does not cover the file")
    _require(at < first < second, "the gap is somewhere else")
    _require(signature.get("Contents") == buffer[first:second], "the gap is not /Contents")
    start = skip_space(buffer, first)
    _require(start == first and value_end(buffer, first) == second, "the gap holds more than one string")
    return gap
