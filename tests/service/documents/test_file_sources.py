"""A file at an address that does not arrive: one refusal, whenever the download ends and whatever takes the file."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from signroom.domain.errors import FileDownloadFailed, StorageUnavailable
from signroom.fetch.guarded import GuardedFetch
from signroom.ports import Ports
from signroom.ports.files import Turn
from signroom.service.documents.file_sources import (
    Address,
    FileSource,
    as_local_file,
    local_files,
    local_files_of_all,
    store_source,
)
from signroom.service.documents.upload_files import begin_upload, end_upload, upload_part
from tests.fetch.sites import Site, running_site
from tests.service.conftest import Room

HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 200_000


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site() as site:
        site.paths["/missing"] = lambda exchange: exchange.answer(status=404)
        site.paths["/half"] = lambda exchange: exchange.send(HALF)
        yield site


@pytest.fixture
def ports(room: Room) -> Ports:
    return replace(room.ports, fetch=GuardedFetch(["127.0.0.2/32"]))


def source(url: str) -> FileSource:
    return Address(url, name="a.pdf")


FAILURES = [("/missing", "It answered with status 404."), ("/half", "The connection broke off.")]


@pytest.mark.parametrize(("path", "reason"), FAILURES)
def test_a_file_that_is_to_be_stored(room: Room, ports: Ports, site: Site, path: str, reason: str) -> None:
    with pytest.raises(FileDownloadFailed) as refused:
        asyncio.run(store_source(ports, room.caller, source(site.url + path), "a/key", None))

    assert refused.value.detail == reason
    assert not room.has("a/key")


@pytest.mark.parametrize(("path", "reason"), FAILURES)
def test_a_file_that_is_only_looked_at(
    room: Room, ports: Ports, site: Site, tmp_path: Path, path: str, reason: str
) -> None:
    async def look() -> None:
        async with as_local_file(ports, room.caller, source(site.url + path), tmp_path):
            raise AssertionError("there is no file")

    with pytest.raises(FileDownloadFailed) as refused:
        asyncio.run(look())

    assert refused.value.detail == reason


def test_a_flood_of_looks_at_a_large_file_takes_few_threads_of_a_session_and_of_a_subscription(room: Room) -> None:
    """Each look compares the whole file first: previews of a file of 100 MB took all threads of the verbs."""
    file = room.file("a/large")
    opening, most = 0, 0

    class SlowBlobs:
        """Blobs whose files take a while to compare."""

        @contextmanager
        def as_file(self, key: str, expected: Any) -> Iterator[Path]:
            nonlocal opening, most
            opening += 1
            most = max(most, opening)
            time.sleep(0.03)
            opening -= 1
            with room.ports.blobs.as_file(key, expected) as path:
                yield path

    ports = replace(room.ports, blobs=SlowBlobs())  # type: ignore[arg-type]

    def flood(sessions: int) -> int:
        nonlocal most
        subscription, most = uuid4(), 0
        turns = [Turn(subscription, None, uuid4()) for _ in range(sessions)]

        async def look(turn: Turn) -> None:
            async with local_files(ports, turn, file) as (path, _):
                assert path.read_bytes() == b"content"

        async def all_at_once() -> None:
            asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(32))
            looks = [asyncio.create_task(look(turn)) for turn in turns * 8]
            await asyncio.sleep(0.015)
            looks.pop().cancel()
            await asyncio.gather(*looks)

        asyncio.run(all_at_once())
        return most

    assert flood(1) == 2
    assert 2 < flood(8) <= 8


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # no statement is tried
@pytest.mark.parametrize(
    ("answers", "found", "asked"),
    [("...", "...", 3), (".-.", ".-.", 3), ("-.....", "-.....", 6), ("..-.-.....", "..-.------", 5), ("-" * 25, "", 2)],
)
def test_a_store_that_hangs_is_waited_for_twice(room: Room, answers: str, found: str, asked: int) -> None:
    """Each time is a timeout of 20 seconds: 25 files held the signer for minutes."""
    file, wanted = room.file("a/file"), list(answers)

    class HangingBlobs:
        """Blobs that do not answer where there is a dash."""

        @contextmanager
        def as_file(self, key: str, expected: Any) -> Iterator[Path]:
            if wanted.pop(0) == "-":
                raise StorageUnavailable
            with room.ports.blobs.as_file(key, expected) as path:
                yield path

    ports = replace(room.ports, blobs=HangingBlobs())  # type: ignore[arg-type]

    async def opened() -> str:
        async with local_files_of_all(ports, Turn(uuid4(), None, uuid4()), [(file, None)] * len(answers)) as files:
            return "".join("-" if one is None else "." for one in files)

    with nullcontext() if found else pytest.raises(StorageUnavailable):
        assert asyncio.run(opened()) == found
    assert len(answers) - len(wanted) == asked


def test_an_upload_that_is_ended_often_at_once_is_written_once(room: Room) -> None:
    """A request of 100 bytes has the server write a file of 100 MB."""
    token = begin_upload(room.ports, room.caller).token
    written = list[str]()

    class CountedBlobs:
        """The room's blobs, and what is written to them."""

        def __getattr__(self, name: str) -> Any:
            return getattr(room.ports.blobs, name)

        def write_stream(self, key: str, chunks: AsyncIterator[bytes], *, limit: int, durable: bool = True) -> Any:
            written.append(key)
            return room.ports.blobs.write_stream(key, chunks, limit=limit, durable=durable)

    async def content() -> AsyncIterator[bytes]:
        yield b"content"

    async def all_at_once() -> None:
        part = await upload_part(room.ports, room.caller, token, 0, content(), md5=None)
        ports = replace(room.ports, blobs=CountedBlobs())
        ends = (end_upload(ports, room.caller, token, [part.etag], None) for _ in range(20))
        ended = await asyncio.gather(*ends)
        assert len({upload.require_file() for upload in ended}) == 1

    asyncio.run(all_at_once())
    assert len(written) == 1
