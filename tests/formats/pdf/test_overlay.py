"""The overlay behaves like a file in memory, but its beginning cannot be changed."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signroom.formats.pdf.overlay import Overlay, open_overlay

BASE = bytes(range(256)) * 4
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("seek"), st.integers(0, 1200)),
        st.tuples(st.just("read"), st.integers(0, 300)),
        st.tuples(st.just("write"), st.binary(max_size=100)),
        st.tuples(st.just("end"), st.just(0)),
    ),
    max_size=30,
)


@settings(deadline=None)
@given(STEPS)
def test_it_reads_and_writes_like_a_file_in_memory(steps: list[tuple[str, int | bytes]]) -> None:
    model = io.BytesIO(BASE)
    with tempfile.TemporaryFile() as file:
        file.write(BASE)
        file.flush()
        with io.FileIO(os.dup(file.fileno()), "rb") as base:
            overlay = Overlay(base)
            for kind, argument in steps:
                if kind == "seek" and isinstance(argument, int):
                    assert overlay.seek(argument) == model.seek(argument)
                elif kind == "end":
                    assert overlay.seek(0, os.SEEK_END) == model.seek(0, os.SEEK_END)
                elif kind == "read" and isinstance(argument, int):
                    assert _read(overlay, argument) == model.read(argument)
                elif isinstance(argument, bytes) and overlay.tell() >= len(BASE):
                    assert overlay.write(argument) == model.write(argument)
            overlay.seek(0)
            assert overlay.readall() == model.getvalue()
            assert overlay.tail == model.getvalue()[len(BASE) :]


def _read(stream: Overlay, length: int) -> bytes:
    """RawIOBase.read may stop where the base ends."""
    first: bytes = stream.read(length) or b""
    return first + (stream.read(length - len(first)) or b"") if len(first) < length else first


def test_the_original_cannot_be_changed(tmp_path: Path) -> None:
    file = tmp_path / "base"
    file.write_bytes(BASE)

    with open_overlay(file) as (_, overlay):
        overlay.seek(len(BASE) - 1)
        with pytest.raises(io.UnsupportedOperation):
            overlay.write(b"x")
        with pytest.raises(io.UnsupportedOperation):
            overlay.truncate(0)
    assert file.read_bytes() == BASE
