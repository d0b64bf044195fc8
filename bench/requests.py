"""What one request costs the web process, in processor time: client, worker and database server are not counted.

SQLite, one ``serve --no-jobs``, and a ``worker`` that completes the session which is read. What the process spends
while nobody asks is taken off. Then the same read while a worker's two processes are kept busy with uploads.
"""

from __future__ import annotations

import re
import socket
import statistics
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from bench.processes import Service, cpu, running_service
from tests.harness.server import TLS, Page, base64, ok
from tests.vectors.hard_pdfs import with_pages

ROUNDS = 600
WARM = 50
IDLE_SECONDS = 2.0
BUSY_PAGES = 400
"""Of the files that keep the processes for PDFs busy."""


@dataclass(frozen=True)
class Request:
    """A request that is sent again and again."""

    name: str
    head: str
    headers: dict[str, str]
    body: bytes = b""


class Line:
    """A connection that is kept, without a library: what the client spends must not hide what the server does."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._host = parts.netloc
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 80))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""

    def ask(self, request: Request) -> tuple[int, bytes]:
        """Status and body of the answer, which says how long it is."""
        lines = [f"{request.head} HTTP/1.1", f"Host: {self._host}"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        if request.body:
            lines.append(f"Content-Length: {len(request.body)}")
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode() + request.body)
        data = self._rest
        while b"\r\n\r\n" not in data:
            data += self._read()
        top, _, data = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", top)
        assert length is not None or b" 304 " in top, top
        wanted = 0 if length is None else int(length.group(1))
        while len(data) < wanted:
            data += self._read()
        self._rest = data[wanted:]
        return int(top.split(b" ", 2)[1]), data[:wanted]

    def _read(self) -> bytes:
        data = self._socket.recv(1 << 16)
        assert data, "the server has closed the connection"
        return data


def main() -> None:
    """Print milliseconds of processor time for each kind of request, and how long a client waits for it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service(Path(folder), f"sqlite:///{folder}/signroom.db", WORKERS="2") as service,
    ):
        service.work()
        _measure(service)


def _measure(service: Service) -> None:
    session, page = completed_session(service)
    web, line = service.pids[0], Line(service.address)
    key = {"X-Api-Key": service.key}
    token = {"X-Signature-Session-Token": str(page.client.headers["x-signature-session-token"])}
    read = Request("GET session, completed", f"GET /api/signature-sessions/{session}", key)
    shell = Request("the page's shell", f"GET /sign/{page.link}", {})
    script = re.search(r'src="(/sign/assets/[^"]+)"', line.ask(shell)[1].decode())
    assert script is not None
    idle = _idle(web)
    print(f"{'':>26} {'status':>7} {'bytes':>8} {'processor ms':>13} {'p50 ms':>8} {'p99 ms':>8}")
    json = {**key, "Content-Type": "application/json"}
    for request in (
        Request("GET /health/live", "GET /health/live", {}),
        read,
        Request("POST session, empty", "POST /api/signature-sessions", json, b"{}"),
        Request("a wrong key", "GET /api/signature-sessions", {"X-Api-Key": "x"}),
        shell,
        Request("a file of the page, gzip", f"GET {script.group(1)}", {"Accept-Encoding": "gzip"}),
        Request("the page's load", "GET /sign/api/load", token),
    ):
        _print(request, line, web, idle)
    with _busy(service):
        _print(Request("GET, two processes busy", read.head, read.headers), line, None, 0)


def _print(request: Request, line: Line, web: int | None, idle: float) -> None:
    """Without `web` what it costs is not said."""
    for _ in range(WARM):
        line.ask(request)
    times = []
    before, begin = 0.0 if web is None else cpu(web), time.perf_counter()
    status, body = 0, b""
    for _ in range(ROUNDS):
        started = time.perf_counter()
        status, body = line.ask(request)
        times.append(time.perf_counter() - started)
    seconds = time.perf_counter() - begin
    cuts = statistics.quantiles(times, n=100)
    spent = "" if web is None else f"{(cpu(web) - before - idle * seconds) / ROUNDS * 1e3:.2f}"
    waited = f"{cuts[49] * 1e3:8.2f} {cuts[98] * 1e3:8.2f}"
    print(f"{request.name:>26} {status:7d} {len(body):8d} {spent:>13} {waited}")


def _idle(pid: int) -> float:
    """Seconds of processor time in a second in which nobody asks."""
    before = cpu(pid)
    time.sleep(IDLE_SECONDS)
    return (cpu(pid) - before) / IDLE_SECONDS


class _busy:  # noqa: N801  (used as a block)
    """Two uploads at a time, one after the other: each is looked at by a process of the web process's pool."""

    def __init__(self, service: Service) -> None:
        self._service, self._over = service, threading.Event()
        self._threads = [threading.Thread(target=self._upload) for _ in range(2)]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _upload(self) -> None:
        document = {"file": {"name": "contract.pdf", "content": base64(with_pages(BUSY_PAGES))}}
        with api_client(self._service) as client:
            while not self._over.is_set():
                client.post("/api/signature-sessions", json={"documents": [document]})


def api_client(service: Service) -> httpx.Client:
    """For the service's application."""
    headers = {"X-Api-Key": service.key}
    return httpx.Client(base_url=service.address, headers=headers, timeout=60, trust_env=False, verify=TLS)


def completed_session(service: Service, documents: int = 1) -> tuple[str, Page]:
    """The id of a session whose documents are signed, and its page."""
    document = {"file": {"name": "contract.pdf", "content": base64(with_pages(1))}}
    with api_client(service) as client:
        opened = ok(client.post("/api/signature-sessions", json={"documents": [document] * documents}))
        page = Page(opened["redirectUrl"])
        key, chain = page.demo_key()
        page.sign(key, chain)
        path = f"/api/signature-sessions/{opened['sessionId']}"
        while not ok(client.get(f"{path}/when-completed"))["completed"]:
            pass
        assert ok(client.get(path))["status"] == "Completed"
    return opened["sessionId"], page


if __name__ == "__main__":
    main()
