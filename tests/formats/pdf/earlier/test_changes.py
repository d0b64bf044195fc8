"""What may be changed in a signed PDF, and what must not: each rule, and each way around it."""

from __future__ import annotations

import io
import re
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pikepdf
import pytest

from signroom.domain.errors import InvalidPdf
from signroom.domain.signature import Indication, SignatureVerdict
from signroom.formats.pdf.earlier.embedded import embedded_signatures
from signroom.formats.pdf.earlier.places import Places
from signroom.formats.pdf.earlier.revisions import Later, Revisions
from signroom.formats.pdf.earlier.window import opened
from signroom.formats.pdf.verification import judge, verify
from tests.vectors.pdf import builder, changed, empty_fields
from tests.vectors.pdf.builder import CATALOG, CONTENT, FONT, PAGE, Form, content, document, stream, updated, written
from tests.vectors.pdf.changed import (
    CHECK_BOX,
    CHECK_LOOK,
    COMMENT,
    TEXT_FIELD,
    TEXT_LOOK,
    certified,
    check_box,
    look,
    text_field,
    with_annotation,
    with_entry,
    with_form,
)
from tests.vectors.pdf.signing import signed_by_another

Change = Callable[[bytes], bytes]
FILLED, COMMENTED = ("form filled in later",), ("comment added later",)


def first(file: bytes) -> SignatureVerdict:
    """The verdict on the signature that was made first."""
    with opened(file) as pdf:
        return judge(pdf, file).signatures[0]


def is_intact(file: bytes) -> bool:
    verdict = first(file)
    assert verdict.indication is not Indication.INDETERMINATE, verdict.reason
    return verdict.indication is Indication.TOTAL_PASSED


def signed(form: Form = Form.TABLE, **options: bytes) -> bytes:
    return signed_by_another(written(document(**options), form))  # type: ignore[arg-type]


def fill(file: bytes, value: bytes = b"Ana") -> bytes:
    new = builder.highest(file) + 1
    return updated(file, {TEXT_FIELD: text_field(value, new), new: look(value)})


def form_of(file: bytes) -> bytes:
    with pikepdf.open(io.BytesIO(file)) as pdf:
        return bytes(pdf.Root["/AcroForm"].unparse(resolved=True))


# -- forms ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [Form.TABLE, Form.STREAM, Form.HYBRID])
def test_a_text_field_may_be_filled_in_and_that_is_said(form: Form) -> None:
    verdict = first(fill(signed_by_another(with_form(form))))

    assert (verdict.indication, verdict.warnings) == (Indication.TOTAL_PASSED, FILLED)


def test_the_appearance_may_be_written_over_in_its_place() -> None:
    file = signed_by_another(with_form())
    verdict = first(updated(file, {TEXT_FIELD: text_field(b"Ana"), TEXT_LOOK: look(b"Ana")}))

    assert (verdict.indication, verdict.warnings) == (Indication.TOTAL_PASSED, FILLED)


def test_a_check_box_may_be_checked_and_must_not_look_different() -> None:
    file = signed_by_another(with_form())

    assert first(updated(file, {CHECK_BOX: check_box(b"Yes")})).warnings == FILLED
    assert not is_intact(updated(file, {CHECK_BOX: check_box(b"Yes"), CHECK_LOOK: look(b"900,000 euro")}))
    assert not is_intact(updated(file, {CHECK_LOOK: look(b"900,000 euro")}))
    new = builder.highest(file) + 1
    other = check_box(b"Yes", b"/AP<</N<</Yes %d 0 R>>>>" % new)
    assert not is_intact(updated(file, {CHECK_BOX: other, new: look(b"900,000 euro")}))
    assert not is_intact(updated(file, {CHECK_BOX: check_box().replace(b"/AS/Off", b"/AS/Yes")}))


def test_a_field_that_nobody_filled_in_must_look_as_before() -> None:
    file = signed_by_another(with_form())

    assert not is_intact(updated(file, {TEXT_LOOK: look(b"900,000 euro")}))
    assert is_intact(updated(file, {TEXT_LOOK: look(b" ")}))
    new = builder.highest(file) + 1
    assert not is_intact(updated(file, {TEXT_FIELD: text_field(b"", new), new: look(b"900,000 euro")}))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"/Rect[72 500 300 530]", b"/Rect[72 700 300 800]"),
        (b"/F 4", b"/F 2"),
        (b"/T(name)", b"/T(nome)"),
        (b"/FT/Tx", b"/FT/Btn"),
        (b"/P 4 0 R", b"/P 6 0 R"),
        (b"/DA(", b"/AA<</K<</S/JavaScript/JS(x)>>>>/DA("),
    ],
)
def test_of_a_field_only_the_value_may_change(old: bytes, new: bytes) -> None:
    file = signed_by_another(with_form())

    assert not is_intact(updated(file, {TEXT_FIELD: text_field(b"Ana").replace(old, new)}))


def test_a_field_may_become_read_only() -> None:
    file = signed_by_another(with_form())
    verdict = first(updated(file, {TEXT_FIELD: text_field(entries=b"/Ff 1")}))

    assert (verdict.indication, verdict.warnings) == (Indication.TOTAL_PASSED, ())
    assert not is_intact(updated(file, {TEXT_FIELD: text_field(entries=b"/Ff 65537")}))


def test_a_field_must_not_be_added_or_removed() -> None:
    file = signed_by_another(with_form())
    new = builder.highest(file) + 1
    more = form_of(file).replace(b"10 0 R", b"10 0 R %d 0 R" % new)

    added = first(with_entry(updated(file, {new: text_field()}), CATALOG, "/AcroForm", more))
    assert (added.reason or "").endswith("a form field was added")
    removed = first(with_entry(file, CATALOG, "/AcroForm", form_of(file).replace(b"10 0 R", b"")))
    assert (removed.reason or "").endswith("a form field was removed")


# -- what the author says ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "change", "intact"),
    [
        (1, fill, False),
        (2, fill, True),
        (3, fill, True),
        (1, lambda f: with_annotation(f, COMMENT), False),
        (2, lambda f: with_annotation(f, COMMENT), False),
        (3, lambda f: with_annotation(f, COMMENT), True),
        (1, lambda f: signed_by_another(f, field=b"Second"), False),
        (2, lambda f: signed_by_another(f, field=b"Second"), True),
    ],
)
def test_the_author_says_what_may_be_changed_and_then_nothing_is_said_of_it(
    level: int, change: Change, intact: bool
) -> None:
    verdict = first(change(certified(with_form(), level)))

    assert verdict.indication is (Indication.TOTAL_PASSED if intact else Indication.TOTAL_FAILED), verdict.reason
    assert verdict.warnings == ()


def test_what_the_author_says_holds_for_later_signatures_too() -> None:
    file = signed_by_another(certified(with_form(), 2), field=b"Second")
    with opened(file_ := with_annotation(file, COMMENT)) as pdf:
        both = judge(pdf, file_).signatures

    assert [one.indication for one in both] == [Indication.TOTAL_FAILED] * 2


def test_validation_data_and_timestamps_come_in_where_nothing_else_may() -> None:
    from tests.vectors.pdf.containers import timestamp

    file = certified(with_form(), 1)
    new = builder.highest(file) + 1
    file = with_entry(updated(file, {new: b"<</Type/DSS>>"}), CATALOG, "/DSS", b"%d 0 R" % new)
    file = signed_by_another(file, timestamp, field=b"Stamp", subfilter=b"/ETSI.RFC3161", kind=b"")

    assert is_intact(file)


def test_comments_may_be_removed_where_the_author_allows_comments() -> None:
    file = with_annotation(with_form(), COMMENT)
    number = builder.highest(file)

    def remove(signed_file: bytes) -> bytes:
        with pikepdf.open(io.BytesIO(signed_file)) as pdf:
            kept = [a.unparse() for a in pdf.pages[0].obj["/Annots"] if a.objgen[0] != number]
        return with_entry(signed_file, PAGE, "/Annots", b"[%b]" % b" ".join(kept))

    assert is_intact(remove(certified(file, 3)))
    assert not is_intact(remove(certified(file, 2)))
    assert not is_intact(remove(signed_by_another(file)))


def test_a_locked_field_stays_as_it_is() -> None:
    assert not is_intact(fill(certified(with_form(), None, fields=b"(name)")))
    assert is_intact(fill(certified(with_form(), None, fields=b"(agreed)")))


@pytest.mark.parametrize("level", [1, 2, 3])
def test_at_upload_it_is_judged_as_if_one_signature_more_followed(level: int) -> None:
    file = certified(with_form(), level)
    with opened(file) as pdf:
        now, then = (judge(pdf, file, as_if_one_more=one).signatures[0] for one in (False, True))

    assert now.indication is Indication.TOTAL_PASSED
    assert (then.indication is Indication.TOTAL_FAILED) is (level == 1)


# -- pages, catalog and what is behind them ---------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda f: with_entry(f, CATALOG, "/OpenAction", b"<</S/JavaScript/JS(x)>>"),
        lambda f: with_entry(f, CATALOG, "/Names", b"<</JavaScript<</Names[(x)<</S/JavaScript/JS(x)>>]>>>>"),
        lambda f: with_entry(f, CATALOG, "/OCProperties", b"<</OCGs[]/D<<>>>>"),
        lambda f: with_entry(f, CATALOG, "/Perms", b"<<>>"),
        lambda f: with_entry(f, PAGE, "/Rotate", b"90"),
        lambda f: with_entry(f, PAGE, "/CropBox", b"[0 0 420 400]"),
        lambda f: with_entry(f, PAGE, "/AA", b"<</O<</S/JavaScript/JS(x)>>>>"),
        lambda f: with_entry(f, PAGE, "/Contents", b"7 0 R"),
        lambda f: with_entry(f, PAGE, "/Resources", b"<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Symbol>>>>>>"),
        lambda f: updated(f, {CONTENT: content("Page 1: the parties do not agree.")}),
        lambda f: updated(f, {2: b"<</Type/Pages/Count 2/Kids[6 0 R 4 0 R]>>"}),
        lambda f: updated(f, {2: b"<</Type/Pages/Count 1/Kids[6 0 R]>>"}),
        lambda f: with_annotation(f, b"<</Type/Annot/Subtype/Link/Rect[0 0 400 800]/A<</S/URI/URI(http://x)>>>>"),
        lambda f: with_annotation(f, b"<</Type/Annot/Subtype/Watermark/Rect[0 0 400 800]>>"),
        lambda f: with_annotation(f, text_field()),
        lambda f: with_annotation(f, COMMENT.replace(b"/F 4", b"/AA<</E<</S/JavaScript/JS(x)>>>>")),
    ],
)
def test_what_is_shown_and_what_acts_must_not_change(change: Change) -> None:
    for form in (Form.TABLE, Form.STREAM):
        assert not is_intact(change(signed(form)))


def test_another_catalog_is_compared_like_the_old_one() -> None:
    file = signed()
    new = builder.highest(file) + 1
    same = changed.entries_of(file, CATALOG)

    def moved(catalog: bytes) -> bytes:
        made = updated(file, {new: b"<<%b>>" % catalog})
        start = made.rindex(b"trailer")
        return made[:start] + made[start:].replace(b"/Root 1 0 R", b"/Root %d 0 R" % new)

    assert is_intact(moved(same))
    with pytest.raises(InvalidPdf):  # a catalog is no tree of pages
        first(moved(same.replace(b"/Pages 2 0 R", b"/Pages %d 0 R" % new)))
    assert not is_intact(moved(same + b"/OpenAction<</S/JavaScript/JS(x)>>"))


def test_an_object_that_did_not_exist_must_not_come_to_life_on_a_page() -> None:
    """The signed page speaks of a second content stream, which a later revision brings."""
    made = document()
    made[PAGE] = made[PAGE].replace(b"/Contents 5 0 R", b"/Contents[5 0 R 0099 0 R]")
    file = signed_by_another(written(made), annotated=False)
    assert is_intact(file)

    assert not is_intact(updated(file, {99: content("and you owe me a million", at=500)}))


def test_an_action_that_did_not_exist_must_not_come_to_life() -> None:
    file = signed_by_another(written(document()), catalog=b"/OpenAction 99 0 R")
    assert is_intact(file)

    assert not is_intact(updated(file, {99: b"<</S/JavaScript/JS(x)>>"}))


def test_the_appearance_of_a_field_must_not_be_what_a_page_shows_elsewhere() -> None:
    made = document(
        catalog=b"/AcroForm<</Fields[8 0 R]>>",
        page=b"/Annots[8 0 R]",
        more={TEXT_FIELD: text_field(), TEXT_LOOK: look(b"")},
    )
    made[6] = made[6].replace(b"/Resources<<", b"/Resources<</XObject<</X 9 0 R>>")
    made[7] = builder.stream(b"BT /F1 24 Tf 72 720 Td (Page 2: the parties agree.) Tj ET 1 0 0 1 72 600 cm /X Do")
    file = signed_by_another(written(made))

    assert is_intact(fill(file))
    assert not is_intact(updated(file, {TEXT_FIELD: text_field(b"Ana"), TEXT_LOOK: look(b"900,000 euro")}))


def test_validation_data_excuse_no_change_of_what_is_shown() -> None:
    for victim in (b"5 0 R", b"4 0 R", b"3 0 R"):
        file = signed(catalog=b"/DSS<</Certs[%b]>>" % victim)

        assert not is_intact(updated(file, {CONTENT: content("Page 1: nobody agrees.")})) or victim != b"5 0 R"
        assert not is_intact(with_entry(file, PAGE, "/Rotate", b"90"))
        assert not is_intact(updated(file, {FONT: b"<</Type/Font/Subtype/Type1/BaseFont/ZapfDingbats>>"}))


def test_metadata_may_change_unless_a_page_shows_them() -> None:
    xmp = builder.stream(b"<x/>", b"/Type/Metadata/Subtype/XML")
    file = signed(catalog=b"/Metadata 20 0 R", more={20: xmp})  # type: ignore[arg-type]
    assert is_intact(updated(file, {20: xmp.replace(b"<x/>", b"<y/>")}))

    drawn = builder.stream(b"BT /F1 24 Tf 72 720 Td (Page 1) Tj ET", b"/Type/Metadata/Subtype/XML")
    file = signed(catalog=b"/Metadata 5 0 R", more={CONTENT: drawn})  # type: ignore[arg-type]
    assert not is_intact(updated(file, {CONTENT: drawn.replace(b"Page 1", b"Page 9")}))


def test_an_object_stream_must_not_be_put_in_the_place_of_another_one() -> None:
    """The objects in it keep their places, and are others."""
    objects = document()
    writer = builder.Writer()
    writer.add_all({n: b for n, b in objects.items() if b"stream\n" in b})
    writer.pack(20, {n: b for n, b in objects.items() if b"stream\n" not in b})
    file = signed_by_another(writer.stream(21).file)
    later = builder.Writer.after(file)
    at = later.section
    packed = {n: b for n, b in objects.items() if b"stream\n" not in b}
    packed[FONT] = b"<</Type/Font/Subtype/Type1/BaseFont/ZapfDingbats>>"
    later.pack(20, packed)
    later.places = {20: later.places[20]}
    forged = later.stream(builder.highest(file) + 1, builder.root_of(file) + b"/Prev %d" % at).file

    assert not is_intact(forged)


def test_an_object_stream_may_be_written_again_with_the_same_objects() -> None:
    objects = document()
    plain = {n: b for n, b in objects.items() if b"stream\n" not in b}
    writer = builder.Writer()
    writer.add_all({n: b for n, b in objects.items() if n not in plain})
    writer.pack(20, plain)
    file = signed_by_another(writer.stream(21).file)
    later = builder.Writer.after(file)
    at = later.section
    later.pack(20, plain, lambda data: zlib.compress(data, 1))
    later.places = {20: later.places[20]}

    assert is_intact(later.stream(builder.highest(file) + 1, builder.root_of(file) + b"/Prev %d" % at).file)


def test_what_takes_too_long_to_compare_is_unproven_and_not_broken() -> None:
    file = with_annotation(signed(), COMMENT)
    with opened(file) as pdf:
        places = Places(pdf)
        (signature,) = embedded_signatures(pdf, file, places)
        in_time = Revisions(pdf, file, places).after(signature)
        too_late = Revisions(pdf, file, places, deadline=0.0).after(signature)

    assert (in_time.kind, in_time.warnings) == (Later.ALLOWED, COMMENTED)
    assert too_late.kind is Later.UNKNOWN


def test_validation_data_that_were_refreshed_excuse_no_change_either() -> None:
    changes: list[tuple[bytes, Change]] = [
        (b"5 0 R", lambda f: updated(f, {CONTENT: content("Page 1: nobody agrees.")})),
        (b"4 0 R", lambda f: with_entry(f, PAGE, "/Rotate", b"90")),
        (b"3 0 R", lambda f: updated(f, {FONT: b"<</Type/Font/Subtype/Type1/BaseFont/ZapfDingbats>>"})),
    ]
    for victim, change in changes:
        file = signed(catalog=b"/DSS<</Certs[%b]>>" % victim)
        refreshed = with_entry(file, CATALOG, "/DSS", b"<</Certs[%b]/OCSPs[]>>" % victim)

        assert is_intact(refreshed)
        assert not is_intact(change(refreshed))


def test_objects_behind_a_signed_file_that_no_table_names_are_found() -> None:
    """Readers that mend files collect all objects that they see."""
    padding = b" " * 5000
    verdict = first(signed() + b"\n" + padding)
    assert (verdict.indication, verdict.covers_whole_file, verdict.warnings) == (Indication.TOTAL_PASSED, False, ())
    assert "bytes behind" in first(signed() + b"<html>virus-free</html>" + padding).warnings[0]

    assert not is_intact(signed() + b"\n5 0 obj\n" + content("nobody agrees") + b"\nendobj\n" + padding)


def test_a_signature_that_does_not_lie_in_what_it_signs_is_none() -> None:
    file = updated(signed(), {})
    number = max(int(n) for n in re.findall(rb"(\d+) 0 obj", file[: file.rindex(b"/ByteRange")]))
    start = file.rindex(b"%d 0 obj" % number)
    copy = file[start : file.index(b"endobj", start)]
    body = copy.partition(b"obj\n")[2].strip()

    assert not is_intact(updated(file, {number: body}))


# -- structure, resources and comments --------------------------------------------------------------


def test_resources_of_the_form_gain_names_and_lose_none() -> None:
    file = signed_by_another(with_form())

    def with_fonts(fonts: bytes) -> bytes:
        old = b"/DR << /Font << /F1 3 0 R >> >>"
        assert old in form_of(file)
        return with_entry(file, CATALOG, "/AcroForm", form_of(file).replace(old, b"/DR<</Font<<%b>>>>" % fonts))

    assert is_intact(with_fonts(b"/F1 3 0 R/F2 3 0 R"))
    assert not is_intact(with_fonts(b"/F2 3 0 R"))
    assert not is_intact(with_fonts(b"/F1<</Type/Font/Subtype/Type1/BaseFont/Symbol>>"))


@pytest.mark.parametrize(
    ("subtype", "picture", "intact"),
    [
        (b"Highlight", b"/G gs 1 1 0 rg 0 0 400 60 re f", True),
        (b"StrikeOut", b"1 0 0 RG 2 w 0 28 m 400 28 l S", True),
        (b"Square", b"1 0 0 RG 2 w 1 1 398 58 re S", True),
        (b"Stamp", b"1 1 1 rg 0 0 400 60 re f 0 g BT /F1 24 Tf 12 20 Td (Page 1: nobody agrees.) Tj ET", False),
        (b"Square", b"0 g 0 0 400 60 re f", False),
        (b"FreeText", b"1 1 1 rg 100 0 100 60 re f", False),
    ],
)
def test_a_comment_may_mark_a_text_and_must_not_hide_it(subtype: bytes, picture: bytes, intact: bool) -> None:
    file = signed()
    new = builder.highest(file) + 1
    entries = (
        b"/Type/XObject/Subtype/Form/BBox[0 0 400 60]/Group<</S/Transparency>>"
        b"/Resources<</Font<</F1 3 0 R>>/ExtGState<</G<</BM/Multiply>>>>>>"
    )
    comment = b"<</Type/Annot/Subtype/%b/Rect[60 700 460 760]/F 4/P 4 0 R/AP<</N %d 0 R>>>>" % (subtype, new + 1)
    verdict = first(with_annotation(file, comment, more={new + 1: builder.stream(picture, entries)}))

    assert (verdict.indication is Indication.TOTAL_PASSED) is intact, verdict.reason
    assert verdict.warnings == (COMMENTED if intact else ())


# -- time -------------------------------------------------------------------------------------------


def spent(file: bytes, tmp_path: Path) -> float:
    path = tmp_path / "file.pdf"
    path.write_bytes(file)
    verify(path)
    begun = time.process_time()
    verdict = verify(path)
    took = time.process_time() - begun
    assert all(one.indication is Indication.TOTAL_PASSED for one in verdict.signatures), verdict
    return took


def test_ten_signatures_are_judged_at_once(tmp_path: Path) -> None:
    file = signed()
    for number in range(2, 11):
        file = signed_by_another(file, field=b"Signer%d" % number)

    assert spent(file, tmp_path) < 0.1


@pytest.mark.parametrize(
    ("pages", "annotations", "most"), [(349, 0, 0.2), (16, 300, 0.4), (2000, 1, 1.0)], ids=["349", "many", "2000"]
)
def test_many_pages_and_annotations_take_no_time(pages: int, annotations: int, most: float, tmp_path: Path) -> None:
    objects = document(pages)
    number = max(objects) + 1
    for page in [n for n, body in objects.items() if b"/Type/Page/" in body]:
        rectangle = b"<</Type/Annot/Subtype/Link/Rect[1 1 9 9]/Border[0 0 0]/A<</S/URI/URI(http://x.example)>>>>"
        kids = range(number, number + annotations)
        objects.update(dict.fromkeys(kids, rectangle))
        number += annotations
        objects[page] = objects[page][:-2] + b"/Annots[%b]>>" % b" ".join(b"%d 0 R" % kid for kid in kids)
    file = signed_by_another(signed_by_another(written(objects)), field=b"Second")

    assert spent(file, tmp_path) < most


@pytest.mark.parametrize(
    ("painted", "warned"), [(b"1 g 0 0 228 40 re f", True), (b"% DSBlank\n", False)], ids=["covers", "empty"]
)
def test_a_field_that_is_filled_in_later_and_no_longer_covers_the_page_is_told(painted: bytes, warned: bool) -> None:
    """It is allowed, and usual over "sign here"; it may also uncover another price than the one that was signed."""
    covering = stream(painted, b"/Type/XObject/Subtype/Form/BBox[0 0 228 40]")
    before = empty_fields.form(empty_fields.widget(entries=b"/AP<</N 23 0 R>>"), more={empty_fields.MORE: covering})
    value = b"<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached/ByteRange[0 9 9 9]/Contents<00>>>"
    later = {
        empty_fields.FIELD: empty_fields.widget(entries=b"/AP<</N 41 0 R>>/V 40 0 R"),
        40: value,
        41: stream(b"", b"/Type/XObject/Subtype/Form/BBox[0 0 228 40]"),
    }

    file = updated(signed_by_another(written(before)), later)
    with opened(file) as pdf:
        (verdict,) = (one for one in judge(pdf, file).signatures if one.field_name != "Buyer")

    assert verdict.indication is Indication.TOTAL_PASSED
    assert verdict.warnings == (("a signature field shows something else than before",) if warned else ())
