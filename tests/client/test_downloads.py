"""Files from the service: whole or not at all, without the API key."""

from __future__ import annotations

import asyncio
import io
import os
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from signroom_client import (
    AsyncSignroomClient,
    ConnectionFailedError,
    Document,
    DocumentFile,
    DownloadError,
    ForbiddenError,
    SignroomClient,
    UnexpectedAnswerError,
)

from tests.client.loopback import CUT, Told, loopback, refused, told

CONTENT = bytes(range(256)) * 4096


def a_file(url: str, length: int = len(CONTENT)) -> DocumentFile:
    return DocumentFile(name="a.pdf", length=length, location=f"{url}/api/downloads/token")


def test_the_key_is_not_sent_to_a_location(tmp_path: Path) -> None:
    with loopback(Told(body=CONTENT)) as service, SignroomClient(service.url, "app|secret", subscription="s") as client:
        client.download(a_file(service.url), tmp_path / "a.pdf")

    (request,) = service.heard
    assert "x-api-key" not in request.headers
    assert "x-subscription" not in request.headers
    assert "secret" not in str(request.headers)
    assert request.headers["accept-encoding"] == "identity"


def test_nor_where_a_location_leads_on_to(tmp_path: Path) -> None:
    with loopback(Told(body=CONTENT)) as store:
        moved = Told(302, b"", {"Location": f"{store.url}/bucket/x"})
        with loopback(moved) as service, SignroomClient(service.url, "app|secret") as client:
            assert client.download(a_file(service.url), tmp_path / "a.pdf") == len(CONTENT)

    assert "secret" not in str(store.heard[0].headers)


def test_what_breaks_off_is_begun_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    target = tmp_path / "a.pdf"
    heard: list[tuple[int, int | None]] = []
    with (
        loopback(Told(body=CONTENT, cut=5000), CUT, Told(body=CONTENT)) as service,
        SignroomClient(service.url, "k") as client,
    ):
        told = client.download(a_file(service.url), target, on_progress=lambda done, of: heard.append((done, of)))

    assert told == len(CONTENT)
    assert heard[-1] == (len(CONTENT), len(CONTENT))
    assert heard[0][0] <= 5000
    assert [record.name for record in caplog.records if "The download failed" in record.getMessage()] == [
        "signroom_client"
    ] * 2
    assert target.read_bytes() == CONTENT
    assert os.listdir(tmp_path) == ["a.pdf"]


def test_into_a_stream_nothing_comes_twice() -> None:
    with loopback(CUT, Told(body=CONTENT)) as service, SignroomClient(service.url, "k") as client:
        target = io.BytesIO()
        client.download(a_file(service.url), target)
    with (
        loopback(Told(body=CONTENT, cut=5000), Told(body=CONTENT)) as service,
        SignroomClient(service.url, "k") as client,
    ):
        half = io.BytesIO()
        with pytest.raises(ConnectionFailedError):
            client.download(a_file(service.url), half)

    assert target.getvalue() == CONTENT
    assert len(half.getvalue()) <= 5000


@pytest.mark.parametrize("length", [len(CONTENT) - 1, len(CONTENT) + 1, 0])
def test_another_length_than_announced_puts_nothing_in_place(tmp_path: Path, length: int) -> None:
    target = tmp_path / "a.pdf"
    target.write_bytes(b"before")

    with (
        loopback(Told(body=CONTENT)) as service,
        SignroomClient(service.url, "k") as client,
        pytest.raises(DownloadError) as caught,
    ):
        client.download(a_file(service.url, length), target)

    assert caught.value.code == "DownloadIncomplete"
    assert target.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["a.pdf"]


def test_a_file_without_bytes_is_one(tmp_path: Path) -> None:
    with loopback(Told(body=b"")) as service, SignroomClient(service.url, "k") as client:
        assert client.download(a_file(service.url, 0), tmp_path / "a.pdf") == 0

    assert (tmp_path / "a.pdf").read_bytes() == b""


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    with (
        loopback(refused(403, "BadDownloadToken")) as service,
        SignroomClient(service.url, "k") as client,
        pytest.raises(ForbiddenError),
    ):
        client.download(a_file(service.url), tmp_path / "a.pdf")

    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_not_there_is_said_before_anything_is_asked(tmp_path: Path) -> None:
    with (
        loopback(Told(body=CONTENT)) as service,
        SignroomClient(service.url, "k") as client,
        pytest.raises(FileNotFoundError),
    ):
        client.download(a_file(service.url), tmp_path / "none" / "a.pdf")

    assert service.heard == []


def test_the_file_has_the_rights_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    with loopback(Told(body=CONTENT)) as service, SignroomClient(service.url, "k") as client:
        client.download(a_file(service.url), str(tmp_path / "a.pdf"))

    assert (tmp_path / "a.pdf").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_an_address_that_is_over_is_renewed_for_a_document(tmp_path: Path) -> None:
    document_id = uuid4()
    with loopback(Told(body=CONTENT)) as store:
        fresh = {
            "id": str(document_id),
            "signedFile": {"name": "a.pdf", "length": len(CONTENT), "location": f"{store.url}/fresh"},
        }
        over = refused(403, "ExpiredDownloadToken")
        with loopback(over, told(fresh)) as service, SignroomClient(service.url, "k") as client:
            document = Document(id=document_id, signed_file=a_file(service.url))
            assert client.download(document, tmp_path / "a.pdf") == len(CONTENT)

    assert [request.path for request in store.heard] == ["/fresh"]


def test_a_document_that_is_not_signed_has_nothing_to_download(tmp_path: Path) -> None:
    with SignroomClient("https://sign.example", "k") as client, pytest.raises(DownloadError, match="no signed file"):
        client.download(Document(id=uuid4()), tmp_path / "a.pdf")


@pytest.mark.parametrize("location", ["file:///etc/passwd", "/api/downloads/x", ""])
def test_an_address_that_is_none_is_said_so(tmp_path: Path, location: str) -> None:
    file = DocumentFile(name="a", length=1, location=location)

    with SignroomClient("https://sign.example", "k") as client, pytest.raises(UnexpectedAnswerError):
        client.download(file, tmp_path / "a.pdf")

    assert os.listdir(tmp_path) == []


def test_the_awaited_client_does_the_same(tmp_path: Path) -> None:
    async def use(url: str) -> int:
        async with AsyncSignroomClient(url, "app|secret") as client:
            return await client.download(a_file(url), tmp_path / "a.pdf")

    with loopback(Told(body=CONTENT, cut=5000), Told(body=CONTENT)) as service:
        assert asyncio.run(use(service.url)) == len(CONTENT)

    assert (tmp_path / "a.pdf").read_bytes() == CONTENT
    assert "secret" not in str([request.headers for request in service.heard])


# -- streams of all kinds --------------------------------------------------------------------------


class Awaited:
    """A target whose writing is awaited, as aiofiles' is; it takes at most `most` bytes at a time."""

    def __init__(self, most: int = 1 << 30) -> None:
        self.content = b""
        self._most = most

    async def write(self, data: bytes, /) -> int:
        await asyncio.sleep(0)
        self.content += data[: self._most]
        return min(len(data), self._most)


class Raw:
    """A raw stream: it takes what it can, and says how much."""

    def __init__(self, most: int) -> None:
        self.content = b""
        self._most = most

    def write(self, data: bytes, /) -> int:
        self.content += data[: self._most]
        return min(len(data), self._most)


class Uncounted:
    """A writer that says nothing."""

    def __init__(self) -> None:
        self.content = b""

    def write(self, data: bytes, /) -> None:
        self.content += data


@pytest.mark.parametrize("target", [Awaited(), Awaited(1000), Raw(1000), Uncounted()])
def test_the_awaited_client_writes_every_byte(target: Any) -> None:
    async def use(url: str) -> int:
        async with AsyncSignroomClient(url, "k") as client:
            return await client.download(a_file(url), target)

    with loopback(Told(body=CONTENT)) as service:
        assert asyncio.run(use(service.url)) == len(CONTENT)

    assert target.content == CONTENT


@pytest.mark.parametrize("target", [Raw(1000), Uncounted()])
def test_the_blocking_client_writes_every_byte(target: Any) -> None:
    with loopback(Told(body=CONTENT)) as service, SignroomClient(service.url, "k") as client:
        client.download(a_file(service.url), target)

    assert target.content == CONTENT


def test_a_target_that_is_full_is_said_so() -> None:
    with (
        loopback(Told(body=CONTENT)) as service,
        SignroomClient(service.url, "k") as client,
        pytest.raises(DownloadError, match="no more"),
    ):
        client.download(a_file(service.url), Raw(0))


def test_an_awaited_target_is_not_for_the_blocking_client() -> None:
    with (
        loopback(Told(body=CONTENT)) as service,
        SignroomClient(service.url, "k") as client,
        pytest.raises(TypeError, match="AsyncSignroomClient"),
    ):
        client.download(a_file(service.url), Awaited())

    assert service.heard == []
