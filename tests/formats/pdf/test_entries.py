"""Absent is what is null, missing, dangling, of a wrong type or unreadable; and nothing raises."""

from __future__ import annotations

import io
from collections.abc import Callable

import pikepdf
import pytest

from signroom.domain.errors import PdfTooComplex
from signroom.formats.pdf import entries
from tests.vectors import hard_pdfs

OPEN: list[pikepdf.Pdf] = []
"""What is read dies with its file."""


def catalog(more: bytes) -> pikepdf.Object:
    """With `more` in it; object 3 is the page."""
    bodies = [
        b"<</Type/Catalog/Pages 2 0 R" + more + b">>",
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
    ]
    OPEN.append(pikepdf.open(io.BytesIO(hard_pdfs.assemble(bodies))))
    return OPEN[-1].Root


READERS: list[Callable[[object, str], object]] = [
    entries.dictionary,
    entries.name,
    entries.text,
    entries.integer,
    entries.number,
    lambda holder, key: entries.rectangle(entries.entry(holder, key)),
    lambda holder, key: list(entries.elements(holder, key, 9)) or None,
]


@pytest.mark.parametrize("value", [b"", b"/X null", b"/X 99 0 R", b"/X 3 7 R"])
@pytest.mark.parametrize("reader", READERS)
def test_null_missing_and_dangling_entries_are_absent(reader: Callable[[object, str], object], value: bytes) -> None:
    assert reader(catalog(value), "/X") is None


@pytest.mark.parametrize(
    "value", [b"<</A 1>>", b"/Name", b"(text)", b"7", b"true", b"[1 2]", b"/a#ff", b"(\\377\\376a)"]
)
def test_an_entry_of_another_type_is_absent(value: bytes) -> None:
    holder = catalog(b"/X " + value)
    found = [reader(holder, "/X") is not None for reader in READERS]

    # A whole number is a number too; nothing else is of two types.
    assert found.count(True) == (2 if value == b"7" else 0 if value in {b"true", b"/a#ff"} else 1)
    assert entries.truth(holder, "/X") is (value == b"true")


@pytest.mark.parametrize("holder", [None, 7, True, "text", []])
def test_what_is_no_dictionary_has_no_entries(holder: object) -> None:
    assert entries.entry(holder, "/X") is None
    assert list(entries.elements(holder, "/X", 1)) == []


def test_a_stream_has_the_entries_of_its_dictionary() -> None:
    pdf = pikepdf.new()

    assert entries.name(pdf.make_stream(b"", X=pikepdf.Name.Y), "/X") == "Y"


def test_numbers_are_finite() -> None:
    assert entries.number(catalog(b"/X -1.5"), "/X") == -1.5
    assert entries.number(catalog(b"/X " + b"9" * 400 + b".0"), "/X") is None


def test_an_array_is_read_up_to_a_limit() -> None:
    holder = catalog(b"/X[1 null (a) 99 0 R]")

    assert [entries.as_text(value) or value for value in entries.elements(holder, "/X", 4)] == [1, None, "a", None]
    with pytest.raises(PdfTooComplex, match="/X"):
        list(entries.elements(holder, "/X", 3))


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (b"[0 1 2 3]", (0, 1, 2, 3)),
        (b"[2 3 0 1.5]", (0, 1.5, 2, 3)),
        (b"[0 1 2 3 4]", (0, 1, 2, 3)),
        (b"[0 1 2]", None),
        (b"[0 1 2 null]", None),
        (b"[0 1 2 true]", None),
        (b"[0 1 2 (3)]", None),
        (b"<</A 1>>", None),
    ],
)
def test_a_rectangle_may_have_any_two_corners(value: bytes, wanted: tuple[float, ...] | None) -> None:
    assert entries.rectangle(entries.entry(catalog(b"/X " + value), "/X")) == wanted
