"""Floods of slow files through one link, against a server as `signroom serve` runs it: nobody else waits for them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

import httpx
import pytest

from tests.harness.server import Page, Server, ok, running_server
from tests.harness.tenants import Tenant, new_tenant
from tests.harness.waiting import eventually
from tests.vectors import hard_pdfs

UPLOADS = 34
BACK = "https://app.example/back"
PATIENCE = 15
"""Seconds until a request without its file counts as one that has a place."""
LOOKED_AT = 30
"""So many of the flood's files may be looked at while the others do their work. It was two.

If each of the others' four files waited for the 24 that came before it, there would be 96. A slow machine takes longer
for all of them, so this holds there, too.
"""


@dataclass
class Flood:
    calls: list[Future[httpx.Response]] = field(default_factory=list)
    looked_at: list[int] = field(default_factory=list)
    """The number of the caller, for each file that was taken in."""


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Server]:
    with running_server(tmp_path / "busy", {"SIGNROOM_WORKERS": "2"}) as server:
        yield server


def slow_file() -> bytes:
    """Seconds of the processor at upload, whatever is said about it then: its page takes too much to draw."""
    return hard_pdfs.make("drawing-bomb") + b"\r\n" + b"%%EOF " * 100_000


def tasks(server: Server, state: str, kind: str = "inspection") -> float:
    """As the metrics tell it."""
    wanted = f'signroom_sandbox_tasks{{kind="{kind}",state="{state}"}} '
    with httpx.Client(base_url=server.url, trust_env=False, timeout=60) as client:
        lines = client.get("/metrics").text.splitlines()
    return next(float(line.removeprefix(wanted)) for line in lines if line.startswith(wanted))


@contextmanager
def flood(server: Server, page: Page, content: bytes, *, stubborn: bool = False) -> Iterator[Flood]:
    """`UPLOADS` of the file through one link for as long as the block runs.

    What is taken in is sent again. So is what is refused by a `stubborn` one.
    """
    ended, made = Event(), Flood()

    def upload(number: int) -> httpx.Response:
        headers = {"X-File-Name": f"{number}.pdf", **page.client.headers}
        with httpx.Client(base_url=page.client.base_url, headers=headers, trust_env=False, timeout=120) as client:
            answer = client.put("upload", content=content)
            while not ended.is_set() and (answer.status_code == 200 or stubborn):
                if answer.status_code == 200:
                    made.looked_at.append(number)
                    client.post("remove", json={"documentId": answer.json()["id"]})
                elif ended.wait(0.05):
                    break
                answer = client.put("upload", content=content)
            return answer

    threads = ThreadPoolExecutor(UPLOADS)
    try:
        made.calls += [threads.submit(upload, number) for number in range(UPLOADS)]
        eventually(lambda: tasks(server, "waiting") >= 10)
        yield made
    finally:
        ended.set()
        server.kill()  # nobody waits for the rest
        threads.shutdown()


def sign_one(tenant: Tenant) -> None:
    """Everything that one signer does, until the document is signed."""
    page = tenant.page(returnUrl=BACK)
    document = page.add(hard_pdfs.make("plain"))["id"]
    assert page.client.get(f"preview/{document}/0").status_code == 200
    page.sign(*page.demo_key())
    eventually(lambda: page.load()["status"] == "Completed")


def test_a_flood_of_slow_files_delays_nobody_else(busy: Server) -> None:
    honest, neighbour = new_tenant(busy), busy.page(busy.open_session(returnUrl=BACK)["redirectUrl"])
    hostile = busy.page(busy.open_session(returnUrl=BACK)["redirectUrl"])
    sign_one(honest)
    with flood(busy, hostile, slow_file()) as made:
        before, looked_at = len([call for call in made.calls if call.done()]), len(made.looked_at)

        with httpx.Client(base_url=busy.url, trust_env=False, timeout=60) as client:
            for _ in range(20):
                assert client.get("/health/ready").status_code == 200
                ok(client.get("/api/signature-sessions", headers=honest.worker))
        for _ in range(3):
            sign_one(honest)
        # Of the same application: it shares with the flood all but the session.
        neighbour.add(hard_pdfs.make("plain"))
        assert neighbour.sign(*neighbour.demo_key())["status"] == "Processing"
        eventually(lambda: neighbour.load()["status"] == "Completed")
        looked_at = len(made.looked_at) - looked_at

        waiting = tasks(busy, "waiting")
        refused = [call.result() for call in made.calls if call.done()]

    # 34 of them are 200 seconds of two processors; before, everybody waited for that.
    assert looked_at <= LOOKED_AT
    assert waiting >= 10, "the flood was there all the time"
    assert before <= len(refused)
    assert {(answer.status_code, answer.json()["code"]) for answer in refused} <= {(429, "TooManyRequests")}
    assert refused, "a session has a bound"
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)


def test_beyond_the_bound_an_upload_is_refused_before_its_file_is_taken_in(busy: Server) -> None:
    hostile = busy.page(busy.open_session(returnUrl=BACK)["redirectUrl"])
    address, token = urlsplit(busy.url), hostile.client.headers["X-Signature-Session-Token"]
    head = (
        f"PUT /sign/api/upload HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: 3000000\r\n"
        f"X-Signature-Session-Token: {token}\r\nX-File-Name: a.pdf\r\n\r\n"
    )

    def answer_without_a_file() -> bytes | None:
        """None where a place was just free: the service waits for the file then."""
        with socket.create_connection((address.hostname or "", address.port or 0), PATIENCE) as connection:
            connection.sendall(head.encode())
            try:
                return connection.recv(4096)
            except TimeoutError:
                return None

    with flood(busy, hostile, slow_file(), stubborn=True):
        answer = eventually(answer_without_a_file)

    assert answer.startswith(b"HTTP/1.1 429 ")
    assert b"retry-after: " in answer


def test_a_caller_who_hangs_up_leaves_no_task_and_no_file(busy: Server) -> None:
    hostile = busy.page(busy.open_session(returnUrl=BACK)["redirectUrl"])
    address, content = urlsplit(busy.url), slow_file()
    token = hostile.client.headers["X-Signature-Session-Token"]
    callers = []
    for number in range(10):
        connection = socket.create_connection((address.hostname or "", address.port or 0), 60)
        head = (
            f"PUT /sign/api/upload HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: {len(content)}\r\n"
            f"X-Signature-Session-Token: {token}\r\nX-File-Name: {number}.pdf\r\n\r\n"
        )
        connection.sendall(head.encode() + content)
        callers.append(connection)
    eventually(lambda: tasks(busy, "waiting") >= 5)

    for connection in callers:
        connection.close()

    eventually(lambda: tasks(busy, "waiting") == 0)
    eventually(lambda: tasks(busy, "running") == 0)
    # What was done before they hung up is theirs. Five waited then, and of these nothing may be left.
    taken_in = len(hostile.load()["documents"])
    assert taken_in <= 5
    eventually(lambda: sum(file.is_file() for file in (busy.data / "files").rglob("*")) == taken_in)
