"""A file as it would be with other bytes behind it reads as a file of those bytes."""

from __future__ import annotations

import io
import os
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signroom.formats.pdf.reading.view import View

DATA = bytes(range(256)) * 4


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, len(DATA)),
    st.binary(max_size=50),
    st.lists(st.tuples(st.integers(0, 1200), st.integers(0, 700)), max_size=6),
)
def test_it_reads_as_one_file(tmp_path: Path, length: int, end: bytes, reads: list[tuple[int, int]]) -> None:
    file = tmp_path / "file"
    file.write_bytes(DATA)
    with file.open("rb") as stream, io.BufferedReader(View(stream.fileno(), length, end), 64) as view:
        whole = io.BytesIO(DATA[:length] + end)
        for offset, count in reads:
            assert view.seek(offset) == whole.seek(offset)
            assert view.read(count) == whole.read(count)
            assert view.tell() == whole.tell()
        assert view.seek(-1 if length + len(end) else 0, os.SEEK_END) == max(0, length + len(end) - 1)
        assert view.seek(0) == 0
        assert view.read() == whole.getvalue()


def test_it_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(DATA)
    with file.open("rb") as stream, View(stream.fileno(), 5, b"") as view:
        assert (view.readable(), view.seekable(), view.writable()) == (True, True, False)
