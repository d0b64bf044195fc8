"""Check the update that was written: it adds one signature and changes nothing else.

The file is read back as a stranger reads it. Nothing of `plan` or `tail` is used but the facts of the upload, so that
a mistake there does not pass here. The value itself is the affair of `own_signature`.

1. The update is its objects, its cross-reference section and its end, without a byte between or behind them.
2. The section leads to each of them, and every other object is where it was.
3. The trailer is the one before, but for what belongs to an update.
4. The page has the field as one annotation more, the form as one field more. No other object is written again.
   Where an empty field of the file is filled in, it has the signature as its value, and may show something where it
   showed nothing; page and form have what they had.
5. What was absent before is looked up in the file: nothing may be lost because somebody called it absent.
6. The byte range is the whole file without /Contents.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import repeat
from operator import itemgetter

import pikepdf

from signroom.domain.errors import VerificationFailed
from signroom.domain.pdf_facts import ChangedObject, CrossReferenceKind, EmptyField, FieldLock, PdfFacts
from signroom.formats.pdf.entries import UNREADABLE
from signroom.formats.pdf.reading import whole_table
from signroom.formats.pdf.reading.syntax import (
    BadSyntax,
    Buffer,
    Dictionary,
    IndirectObject,
    Reference,
    indirect_object,
    integer,
    items,
    reference,
    value_end,
)
from signroom.formats.pdf.reading.view import View
from signroom.formats.pdf.reading.whole_table import Place, as_places
from signroom.formats.pdf.widget_looks import shows_something

_END = re.compile(rb"startxref\n(\d{1,18})\n%%EOF\n\Z")
_SUBSECTION = re.compile(rb"(\d{1,10}) (\d{1,10})\n")
_ROWS = re.compile(rb"(?:\d{10} \d{5} n \n)*+")
_FREE = b"0 1\n0000000000 65535 f \n"
"""Object 0, the head of the free objects (7.5.4)."""
_ROW = 20
_STREAM_ROW = struct.Struct(">BQH")
"""/W[1 8 2]."""
_COMPRESSED = {1: False, 2: True}
"""By the kind of a row (7.5.8.3). Others are free."""
_BEHIND_OBJECT = b"\nendobj\n"
_BEHIND_STREAM = re.compile(rb"\r?\n?endstream\nendobj\n")
_FIELD = {"Type": b"/Annot", "Subtype": b"/Widget", "FT": b"/Sig", "F": b"132"}
_FIELD_KEYS = {*_FIELD, "T", "V", "Rect", "P"}
_APPEARANCE = re.compile(rb"<</N (\d{1,10}) 0 R>>")
_SIGNATURE = {"Type": b"/Sig", "Filter": b"/Adobe.PPKLite", "SubFilter": b"/ETSI.CAdES.detached"}
_DOCUMENT_TIMESTAMP = {"Type": b"/DocTimeStamp", "Filter": b"/Adobe.PPKLite", "SubFilter": b"/ETSI.RFC3161"}
"""EN 319 142-1, 5.4.3."""
_FLAGS = 3
_HEXADECIMAL = b"0123456789abcdef"
_BUFFER = 1 << 16
_NOWHERE = b"\nstartxref\n0\n%%EOF\n"
"""It makes qpdf search the whole file for objects."""
_TOLERANCE = 0.001
"""Points."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Where /Contents is: from `start` to `end`, delimiters included, in bytes of the file."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class CheckedUpdate:
    """An update that is right, as it was read back."""

    section: int
    """Where its cross-reference section begins, in bytes of the file."""
    highest: int
    """The highest object number of the file."""
    values: Mapping[int, bytes]
    """The objects of the update by number, those of streams without their data."""


def check_update(buffer: Buffer, facts: PdfFacts, before: int | None = None) -> Gap:
    """`before`: the number of the open file as it was, where `buffer` has the update only, and anything in front.

    Raises: VerificationFailed naming what is wrong.
    """
    with unreadable_is_wrong():
        return _check(buffer, facts, _SIGNATURE, buffer if before is None else before)[1]


def read_update(buffer: Buffer, facts: PdfFacts, *, timestamp: bool = False) -> tuple[CheckedUpdate, Gap]:
    """`check_update` with what it has read. `timestamp`: it is to be the update of a document timestamp.

    Raises: VerificationFailed naming what is wrong.
    """
    with unreadable_is_wrong():
        return _check(buffer, facts, _DOCUMENT_TIMESTAMP if timestamp else _SIGNATURE, buffer)


@contextmanager
def unreadable_is_wrong() -> Iterator[None]:
    """Raises: VerificationFailed for what cannot be read."""
    try:
        yield
    except (BadSyntax, *UNREADABLE) as error:
        raise VerificationFailed("The update that was written cannot be read.") from error


def require(right: bool, wrong: str) -> None:
    """Raises: VerificationFailed."""
    if not right:
        raise fault(wrong)


def fault(wrong: str) -> VerificationFailed:
    return VerificationFailed(f"The update that was written is wrong: {wrong}.")


def _check(
    buffer: Buffer, facts: PdfFacts, wanted: Mapping[str, bytes], before: Buffer | int
) -> tuple[CheckedUpdate, Gap]:
    section = read_section(buffer, facts)
    check_trailer(facts, section)
    objects = read_objects(buffer, facts, section)
    check_places(facts, section, {change.number: change.generation for change in facts.changed})
    changed = _Changed(before, facts, objects)
    if facts.fills is None:
        field = Reference(facts.next_number)
        changed.check(field)
        _check_field(Dictionary(objects[field.number].value), facts, objects)
        signature = field.number + 1
    else:
        signature = facts.next_number
        changed.check_filled(facts.fills, Reference(signature))
    gap = _gap(buffer, section.places[signature].offset, objects[signature], facts, wanted)
    return checked(section, objects), gap


def checked(section: CrossReferenceSection, objects: Mapping[int, IndirectObject]) -> CheckedUpdate:
    values = {number: found.value for number, found in objects.items()}
    return CheckedUpdate(section.start, max(section.places), values)


@dataclass(frozen=True, slots=True)
class CrossReferenceSection:
    """The cross-reference section of the update."""

    start: int
    places: Mapping[int, Place]
    hidden: Mapping[int, Place]
    """Of a hybrid file: what is in the stream beside the table."""
    trailer: Dictionary


def read_section(buffer: Buffer, facts: PdfFacts) -> CrossReferenceSection:
    end = _END.search(buffer, max(0, len(buffer) - 64))
    if end is None or not facts.length < int(end[1]) < len(buffer):
        raise fault("startxref does not point into the update")
    start = int(end[1])
    if facts.kind is CrossReferenceKind.STREAM:
        places, trailer = _stream(buffer, start)
        return CrossReferenceSection(start, places, {}, trailer)
    require(buffer[start : start + 5] == b"xref\n", "it has no cross-reference table")
    places, at = _table(buffer, start + 5)
    trailer = Dictionary.at(buffer, at)
    require(buffer[value_end(buffer, at) : end.start()] == b"\n", "there is something behind the trailer")
    beside = integer(trailer.get("XRefStm"))
    if beside is None:
        return CrossReferenceSection(start, places, {}, trailer)
    return CrossReferenceSection(start, places, _stream(buffer, beside)[0], trailer)


def _stream(buffer: Buffer, at: int) -> tuple[dict[int, Place], Dictionary]:
    found = indirect_object(buffer, at)
    trailer = Dictionary(found.value)
    right = trailer.get("Type") == b"/XRef" and trailer.get("W") == b"[1 8 2]" and trailer.get("Filter") is None
    require(right and found.stream_at is not None, "it has no cross-reference stream")
    start = found.stream_at or 0
    rows = bytes(buffer[start : start + (integer(trailer.get("Length")) or 0)])
    index = [int(number) for number in items(trailer.get("Index") or b"[]")]
    places: dict[int, Place] = {}
    row = 0
    for first, count in zip(index[::2], index[1::2], strict=True):
        end = row + count * _STREAM_ROW.size
        require(0 <= row <= end <= len(rows), "a cross-reference stream of another length")
        cells = list(_STREAM_ROW.iter_unpack(rows[row:end]))
        numbers = range(first, first + count)
        free = [number for number, cell in zip(numbers, cells, strict=True) if cell[0] not in _COMPRESSED]
        require(not free, f"object {min(free, default=0)} is free")
        rows_of_places = (
            (number, _COMPRESSED[kind], offset, last)
            for number, (kind, offset, last) in zip(numbers, cells, strict=True)
        )
        _add(places, numbers, rows_of_places)
        row = end
    require(row == len(rows), "a cross-reference stream of another length")
    return places, trailer


def _add(places: dict[int, Place], numbers: range, rows: Iterable[tuple[int, bool, int, int]]) -> None:
    """Without a step for each number: there may be hundreds of thousands."""
    twice = places.keys() & numbers if places else set()
    require(not twice, f"object {min(twice, default=0)} is there twice")
    places.update(zip(numbers, as_places(rows), strict=True))


def _table(buffer: Buffer, at: int) -> tuple[dict[int, Place], int]:
    """The places, and where the trailer's dictionary begins."""
    places: dict[int, Place] = {}
    if buffer[at : at + len(_FREE)] == _FREE:
        at += len(_FREE)
    while found := _SUBSECTION.match(buffer, at):
        first, count = int(found[1]), int(found[2])
        at = found.end() + count * _ROW
        rows = bytes(buffer[found.end() : at])
        require(_ROWS.fullmatch(rows) is not None and len(rows) == count * _ROW, "a row of the table is malformed")
        numbers, words = range(first, first + count), rows.split()
        offsets, generations = map(int, words[::3]), map(int, words[1::3])
        _add(places, numbers, zip(numbers, repeat(False), offsets, generations, strict=False))
    require(buffer[at : at + 8] == b"trailer\n", "it has no trailer")
    return places, at + 8


def check_trailer(facts: PdfFacts, section: CrossReferenceSection) -> None:
    trailer = section.trailer
    for name, value in facts.trailer:
        require(trailer.get(name) == value, f"the trailer has another /{name}")
    previous = None if facts.previous is None else b"%d" % facts.previous
    require(trailer.get("Prev") == previous, "/Prev is another one")
    size = max(max(section.places) + 1, facts.least_size)
    require(trailer.get("Size") == b"%d" % size, "/Size is not one more than the highest object number")
    identifier = [] if trailer.get("ID") is None else items(trailer.get("ID") or b"")
    require(len(identifier) == (0 if facts.permanent_id is None else 2), "/ID is another one")
    require(identifier[:1] in ([], [facts.permanent_id]), "/ID is another one")
    known = {name for name, _ in facts.trailer} | {"Size", "Prev", "ID"}
    known |= {"Type", "W", "Index", "Length"} if facts.kind is CrossReferenceKind.STREAM else {"XRefStm"}
    require(set(trailer.names()) <= known, "the trailer has an entry that nobody asked for")
    require(len(set(trailer.names())) == len(trailer.names()), "the trailer has an entry twice")


def read_objects(buffer: Buffer, facts: PdfFacts, section: CrossReferenceSection) -> dict[int, IndirectObject]:
    """The objects of the update by number. They follow each other, up to the section."""
    new = sorted((p for p in section.places.values() if p.offset >= facts.length and not p.compressed), key=_offset)
    found: dict[int, IndirectObject] = {}
    at = facts.length if facts.ends_line else facts.length + 1
    require(bytes(buffer[facts.length : at]) in (b"", b"\n"), "there is something before its first object")
    for place in new:
        require(place.offset == at, f"object {place.number} does not begin where the one before ends")
        found[place.number] = one = indirect_object(buffer, place.offset)
        header = b"%d %d obj" % (place.number, place.generation)
        require(buffer[at : at + len(header)] == header, f"object {place.number} is another one")
        at = _behind(buffer, place.offset, one)
    if facts.kind is CrossReferenceKind.STREAM:
        require(bool(new) and new[-1].offset == section.start, "the cross-reference stream is not the last object")
        tail = b"startxref\n%d\n%%%%EOF\n" % section.start
        require(at + len(tail) == len(buffer), "there is something behind its last object")
    else:
        require(at == section.start, "there is something behind its last object")
    return found


def _offset(place: Place) -> int:
    return place.offset


def _behind(buffer: Buffer, at: int, found: IndirectObject) -> int:
    """Where the next object begins."""
    if found.stream_at is None:
        end = value_end(buffer, at + buffer[at : at + 32].index(b"obj") + len(b"obj"))
        require(
            buffer[end : end + len(_BEHIND_OBJECT)] == _BEHIND_OBJECT, f"object {found.reference.number} does not end"
        )
        return end + len(_BEHIND_OBJECT)
    length = integer(Dictionary(found.value).get("Length"))
    behind = _BEHIND_STREAM.match(buffer, found.stream_at + length) if length is not None and length >= 0 else None
    if behind is None:
        raise fault(f"the stream of object {found.reference.number} does not end")
    return behind.end()


def check_places(facts: PdfFacts, section: CrossReferenceSection, generations: Mapping[int, int]) -> None:
    """Every object is where it was, but those that are changed (number and generation) or new."""
    whole = facts.previous is None
    unchanged = _by_number(whole_table.unpacked(facts.table)) if facts.table else {}
    kept = dict(section.places)
    new = {number for number in kept if number >= facts.next_number}
    for number in generations:
        unchanged.pop(number, None)
    for number in sorted(generations.keys() | new):
        place = kept.pop(number, None)
        if place is None:
            raise fault("a changed object is missing")
        right = not place.compressed and place.offset >= facts.length
        require(right and place.generation == generations.get(number, 0), f"object {number} is not in the update")
    before = unchanged if whole else {}
    if kept != before:  # one comparison for hundreds of thousands
        moved = [number for number, place in kept.items() if before.get(number) != place]
        require(not moved, f"object {min(moved, default=0)} was moved")
        raise fault("the table has lost an object")
    require(new == set(range(facts.next_number, facts.next_number + len(new))), "it leaves out a number")
    hybrid = facts.kind is CrossReferenceKind.TABLE and not whole
    require(section.hidden == (unchanged if hybrid else {}), "an object in an object stream was moved")


def _by_number(places: Iterable[Place]) -> dict[int, Place]:
    listed = list(places)
    return dict(zip(map(itemgetter(0), listed), listed, strict=True))


class _Changed:
    """The objects that are written again: what they were before, with the field in one array more."""

    def __init__(self, before: Buffer | int, facts: PdfFacts, objects: Mapping[int, IndirectObject]) -> None:
        self._beginning = before
        self._facts = facts
        self._objects = objects
        self._changes = {Reference(change.number, change.generation): change for change in facts.changed}
        self._taken = {Reference(taken.number, taken.generation): taken.value for taken in facts.taken_in}

    def check(self, field: Reference) -> None:
        facts, root = self._facts, reference(dict(self._facts.trailer).get("Root"))
        todo = dict(self._changes)
        if facts.added_page is None:
            old, new = self._pair(todo.pop(Reference(*facts.page), None), "page")
            self._require_same(old, new, {"Annots"})
            self._require_longer(old.get("Annots"), new.get("Annots"), field)
        else:
            self._check_added(todo, facts.added_page, field)
        catalog = todo.pop(root, None) if root is not None else None
        if catalog is not None:
            old, new = self._pair(catalog, "catalog")
            self._require_same(old, new, {"AcroForm"})
            self._check_form(self._form(old.get("AcroForm")), Dictionary(new.get("AcroForm") or b""), field)
        else:
            require(len(todo) == 1, "not one form has the field")
            old, new = self._pair(todo.popitem()[1], "form")
            self._check_form(old, new, field)
        require(not todo, "an object was written again that nobody asked for")

    def check_filled(self, fills: EmptyField, signature: Reference) -> None:
        """The field has its value, and nothing else of the file has another one."""
        require(self._facts.added_page is None, "a page was added that nobody needs")
        todo = dict(self._changes)
        old, new = self._pair(todo.pop(Reference(fills.number, fills.generation), None), "field")
        self._require_same(old, new, {"V", "AP"})
        before = reference(old.get("V"))
        # A reference to nothing is nothing (7.3.10).
        is_empty = old.get("V") is None if before is None else not self._exists(before, pikepdf.Object)
        require(is_empty and new.get("V") == bytes(signature), "the field has another signature")
        self._check_looks(old, new, fills)
        require(len(todo) <= 1, "an object was written again that nobody asked for")
        for change in todo.values():
            self._check_flags(change)

    def _check_looks(self, old: Dictionary, new: Dictionary, fills: EmptyField) -> None:
        """The widget looks as before; one that showed nothing may look as what was drawn for this signature."""
        if old.get("AP") == new.get("AP"):
            return
        shown = _APPEARANCE.fullmatch(new.get("AP") or b"")
        number = int(shown[1]) if shown else -1
        is_new = number > self._facts.next_number and number in self._objects
        right = is_new and self._facts.site is not None and self._objects[number].stream_at is not None
        require(right, "the field shows something else")
        if old.get("AP") is not None:
            with self._before() as before:
                is_gone = shows_something(before.get_object(fills.number, fills.generation))
            require(not is_gone, "what the field showed is gone")

    def _check_flags(self, change: ChangedObject) -> None:
        """The form, or the catalog with the form in it, says that there is a signature."""
        old, new = self._pair(change, "form")
        if Reference(change.number, change.generation) == reference(dict(self._facts.trailer).get("Root")):
            self._require_same(old, new, {"AcroForm"})
            old, new = (Dictionary(one.get("AcroForm") or b"") for one in (old, new))
        self._require_same(old, new, {"SigFlags"})
        self._require_flags(old, new)

    def _pair(self, change: ChangedObject | None, what: str) -> tuple[Dictionary, Dictionary]:
        """The dictionary before and after."""
        if change is None or change.old is None:
            raise fault(f"the {what} was not written again")
        found = self._objects[change.number]
        require(found.stream_at is None, f"object {change.number} has become a stream")
        return Dictionary(change.old), Dictionary(found.value)

    def _check_added(self, todo: dict[Reference, ChangedObject], page: bytes, field: Reference) -> None:
        """The page that comes with the signature, and the root of the page tree."""
        number = self._facts.page[0]
        right = number >= self._facts.next_number and self._objects[number].value == page
        require(right and self._objects[number].stream_at is None, "the added page is another one")
        added = Dictionary(page)
        require(added.get("Annots") == b"[%b]" % bytes(field), "the added page has not the field alone")
        tree = reference(added.get("Parent"))
        old, new = self._pair(todo.pop(tree, None) if tree is not None else None, "page tree")
        self._require_same(old, new, {"Kids", "Count"})
        self._require_longer(old.get("Kids"), new.get("Kids"), Reference(number))
        require((integer(new.get("Count")) or 0) > 0, "the page tree has no number of pages")

    def _check_form(self, old: Dictionary, new: Dictionary, field: Reference) -> None:
        self._require_same(old, new, {"Fields", "SigFlags"})
        self._require_longer(old.get("Fields"), new.get("Fields"), field)
        self._require_flags(old, new)

    def _require_flags(self, old: Dictionary, new: Dictionary) -> None:
        before, after = integer(old.get("SigFlags")), integer(new.get("SigFlags"))
        right = after is not None and after & _FLAGS == _FLAGS and after == after | (before or 0)
        require(right, "/SigFlags do not say that there is a signature")

    def _require_same(self, old: Dictionary, new: Dictionary, but: set[str]) -> None:
        for name in {*old.names(), *new.names()} - but:
            require(old.get(name) == new.get(name), f"/{name} was changed")
        for name in but:
            require(new.names().count(name) <= 1, f"/{name} is there twice")

    def _require_longer(self, old: bytes | None, new: bytes | None, item: Reference) -> None:
        before = self._value(old, b"[", pikepdf.Array)
        expected = [*items(before or b"[]"), bytes(item)]
        require(new is not None and items(new) == expected, "an array has not one item more")

    def _form(self, old: bytes | None) -> Dictionary:
        return Dictionary(self._value(old, b"<<", pikepdf.Dictionary) or b"<<>>")

    def _value(self, raw: bytes | None, opening: bytes, kind: type[pikepdf.Object]) -> bytes | None:
        """What an entry had, taken in from an object of its own; None for nothing, or for something of a wrong type."""
        target = reference(raw)
        found = raw if target is None else self._taken[target]
        if found is not None and found.startswith(opening):
            return found
        if target is not None:
            require(not self._exists(target, kind), f"what object {target.number} has was lost")
        return None

    def _exists(self, target: Reference, kind: type[pikepdf.Object]) -> bool:
        """Look the object up in the file as it was. It costs time, and is needed for few files."""
        with self._before() as before:
            return any(
                isinstance(before.get_object(key), kind)
                for key in before.get_xref_table()
                if key[0] == target.number  # of any generation: some readers do not look at it
            )

    @contextmanager
    def _before(self) -> Iterator[pikepdf.Pdf]:
        """The file as it was; one that cannot be opened as it is, with a table that qpdf makes."""
        with ExitStack() as files:
            try:
                pdf = self._opened(files, b"")
            except pikepdf.PdfError:
                pdf = self._opened(files, _NOWHERE)
            yield pdf

    def _opened(self, files: ExitStack, end: bytes) -> pikepdf.Pdf:
        view = View(self._beginning, 0, self._facts.length, end)
        stream = files.enter_context(io.BufferedReader(view, _BUFFER))
        return files.enter_context(pikepdf.open(stream, inherit_page_attributes=False))


def _check_field(field: Dictionary, facts: PdfFacts, objects: Mapping[int, IndirectObject]) -> None:
    names = field.names()
    require(set(names) - {"AP"} == _FIELD_KEYS and len(set(names)) == len(names), "the field has other entries")
    require(all(field.get(name) == value for name, value in _FIELD.items()), "the field is no signature field")
    require(field.get("P") == b"%d %d R" % facts.page, "the field is on another page")
    require(field.get("V") == b"%d 0 R" % (facts.next_number + 1), "the field has another signature")
    box = (0.0, 0.0, 0.0, 0.0) if facts.site is None else facts.site.box
    sides = [float(side) for side in items(field.get("Rect") or b"[]")]
    right = len(sides) == len(box) and all(abs(a - b) < _TOLERANCE for a, b in zip(sides, box, strict=True))
    require(right, "the field is somewhere else")
    shown = _APPEARANCE.fullmatch(field.get("AP") or b"<</N 0 0 R>>")
    number = int(shown[1]) if shown else -1
    new = number > facts.next_number + 1 and number in objects and objects[number].stream_at is not None
    require(new or field.get("AP") is None, "the field shows something else")
    if new and facts.site is None:
        seen = Dictionary(objects[number].value)
        nothing = seen.get("Length") == b"0" and seen.get("BBox") == b"[0 0 0 0]" and seen.get("Subtype") == b"/Form"
        require(nothing, "a signature that is not visible shows something")


def _check_lock(signature: Dictionary, facts: PdfFacts, lock: FieldLock) -> None:
    """What is locked from now on is what the field says (FieldMDP)."""
    (found,) = (Dictionary(one) for one in items(signature.get("Reference") or b"[]"))
    parameters = Dictionary(found.get("TransformParams") or b"")
    right = (
        sorted(found.names()) == ["Data", "TransformMethod", "TransformParams", "Type"]
        and (found.get("Type"), found.get("TransformMethod")) == (b"/SigRef", b"/FieldMDP")
        and found.get("Data") == dict(facts.trailer).get("Root")
        and (parameters.get("Type"), parameters.get("V")) == (b"/TransformParams", b"/1.2")
        and parameters.get("Action") == b"/" + lock.action.encode()
        and integer(parameters.get("P")) == lock.level
        and set(parameters.names()) <= {"Type", "V", "Action", "Fields", "P"}
    )
    names = [bytes.fromhex(one.strip(b"<>").decode("ascii")) for one in items(parameters.get("Fields") or b"[]")]
    require(right and tuple(names) == (() if lock.action == "All" else lock.names), "it locks something else")


def _gap(buffer: Buffer, at: int, found: IndirectObject, facts: PdfFacts, wanted: Mapping[str, bytes]) -> Gap:
    """EN 319 142-1, 5.4: all of the file is signed but the hexadecimal string of /Contents."""
    signature = Dictionary(found.value)
    names = signature.names()
    lock = None if facts.fills is None else facts.fills.lock
    if lock is not None:
        _check_lock(signature, facts, lock)
    known = {*wanted, "ByteRange", "Contents"}
    known |= {"M"} if wanted is _SIGNATURE else set()  # the token has the time
    known |= set() if lock is None else {"Reference"}
    right = set(names) == known and len(set(names)) == len(names)
    require(right, "the signature dictionary has other entries")
    right = all(signature.get(name) == value for name, value in wanted.items())
    require(right, "the signature dictionary says something else")
    zero, first, second, rest = (int(number) for number in items(signature.get("ByteRange") or b"[]"))
    gap = Gap(first, second)
    require(zero == 0 and second + rest == len(buffer), "the byte range does not cover the file")
    require(at < first < second < len(buffer), "the gap is somewhere else")
    contents = signature.get("Contents") or b""
    require(contents == buffer[first:second], "the gap is not /Contents")
    digits = contents[1:-1]
    right = contents[:1] == b"<" and contents[-1:] == b">" and bool(digits) and not digits.translate(None, _HEXADECIMAL)
    require(right, "/Contents is no hexadecimal string")
    return gap
