"""Objects with millions of parts are refused by name, and nothing else is."""

from __future__ import annotations

import mmap
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from signroom.domain.errors import DocumentRejected, PdfTooComplex
from signroom.domain.signature import NO_OPTIONS
from signroom.formats import catalogue
from signroom.formats.pdf.reading.large_objects import require_no_large_objects
from tests.vectors import hard_pdfs
from tests.vectors.pdf.builder import PAGE, document, stream, updated, written

_SECONDS = 4.0
"""Of the processor; the budget is 2 on a machine that does nothing else."""
MANY = b"0 " * 1_100_000


def checked(data: bytes) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as buffer:
            require_no_large_objects(buffer)


@pytest.mark.parametrize(
    ("data", "number"),
    [
        (written(document(page=b"/X[" + MANY + b"]")), PAGE),
        (written(document(tree=b"<</Type/Pages/Count 2/Kids[" + b"4 0 R " * 400_000 + b"]>>")), 2),
        (written(document(more={20: b"<<" + b"/K 0" * 700_000 + b">>"})), 20),
        (written(document(more={20: b"[" * 2_000_000})), 20),
        (updated(written(document()), {PAGE: b"<</X[" + MANY + b"]>>"}), PAGE),
        (written(document(more={20: b"<</X[" + MANY + b"]>>stream\n\nendstream"})), 20),
        (b"%PDF-1.7\n7 0 obj\n[" + MANY, 7),
    ],
)
def test_an_object_with_more_than_a_million_parts(data: bytes, number: int) -> None:
    with pytest.raises(PdfTooComplex, match=f"Object {number} has more than a million parts"):
        checked(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"%PDF-1.7\n" + MANY,
        written(document(more={20: stream(MANY)})),
        written(document(more={20: stream(b"x" * (9 << 20))})),
        written(document(more={20: b"<" + b"0" * (9 << 20) + b">"})),
        written(document(page=b"/X[" + b"0 " * 500_000 + b"]")),
    ],
)
def test_what_is_large_and_has_few_parts(data: bytes) -> None:
    if data:
        checked(data)


def test_a_long_table_is_no_object() -> None:
    """Of a million objects it has four million numbers."""
    data = hard_pdfs.many_objects(300_000)
    checked(data + b"\n" + data[data.rindex(b"\nxref") :] + b"9 0 obj\nnull\nendobj\n")


HOLDING: dict[str, Callable[[], bytes]] = {
    "an array of 30 MB": lambda: written(document(page=b"/X[" + b"0 " * 15_000_000 + b"]")),
    "a million kids": lambda: written(
        document(tree=b"<</Type/Pages/Count 1000000/Kids[" + b"4 0 R " * 1_000_000 + b"]>>")
    ),
    "a number of a million digits": lambda: written(document(page=b"/X " + b"1" * 1_000_000)),
    "a name of 20 MB": lambda: written(document(page=b"/X /" + b"a" * 20_000_000)),
    "a string of 20 MB": lambda: written(document(page=b"/X (" + b"a" * 20_000_000 + b")")),
    "a megabyte behind the end": lambda: written(document(), behind=b"x y z " * 170_000),
    "objects behind the end": lambda: written(document(), behind=b"\n1 0 obj" * 120_000),
    "ends behind the end": lambda: written(document(), behind=b"%%EOF\nstartxref\n9\n" * 50_000),
    "brackets inside each other": lambda: written(document(page=b"/X " + b"[" * 300_000 + b"]" * 300_000)),
    "brackets beside each other": lambda: written(document(page=b"/X " + (b"[" * 150 + b"]" * 150) * 3000)),
}


@pytest.mark.parametrize("name", HOLDING)
def test_what_costs_a_reader_much_holds_its_budget(name: str, tmp_path: Path) -> None:
    file = tmp_path / "file.pdf"
    file.write_bytes(HOLDING[name]())
    begun = time.process_time()
    try:
        reading = catalogue.inspect(file, None, NO_OPTIONS, None).reading
        assert reading is not None
        catalogue.compare_pages(file, reading)
    except DocumentRejected as refusal:
        refused = refusal.detail
    else:
        refused = "not at all"
    assert time.process_time() - begun < _SECONDS
    assert refused, "a refusal says what is wrong with this file"
