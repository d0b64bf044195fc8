"""What a form shows in its empty field is what the signer has seen there: it is still there once it is signed."""

from __future__ import annotations

from pathlib import Path

import pytest

from signroom.domain.pdf_facts import PdfFacts
from signroom.formats.pdf.preflight import inspect
from signroom.formats.pdf.preview import render
from tests.formats.conftest import signed
from tests.vectors.pdf.builder import written
from tests.vectors.pdf.empty_fields import MORE, form, widget

LOOK = b"/AP<</N 23 0 R>>"
FORM = b"<</Type/XObject/Subtype/Form/BBox[0 0 228 40]%b/Length %d>>stream\n%b\nendstream"
COVERS = b"1 g 0 0 228 40 re f 0 g 5 5 20 9 re f"


def look(content: bytes, entries: bytes = b"") -> bytes:
    return FORM % (entries, len(content), content)


def written_to(folder: Path, entries: bytes, more: bytes) -> Path:
    file = folder / "form.pdf"
    file.write_bytes(written(form(widget(entries=entries), more={MORE: more})))
    return file


def facts_of(file: Path) -> PdfFacts:
    reading = inspect(file).reading
    assert reading is not None
    return reading.facts


@pytest.mark.parametrize(
    ("entries", "more"),
    [
        (LOOK, look(COVERS)),
        (b"/AP<</N<</Off 23 0 R>>>>/AS/Off", look(COVERS)),
        (LOOK, look(b"%" + b"x" * 200 + b"\n" + COVERS)),
        (LOOK, look(b"garbage", b"/Filter/FlateDecode")),
    ],
)
def test_a_field_that_shows_something_keeps_its_look(entries: bytes, more: bytes, tmp_path: Path) -> None:
    """A white look with one price may lie over another price on the page."""
    file = written_to(tmp_path, entries, more)
    facts = facts_of(file)
    assert facts.fills is not None
    assert (facts.fills.name, facts.site) == ("Buyer", None)

    before = render(file, 0, 600)

    assert render(signed(file, "rsa2048"), 0, 600) == before


@pytest.mark.parametrize("content", [b"", b"% DSBlank\n", b"q\nQ\n"])
def test_a_field_with_an_empty_look_is_drawn_in(content: bytes, tmp_path: Path) -> None:
    assert facts_of(written_to(tmp_path, LOOK, look(content))).site is not None
