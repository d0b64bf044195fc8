"""The table in columns says what qpdf says, whoever is asked for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from signroom.domain.errors import InvalidPdf
from signroom.formats.pdf.reading import opening
from signroom.formats.pdf.reading.object_table import COMPRESSED, ObjectTable
from signroom.formats.pdf.reading.opening import open_pdf
from tests.vectors import hard_pdfs
from tests.vectors.pdf import NUMBERS
from tests.vectors.pdf.builder import Form, document, updated, written


def rows_of(pdf: pikepdf.Pdf) -> Iterator[tuple[int, bool, int, int]]:
    """As qpdf says them, one by one."""
    for (number, generation), entry in pdf.get_xref_table().items():
        if entry.type == COMPRESSED:
            yield number, True, entry.obj_stream_number or 0, entry.obj_stream_index or 0
        else:
            yield number, False, entry.offset or 0, generation


@pytest.mark.parametrize("form", Form)
def test_every_row_is_kept(form: Form, tmp_path: Path) -> None:
    file = tmp_path / "file.pdf"
    file.write_bytes(updated(written(document(3), form), {4: document()[4]}))
    with pikepdf.open(file) as pdf:
        table, rows, keys = ObjectTable(pdf), list(rows_of(pdf)), list(pdf.get_xref_table())

    assert list(table.places()) == rows
    assert len(table) == len(rows)
    assert sorted(table.keys()) == keys
    assert sorted(table.numbers()) == [number for number, _ in keys]
    assert [table.get(*key) for key in keys] == rows
    assert all(key in table and table.has_number(key[0]) for key in keys)
    assert sorted(table.plain()) == [(number, where) for number, inside, where, _ in rows if not inside]
    assert sorted(table.offsets()) == sorted(where for _, inside, where, _ in rows if not inside)
    assert table.object_streams() == {where for _, inside, where, _ in rows if inside}
    assert all((number, 7) not in table for number, _ in keys)
    assert not table.has_number(keys[-1][0] + 1)


def alone(file: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[int, bool]:
    """How often a table was told by a reader of its own, and whether it was as the file's reader tells it."""
    told: list[ObjectTable | None] = []
    real = opening._table_alone  # noqa: SLF001

    def table_alone(*args: Any) -> ObjectTable | None:
        told.append(real(*args))
        return told[-1]

    monkeypatch.setattr(opening, "_MANY", 0)
    monkeypatch.setattr(opening, "_table_alone", table_alone)
    with open_pdf(file) as opened:
        same = list(opened.table.places()) == list(rows_of(opened.pdf))
    return sum(one is not None for one in told), same


@pytest.mark.parametrize(
    ("make", "times"),
    [
        (lambda: hard_pdfs.make("xref-stream"), 1),
        (lambda: written(document(3), Form.STREAM), 1),
        (lambda: updated(written(document(3), Form.STREAM), {4: document()[4]}), 1),
        (lambda: written(document(3), Form.TABLE), 0),
        (lambda: hard_pdfs.make("linearized"), 0),
        (lambda: hard_pdfs.make("hybrid"), 0),
    ],
)
def test_a_table_that_is_told_alone_is_the_files_own(
    make: Callable[[], bytes], times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file.pdf"
    file.write_bytes(make())

    assert alone(file, monkeypatch) == (times, True)


def test_whatever_is_wrong_with_a_table_it_is_never_another_one_than_the_files_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []
    for case in NUMBERS:
        file = tmp_path / "file.pdf"
        file.write_bytes(case.make())
        with monkeypatch.context() as patch:
            try:
                count, same = alone(file, patch)
            except InvalidPdf:
                continue
        assert same, case.name
        counts.append(count)
    assert sum(counts) > 5
