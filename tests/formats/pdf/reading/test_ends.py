"""What does not end inside of the file is refused by its number; what programs find an end of is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from signroom.domain.errors import InvalidPdf, PdfTooComplex
from signroom.formats.pdf.reading import ends
from signroom.formats.pdf.reading.ends import require_ends
from signroom.formats.pdf.reading.opening import open_pdf
from tests.vectors.pdf.builder import Form, document, stream, updated, written

LAST = {20: b"null"}
"""An object behind all others, so that none of those is the last."""
TEXT = b"BT /F1 24 Tf (Page) Tj ET"


def look_at(data: bytes, folder: Path) -> None:
    file = folder / "file.pdf"
    file.write_bytes(data)
    with open_pdf(file) as opened:
        require_ends(opened)


def content(length: bytes, data: bytes = TEXT) -> bytes:
    return b"<<%b>>stream\n%b\nendstream" % (length, data)


@pytest.mark.parametrize(
    "data",
    [
        *(written(document(3), form) for form in Form),
        written(document(3)).rstrip(),
        written(document(3)) + b"<</Junk (open",
        *(written(document(more={7: content(b"/Length %d" % n), **LAST})) for n in (0, 5, 300)),
        written(document(more={7: content(b"/Length 20 0 R"), **LAST})),
        written(document(more={7: content(b"/Length 8 0 R"), 8: b"%d" % len(TEXT)})),
        written(document(more={7: content(b"/Length 3", b"0 g % (open\n1 g"), **LAST})),
        written(document(more={7: content(b"/DecodeParms<</Length 4000>>/Length %d" % len(TEXT))})),
        written(document(more={7: content(b"/Length %d/Name(/Length 4000)" % len(TEXT))})),
        written(document(more={7: content(b"/Length 4000/Length %d" % len(TEXT))})),
        # Where the table has all numbers, nobody makes another one.
        written(document(more={7: content(b"/Length 5", b"\n6 0 obj\nnull\nendobj\n"), 8: b"null"})),
        # A bracket is missing, as in files of an old ImageMagick: programs go no further than "endobj".
        written(document(more={20: b"<<\n"})),
        written(document(more={20: b"[1 2"})),
        written(document(more={20: b"(closed \\) (inside))", 21: b"<</A 1 % (a comment\n>>"})),
        # Another update says an object again.
        updated(written(document()), {7: stream(TEXT)}),
        updated(written(document(more={7: content(b"/Length 5"), **LAST})), {4: document()[4]}),
        # A row that leads to no object.
        written(document(more={20: stream(TEXT)})).replace(b"20 0 obj", b"20 0 obx"),
    ],
)
def test_an_end_is_found(data: bytes, tmp_path: Path) -> None:
    look_at(data, tmp_path)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (written(document(more={7: content(b"/Length 90000"), **LAST})), "Object 7 is longer than the file"),
        (written(document(more={7: content(b"/Length 3", b"BT (open"), **LAST})), "Object 7 does not end"),
        (
            written(document(more={7: content(b"/Length 5")})).replace(b"\nendstream\nendobj\nxref", b"\nxref"),
            "Object 7",
        ),
        (written(document(more={**LAST, 4: document()[4][:-2] + b"/A(open>>"})), "Object 4 has a string that"),
        (written(document(more={20: b"(open \\)" + b" " * 2000})), "Object 20 has a string that does not end"),
        (written(document(more={20: b"(" * 3000})), "Object 20 has a string that does not end"),
        (
            written(document(more={7: content(b"/Length 5", b"\n6 0 obj\nnull\nendobj\n"), **LAST})),
            "Object 6 is there twice, and the table leaves out numbers",
        ),
    ],
)
def test_no_end_is_found(data: bytes, why: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidPdf, match=re.escape(why)):
        look_at(data, tmp_path)


_HARD = b"(a % b (c \\) (d) \\\\) e)"
"""A string that many real files have, with brackets in brackets."""


def test_a_string_is_looked_at_however_many_come_behind_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An object with an open string was passed over where more than 20,000 behind it had brackets in strings."""
    monkeypatch.setattr(ends, "_MOST_TAKEN_APART", 2)
    last = dict.fromkeys(range(21, 60), _HARD)

    with pytest.raises(InvalidPdf, match="Object 20 has a string that does not end"):
        look_at(written(document(more={20: b"(open", **last})), tmp_path)
    look_at(written(document(more={20: b"(closed)", **last})), tmp_path)


MANY = dict.fromkeys(range(20, 2020), b"<</A/B/C[<</D 1>>]>>")
"""Short and simple objects."""


def test_short_and_simple_objects_are_looked_at_together(tmp_path: Path) -> None:
    """200,000 of them took two fifths of the time of the whole inspection."""
    file = tmp_path / "file.pdf"
    file.write_bytes(written(document(3, more=MANY)))
    with open_pdf(file) as opened:
        places = sorted(opened.table.offsets(), reverse=True)
        alone = list(ends._not_plainly_ended(opened.buffer, places))  # noqa: SLF001

    assert {at for at, _ in alone} <= set(places)
    assert len(alone) <= 2 * ends._TOGETHER < len(places) // 3  # noqa: SLF001


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"(open", "Object 1000 has a string that does not end"),
        (b"<</A/B/C>>", "Object 1000 has a key without a value"),
        (b"<</A/B/C%>>\n>>", "Object 1000 has a key without a value"),
        (content(b"/Length 900000"), "Object 1000 is longer than the file"),
    ],
)
def test_one_among_many_is_found(body: bytes, why: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidPdf, match=re.escape(why)):
        look_at(written(document(3, more={**MANY, 1000: body})), tmp_path)


def test_an_object_without_an_end_of_its_own_is_looked_at_alone(tmp_path: Path) -> None:
    """Whether it is short or long, and whether another one begins inside of it."""
    file = tmp_path / "file.pdf"
    data = written(document(3, more={**MANY, 1500: b"[" + b"1 " * 2000 + b"]"}))
    at, inside = data.index(b"\n1000 0 obj") + 1, data.index(b"\n1200 0 obj") + 3
    file.write_bytes(data[:at] + data[at:].replace(b"endobj", b"endobx", 1))
    with open_pdf(file) as opened:
        places = sorted({*opened.table.offsets(), inside}, reverse=True)
        alone = {at for at, _ in ends._not_plainly_ended(opened.buffer, places)}  # noqa: SLF001

    assert {at, inside, data.index(b"\n1500 0 obj") + 1} <= alone
    assert len(alone) < len(places)


def test_long_objects_are_no_reason_to_refuse(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ends, "_MOST_TAKEN_APART", 2)
    long = dict.fromkeys(range(20, 60), b"[" + _HARD * 100 + b"]")

    look_at(written(document(more={**long, **dict.fromkeys(range(60, 62), b"null % (commented\n")})), tmp_path)
    with pytest.raises(PdfTooComplex):
        look_at(written(document(more=dict.fromkeys(range(60, 64), b"null % (commented\n"))), tmp_path)


def test_an_object_inside_of_a_stream_is_looked_at_too(tmp_path: Path) -> None:
    """Its table leads into the data of another stream, which is as long as it says."""
    inner = b"\n20 0 obj\n<</Length 90000>>stream\nq Q\nendstream\nendobj\n"
    data = written(document(more={7: stream(inner), 20: b"[/AT]"}))
    places = [match.start() for match in re.finditer(rb"20 0 obj", data)]
    assert len(places) == 2

    with pytest.raises(InvalidPdf, match="Object 20"):
        look_at(data.replace(b"%010d 00000 n" % places[1], b"%010d 00000 n" % places[0]), tmp_path)
