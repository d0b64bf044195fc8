"""One implementation, two clients: what is said of one is true of the other."""

from __future__ import annotations

import asyncio
import gc
import inspect
import threading
import time
import tracemalloc
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from signroom_client import (
    AsyncSignroomClient,
    FileReference,
    NewDocument,
    SessionStatus,
    SignroomClient,
    TimedOutError,
)
from signroom_client.calling import iterate, run

from tests.client.conftest import PDF
from tests.client.loopback import Told, loopback, told
from tests.harness.server import Server
from tests.harness.waiting import SECONDS
from tests.pki import authority

OWN = {"close", "aclose"}


def operations(client: type) -> dict[str, inspect.Signature]:
    names = [name for name in dir(client) if not name.startswith("_") and name not in OWN]
    return {name: inspect.signature(getattr(client, name)) for name in names}


def test_both_have_the_same_operations_with_the_same_parameters() -> None:
    assert operations(SignroomClient) == operations(AsyncSignroomClient)
    assert len(operations(SignroomClient)) > 20


@pytest.mark.parametrize("name", operations(SignroomClient))
def test_every_operation_is_explained_and_is_what_it_looks_like(name: str) -> None:
    blocking, awaited = getattr(SignroomClient, name), getattr(AsyncSignroomClient, name)

    assert inspect.getdoc(blocking)
    assert inspect.getdoc(blocking) == inspect.getdoc(awaited)
    assert inspect.iscoroutinefunction(awaited) or inspect.isasyncgenfunction(awaited)
    assert not inspect.iscoroutinefunction(blocking)
    assert not inspect.isasyncgenfunction(blocking)


def test_the_awaited_client_goes_the_whole_way(server: Server, tmp_path: Path) -> None:
    leaf, case = authority.leaf("p256"), f"case {uuid4()}"

    async def use() -> None:
        async with AsyncSignroomClient(server.url, server.api_key) as client:
            file = FileReference.from_bytes(PDF, "a.pdf")
            created = await client.create_session(
                documents=[NewDocument(file, metadata={"case": case})], callback_argument=case
            )
            page = await asyncio.to_thread(server.page, created.redirect_url)
            await asyncio.to_thread(lambda: page.sign(*page.demo_key()))
            session = await client.when_completed(created.session_id, timeout=60)
            assert session.status is SessionStatus.COMPLETED
            listed = [s.id async for s in client.list_sessions(callback_argument=case, page_size=1)]
            assert listed == [session.id]
            found = [d async for d in client.list_documents("case", case)]
            assert [d.id for d in found] == [d.id for d in session.documents]
            assert await client.download(found[0], tmp_path / "signed.pdf") > len(PDF)
            assert len((await client.inspect_signature(tmp_path / "signed.pdf")).signers) == 1
            signed = await client.sign_locally(tmp_path / "signed.pdf", leaf.certificate, leaf.signing_key)
            assert len(await client.get_document_signers(signed.id)) == 2
            assert (await client.system_info()).api_version

    asyncio.run(use())


def test_calls_of_the_awaited_client_run_side_by_side() -> None:
    slow = Told(body=told({"id": str(uuid4()), "status": "Pending"}).body, after=1.5)

    async def use(url: str) -> float:
        async with AsyncSignroomClient(url, "k") as client:
            started = time.monotonic()
            await asyncio.gather(*[client.get_session(uuid4()) for _ in range(8)])
            return time.monotonic() - started

    with loopback(slow) as service:
        assert asyncio.run(use(service.url)) < 10, "one after the other takes twelve"


def test_a_file_does_not_hold_the_loop(tmp_path: Path) -> None:
    """Reading from a slow disk happens elsewhere: meanwhile the loop goes on."""

    class Slow:
        def __init__(self) -> None:
            self._loop = asyncio.get_running_loop()

        def read(self, size: int, /) -> bytes:
            threads.add(threading.current_thread())
            self._loop.call_soon_threadsafe(ticked.set)
            assert ticked.wait(SECONDS), "the loop stands still"
            return b""

    async def use(url: str) -> None:
        async with AsyncSignroomClient(url, "k") as client:
            await client.create_session(documents=[FileReference.from_stream(Slow(), "a.pdf")])

    threads: set[threading.Thread] = set()
    ticked = threading.Event()
    opened = told({"sessionId": str(uuid4()), "redirectUrl": "https://sign.example/x"})
    with loopback(opened) as service:
        asyncio.run(use(service.url))
    assert threading.main_thread() not in threads


def test_the_blocking_client_works_inside_a_running_loop() -> None:
    async def use(url: str) -> str:
        with SignroomClient(url, "k") as client:
            names = [str(s.status) for s in client.list_sessions()]
            return names[0]

    page = {"items": [{"id": str(uuid4()), "status": "Pending", "createdAt": "2026-05-01T12:00:00Z"}]}
    page["items"][0]["expiresAt"] = "2026-05-01T16:00:00Z"
    with loopback(told(page)) as service:
        assert asyncio.run(use(service.url)) == "Pending"


def test_threads_may_share_a_client() -> None:
    session_id = uuid4()
    found: list[object] = []

    with (
        loopback(told({"id": str(session_id), "status": "Pending"})) as service,
        SignroomClient(service.url, "k") as client,
    ):
        threads = [threading.Thread(target=lambda: found.append(client.get_session(session_id).id)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert found == [session_id] * 8


def test_an_upload_is_never_whole_in_memory(tmp_path: Path) -> None:
    """With Python's search for cycles off: what is let go of is gone at once."""
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(80 << 20)
    answers = [told({"blobToken": "t", "partSize": 4 << 20}), *[Told(200, b"", {"ETag": '"e"'})] * 20, Told(200, b"")]
    peaks = []

    def blocking(url: str) -> None:
        with SignroomClient(url, "k") as client:
            client.upload(path)

    async def awaited(url: str) -> None:
        async with AsyncSignroomClient(url, "k") as client:
            await client.upload(path)

    for way in (blocking, lambda url: asyncio.run(awaited(url))):
        with loopback(*answers) as service:
            service.forgets_bodies = True
            gc.disable()
            tracemalloc.start()
            try:
                way(service.url)
                peaks.append(tracemalloc.get_traced_memory()[1])
            finally:
                tracemalloc.stop()
                gc.enable()
            assert len(service.heard) == 22

    assert max(peaks) < 40 << 20, peaks


def test_a_client_of_your_own_stays_open_and_keeps_its_time_limits() -> None:
    with loopback(Told(after=3)) as service, httpx.Client(timeout=30) as http:
        with (
            SignroomClient(service.url, "k", http_client=http, timeout=0.2, max_retries=0) as client,
            pytest.raises(TimedOutError),
        ):
            client.system_info()
        assert not http.is_closed


# -- the driver ------------------------------------------------------------------------------------


def test_what_must_wait_for_a_loop_is_refused_and_closed() -> None:
    closed = []

    class Suspends:
        def __await__(self) -> Generator[None, None, None]:
            yield

    async def waits() -> None:
        try:
            await Suspends()
        finally:
            closed.append(True)

    with pytest.raises(TypeError, match="AsyncSignroomClient"):
        run(waits())

    assert closed == [True]


def test_a_listing_that_is_left_is_closed() -> None:
    closed = []

    async def numbers() -> AsyncGenerator[int, None]:
        try:
            yield 1
            yield 2
        finally:
            closed.append(True)

    listing = iterate(numbers())
    assert next(listing) == 1
    listing.close()  # type: ignore[attr-defined]

    assert closed == [True]
    assert list(iterate(numbers())) == [1, 2]
