"""S3 is down, silent, slow, answers 500, and comes back: nobody loses anything, everybody is told in time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from signroom.blobs.objects import ObjectBlobs, open_blobs
from signroom.domain.errors import StorageUnavailable
from tests.faults.proxy import FailingProxy, Fault, failing_proxy
from tests.harness.machines import Installation, installation
from tests.harness.moto import S3, environment_of
from tests.harness.postgres import Postgres
from tests.harness.server import ok, refused, values_of
from tests.harness.waiting import SECONDS, eventually
from tests.vectors import hard_pdfs

LARGE = os.urandom(12_000_000)


@pytest.fixture(scope="module")
def proxy(s3: S3) -> Iterator[FailingProxy]:
    with failing_proxy(s3.port) as proxy:
        yield proxy


@pytest.fixture(autouse=True)
def back(proxy: FailingProxy) -> Iterator[None]:
    yield
    proxy.fault = Fault.NONE


# -- the driver ------------------------------------------------------------------------------------


@pytest.fixture
def url(s3: S3) -> str:
    return s3.new_bucket()


@pytest.fixture
def blobs(url: str, proxy: FailingProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectBlobs:
    for name, value in environment_of(proxy.port).items():
        monkeypatch.setenv(name, value)
    return open_blobs(url, tmp_path / "scratch", timeout=timedelta(seconds=1))


async def chunks(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 65_536):
        yield content[start : start + 65_536]


async def read(blobs: ObjectBlobs, key: str) -> bytes:
    return b"".join([chunk async for chunk in blobs.read_stream(key, None)])


@pytest.mark.parametrize("fault", [Fault.DOWN, Fault.SILENT, Fault.ERROR])
def test_each_operation_is_given_up_in_time_and_works_again_afterwards(
    blobs: ObjectBlobs, proxy: FailingProxy, fault: Fault
) -> None:
    asyncio.run(blobs.write_stream("before", chunks(LARGE), limit=len(LARGE)))
    proxy.fault = fault

    for content in (b"small", LARGE):
        with pytest.raises(StorageUnavailable):
            asyncio.run(blobs.write_stream("meanwhile", chunks(content), limit=len(content)))
        with pytest.raises(StorageUnavailable), blobs.scratch() as folder:
            (folder / "f").write_bytes(content)
            blobs.write_file("meanwhile", folder / "f")
    with pytest.raises(StorageUnavailable):
        asyncio.run(read(blobs, "before"))
    with pytest.raises(StorageUnavailable), blobs.as_file("before", None):
        pass
    with pytest.raises(StorageUnavailable):
        blobs.delete("before")

    proxy.fault = Fault.NONE
    assert asyncio.run(read(blobs, "before")) == LARGE
    asyncio.run(blobs.write_stream("meanwhile", chunks(LARGE), limit=len(LARGE)))
    assert asyncio.run(read(blobs, "meanwhile")) == LARGE


@pytest.mark.usefixtures("blobs")
def test_slow_is_not_down(url: str, tmp_path: Path, proxy: FailingProxy) -> None:
    """All of it takes longer than the timeout, which is about one part, and about silence."""
    blobs = open_blobs(url, tmp_path / "scratch", timeout=timedelta(seconds=3))
    proxy.fault = Fault.SLOW

    asyncio.run(blobs.write_stream("key", chunks(LARGE), limit=len(LARGE)))
    assert asyncio.run(read(blobs, "key")) == LARGE


def test_an_answer_that_breaks_off_is_never_taken_for_the_file(blobs: ObjectBlobs, proxy: FailingProxy) -> None:
    asyncio.run(blobs.write_stream("key", chunks(LARGE), limit=len(LARGE)))
    proxy.fault = Fault.CUT

    found = b""
    with suppress(StorageUnavailable):
        found = asyncio.run(read(blobs, "key"))
    assert found in {b"", LARGE}
    with suppress(StorageUnavailable), blobs.as_file("key", None) as file:
        assert file.read_bytes() == LARGE


# -- the service -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def service(
    proxy: FailingProxy, postgres: Postgres, s3: S3, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """Web and jobs in one process, whose files are behind the proxy."""
    settings = {**environment_of(proxy.port), "SIGNROOM_BLOB_TIMEOUT": "1 s"}
    folder = tmp_path_factory.mktemp("service")
    with installation(folder, postgres.new_database(), s3.new_bucket(), **settings) as made:
        made.start("serve")
        yield made


@pytest.mark.parametrize("fault", [Fault.DOWN, Fault.SILENT, Fault.ERROR])
def test_what_was_signed_waits_and_is_completed_when_the_store_is_back(
    service: Installation, proxy: FailingProxy, s3: S3, fault: Fault
) -> None:
    web = service.machines[0]
    bucket = service.shared["SIGNROOM_BLOB_URL"]
    signed, other = service.open_session(web), service.open_session(web)
    page, uploading = service.page(web, signed), service.page(web, other)
    page.add(hard_pdfs.make("plain"))
    key, chain = page.demo_key()
    preparation = ok(page.prepare(chain))
    before = s3.keys(bucket)

    proxy.fault = fault
    ok(page.finish(preparation, values_of(preparation, key)))  # the signature itself needs no files
    for content in (hard_pdfs.make("plain"), LARGE):
        answer = uploading.upload(content)
        assert refused(answer, 503) == "StorageUnavailable"
        assert int(answer.headers["Retry-After"]) > 0
    assert refused(plain_upload(service, b"content"), 503) == "StorageUnavailable"
    assert service.session(web, signed["sessionId"])["status"] == "Processing"
    assert service.session(web, other["sessionId"])["documents"] == []
    assert web.status("/health/live") == 200

    proxy.fault = Fault.NONE
    session = service.wait(web, signed["sessionId"])
    assert session["status"] == "Completed", service.logs()
    (document,) = session["documents"]
    assert httpx.get(document["signedFile"]["location"], trust_env=False).content.startswith(hard_pdfs.make("plain"))
    assert len(s3.keys(bucket)) == len(before) + 1  # the signed file; nothing of the uploads that were refused
    uploading.add(hard_pdfs.make("plain"))


def test_readiness_tells_that_the_store_is_down(service: Installation, proxy: FailingProxy) -> None:
    web = service.machines[0]
    proxy.fault = Fault.DOWN
    eventually(lambda: web.status("/health/ready") == 503)
    proxy.fault = Fault.NONE
    eventually(lambda: web.status("/health/ready") == 200)


def test_a_file_that_breaks_off_on_its_way_out_is_not_sent_as_whole(service: Installation, proxy: FailingProxy) -> None:
    web = service.machines[0]
    token = ok(plain_upload(service, os.urandom(4_000_000)))["blobToken"]
    document = {"file": {"name": "data.bin", "blobToken": token}}
    opened = service.open_session(web, documents=[document])
    (found,) = service.session(web, opened["sessionId"])["documents"]
    original = httpx.get(found["originalFile"]["location"], trust_env=False).content
    assert len(original) == 4_000_000
    proxy.fault = Fault.CUT

    with suppress(httpx.RemoteProtocolError):  # what a broken answer looks like to a client
        again = httpx.get(found["originalFile"]["location"], trust_env=False, timeout=SECONDS)
        assert again.status_code == 503 or again.content == original


def plain_upload(service: Installation, content: bytes) -> httpx.Response:
    return service.call(service.machines[0], "POST", "/api/plain-uploads", files={"file": ("data.bin", content)})
