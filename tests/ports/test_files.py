"""The contract of the ``Blobs`` port: on the local disk and on S3. Below it what only one of them can get wrong."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import MemoryStore

from signroom.blobs.comparing import Comparison
from signroom.blobs.objects import ObjectBlobs, open_blobs
from signroom.domain.errors import BlobNotFound, FileChanged, FileTooLarge, StorageUnavailable
from signroom.ports.files import Stored
from tests.harness.costs import counting
from tests.harness.moto import S3
from tests.harness.tools import free_port
from tests.harness.waiting import eventually

CONTENT = os.urandom(3_000_000)
LARGE = os.urandom(12_000_000)
"""Several parts on S3."""


async def chunks(content: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def read(blobs: ObjectBlobs, key: str) -> bytes:
    return b"".join([chunk async for chunk in blobs.read_stream(key, None)])


@pytest.fixture
def local(tmp_path: Path) -> ObjectBlobs:
    return open_blobs(f"file://{tmp_path}/files", tmp_path / "scratch")


@pytest.fixture
def s3_url(s3: S3, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new bucket, and the environment to reach it by."""
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    return s3.new_bucket()


@pytest.fixture(params=["disk", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectBlobs:
    if request.param == "s3":
        return open_blobs(request.getfixturevalue("s3_url"), tmp_path / "scratch")
    found: ObjectBlobs = request.getfixturevalue("local")
    return found


@pytest.fixture
def lying(request: pytest.FixtureRequest, blobs: ObjectBlobs, tmp_path: Path) -> Callable[[], list[str]]:
    """Says what lies in the store and in the scratch folder, half-made uploads too."""
    on_s3 = "s3_url" in request.fixturenames or request.node.callspec.params["blobs"] == "s3"

    def look() -> list[str]:
        found = [str(f) for f in tmp_path.rglob("*") if f.is_file()]
        if not on_s3:
            return found
        server, url = request.getfixturevalue("s3"), request.getfixturevalue("s3_url")
        return [*found, *server.keys(url), *["unfinished"] * server.unfinished(url)]

    return look


def stored(content: bytes) -> Stored:
    return Stored(len(content), hashlib.sha256(content).digest())


def written(blobs: ObjectBlobs, key: str, content: bytes) -> None:
    asyncio.run(blobs.write_stream(key, chunks(content), limit=len(content)))


async def received(blobs: ObjectBlobs, key: str, expected: Stored) -> tuple[bytes, bool]:
    """What was handed out, and whether that was said to be all."""
    body = bytearray()
    try:
        async for chunk in blobs.read_stream(key, expected):
            body += chunk
    except FileChanged:
        return bytes(body), False
    return bytes(body), True


@pytest.mark.parametrize(
    "content", [b"", b"x", CONTENT[: 1 << 20], CONTENT, LARGE], ids=["none", "one", "small", "large", "parts"]
)
def test_what_is_as_it_was_stored_is_read_whole(blobs: ObjectBlobs, content: bytes) -> None:
    written(blobs, "a", content)

    assert asyncio.run(received(blobs, "a", stored(content))) == (content, True)
    with blobs.as_file("a", stored(content)) as file:
        assert file.read_bytes() == content


@pytest.mark.parametrize("size", [1, 1000, 1 << 20, (1 << 20) + 1, 3_000_000, 12_000_000])
def test_what_has_changed_is_never_handed_out_whole(blobs: ObjectBlobs, size: int) -> None:
    content = LARGE[:size]
    flipped = bytes([content[0] ^ 1]) + content[1:]
    last = content[:-1] + bytes([content[-1] ^ 1])
    for number, other in enumerate((flipped, last, content[:-1], content + b"x")):
        key = f"changed-{number}"
        written(blobs, key, other)

        body, whole = asyncio.run(received(blobs, key, stored(content)))

        assert not whole
        assert len(body) < len(content)
        if size <= 1 << 20:
            assert body == b"", "a small one is compared before its first byte"
        with pytest.raises(FileChanged), blobs.as_file(key, stored(content)):
            raise AssertionError("it must not be handed out")


@pytest.mark.parametrize("content", [CONTENT, LARGE], ids=["3 MB", "12 MB"])
def test_what_is_streamed_in_is_measured_and_read_back(blobs: ObjectBlobs, content: bytes) -> None:
    stored = asyncio.run(blobs.write_stream("a/b/original", chunks(content), limit=len(content)))

    assert stored.length == len(content)
    assert stored.sha256 == hashlib.sha256(content).digest()
    assert asyncio.run(read(blobs, "a/b/original")) == content
    with blobs.as_file("a/b/original", None) as file:
        assert file.read_bytes() == content


def test_an_empty_stream_is_an_empty_blob(blobs: ObjectBlobs) -> None:
    assert asyncio.run(blobs.write_stream("empty", chunks(b""), limit=1)).length == 0
    assert asyncio.run(read(blobs, "empty")) == b""


@pytest.mark.parametrize("content", [CONTENT, LARGE], ids=["3 MB", "12 MB"])
def test_one_byte_too_many_is_refused_and_leaves_nothing(
    blobs: ObjectBlobs, content: bytes, lying: Callable[[], list[str]]
) -> None:
    with pytest.raises(FileTooLarge):
        asyncio.run(blobs.write_stream("big", chunks(content), limit=len(content) - 1))

    assert lying() == []


@pytest.mark.parametrize("sent", [b"begin", LARGE], ids=["5 bytes", "12 MB"])
def test_a_stream_that_breaks_leaves_nothing(blobs: ObjectBlobs, sent: bytes, lying: Callable[[], list[str]]) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield sent
        raise RuntimeError("the client went away")

    with pytest.raises(RuntimeError, match="client went away"):
        asyncio.run(blobs.write_stream("half", broken(), limit=len(LARGE)))

    assert lying() == []


@pytest.mark.parametrize("content", [CONTENT, LARGE], ids=["3 MB", "12 MB"])
def test_finished_files_are_moved_in(blobs: ObjectBlobs, content: bytes) -> None:
    with blobs.scratch() as folder:
        (folder / "signed.pdf").write_bytes(content)
        (folder / "second.pdf").write_bytes(b"second")
        blobs.write_files({"x/signed": folder / "signed.pdf", "y/z/second": folder / "second.pdf"})

    assert asyncio.run(read(blobs, "x/signed")) == content
    assert asyncio.run(read(blobs, "y/z/second")) == b"second"
    assert not folder.exists()


@pytest.mark.parametrize("content", [b"one", LARGE], ids=["3 bytes", "12 MB"])
def test_the_same_bytes_may_be_written_again(blobs: ObjectBlobs, content: bytes) -> None:
    for _ in range(2):
        with blobs.scratch() as folder:
            (folder / "f").write_bytes(content)
            blobs.write_file("key", folder / "f")

    assert asyncio.run(read(blobs, "key")) == content


def test_a_missing_blob_says_so(blobs: ObjectBlobs) -> None:
    with pytest.raises(BlobNotFound):
        asyncio.run(read(blobs, "nothing/here"))
    with pytest.raises(BlobNotFound), blobs.as_file("nothing/here", None):
        pass
    blobs.delete("nothing/here")


def test_a_deleted_blob_is_gone(blobs: ObjectBlobs) -> None:
    asyncio.run(blobs.write_stream("key", chunks(b"content"), limit=100))

    blobs.delete("key")

    with pytest.raises(BlobNotFound):
        asyncio.run(read(blobs, "key"))


def test_blobs_are_found_by_what_their_keys_begin_with(blobs: ObjectBlobs) -> None:
    keys = ["s/3f/one-a", "s/3f/one-b", "s/3f/one/a", "s/3f/on", "s/3f/onf", "s/3f/two-a", "s/40/one-a", "s/one-a"]
    for key in keys:
        written(blobs, key, b"x")

    assert sorted(blobs.beginning_with("s/3f/one-")) == keys[:2]
    assert sorted(blobs.beginning_with("s/3f/one/")) == ["s/3f/one/a"]
    assert sorted(blobs.beginning_with("s/3f/")) == sorted(keys[:6])
    assert sorted(blobs.beginning_with("s/3f/one-", "s/3f/two-", "s/40/o", "s/3f/one-a")) == [*keys[:2], *keys[5:7]]
    assert blobs.beginning_with("s/41/one-", "s/3f/zwo-", "s/3f/two-") == ["s/3f/two-a"]
    assert [blobs.beginning_with(missing) for missing in ("s/3f/zwo-", "s/41/one-", "t/one-", "t/")] == [[]] * 4


def test_a_shelf_is_read_once_for_all_that_is_looked_for(local: ObjectBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deleting an application with a million sessions would read them a million times."""
    written(local, "s/3f/one-a", b"x")
    written(local, "s/40/two-a", b"x")
    reads, scan = list[str](), os.scandir

    def counted(folder: Path) -> object:
        reads.append(folder.name)
        return scan(folder)

    with monkeypatch.context() as counting_reads:
        counting_reads.setattr(os, "scandir", counted)
        found = local.beginning_with("s/40/two-", "s/3f/one-", "s/40/three-", "s/3f/four-")
    assert (found, sorted(reads)) == (["s/3f/one-a", "s/40/two-a"], ["3f", "40"])


def test_all_shelves_are_safe_with_the_first_file(local: ObjectBlobs, tmp_path: Path) -> None:
    written(local, "s/00/first", b"x")

    with counting() as costs:
        written(local, "s/ff/second", b"x")
    assert costs.now.flushes == 2, "the file and its shelf"
    assert len(list((tmp_path / "files" / "s").iterdir())) == 256
    written(open_blobs(f"file://{tmp_path}/ab", tmp_path / "scratch"), "doctor-1", b"x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ab", "files", "scratch"]


def test_a_copy_for_reading_does_not_stay(blobs: ObjectBlobs, tmp_path: Path) -> None:
    asyncio.run(blobs.write_stream("key", chunks(b"content"), limit=100))

    with blobs.as_file("key", None) as file:
        assert file.read_bytes() == b"content"

    assert list((tmp_path / "scratch").iterdir()) == []


# -- the local disk --------------------------------------------------------------------------------


def test_what_may_be_refused_is_synced_only_once_it_is_kept(
    local: ObjectBlobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.add(os.fstat(descriptor).st_ino))

    asyncio.run(local.write_stream("a/b", chunks(b"content"), limit=100, durable=False))
    assert not synced

    local.keep("a/b")
    places = (tmp_path / "files" / "a" / "b", tmp_path / "files" / "a", tmp_path / "files")
    assert {place.stat().st_ino for place in places} <= synced


def test_what_is_to_be_kept_must_be_there(local: ObjectBlobs) -> None:
    with pytest.raises(StorageUnavailable):
        local.keep("a/b")


def test_the_process_that_has_written_a_file_does_not_read_it_again_to_compare_it(
    local: ObjectBlobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once. Whoever reads it later compares it: disks lose bits with time."""
    compared = list[int]()
    take = Comparison.take

    def counted(comparison: Comparison, chunk: bytes) -> None:
        compared.append(len(chunk))
        take(comparison, chunk)

    monkeypatch.setattr(Comparison, "take", counted)
    written(local, "key", CONTENT)

    with local.as_file("key", stored(CONTENT)):
        assert compared == []
    with local.as_file("key", stored(CONTENT)):
        assert sum(compared) == len(CONTENT)

    other = open_blobs(f"file://{tmp_path}/files", tmp_path / "scratch")
    with other.as_file("key", stored(CONTENT)):
        assert sum(compared) == 2 * len(CONTENT)


@pytest.mark.parametrize("way", ["in place", "replaced", "shorter"])
def test_a_file_that_was_changed_right_after_it_was_written_is_found(
    local: ObjectBlobs, tmp_path: Path, way: str
) -> None:
    written(local, "key", b"content")
    file = tmp_path / "files" / "key"
    before = file.stat()
    match way:
        case "in place":
            file.write_bytes(b"CONTENT")
        case "replaced":
            (tmp_path / "other").write_bytes(b"CONTENT")
            os.utime(tmp_path / "other", ns=(before.st_atime_ns, before.st_mtime_ns))
            (tmp_path / "other").replace(file)
        case _:
            file.write_bytes(b"conten")

    with pytest.raises(FileChanged), local.as_file("key", stored(b"content")):
        raise AssertionError("it must not be handed out")


def test_a_disk_that_refuses_is_unavailable_not_a_crash(local: ObjectBlobs, tmp_path: Path) -> None:
    (tmp_path / "files" / "a").write_bytes(b"a file where a folder is needed")

    with pytest.raises(StorageUnavailable):
        asyncio.run(local.write_stream("a/b", chunks(b"content"), limit=100))
    with pytest.raises(StorageUnavailable), local.scratch() as folder:
        (folder / "f").write_bytes(b"content")
        local.write_file("a/b", folder / "f")


def test_a_disk_that_is_gone_is_not_a_missing_file(local: ObjectBlobs, tmp_path: Path) -> None:
    """A document must not fail for good because somebody has unmounted the disk with the files."""
    asyncio.run(local.write_stream("key", chunks(b"content"), limit=100))
    (tmp_path / "files").rename(tmp_path / "elsewhere")

    for replaced in (False, True):
        if replaced:
            (tmp_path / "files").mkdir()
        with pytest.raises(StorageUnavailable):
            asyncio.run(read(local, "key"))
        with pytest.raises(StorageUnavailable), local.as_file("key", None):
            pass


def test_a_scratch_folder_that_is_gone_is_not_a_missing_file(local: ObjectBlobs, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "scratch")

    with pytest.raises(StorageUnavailable), local.scratch():
        pass


def test_files_on_another_disk_than_the_data_folder_are_copied(tmp_path: Path) -> None:
    other = Path("/dev/shm")  # noqa: S108  (a disk of its own on every Linux; the folder below is removed)
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.fail("this machine has no /dev/shm: give the test another second disk")
    root = other / f"signroom-test-{os.getpid()}"
    try:
        blobs = open_blobs(f"file://{root}", tmp_path / "scratch")
        with blobs.scratch() as folder:
            (folder / "f").write_bytes(CONTENT)
            blobs.write_file("a/signed", folder / "f")

        assert [str(f.relative_to(root)) for f in root.rglob("*") if f.is_file()] == ["a/signed"]
        assert asyncio.run(read(blobs, "a/signed")) == CONTENT
    finally:
        shutil.rmtree(root)


def test_half_a_file_is_found_and_deleted(local: ObjectBlobs, tmp_path: Path) -> None:
    """A killed process leaves one, and obstore refuses to delete it: what was to be erased could not be, for ever."""
    found = list[list[str]]()

    async def until_killed(key: str) -> AsyncIterator[bytes]:
        yield bytes(256 << 10)  # what is smaller is written as a whole
        await asyncio.to_thread(eventually, lambda: any((tmp_path / "files").rglob("*#1")))
        half = tmp_path / "files" / f"{key}#1"
        half.with_name(f"{half.name}2").write_bytes(half.read_bytes())
        found.append(sorted(local.beginning_with(key[:-1])))
        for one in found[-1]:
            local.delete(one)
        yield b"the other half"

    for key in ("s/3f/one-a", "s/one/a"):
        with pytest.raises(StorageUnavailable):
            asyncio.run(local.write_stream(key, until_killed(key), limit=1 << 20))
        assert found[-1] == [f"{key}#1", f"{key}#12"]
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []


def test_what_belongs_to_the_disk_is_not_looked_into(local: ObjectBlobs, tmp_path: Path) -> None:
    for key in ("key", "a/b", "c/d/e"):
        asyncio.run(local.write_stream(key, chunks(b"content"), limit=100))
    (tmp_path / "files" / "lost+found").mkdir()
    (tmp_path / "files" / "lost+found" / "12").write_bytes(b"of the disk")

    assert sorted(local.each("")) == [("a/b", 7), ("c/d/e", 7), ("key", 7)]


def test_files_are_for_their_owner_alone(local: ObjectBlobs, tmp_path: Path) -> None:
    asyncio.run(local.write_stream("key", chunks(b"content"), limit=100))

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


# -- S3 --------------------------------------------------------------------------------------------


def test_everything_lies_below_the_prefix_of_the_url(s3: S3, s3_url: str, tmp_path: Path) -> None:
    blobs = open_blobs(s3_url, tmp_path / "scratch")

    asyncio.run(blobs.write_stream("a/b", chunks(b"content"), limit=100))

    assert s3.keys(s3_url) == ["some/prefix/a/b"]


def test_what_is_stored_is_never_replaced_by_other_bytes(s3_url: str, tmp_path: Path) -> None:
    blobs = open_blobs(s3_url, tmp_path / "scratch")
    asyncio.run(blobs.write_stream("key", chunks(b"first"), limit=100))

    with pytest.raises(StorageUnavailable):
        asyncio.run(blobs.write_stream("key", chunks(b"other"), limit=100))
    with pytest.raises(StorageUnavailable), blobs.scratch() as folder:
        (folder / "f").write_bytes(b"other")
        blobs.write_file("key", folder / "f")

    assert asyncio.run(read(blobs, "key")) == b"first"


def test_a_store_without_conditional_requests_can_be_used(
    s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CONDITIONAL_PUT", "disabled")
    blobs = open_blobs(s3_url, tmp_path / "scratch")

    asyncio.run(blobs.write_stream("streamed", chunks(b"content"), limit=100))
    with blobs.scratch() as folder:
        (folder / "f").write_bytes(b"content")
        blobs.write_file("moved", folder / "f")

    assert asyncio.run(read(blobs, "streamed")) == asyncio.run(read(blobs, "moved")) == b"content"


@pytest.mark.parametrize(("name", "order"), [("s3://files", 1), ("s3://files--usw2-az1--x-s3", -1)])
def test_no_key_is_left_out_where_a_store_lists_them_in_another_order_or_from_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, order: int
) -> None:
    """As directory buckets of S3 do, and stores that do not know where to begin: what was erased would stay."""
    blobs, listing = ObjectBlobs(MemoryStore(), None, tmp_path, name=name), obstore.list
    for key in ("s/3f/one-a", "s/3f/one-b", "s/3f/two-a", "s/3f/a"):
        written(blobs, key, b"x")

    def listed(store: MemoryStore, prefix: str, offset: str | None = None) -> Any:
        return [list(some)[::order] for some in listing(store, prefix)]

    monkeypatch.setattr(obstore, "list", listed)
    assert blobs.beginning_with("s/3f/one-") == ["s/3f/one-a", "s/3f/one-b"]


def test_a_bucket_that_is_not_there_is_not_a_missing_file(s3_url: str, tmp_path: Path) -> None:
    blobs = open_blobs("s3://no-such-bucket/prefix", tmp_path / "scratch")

    with pytest.raises(StorageUnavailable):
        asyncio.run(read(blobs, "key"))
    with pytest.raises(StorageUnavailable), blobs.as_file("key", None):
        pass
    with pytest.raises(StorageUnavailable):
        asyncio.run(blobs.write_stream("key", chunks(b"content"), limit=100))


def test_a_store_is_asked_whether_it_answers(s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch, short = tmp_path / "scratch", timedelta(seconds=1)
    assert open_blobs(s3_url, scratch).answers()
    assert not open_blobs("s3://no-such-bucket/prefix", scratch, timeout=short).answers()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    assert not open_blobs(s3_url, scratch, timeout=short).answers()


def test_plain_http_is_refused_unless_the_operator_allows_it(
    s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ALLOW_HTTP")
    blobs = open_blobs(s3_url, tmp_path / "scratch", timeout=timedelta(seconds=1))

    with pytest.raises(StorageUnavailable):
        asyncio.run(blobs.write_stream("key", chunks(b"content"), limit=100))


@pytest.mark.usefixtures("s3_url")
def test_nobody_listening_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    blobs = open_blobs("s3://bucket/prefix", tmp_path / "scratch", timeout=timedelta(seconds=1))

    with pytest.raises(StorageUnavailable):
        asyncio.run(blobs.write_stream("key", chunks(b"content"), limit=100))
    with pytest.raises(StorageUnavailable), blobs.scratch() as folder:
        (folder / "f").write_bytes(b"content")
        blobs.write_file("key", folder / "f")
    with pytest.raises(StorageUnavailable):
        asyncio.run(read(blobs, "key"))
    with pytest.raises(StorageUnavailable), blobs.as_file("key", None):
        pass
    with pytest.raises(StorageUnavailable):
        blobs.delete("key")
