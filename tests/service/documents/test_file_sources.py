"""A file at an address that does not arrive: one refusal, whenever the download ends and whatever takes the file."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from signroom.domain.errors import FileDownloadFailed
from signroom.fetch.guarded import GuardedFetch
from signroom.ports import Ports
from signroom.service.documents.file_sources import Address, FileSource, as_local_file, store_source
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
