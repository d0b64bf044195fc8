"""What is written again, and what is refused because programs would read it differently."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from signroom.domain.errors import InvalidPdf
from signroom.domain.pdf_facts import CrossReferenceKind, SignatureSite, TakenIn
from signroom.formats.pdf.reading.opening import OpenPdf
from signroom.formats.pdf.reading.syntax import Dictionary, Reference, items
from signroom.formats.pdf.signing import plan
from tests.formats.pdf.updates import facts_of
from tests.vectors.pdf.builder import CATALOG, PAGE, Form, Writer, document, updated, written

SITE = SignatureSite(0, (10.0, 10.0, 60.0, 40.0), 10.0, 800.0, 50.0, 30.0, 0)
LINK = b"<</Type/Annot/Subtype/Link/Rect[0 0 9 9]>>"


def changed(data: bytes, folder: Path, **options: object) -> dict[int, Dictionary]:
    facts = facts_of(data, folder, **options)  # type: ignore[arg-type]
    return {change.number: Dictionary(change.new) for change in facts.changed}


@pytest.mark.parametrize("form", list(Form))
def test_an_array_that_pages_share_is_not_written_again(form: Form, tmp_path: Path) -> None:
    """Else the widget would be on each of them."""
    objects = document(2, page=b"/Annots 20 0 R", more={20: b"[21 0 R]", 21: LINK})
    objects[PAGE + 2] = objects[PAGE + 2][:-2] + b"/Annots 20 0 R>>"
    data = written(objects, form)
    facts = facts_of(data, tmp_path)
    assert [change.number for change in facts.changed] == [CATALOG, PAGE]
    page = Dictionary(facts.changed[1].new)
    assert items(page.get("Annots") or b"") == [b"21 0 R", b"%d 0 R" % facts.next_number]
    assert facts.taken_in == (TakenIn(20, 0, b"[21 0 R]"),)


def test_each_object_is_compared_with_what_qpdf_sees_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []
    require_agreement = plan._require_agreement  # noqa: SLF001

    def counted(opened: OpenPdf, target: Reference, ours: Any) -> None:
        compared.append(target.number)
        require_agreement(opened, target, ours)

    monkeypatch.setattr(plan, "_require_agreement", counted)
    facts_of(written(document(1)), tmp_path)

    assert sorted(compared) == [CATALOG, PAGE]


def test_an_array_that_is_annotations_and_fields_at_once(tmp_path: Path) -> None:
    objects = document(1, catalog=b"/AcroForm<</Fields 20 0 R>>", page=b"/Annots 20 0 R", more={20: b"[]"})
    found = changed(written(objects), tmp_path)
    assert items(found[PAGE].get("Annots") or b"") == items(
        Dictionary(found[CATALOG].get("AcroForm") or b"").get("Fields") or b""
    )


def test_an_array_that_is_the_page_tree_as_well(tmp_path: Path) -> None:
    """A file may say that the pages are annotations. No page is added to it by that."""
    tree = b"<</Type/Pages/Count 1/Kids 20 0 R>>"
    found = changed(written(document(1, page=b"/Annots 20 0 R", tree=tree, more={20: b"[4 0 R]"})), tmp_path)
    assert set(found) == {CATALOG, PAGE}


@pytest.mark.parametrize(
    ("catalog", "page"),
    [
        (b"/AcroForm 4 0 R", b"/Fields[]"),  # the page is the form, too
        (b"/AcroForm 1 0 R/Fields[]", b""),  # the catalog is
        (b"/AcroForm<</Fields 20 0 R>>", b"/Annots 4 0 R"),  # the page is its array
    ],
)
def test_an_object_that_is_two_things(catalog: bytes, page: bytes, tmp_path: Path) -> None:
    """It is refused, or what it was before is kept."""
    objects = document(1, catalog=catalog, page=page)
    try:
        found = changed(written(objects), tmp_path)
    except InvalidPdf:
        return
    assert found[PAGE].get("Contents") == b"5 0 R"
    assert found[CATALOG].get("Pages") == b"2 0 R"


def test_names_with_escapes_and_keys_that_are_there_twice(tmp_path: Path) -> None:
    page = b"/Annots[20 0 R]/Anno#74s[21 0 R]/Tabs/S"
    found = changed(written(document(1, page=page, more={20: LINK, 21: LINK})), tmp_path)
    assert found[PAGE].names().count("Annots") == 1
    assert items(found[PAGE].get("Annots") or b"")[0] == b"21 0 R"
    assert found[PAGE].get("Tabs") == b"/S"


def test_comments_inside(tmp_path: Path) -> None:
    page = b"%no >> end\n/Annots%[\n[%]\n20 0 R%]\n]%>>\n"
    found = changed(written(document(1, page=page, more={20: LINK})), tmp_path)
    assert items(found[PAGE].get("Annots") or b"")[0] == b"20 0 R"
    assert found[PAGE].get("Contents") == b"5 0 R"


@pytest.mark.parametrize(
    ("objects", "why"),
    [
        (document(1, page=b"/Annots[" + b"[" * 250 + b"]" * 250 + b"]"), "Object 4 "),
        (document(1, catalog=b"/AcroForm 20 0 R", more={20: b"<<>>stream\n\nendstream"}), "Object 20 is a stream"),
        (document(1, page=b"/Annots 5 0 R"), "Object 5 is a stream"),
    ],
)
def test_what_cannot_be_written_again_is_named(objects: dict[int, bytes], why: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidPdf, match=why):
        facts_of(written(objects), tmp_path)


def test_a_form_of_another_generation_is_not_taken_for_none(tmp_path: Path) -> None:
    """Some programs do not look at generations: they would lose a form by it."""
    writer = Writer()
    writer.add_all(document(1, catalog=b"/AcroForm 20 0 R"))
    writer.add(20, b"<</Fields[]>>", 3)
    with pytest.raises(InvalidPdf, match="Object 20 has another generation"):
        facts_of(writer.table(b"/Root 1 0 R").file, tmp_path)


def test_generations_are_kept(tmp_path: Path) -> None:
    writer = Writer()
    objects = document(1, catalog=b"/AcroForm 20 2 R", tree=b"<</Type/Pages/Count 1/Kids[4 7 R]>>")
    page = objects.pop(PAGE)
    writer.add_all(objects)
    writer.add(PAGE, page, 7)
    writer.add(20, b"<</Fields[]>>", 2)
    facts = facts_of(writer.table(b"/Root 1 0 R").file, tmp_path)
    assert [(change.number, change.generation) for change in facts.changed] == [(PAGE, 7), (20, 2)]
    assert facts.page == (PAGE, 7)


def test_a_page_that_is_listed_twice(tmp_path: Path) -> None:
    """An invisible signature shows nowhere; a visible one would be seen twice."""
    data = written(document(1, tree=b"<</Type/Pages/Count 2/Kids[4 0 R 4 0 R]>>"))
    assert facts_of(data, tmp_path).page == (PAGE, 0)
    with pytest.raises(InvalidPdf, match="lists a page twice"):
        facts_of(data, tmp_path, site=SITE)
    with pytest.raises(InvalidPdf, match="Page 2 is no object of its own"):
        facts_of(data, tmp_path, page=1)


def test_encrypt_of_an_older_trailer_does_not_count(tmp_path: Path) -> None:
    """With it everything would be decrypted that never was encrypted."""
    data = updated(written(document(1, more={20: LINK}), trailer=b"/Info 20 0 R"), {30: b"null"})
    facts = facts_of(data, tmp_path)
    assert dict(facts.trailer) == {"Root": b"1 0 R"}
    assert facts.encryption is None


@pytest.mark.parametrize(
    ("info", "kept"),
    [(b"20 0 R", True), (b"<</Title(a)>>", True), (b"99 0 R", False), (b"20 1 R", False), (b"21 0 R", False)],
)
def test_info_that_leads_nowhere_is_not_taken_over(info: bytes, kept: bool, tmp_path: Path) -> None:
    """poppler searches the whole file for it, and then takes other objects than before."""
    data = written(document(1, more={20: b"<</Title(a)>>", 21: b"null"}), trailer=b"/Info " + info)
    assert dict(facts_of(data, tmp_path).trailer) == {"Root": b"1 0 R"} | ({"Info": info} if kept else {})


def test_info_with_a_key_without_a_value(tmp_path: Path) -> None:
    with pytest.raises(InvalidPdf, match="trailer has a key without a value"):
        facts_of(written(document(1), trailer=b"/Info<</A<</B>>>>"), tmp_path)


@pytest.mark.parametrize(
    ("size", "right"), [(b"3", 8), (b"0", 8), (b"-5", 8), (b"50", 8), (b"8388607", 8), (b"99999999999", 8)]
)
def test_new_numbers_are_above_all_that_there_is_whatever_size_says(size: bytes, right: int, tmp_path: Path) -> None:
    facts = facts_of(written(document(2), size=size), tmp_path)
    assert facts.next_number == right


def test_numbers_of_a_stale_object_stream_are_not_taken(tmp_path: Path) -> None:
    data = updated(written(document(1, more={77: b"null"}), Form.STREAM), {PAGE: document(1)[PAGE]})
    facts = facts_of(data, tmp_path)
    assert facts.next_number > 77
    assert facts.kind is CrossReferenceKind.STREAM


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize("pages", [1, 3])
def test_an_added_page(form: Form, pages: int, tmp_path: Path) -> None:
    facts = facts_of(written(document(pages), form), tmp_path, new_page=(200.0, 100.0))
    tree = Dictionary(next(change.new for change in facts.changed if change.number == 2))
    assert tree.get("Count") == b"%d" % (pages + 1)
    assert items(tree.get("Kids") or b"")[-1] == b"%d 0 R" % facts.page[0]


def test_many_pages_and_fields_cost_little(tmp_path: Path) -> None:
    fields = b" ".join(b"20 0 R" for _ in range(50_000))
    objects = document(1000, catalog=b"/AcroForm<</Fields[%b]>>" % fields)
    data = written(objects)
    start = time.process_time()
    facts_of(data, tmp_path)
    assert time.process_time() - start < 5
