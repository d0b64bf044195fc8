"""What is peculiar to the driver on obstore; what every driver does is tested in ``tests/ports``."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import obstore
import pytest

from signroom.blobs.objects import open_blobs


def test_large_parts_are_digested_beside_the_loop_that_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty uploads, each with a part at hand, held the loop for 20 ms, and everybody who asked something then."""
    digested: list[tuple[bool, int]] = []

    class Watched:
        def __init__(self) -> None:
            self._real = hashlib.new("sha256")

        def update(self, part: bytes) -> None:
            digested.append((threading.current_thread() is threading.main_thread(), len(part)))
            self._real.update(part)

        def digest(self) -> bytes:
            return self._real.digest()

    monkeypatch.setattr(hashlib, "sha256", Watched)
    content = bytes(range(256)) * 2500

    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(content), 64 << 10):
            yield content[at : at + (64 << 10)]

    async def write() -> Any:
        blobs = open_blobs(f"file://{tmp_path}/files", tmp_path / "scratch")
        return await blobs.write_stream("d/a", chunks(), limit=1 << 20)

    stored = asyncio.run(write())

    assert (stored.length, stored.sha256) == (len(content), hashlib.new("sha256", content).digest())
    assert digested == [(False, 256 << 10), (False, 256 << 10), (True, len(content) - (512 << 10))]


def test_a_small_file_is_handed_over_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To be asked for its parts cost more than to write it."""
    given: list[object] = []
    put = obstore.put_async

    def noted(store: Any, key: str, content: Any, **options: Any) -> Any:
        given.append(content)
        return put(store, key, content, **options)

    monkeypatch.setattr(obstore, "put_async", noted)

    async def chunks() -> AsyncIterator[bytes]:
        yield b"one part, "
        yield b"and another"

    async def write() -> Any:
        blobs = open_blobs(f"file://{tmp_path}/files", tmp_path / "scratch")
        return await blobs.write_stream("d/a", chunks(), limit=1 << 20)

    assert asyncio.run(write()).length == len(b"one part, and another")
    assert given == [b"one part, and another"]
    assert (tmp_path / "files/d/a").read_bytes() == b"one part, and another"
