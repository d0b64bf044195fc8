"""What pages show before and after an update."""

from __future__ import annotations

from pathlib import Path

import pypdfium2
import pytest

from signroom.domain.errors import InvalidPdf
from signroom.domain.pdf_facts import SignatureSite
from signroom.formats.pdf.reading.view import View
from signroom.formats.pdf.signing import pages_alike
from signroom.formats.pdf.signing.pages_alike import _Paper, require_followed, require_same_pages
from signroom.ports.files import SMALL
from tests.formats.pdf.updates import updated
from tests.vectors.pdf.builder import PAGE, PAGES, Form, content, document, written
from tests.vectors.pdf.builder import updated as with_section

OBJECTS = document(3)
SITE = SignatureSite(1, (100.0, 200.0, 250.0, 260.0), 100.0, 582.0, 150.0, 60.0, 0)


def compare(original: bytes, after: bytes, folder: Path, site: SignatureSite | None = None, *, added: int = 0) -> None:
    file = folder / "file.pdf"
    file.write_bytes(original)
    require_same_pages(file, after[len(original) :], site, added=added)


@pytest.mark.parametrize("is_small", [True, False])
def test_a_small_file_is_read_once_and_a_large_one_piece_by_piece(
    is_small: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    read = View.readinto

    def counted(view: View, target: bytearray) -> int:
        asked.append(len(target))
        return read(view, target)

    monkeypatch.setattr(View, "readinto", counted)
    monkeypatch.setattr(pages_alike, "SMALL", SMALL if is_small else 0)
    original = written(OBJECTS)
    update = updated(original, tmp_path).data[len(original) :]

    compare(original, original + update, tmp_path)
    require_followed(tmp_path / "file.pdf", update)
    with pytest.raises(InvalidPdf):
        compare(original, with_section(original, {5: content("Page 1: the parties disagree.")}), tmp_path)

    assert bool(asked) is not is_small


@pytest.mark.parametrize("form", list(Form))
def test_our_updates_change_nothing(form: Form, tmp_path: Path) -> None:
    original = written(OBJECTS, form)
    compare(original, updated(original, tmp_path).data, tmp_path)
    compare(original, updated(original, tmp_path, new_page=(300.0, 300.0)).data, tmp_path, added=1)


@pytest.mark.parametrize(
    ("number", "body"),
    [
        (5, content("Page 1: the parties disagree.")),
        (9, content("Page 3: the parties disagree.")),
        (PAGE, OBJECTS[PAGE].replace(b"[0 0 420 842]", b"[0 0 420 800]")),
        (PAGE, OBJECTS[PAGE].replace(b"/Type/Page", b"/Type/Page/Rotate 90")),
        (PAGES, b"<</Type/Pages/Count 2/Kids[4 0 R 6 0 R]>>"),
        (PAGES, b"<</Type/Pages/Count 3/Kids[8 0 R 6 0 R 4 0 R]>>"),
        (3, b"<</Type/Font/Subtype/Type1/BaseFont/Courier>>"),
    ],
)
@pytest.mark.parametrize("form", [Form.TABLE, Form.STREAM])
def test_a_page_that_changes_is_seen(form: Form, number: int, body: bytes, tmp_path: Path) -> None:
    original = written(OBJECTS, form)
    with pytest.raises(InvalidPdf):
        compare(original, with_section(original, {number: body}), tmp_path)


@pytest.mark.parametrize("transparent", [False, True])
def test_the_paper_is_as_white_as_that_of_pdfium(transparent: bool) -> None:
    group = b"/Type/Page/Group<</S/Transparency/CS/DeviceRGB>>" if transparent else b"/Type/Page"
    objects = {**OBJECTS, PAGE: OBJECTS[PAGE].replace(b"/Type/Page", group)}
    with pypdfium2.PdfDocument(written(objects)) as document_of_pdfium:
        page = document_of_pdfium[0]
        usual, ours = page.render(), page.render(bitmap_maker=_Paper.new_white)

        assert (usual.format, usual.stride, bytes(usual.buffer)) == (ours.format, ours.stride, bytes(ours.buffer))
        assert sum(octet < 0xFF for octet in bytes(ours.buffer)) > 0, "something is drawn on it"


def test_pages_that_signers_are_not_told_of_are_seen(tmp_path: Path) -> None:
    """A reader that had too little memory for a page said nothing: the file had a page less."""
    file = tmp_path / "file.pdf"
    file.write_bytes(written(document(2)))

    require_same_pages(file, b"", None, pages=2)
    with pytest.raises(InvalidPdf, match="do not agree on how many pages"):
        require_same_pages(file, b"", None, pages=1)


def test_pages_that_are_only_claimed_are_none(tmp_path: Path) -> None:
    file = tmp_path / "file.pdf"
    file.write_bytes(written(document(2, tree=b"<</Type/Pages/Count 40/Kids[99 0 R 4 0 R 6 0 R]>>")))

    require_same_pages(file, b"", None, pages=2)


def test_words_that_are_not_drawn_count(tmp_path: Path) -> None:
    original = written(OBJECTS)
    unseen = OBJECTS[5].replace(b"BT ", b"BT 3 Tr ")
    before = written({**OBJECTS, 5: unseen})
    other = with_section(before, {5: unseen.replace(b"agree", b"argue")})
    with pytest.raises(InvalidPdf):
        compare(before, other, tmp_path)
    assert original != before


def test_the_page_of_the_signature_is_compared_outside_of_it(tmp_path: Path) -> None:
    original = written(OBJECTS)
    inside = content("x", at=230).replace(b"72 230 Td (x)", b"120 230 Td ( )")
    compare(original, with_section(original, {30: inside}), tmp_path, SITE)
    outside = OBJECTS[7].replace(b"72 720 Td", b"72 620 Td")
    assert outside != OBJECTS[7]
    compare(original, with_section(original, {7: outside}), tmp_path)  # page 2 is not looked at without a signature
    with pytest.raises(InvalidPdf, match="Page 2"):
        compare(original, with_section(original, {7: outside}), tmp_path, SITE)
