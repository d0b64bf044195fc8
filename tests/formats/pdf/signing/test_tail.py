"""Updates of ours, judged by programs that are not ours: poppler, qpdf, MuPDF, pyHanko, PDFium."""

from __future__ import annotations

import builtins
import hashlib
import io
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from signroom.domain.pdf_facts import SignatureSite
from signroom.formats.pdf.reading.opening import open_pdf
from signroom.formats.pdf.signing.pages_alike import require_same_pages
from signroom.formats.pdf.signing.tail import first_drawn
from tests.formats.conftest import ROOTS
from tests.formats.pdf.reading.test_opening import encrypted, hybrid_with_free_rows
from tests.formats.pdf.updates import facts_of, filled, laid_out, signed
from tests.vectors.pdf.builder import Form, Writer, document, written
from tests.vectors.pdf.builder import updated as with_section
from tests.verifiers import programs

FIELD = {20: b"<</FT/Tx/T(name \\(1\\))/V(text)>>", 21: b"<</Type/Annot/Subtype/Link/Rect[0 0 9 9]/Contents(note)>>"}
RICH = document(
    2,
    catalog=b"/AcroForm 22 0 R/Lang(en)",
    page=b"/Annots 23 0 R",
    more={**FIELD, 22: b"<</Fields 24 0 R/DA(/F1 0 Tf)>>", 23: b"[21 0 R]", 24: b"[20 0 R]"},
)
OBJECTS = document(2)
ID = b"/ID[<0011><2233>]"


def saved(data: bytes, **options: Any) -> bytes:
    with pikepdf.open(io.BytesIO(data)) as pdf:
        out = io.BytesIO()
        pdf.save(out, **options)
    return out.getvalue()


def generations() -> bytes:
    writer = Writer()
    objects = document(2, tree=b"<</Type/Pages/Count 2/Kids[4 3 R 6 0 R]>>")
    page = objects.pop(4)
    writer.add_all(objects)
    writer.add(4, page, 3)
    return writer.table(b"/Root 1 0 R").file


def shared() -> bytes:
    objects = document(2, page=b"/Annots 20 0 R", more={20: b"[21 0 R]", 21: FIELD[21]})
    objects[6] = objects[6][:-2] + b"/Annots 20 0 R>>"
    return written(objects)


FILES = {
    "table": written(OBJECTS, trailer=ID),
    "stream": written(OBJECTS, Form.STREAM, trailer=ID),
    "hybrid": written(OBJECTS, Form.HYBRID, trailer=ID),
    "hybrid with free rows": hybrid_with_free_rows(),
    "form": written(RICH),
    "form in object streams": written(RICH, Form.STREAM),
    "linearized": saved(written(RICH), linearize=True),
    "linearized stream": saved(written(RICH), linearize=True, object_stream_mode=pikepdf.ObjectStreamMode.generate),
    "incremental table": with_section(written(RICH), {30: b"null"}),
    "incremental stream": with_section(written(RICH, Form.STREAM), {30: b"null"}),
    "incremental hybrid": with_section(written(OBJECTS, Form.HYBRID), {30: b"null"}),
    "no line end": written(OBJECTS).rstrip(),
    "generations": generations(),
    "shared annotations": shared(),
    "size too small": written(OBJECTS, size=b"4"),
}
LENIENT = {"hybrid", "hybrid with free rows", "incremental hybrid", "generations", "size too small"}
"""What pyHanko reads only when it is not strict."""
REVEALED = "hybrid with free rows"
"""PDFium looks into the newest stream only. The table calls free the object stream that a page of this file is in."""
MENDED = {
    "startxref a little off": written(OBJECTS, startxref=lambda at: at + 5),
    "startxref far off": written(OBJECTS, startxref=lambda at: at + 500),
    "startxref of a stream off": written(OBJECTS, Form.STREAM, startxref=lambda at: at + 5),
    "shifted": written(OBJECTS).replace(b"\n1 0 obj", b"\n%shifted\n1 0 obj", 1),
    "shifted stream": written(OBJECTS, Form.STREAM).replace(b"\n3 0 obj", b"\n%shifted\n3 0 obj", 1),
    "rows of 19 bytes": re.sub(rb"(\d{10} \d{5} [nf]) \n", rb"\1\n", written(OBJECTS)),
    "rows of 21 bytes": re.sub(rb"(\d{10} \d{5} [nf]) \n", rb"\1 \r\n", written(OBJECTS)),
    "circle": written(OBJECTS, trailer=b"/Prev 15"),
}
CIPHERS: dict[str, dict[str, Any]] = {
    "R2": {"R": 2, "aes": False, "metadata": False},
    "R3": {"R": 3, "aes": False, "metadata": False},
    "R4 RC4": {"R": 4, "aes": False, "metadata": False},
    "R4": {"R": 4, "aes": True, "metadata": True},
    "R4 without metadata": {"R": 4, "aes": True, "metadata": False},
    "R6": {"R": 6, "aes": True},
}


def judged(original: bytes, data: bytes, folder: Path, nss: Path, *, signatures: int = 1, strict: bool = True) -> None:
    """All verifiers accept every signature, and no program sees other pages or a new fault."""
    before, after = folder / "before.pdf", folder / "after.pdf"
    before.write_bytes(original)
    after.write_bytes(data)
    assert data.startswith(original)
    found = programs.pdfsig(after, nss)
    assert [one.valid for one in found] == [True] * signatures
    assert found[-1].whole_document
    by_pyhanko = programs.pyhanko(after, ROOTS, strict=strict)
    # With strict reading it also compares the revisions: nothing but form filling came later.
    levels = {"NONE", "LTA_UPDATES", "FORM_FILLING"} | (set() if strict else {"NOT_JUDGED"})
    assert {one.modification_level for one in by_pyhanko} <= levels, by_pyhanko
    assert [one.bottom_line for one in by_pyhanko] == [True] * signatures, by_pyhanko
    assert programs.mutool(after) == [True] * signatures
    assert problems(after) <= problems(before)
    if strict:  # MuPDF finds some pages of odd files only once they are signed
        assert programs.text(after) == programs.text(before)
    if original != FILES[REVEALED]:
        require_same_pages(before, data[len(original) :], None)


def problems(file: Path) -> int:
    """What ``qpdf --check`` ends with: 0, 3 for warnings, 2 for errors."""
    return subprocess.run(["qpdf", "--check", str(file)], capture_output=True, check=False).returncode


@pytest.mark.parametrize("name", FILES)
def test_every_way_to_write_a_file(name: str, tmp_path: Path, nss: Path) -> None:
    judged(FILES[name], signed(FILES[name], tmp_path), tmp_path, nss, strict=name not in LENIENT)


@pytest.mark.parametrize("name", MENDED)
def test_a_damaged_table_is_mended_by_what_is_appended(name: str, tmp_path: Path, nss: Path) -> None:
    data = signed(MENDED[name], tmp_path)
    judged(MENDED[name], data, tmp_path, nss)
    mended = tmp_path / "mended.pdf"
    mended.write_bytes(data)
    assert name.startswith("startxref a little") or problems(mended) == 0


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", CIPHERS)
def test_encrypted_files_stay_readable(name: str, packed: bool, tmp_path: Path, nss: Path) -> None:
    """Strings that were plain in an object stream are encrypted where they are written again, and new ones, too."""
    original = encrypted(written(RICH), packed=packed, **CIPHERS[name])
    data = signed(original, tmp_path)
    file = tmp_path / "after.pdf"
    file.write_bytes(data)
    assert [one.valid for one in programs.pdfsig(file, nss)] == [True]
    assert programs.mutool(file) == [True]
    assert problems(file) == 0
    with pikepdf.open(file) as pdf:
        form, page = pdf.Root.AcroForm, pdf.pages[0]
        assert str(pdf.Root.Lang) == "en"
        assert str(form.DA) == "/F1 0 Tf"
        assert [str(field.T) for field in form.Fields] == ["name (1)", "Signature1"]
        assert str(form.Fields[1].V.M) == "D:20260203040506+00'00'"
        assert str(page.Annots[0].Contents) == "note"
        assert page.Annots[1].objgen == form.Fields[1].objgen


def test_direct_annotations_of_an_encrypted_array_are_encrypted_for_the_page(tmp_path: Path) -> None:
    direct = b"[<</Type/Annot/Subtype/Text/Rect[0 0 9 9]/Contents(\\(x\\) note)>>]"
    for name, options in CIPHERS.items():
        data = encrypted(written(document(1, page=b"/Annots 20 0 R", more={20: direct})), **options)
        with pikepdf.open(io.BytesIO(signed(data, tmp_path))) as pdf:
            assert str(pdf.pages[0].Annots[0].Contents) == "(x) note", name


def test_a_widget_is_on_its_page_alone(tmp_path: Path) -> None:
    with pikepdf.open(io.BytesIO(signed(FILES["shared annotations"], tmp_path))) as pdf:
        assert [len(page.Annots) for page in pdf.pages] == [2, 1]


@pytest.mark.parametrize("first", list(FILES))
def test_one_signature_after_another(first: str, tmp_path: Path, nss: Path) -> None:
    """Three signers with keys of three kinds. The earlier ones stay valid for everybody."""
    data = FILES[first]
    for count, signer in enumerate(("rsa2048", "p256", "rsa3072"), 1):
        before, data = data, signed(data, tmp_path, signer=signer, name=f"Signature{count}")
    judged(before, data, tmp_path, nss, signatures=3, strict=first not in LENIENT)


@pytest.mark.parametrize("name", MENDED)
def test_a_mended_file_is_signed_again(name: str, tmp_path: Path, nss: Path) -> None:
    once = signed(MENDED[name], tmp_path)
    judged(once, signed(once, tmp_path, signer="p384", name="Second"), tmp_path, nss, signatures=2)


@pytest.mark.parametrize("form", list(Form))
def test_on_another_page_and_on_a_new_one(form: Form, tmp_path: Path, nss: Path) -> None:
    site = SignatureSite(1, (100.0, 200.0, 250.5, 260.0), 100.0, 582.0, 150.5, 60.0, 0)
    once = signed(written(OBJECTS, form), tmp_path, page=1, site=site)
    judged(written(OBJECTS, form), once, tmp_path, nss, strict=form is not Form.HYBRID)
    twice = signed(written(OBJECTS, form), tmp_path, new_page=(300.0, 400.0))
    file = tmp_path / "added.pdf"
    file.write_bytes(twice)
    assert [one.valid for one in programs.pdfsig(file, nss)] == [True]
    assert [one.bottom_line for one in programs.pyhanko(file, ROOTS, strict=form is not Form.HYBRID)] == [True]
    assert problems(file) == 0
    with pikepdf.open(file) as pdf:
        assert len(pdf.pages) == 3
        assert [len(page.get("/Annots", [])) for page in pdf.pages] == [0, 0, 1]


def test_nothing_is_opened_at_request_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The update and its digest come from the facts alone: the file is not even there any more."""
    facts = facts_of(FILES["form"], tmp_path)
    (tmp_path / "read.pdf").unlink()

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(builtins, "open", forbidden)
    monkeypatch.setattr(io, "open", forbidden)
    layout = laid_out(facts)
    monkeypatch.undo()
    from signroom.formats.pdf.signing.running_hash import RunningSha256

    running = RunningSha256(facts.sha256_state)
    running.update(layout.before)
    running.update(layout.after)
    data = filled(FILES["form"], layout)
    gap = len(FILES["form"]) + len(layout.before)
    assert running.digest() == hashlib.sha256(data[:gap] + data[gap + layout.contents_length :]).digest()


@pytest.mark.parametrize("size", [1, 200])
def test_an_update_is_as_long_for_many_objects_as_for_few(size: int, tmp_path: Path) -> None:
    for form in (Form.TABLE, Form.STREAM):
        data = written(document(size), form)
        layout = laid_out(facts_of(data, tmp_path))
        assert len(layout.before) + len(layout.after) < 1600


def test_a_few_pages_of_a_large_file_are_read(tmp_path: Path) -> None:
    """The stream of 20 MB is hashed, and not parsed: qpdf and we look at the objects that matter."""
    data = written(document(1, more={20: b"<</Length 20000000>>stream\n" + bytes(20_000_000) + b"\nendstream"}))
    file = tmp_path / "large.pdf"
    file.write_bytes(data)
    with open_pdf(file) as opened:
        assert len(opened.sections) == 1
    assert facts_of(data, tmp_path).length == len(data)


def test_the_range_has_room_for_ten_digits(tmp_path: Path) -> None:
    facts = replace(facts_of(FILES["table"], tmp_path), length=9_000_000_000)
    layout = laid_out(facts)
    assert b"[0 9000000" in layout.before
    assert first_drawn(facts) == facts.next_number + 2
