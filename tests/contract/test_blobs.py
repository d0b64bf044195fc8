"""The contract of the ``Blobs`` port, on the local disk."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from signroom.blobs.objects import ObjectBlobs, open_blobs
from signroom.domain.errors import BlobNotFound, FileTooLarge, StorageUnavailable

CONTENT = os.urandom(3_000_000)


async def chunks(content: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def read(blobs: ObjectBlobs, key: str) -> bytes:
    return b"".join([chunk async for chunk in blobs.read_stream(key)])


@pytest.fixture
def blobs(tmp_path: Path) -> ObjectBlobs:
    return open_blobs(f"file://{tmp_path}/files", tmp_path / "scratch")


def test_what_is_streamed_in_is_measured_and_read_back(blobs: ObjectBlobs) -> None:
    stored = asyncio.run(blobs.write_stream("a/b/original", chunks(CONTENT), limit=len(CONTENT)))

    assert stored.length == len(CONTENT)
    assert stored.sha256 == hashlib.sha256(CONTENT).digest()
    assert asyncio.run(read(blobs, "a/b/original")) == CONTENT
    with blobs.as_file("a/b/original") as file:
        assert file.read_bytes() == CONTENT


def test_an_empty_stream_is_an_empty_blob(blobs: ObjectBlobs) -> None:
    assert asyncio.run(blobs.write_stream("empty", chunks(b""), limit=1)).length == 0
    assert asyncio.run(read(blobs, "empty")) == b""


def test_one_byte_too_many_is_refused_and_leaves_nothing(blobs: ObjectBlobs, tmp_path: Path) -> None:
    with pytest.raises(FileTooLarge):
        asyncio.run(blobs.write_stream("big", chunks(CONTENT), limit=len(CONTENT) - 1))

    assert [f for f in tmp_path.rglob("*") if f.is_file()] == []


def test_a_stream_that_breaks_leaves_nothing(blobs: ObjectBlobs, tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"begin"
        raise RuntimeError("the client went away")

    with pytest.raises(RuntimeError, match="client went away"):
        asyncio.run(blobs.write_stream("half", broken(), limit=100))

    assert [f for f in tmp_path.rglob("*") if f.is_file()] == []


def test_a_finished_file_is_moved_in(blobs: ObjectBlobs) -> None:
    with blobs.scratch() as folder:
        (folder / "signed.pdf").write_bytes(CONTENT)
        blobs.write_file("x/signed", folder / "signed.pdf")

    assert asyncio.run(read(blobs, "x/signed")) == CONTENT
    assert not folder.exists()


def test_writing_a_key_again_replaces_it(blobs: ObjectBlobs) -> None:
    for content in (b"one", b"one"):
        with blobs.scratch() as folder:
            (folder / "f").write_bytes(content)
            blobs.write_file("key", folder / "f")

    assert asyncio.run(read(blobs, "key")) == b"one"


def test_a_missing_blob_says_so(blobs: ObjectBlobs) -> None:
    with pytest.raises(BlobNotFound):
        asyncio.run(read(blobs, "nothing/here"))
    with pytest.raises(BlobNotFound), blobs.as_file("nothing/here"):
        pass
    blobs.delete("nothing/here")


def test_a_deleted_blob_is_gone(blobs: ObjectBlobs) -> None:
    asyncio.run(blobs.write_stream("key", chunks(b"content"), limit=100))

    blobs.delete("key")

    with pytest.raises(BlobNotFound):
        asyncio.run(read(blobs, "key"))


def test_a_disk_that_refuses_is_unavailable_not_a_crash(tmp_path: Path) -> None:
    blobs = open_blobs(f"file://{tmp_path}/files", tmp_path / "scratch")
    (tmp_path / "files" / "a").write_bytes(b"a file where a folder is needed")

    with pytest.raises(StorageUnavailable):
        asyncio.run(blobs.write_stream("a/b", chunks(b"content"), limit=100))
    with pytest.raises(StorageUnavailable), blobs.scratch() as folder:
        (folder / "f").write_bytes(b"content")
        blobs.write_file("a/b", folder / "f")


def test_files_are_for_their_owner_alone(blobs: ObjectBlobs, tmp_path: Path) -> None:
    asyncio.run(blobs.write_stream("key", chunks(b"content"), limit=100))

    assert (tmp_path / "files").stat().st_mode & 0o077 == 0
    assert (tmp_path / "scratch").stat().st_mode & 0o077 == 0


def test_what_a_killed_process_left_behind_is_swept_at_the_next_start(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    old, young = scratch / "old", scratch / "young"
    for folder in (old, young):
        folder.mkdir(parents=True)
        (folder / "signed.pdf").write_bytes(b"half a file")
    os.utime(old, (0, 0))

    open_blobs(f"file://{tmp_path}/files", scratch)

    assert not old.exists()
    assert young.exists()
