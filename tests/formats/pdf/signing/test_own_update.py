"""Each property of a written update is broken once, with everything else as it should be, and the check sees it."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from signroom.domain.errors import VerificationFailed
from signroom.domain.pdf_facts import (
    ChangedObject,
    CrossReferenceKind,
    EmptyField,
    FieldLock,
    PdfFacts,
    SignatureSite,
    TakenIn,
)
from signroom.formats.pdf.reading import whole_table
from signroom.formats.pdf.signing.own_update import Gap, check_update
from signroom.formats.pdf.signing.tail import build_tail
from tests.formats.pdf.updates import NOW, Updated, filled, laid_out, updated
from tests.vectors.pdf.builder import CATALOG, CONTENT, PAGE, Form, document, stream, written

ANNOTATION, FORM, FIELDS, TEXT = 20, 21, 22, 23
ENTRIES = {
    ANNOTATION: b"<</Type/Annot/Subtype/Link/Rect[0 0 9 9]>>",
    TEXT: b"<</FT/Tx/T(name)>>",
}
DIRECT = document(1, catalog=b"/AcroForm<</Fields[23 0 R]/DA(/F 0 Tf)>>", page=b"/Annots[20 0 R]/Tabs/S", more=ENTRIES)
INDIRECT = document(
    1,
    catalog=b"/AcroForm 21 0 R",
    page=b"/Annots 24 0 R",
    more={**ENTRIES, FORM: b"<</Fields 22 0 R/DA(/F 0 Tf)>>", FIELDS: b"[23 0 R]", 24: b"[20 0 R]"},
)
ID = b"/ID[<aa><bb>]/Info 23 0 R"
SITE = SignatureSite(0, (100.0, 200.0, 250.5, 260.0), 100.0, 582.0, 150.5, 60.0, 0)
_OBJECT = re.compile(rb"(\d+) (\d+) obj\n(.*?)\nendobj\n", re.DOTALL)
_RANGE = re.compile(rb"\[0 [\d ]+\] *(?=/Contents)")


@dataclass
class Parts:
    """An update with a table, taken apart, to be put together otherwise."""

    whole: Updated
    objects: dict[int, bytes]
    generations: dict[int, int]
    trailer: bytes
    before: bytes = b""
    between: bytes = b""
    behind_objects: bytes = b""
    behind_trailer: bytes = b""
    rows: dict[int, bytes] = field(default_factory=dict)
    """Rows of the table that are other than they should be."""
    more_rows: bytes = b""
    startxref: int | None = None

    @classmethod
    def of(cls, whole: Updated) -> Parts:
        found = list(_OBJECT.finditer(whole.tail))
        trailer = whole.tail[whole.tail.index(b"trailer\n") + 8 : whole.tail.rindex(b"\nstartxref")]
        generations = {int(one[1]): int(one[2]) for one in found}
        return cls(whole, {int(one[1]): one[3] for one in found}, generations, trailer)

    def change(self, number: int, old: bytes, new: bytes) -> Parts:
        assert self.objects[number].count(old) == 1, self.objects[number]
        self.objects[number] = self.objects[number].replace(old, new)
        return self

    def in_trailer(self, old: bytes, new: bytes) -> Parts:
        assert self.trailer.count(old) == 1, self.trailer
        self.trailer = self.trailer.replace(old, new)
        return self

    def file(self) -> bytes:
        out = bytearray(self.whole.original + self.before)
        table = b""
        for number, body in self.objects.items():
            row = b"%010d %05d n \n" % (len(out), self.generations.get(number, 0))
            table += b"%d 1\n%b" % (number, self.rows.get(number, row))
            out += b"%d %d obj\n%b\nendobj\n%b" % (number, self.generations.get(number, 0), body, self.between)
        out += self.behind_objects
        at = len(out) if self.startxref is None else self.startxref
        out += b"xref\n" + table + self.more_rows + b"trailer\n" + self.trailer
        out += b"\n" + self.behind_trailer + b"startxref\n%d\n%%%%EOF\n" % at
        return with_range(bytes(out))


def with_range(data: bytes) -> bytes:
    """The byte range as it should be, in the same number of bytes."""
    found = list(_RANGE.finditer(data))[-1]
    start = found.end() + len(b"/Contents")
    end = data.index(b">", start) + 1
    right = b"[0 %d %d %d]" % (start, end, len(data) - end)
    return data[: found.start()] + right.ljust(len(found[0])) + data[found.end() :]


def base(folder: Path, form: Form = Form.TABLE, **options: object) -> Updated:
    return updated(written(DIRECT, form, trailer=ID), folder, **options)


def refused(data: bytes, facts: PdfFacts, why: str) -> None:
    with pytest.raises(VerificationFailed, match=re.escape(why)):
        check_update(data, facts)


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize("objects", [DIRECT, INDIRECT])
@pytest.mark.parametrize("options", [{}, {"site": SITE}, {"new_page": (300.0, 400.0)}])
def test_what_is_right_passes(
    form: Form, objects: dict[int, bytes], options: dict[str, object], tmp_path: Path
) -> None:
    found = updated(written(objects, form, trailer=ID), tmp_path, **options)
    gap = check_update(found.data, found.facts)
    assert found.data[gap.start : gap.end].strip(b"<>0") == b""


def test_taken_apart_and_put_together_passes(tmp_path: Path) -> None:
    found = base(tmp_path)
    assert isinstance(check_update(Parts.of(found).file(), found.facts), Gap)


NOT_LONGER = "an array has not one item more"
NEW = 24
"""The field's number in DIRECT; the signature's is one more."""
BROKEN: dict[str, tuple[Callable[[Parts], object], str]] = {
    # 1. nothing between
    "bytes before the first object": (
        lambda p: setattr(p, "before", b"%x\n"),
        "object 1 does not begin where the one before ends",
    ),
    "an object that no table shows": (
        lambda p: setattr(p, "between", b"5 0 obj\nnull\nendobj\n"),
        "does not begin where the one before ends",
    ),
    "bytes behind the objects": (lambda p: setattr(p, "behind_objects", b"%\n"), "something behind its last object"),
    "bytes behind the trailer": (lambda p: setattr(p, "behind_trailer", b"%\n"), "something behind the trailer"),
    "an object without an end": (lambda p: p.change(PAGE, b"/Tabs/S", b"/Tabs/S>>%"), "does not end"),
    "a stream without an end": (lambda p: p.change(26, b"/Length 0", b"/Length 9"), "does not end"),
    # 2. the section
    "startxref into the original": (lambda p: setattr(p, "startxref", 20), "does not point into the update"),
    "startxref beside the table": (
        lambda p: setattr(p, "startxref", len(p.whole.original) + 9),
        "no cross-reference table",
    ),
    "a free row": (lambda p: p.rows.update({PAGE: b"%010d 00000 f \n" % 0}), "malformed"),
    "a row that leads to another object": (
        lambda p: p.rows.update({PAGE: b"%010d 00000 n \n" % len(p.whole.original)}),
        "does not begin where the one before ends",
    ),
    "a row that leads into the original": (
        lambda p: p.rows.update({PAGE: b"%010d 00000 n \n" % 20}),
        "where the one before ends",
    ),
    "a generation": (lambda p: p.generations.update({PAGE: 1}), "is not in the update"),
    "a generation in the row only": (
        lambda p: p.rows.update({CATALOG: b"%010d 00001 n \n" % len(p.whole.original)}),
        "is another one",
    ),
    "another object moved": (
        lambda p: setattr(p, "more_rows", b"5 1\n%010d 00000 n \n" % 20),
        "object 5 was moved",
    ),
    "an object twice": (
        lambda p: setattr(p, "more_rows", b"4 1\n%010d 00000 n \n" % 20),
        "object 4 is there twice",
    ),
    "a number left out": (
        lambda p: (p.objects.update({30: b"null"}), p.in_trailer(b"/Size 27", b"/Size 31")),
        "leaves out a number",
    ),
    # 3. the trailer
    "another root": (lambda p: p.in_trailer(b"/Root 1 0 R", b"/Root 3 0 R"), "another /Root"),
    "no root": (lambda p: p.in_trailer(b"/Root 1 0 R", b""), "another /Root"),
    "another /Info": (lambda p: p.in_trailer(b"/Info 23 0 R", b"/Info 20 0 R"), "another /Info"),
    "another /Prev": (lambda p: p.in_trailer(b"/Prev ", b"/Prev 1"), "/Prev is another one"),
    "no /Prev": (lambda p: p.in_trailer(b"/Prev ", b"/Old "), "/Prev is another one"),
    "a /Size too small": (lambda p: p.in_trailer(b"/Size 27", b"/Size 26"), "/Size is not one more"),
    "a /Size too large": (lambda p: p.in_trailer(b"/Size 27", b"/Size 28"), "/Size is not one more"),
    "another permanent /ID": (lambda p: p.in_trailer(b"/ID[<aa>", b"/ID[<ab>"), "/ID is another one"),
    "no /ID": (lambda p: p.in_trailer(b"/ID[<aa>", b"/Id[<aa>"), "/ID is another one"),
    "/Encrypt": (lambda p: p.in_trailer(b"/Size", b"/Encrypt 3 0 R/Size"), "nobody asked for"),
    "a root twice": (lambda p: p.in_trailer(b"/Root", b"/Root 3 0 R/Root"), "an entry twice"),
    # 4. what is written again
    "a page without its annotation": (lambda p: p.change(PAGE, b"[20 0 R 24 0 R]", b"[24 0 R]"), NOT_LONGER),
    "a page without the field": (lambda p: p.change(PAGE, b"[20 0 R 24 0 R]", b"[20 0 R]"), NOT_LONGER),
    "a page with the field twice": (
        lambda p: p.change(PAGE, b"[20 0 R 24 0 R]", b"[20 0 R 24 0 R 24 0 R]"),
        NOT_LONGER,
    ),
    "a page with the field in front": (lambda p: p.change(PAGE, b"20 0 R 24 0 R", b"24 0 R 20 0 R"), NOT_LONGER),
    "a page with other contents": (lambda p: p.change(PAGE, b"/Contents 5 0 R", b"/Contents 3 0 R"), "/Contents was"),
    "a page that lost an entry": (lambda p: p.change(PAGE, b"/Tabs/S", b""), "/Tabs was changed"),
    "a page with an entry more": (lambda p: p.change(PAGE, b"/Tabs/S", b"/Tabs/S/Rotate 90"), "/Rotate was changed"),
    "a page with another entry in front": (
        lambda p: p.change(PAGE, b"/Tabs/S", b"/Annots[]/Tabs/S"),
        "/Annots is there twice",
    ),
    "a page with the form's entry": (lambda p: p.change(PAGE, b"/Tabs/S", b"/Tabs/S/Fields[]"), "/Fields was changed"),
    "a page that is a stream": (
        lambda p: p.change(PAGE, b"/Tabs/S>>", b"/Tabs/S/Length 0>>stream\n\nendstream"),
        "has become a stream",
    ),
    "a catalog with another page tree": (lambda p: p.change(CATALOG, b"/Pages 2", b"/Pages 4"), "/Pages was changed"),
    "a catalog with an action": (
        lambda p: p.change(CATALOG, b"/Pages", b"/OpenAction 3 0 R/Pages"),
        "/OpenAction was changed",
    ),
    "a form without its field": (lambda p: p.change(CATALOG, b"[23 0 R 24 0 R]", b"[24 0 R]"), NOT_LONGER),
    "a form without the field": (lambda p: p.change(CATALOG, b"[23 0 R 24 0 R]", b"[23 0 R]"), NOT_LONGER),
    "a form that lost an entry": (lambda p: p.change(CATALOG, b"/DA(/F 0 Tf)", b""), "/DA was changed"),
    "a form that asks for appearances": (
        lambda p: p.change(CATALOG, b"/DA(/F 0 Tf)", b"/DA(/F 0 Tf)/NeedAppearances true"),
        "/NeedAppearances was changed",
    ),
    "a form without flags": (lambda p: p.change(CATALOG, b"/SigFlags 3", b"/SigFlags 1"), "/SigFlags"),
    "no form": (
        lambda p: p.objects.update({CATALOG: b"<</Type/Catalog/Pages 2 0 R>>"}),
        "cannot be read",
    ),
    "another object as well": (lambda p: p.objects.update({CONTENT: b"null"}), "object 5 was moved"),
    "something that is seen": (lambda p: p.change(26, b"/BBox[0 0 0 0]", b"/BBox[0 0 9 9]"), "shows something"),
    # 6. the field and the signature
    "a field on another page": (lambda p: p.change(NEW, b"/P 4 0 R", b"/P 6 0 R"), "on another page"),
    "a field with another signature": (lambda p: p.change(NEW, b"/V 25 0 R", b"/V 26 0 R"), "another signature"),
    "a field that is text": (lambda p: p.change(NEW, b"/FT/Sig", b"/FT/Tx "), "no signature field"),
    "a hidden field": (lambda p: p.change(NEW, b"/F 132", b"/F 134"), "no signature field"),
    "a field with a place": (lambda p: p.change(NEW, b"[0 0 0 0]", b"[0 0 9 9]"), "somewhere else"),
    "a field with an action": (lambda p: p.change(NEW, b"/F 132", b"/F 132/A 3 0 R"), "other entries"),
    "a field without a name": (lambda p: p.change(NEW, b"/T(Signature1)", b""), "other entries"),
    "a field that shows an old object": (lambda p: p.change(NEW, b"/N 26 0 R", b"/N 05 0 R"), "shows something else"),
    "a field that shows its signature": (lambda p: p.change(NEW, b"/N 26 0 R", b"/N 25 0 R"), "shows something else"),
    "a field with an appearance in words": (lambda p: p.change(NEW, b"<</N 26 0 R>>", b"<</D 26 0 R>>"), "shows"),
    "another filter": (lambda p: p.change(25, b"Adobe.PPKLite", b"Entrust.PPKEF"), "says something else"),
    "another format": (lambda p: p.change(25, b"ETSI.CAdES.detached", b"adbe.pkcs7.detached"), "says something else"),
    "a build dictionary": (lambda p: p.change(25, b"/Type/Sig", b"/Type/Sig/Prop_Build<<>>"), "other entries"),
    "a signature without a time": (lambda p: p.change(25, b"/M(D:20260203040506+00'00')", b""), "other entries"),
    "a gap that is no digits": (lambda p: p.change(25, b"/Contents<0", b"/Contents<x"), "no hexadecimal string"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_one_thing_is_wrong(name: str, tmp_path: Path) -> None:
    found = base(tmp_path)
    assert found.facts.next_number == NEW
    parts = Parts.of(found)
    break_it, why = BROKEN[name]
    break_it(parts)
    refused(parts.file(), found.facts, why)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (rb"\[0 (\d+)", rb"[1 \1", "does not cover the file"),
        (rb"(\d)\](?= */Contents)", rb"0]", "does not cover the file"),
        (rb"\[0 (\d+) (\d+) (\d+)\]", rb"[0 20 \2 \3]", "the gap is somewhere else"),
    ],
)
def test_a_byte_range_that_is_not_the_whole_file(old: bytes, new: bytes, why: str, tmp_path: Path) -> None:
    found = base(tmp_path)
    start = list(_RANGE.finditer(found.data))[-1]
    wrong = re.sub(old, new, start[0] + b"/Contents")[: -len(b"/Contents")]
    data = found.data[: start.start()] + wrong.ljust(len(start[0])) + found.data[start.end() :]
    assert data != found.data
    refused(data, found.facts, why if data != found.data else "")


def test_a_gap_that_begins_too_early_or_ends_too_late(tmp_path: Path) -> None:
    found = base(tmp_path)
    gap = check_update(found.data, found.facts)
    right = b"[0 %d %d %d]" % (gap.start, gap.end, len(found.data) - gap.end)
    for start, end in ((gap.start - 1, gap.end), (gap.start, gap.end + 1), (gap.start + 1, gap.end)):
        wrong = b"[0 %d %d %d]" % (start, end, len(found.data) - end)
        data = found.data.replace(right.ljust(len(wrong)), wrong.ljust(len(right)))
        refused(data, found.facts, "the gap is not /Contents")


def test_bytes_behind_the_end(tmp_path: Path) -> None:
    found = base(tmp_path)
    for behind in (b"\n", b"%", b" "):
        refused(found.data + behind, found.facts, "startxref does not point into the update")


def test_a_visible_field_stands_where_it_was_put(tmp_path: Path) -> None:
    found = base(tmp_path, site=SITE)
    data = found.data.replace(b"/Rect[100 200", b"/Rect[100 201")
    refused(data, found.facts, "the field is somewhere else")
    refused(data, found.knowing(site=replace(SITE, box=(1.0, 2.0, 3.0, 4.0))), "the field is somewhere else")


ADDED: dict[str, tuple[int, bytes, bytes, str]] = {
    "another page": (26, b"/Rotate 0", b"/Rotate 9", "the added page is another one"),
    "a tree without its page": (2, b"[4 0 R 26 0 R]", b"[26 0 R]", "not one item more"),
    "a tree with other pages": (2, b"[4 0 R 26 0 R]", b"[4 0 R 4 0 R]", "not one item more"),
    "a tree with boxes": (2, b"/Type/Pages", b"/Type/Pages/MediaBox[0 0 1 1]", "/MediaBox was changed"),
    "a tree without a count": (2, b"/Count  2", b"/Cound  2", "was changed"),
}


@pytest.mark.parametrize("name", ADDED)
def test_an_added_page_and_its_tree(name: str, tmp_path: Path) -> None:
    found = base(tmp_path, new_page=(300.0, 400.0))
    number, old, new, why = ADDED[name]
    refused(Parts.of(found).change(number, old, new).file(), found.facts, why)


def test_an_added_page_has_the_field(tmp_path: Path) -> None:
    found = base(tmp_path, new_page=(300.0, 400.0))
    page = (found.facts.added_page or b"").replace(b"/Annots[24 0 R]", b"/Annots[23 0 R]")
    parts = Parts.of(found)
    parts.objects[26] = page
    refused(parts.file(), found.knowing(added_page=page), "has not the field alone")


def test_a_form_of_its_own_is_written_again_and_nothing_in_its_place(tmp_path: Path) -> None:
    found = updated(written(INDIRECT), tmp_path)
    assert [change.number for change in found.facts.changed] == [PAGE, FORM]
    without = found.knowing(changed=found.facts.changed[:1])
    parts = Parts.of(found)
    del parts.objects[FORM]
    refused(parts.file(), without, "not one form has the field")


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize(
    ("number", "catalog", "page", "body"),
    [
        (FORM, b"/AcroForm 21 0 R", b"", b"<</Fields[23 0 R]>>"),
        (FIELDS, b"/AcroForm<</Fields 22 0 R>>", b"", b"[23 0 R]"),
        (24, b"", b"/Annots 24 0 R", b"[20 0 R]"),
    ],
)
def test_what_the_plan_calls_absent_is_looked_up_in_the_file(
    number: int, catalog: bytes, page: bytes, body: bytes, form: Form, tmp_path: Path
) -> None:
    """As if there were a mistake in the plan: it found nothing, and wrote a new form or array for a real one."""
    absent = document(1, catalog=catalog, page=page, more=ENTRIES)
    there = {**absent, number: body}
    # The same update on both, as far as can be: the new objects have the same numbers.
    padded = {**absent, 40: b"null"}
    planned = updated(written(padded, form), tmp_path)
    assert planned.facts.taken_in == (TakenIn(number, 0, None),)
    assert isinstance(check_update(planned.data, planned.facts), Gap)
    original = written({**there, 40: b"null"}, form)
    real = updated(original, tmp_path)
    lying = replace(
        planned.facts,
        length=len(original),
        previous=real.facts.previous,
        table=real.facts.table,
        least_size=real.facts.least_size,
        next_number=real.facts.next_number,
        changed=tuple(_numbered(c, planned.facts, real.facts) for c in planned.facts.changed),
    )
    refused(filled(original, laid_out(lying)), lying, f"what object {number} has was lost")


def _numbered(change: ChangedObject, before: PdfFacts, after: PdfFacts) -> ChangedObject:
    new = change.new.replace(b"%d 0 R" % before.next_number, b"%d 0 R" % after.next_number)
    return replace(change, new=new)


def test_another_generation_is_not_absent(tmp_path: Path) -> None:
    found = updated(written(document(1, catalog=b"/AcroForm 99 0 R", more=ENTRIES)), tmp_path)
    file = found.original.replace(b"20 0 obj", b"99 3 obj").replace(b"\n20 1\n", b"\n99 1\n")
    assert len(file) == len(found.original)
    taken = (TakenIn(TEXT, 0, None),)
    changed = tuple(replace(c, old=(c.old or b"").replace(b"99 0 R", b"23 0 R")) for c in found.facts.changed)
    refused(found.data, found.knowing(taken_in=taken, changed=changed), "what object 23 has was lost")


# --- cross-reference streams, hybrid files, whole tables ---

ROW = struct.Struct(">BQH")


def rows_of(data: bytes) -> tuple[int, list[tuple[int, int, int]]]:
    """Where the rows of the newest stream begin, and the rows."""
    found = list(re.finditer(rb"/W\[1 8 2\]/Index\[[\d ]+\]/Length (\d+)[^>]*>>?(?:\]?[^>]*>>)?stream\n", data))[-1]
    start = found.end()
    return start, [ROW.unpack_from(data, start + at) for at in range(0, int(found[1]), ROW.size)]


def with_row(data: bytes, index: int, row: tuple[int, int, int]) -> bytes:
    start, _ = rows_of(data)
    at = start + index * ROW.size
    return data[:at] + ROW.pack(*row) + data[at + ROW.size :]


def test_rows_of_a_stream(tmp_path: Path) -> None:
    found = updated(written(DIRECT, Form.STREAM), tmp_path)
    _, rows = rows_of(found.data)
    assert rows[0][0] == 1
    for row, why in (
        ((0, 0, 0), "object 1 is free"),
        ((2, rows[0][1], 0), "does not begin where the one before ends"),
        ((1, rows[1][1], 0), "does not begin where the one before ends"),
        ((1, rows[0][1], 1), "is another one"),
        ((1, 20, 0), "does not begin where the one before ends"),
    ):
        refused(with_row(found.data, 0, row), found.facts, why)
    first = re.search(rb"/Index\[1 1 4 1", found.tail)
    assert first
    other = found.tail.replace(b"/Index[1 1 4 1", b"/Index[1 1 5 1")
    refused(found.with_tail(other), found.facts, "is another one")
    twice = found.tail.replace(b"/Index[1 1 4 1", b"/Index[1 1 1 1")
    refused(found.with_tail(twice), found.facts, "object 1 is there twice")


def test_a_stream_where_a_table_belongs(tmp_path: Path) -> None:
    """An update must be of the same kind as the section before (7.5.8.4)."""
    found = updated(written(DIRECT, Form.STREAM), tmp_path)
    refused(found.data, found.knowing(kind=CrossReferenceKind.TABLE), "it has no cross-reference table")
    found = base(tmp_path)
    refused(found.data, found.knowing(kind=CrossReferenceKind.STREAM), "cannot be read")


def test_hidden_objects_of_a_hybrid_file(tmp_path: Path) -> None:
    found = updated(written(document(2), Form.HYBRID), tmp_path)
    _, rows = rows_of(found.data)
    assert [kind for kind, _, _ in rows] == [2, 1]  # the page, and the object stream that it is in
    refused(with_row(found.data, 0, (2, rows[0][1], 7)), found.facts, "an object in an object stream was moved")
    refused(with_row(found.data, 0, (1, 20, 0)), found.facts, "an object in an object stream was moved")
    without = re.sub(rb"/XRefStm \d+", lambda m: b" " * len(m[0]), found.tail)
    refused(found.with_tail(without), found.facts, "an object in an object stream was moved")


@pytest.mark.parametrize("form", [Form.TABLE, Form.STREAM])
def test_a_whole_table_has_every_object_where_it_was(form: Form, tmp_path: Path) -> None:
    damaged = written(DIRECT, form, startxref=lambda at: at + 300)
    found = updated(damaged, tmp_path)
    assert found.facts.previous is None
    assert isinstance(check_update(found.data, found.facts), Gap)
    places = list(whole_table.unpacked(found.facts.table))
    index = next(i for i, place in enumerate(places) if place.number == CONTENT)
    moved = [*places[:index], places[index]._replace(offset=places[index].offset + 1), *places[index + 1 :]]
    refused(found.data, found.knowing(table=whole_table.packed(moved)), f"object {CONTENT} was moved")
    more = [*places, places[0]._replace(number=19)]
    refused(found.data, found.knowing(table=whole_table.packed(more)), "the table has lost an object")
    turned = [*places[:index], places[index]._replace(generation=1), *places[index + 1 :]]
    refused(found.data, found.knowing(table=whole_table.packed(turned)), f"object {CONTENT} was moved")


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_a_cut_tail_is_refused(cut: int, tmp_path: Path) -> None:
    found = base(tmp_path)
    for data in (found.data[:-cut], found.data[: -cut * 11], found.original, b""):
        with pytest.raises(VerificationFailed):
            check_update(data, found.facts)


def test_every_byte_of_the_update_counts(tmp_path: Path) -> None:
    """Apart from the empty appearance, the name, the time, the new part of /ID, the range's white space, the value."""
    found = base(tmp_path)
    gap = check_update(found.data, found.facts)
    free = [(gap.start + 1, gap.end - 1)]
    for pattern in (
        rb"26 0 obj\n(.*?)\nendobj",
        rb"/T\(([^)]*)\)",
        rb"/M\(([^)]*)\)",
        rb"/ID\[<aa>(<\w+>)\]",
        rb"(\[0 [\d ]+\] *)/Contents",
    ):
        last = list(re.finditer(pattern, found.data, re.DOTALL))[-1]
        free.append(last.span(1))
    passed = []
    for at in range(len(found.original), len(found.data)):
        if any(start <= at < end for start, end in free):
            continue
        changed = found.data[:at] + bytes([found.data[at] ^ 0x01]) + found.data[at + 1 :]
        try:
            check_update(changed, found.facts)
        except VerificationFailed:
            continue
        passed.append((at, found.data[at - 10 : at + 10]))
    assert not passed


EMPTY = 20
OF_A_FORM = document(
    1,
    catalog=b"/AcroForm<</Fields[20 0 R 23 0 R]/DA(/F 0 Tf)>>",
    page=b"/Annots[20 0 R]",
    more={
        EMPTY: b"<</Type/Annot/Subtype/Widget/FT/Sig/T(Buyer)/Rect[9 9 99 99]/F 4/AP<</N 5 0 R>>>>",
        TEXT: b"<</FT/Tx/T(name)>>",
    },
)
BUYER = EmptyField("Buyer", EMPTY, 0, FieldLock("Include", (b"name",), 2))
FILLED: dict[str, tuple[Callable[[Parts], object], str]] = {
    "another signature": (lambda p: p.change(EMPTY, b"24 0 R", b"23 0 R"), "another signature"),
    "another name": (lambda p: p.change(EMPTY, b"(Buyer)", b"(Other)"), "/T was changed"),
    "another place": (lambda p: p.change(EMPTY, b"[9 9 99 99]", b"[9 9 99 98]"), "/Rect was changed"),
    "an action": (lambda p: p.change(EMPTY, b"/F 4", b"/F 4/A 3 0 R"), "/A was changed"),
    "no lock any more": (lambda p: p.change(24, b"/Reference", b"/Referenze"), "cannot be read"),
    "an old object as its looks": (lambda p: p.change(EMPTY, b"/N 5 0 R", b"/N 3 0 R"), "shows something else"),
    "its signature as its looks": (lambda p: p.change(EMPTY, b"/N 5 0 R", b"/N 24 0 R"), "shows something else"),
    "another field locked": (lambda p: p.change(24, b"6e616d65", b"6e616d66"), "locks something else"),
    "another action of the lock": (lambda p: p.change(24, b"/Include", b"/Exclude"), "locks something else"),
    "another level of the lock": (lambda p: p.change(24, b"/P 2", b"/P 3"), "locks something else"),
    "a lock of another document": (lambda p: p.change(24, b"/Data 1 0 R", b"/Data 2 0 R"), "locks something else"),
    "another rule": (lambda p: p.change(24, b"/FieldMDP", b"/DocMDP"), "locks something else"),
    "two rules": (lambda p: p.change(24, b"/Reference[", b"/Reference[<<>>"), "cannot be read"),
    "a field more": (lambda p: p.change(CATALOG, b"[20 0 R 23 0 R]", b"[20 0 R 23 0 R 20 0 R]"), "/Fields was changed"),
    "no flags": (lambda p: p.change(CATALOG, b"/SigFlags 3", b"/SigFlags 1"), "/SigFlags"),
    "another page tree": (lambda p: p.change(CATALOG, b"/Pages 2", b"/Pages 4"), "/Pages was changed"),
    "another object as well": (lambda p: p.objects.update({CONTENT: b"null"}), "object 5 was moved"),
}


def of_a_form(folder: Path) -> Updated:
    return updated(written(OF_A_FORM, trailer=ID), folder, fills=BUYER)


@pytest.mark.parametrize("name", FILLED)
def test_one_thing_is_wrong_where_a_field_was_filled_in(name: str, tmp_path: Path) -> None:
    found = of_a_form(tmp_path)
    assert found.facts.signature_number == 24
    check_update(found.data, found.facts)
    parts = Parts.of(found)
    break_it, why = FILLED[name]
    break_it(parts)
    refused(parts.file(), found.facts, why)


def test_a_field_that_had_a_value_is_not_filled_in(tmp_path: Path) -> None:
    found = of_a_form(tmp_path)
    changed = tuple(
        replace(one, old=(one.old or b"").replace(b"/F 4", b"/F 4/V 3 0 R")) if one.number == EMPTY else one
        for one in found.facts.changed
    )
    refused(found.data, found.knowing(changed=changed), "the field has another signature")


DRAWN = b"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Length 0>>stream\n\nendstream"


def drawn_in(objects: dict[int, bytes], folder: Path) -> tuple[bytes, Updated]:
    """The file with a look drawn for the signature, which takes the place of the one that the field had."""
    found = updated(written(objects), folder, fills=BUYER, site=SITE)
    layout = build_tail(found.facts, field_name="", now=NOW, reserved=100, drawn=(DRAWN,), appearance=25)
    return filled(found.original, layout), found


@pytest.mark.parametrize("look", [b"/AP null", b"/AP 99 0 R", b"/AP<<>>", b"/AP<</N 21 0 R>>", b""])
def test_what_is_drawn_in_a_field_is_new(look: bytes, tmp_path: Path) -> None:
    objects = {
        **OF_A_FORM,
        EMPTY: OF_A_FORM[EMPTY].replace(b"/AP<</N 5 0 R>>", look),
        21: stream(b"% DSBlank\nq Q\n", b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]"),
    }
    data, found = drawn_in(objects, tmp_path)
    check_update(data, found.facts)
    refused(data, found.knowing(site=None), "shows something else")


def test_what_a_field_shows_is_not_taken_away(tmp_path: Path) -> None:
    """It may cover the page: a price over another price, which would be seen once the look is another one."""
    data, found = drawn_in(OF_A_FORM, tmp_path)
    refused(data, found.facts, "what the field showed is gone")
