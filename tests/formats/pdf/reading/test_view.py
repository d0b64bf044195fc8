"""A part of a file with other bytes behind it reads as a file of those bytes."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signroom.formats.pdf.reading.view import View

DATA = bytes(range(256)) * 4


@pytest.mark.parametrize("mapped", [False, True])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, 300),
    st.integers(300, len(DATA)),
    st.binary(max_size=50),
    st.lists(st.tuples(st.integers(0, 1200), st.integers(0, 700)), max_size=6),
)
def test_it_reads_as_one_file(
    tmp_path: Path, mapped: bool, start: int, end: int, behind: bytes, reads: list[tuple[int, int]]
) -> None:
    file = tmp_path / "file"
    file.write_bytes(DATA)
    with file.open("rb") as stream:
        source = DATA if mapped else stream.fileno()
        with io.BufferedReader(View(source, start, end, behind), 64) as view:
            whole = io.BytesIO(DATA[start:end] + behind)
            for offset, count in reads:
                assert view.seek(offset) == whole.seek(offset)
                assert view.read(count) == whole.read(count)
                assert view.tell() == whole.tell()
            length = len(whole.getvalue())
            assert view.seek(-1 if length else 0, os.SEEK_END) == max(0, length - 1)
            assert view.seek(0) == 0
            assert view.read() == whole.getvalue()


def test_there_is_nothing_before_its_beginning() -> None:
    view = View(b"0123456789", 2, 7)

    assert (view.read(), view.seek(-2, os.SEEK_END), view.read(9), view.tell()) == (b"23456", 3, b"56", 5)
    assert (view.seek(9), view.read(4)) == (9, b"")
    with pytest.raises(ValueError, match="before the beginning"):
        view.seek(-1)


def test_it_cannot_be_written() -> None:
    with View(DATA, 0, 5) as view:
        assert (view.readable(), view.seekable(), view.writable()) == (True, True, False)
