"""Objects with millions of parts are refused by name, and nothing else is."""

from __future__ import annotations

import cProfile
import mmap
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from signroom.domain.errors import DocumentRejected, PdfTooComplex
from signroom.domain.signature import NO_OPTIONS
from signroom.formats import catalogue
from signroom.formats.pdf.reading.large_objects import require_no_large_objects
from signroom.formats.pdf.reading.limits import require_all_read
from tests.vectors import hard_pdfs
from tests.vectors.pdf.builder import PAGE, document, stream, updated, written

_SECONDS = 4.0
"""Of the processor; the budget is 2 on a machine that does nothing else."""
MOST_CALLS = 7
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
        found = catalogue.inspect(file, None, NO_OPTIONS, None)
        assert found.reading is not None
        catalogue.compare_pages(file, found.reading, found.pages)
    except DocumentRejected as refusal:
        refused = refusal.detail
    else:
        refused = "not at all"
    assert time.process_time() - begun < _SECONDS
    assert refused, "a refusal says what is wrong with this file"


@pytest.mark.parametrize("hidden_by", [b"(endobj)", b"<656e646f626a>(endobj)", b"/endobj"])
def test_an_object_that_hides_its_end_is_refused_by_name(hidden_by: bytes, tmp_path: Path) -> None:
    """qpdf gave up on it and went on without: the file had a page less, and nobody was told."""
    file = tmp_path / "file.pdf"
    file.write_bytes(written(document(page=b"/X[" + (b"0 " * 400_000 + hidden_by) * 3 + b"]")))

    with pytest.raises(PdfTooComplex, match=f"Object {PAGE} has more parts than can be read"):
        catalogue.inspect(file, None, NO_OPTIONS, None)


class Reader:
    """Of qpdf only what it says."""

    def __init__(self, *warnings: str) -> None:
        self._warnings = warnings

    def get_warnings(self) -> list[str]:
        return list(self._warnings)


def test_an_object_for_which_the_memory_was_too_small_is_refused_by_name() -> None:
    told = (
        "a.pdf (object 4 0, offset 16777665): treating object as null because of error during parsing: std::bad_alloc"
    )

    with pytest.raises(PdfTooComplex, match="Object 4 has more parts than can be read"):
        require_all_read(Reader("file is damaged", told))  # type: ignore[arg-type]
    assert require_all_read(Reader("file is damaged")) == ["file is damaged"]  # type: ignore[arg-type]


def calls(file: Path) -> int:
    """Calls, of Python's functions and of C's, to look at a file and to compare its pages."""
    profile = cProfile.Profile()
    with profile:
        found = catalogue.inspect(file, None, NO_OPTIONS, None)
        assert found.reading is not None
        catalogue.compare_pages(file, found.reading, found.pages)
    return sum(entry.callcount for entry in profile.getstats())


@pytest.mark.parametrize("make", [hard_pdfs.many_objects, hard_pdfs.many_objects_packed])
def test_an_object_of_a_file_without_a_table_costs_few_calls(make: Callable[[int], bytes], tmp_path: Path) -> None:
    """Of 200,000 objects each call costs 20 to 100 ms. There were 21 for each object."""
    found = []
    for number in (2_000, 6_000):
        file = tmp_path / f"{number}.pdf"
        file.write_bytes(re.sub(rb"startxref\n\d+", b"startxref\n77", make(number)))
        found.append(calls(file))

    assert (found[1] - found[0]) / 4_000 < MOST_CALLS
