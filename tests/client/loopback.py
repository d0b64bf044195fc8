"""A service that says what it is told to: what the client does with odd answers, over a real connection."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Told:
    """One answer. `cut`: close the connection after that many bytes of the body; -1: before any answer."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    after: float = 0
    """Seconds until it is given."""


@dataclass(frozen=True)
class Heard:
    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class Loopback:
    """Gives `answers` in turn, the last one for ever; keeps what it `heard`."""

    def __init__(self, *answers: Told) -> None:
        self.heard: list[Heard] = []
        self.forgets_bodies = False
        self.ended = threading.Event()
        self._answers = list(answers)
        self._lock = threading.Lock()
        self.url = ""

    def answer(self, heard: Heard) -> Told:
        with self._lock:
            self.heard.append(heard)
            return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def told(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Told:
    """An answer in JSON."""
    return Told(status, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})})


def refused(status: int, code: str, headers: Mapping[str, str] | None = None) -> Told:
    return told({"code": code, "message": "No."}, status, headers)


CUT = Told(cut=-1)


@contextmanager
def loopback(*answers: Told) -> Iterator[Loopback]:
    """A `Loopback` on a free port."""
    script = Loopback(*answers)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(length)
            given = script.answer(Heard(self.command, self.path, headers, b"" if script.forgets_bodies else body))
            if given.after and script.ended.wait(given.after):
                return
            if given.cut == -1:
                self._hang_up()
                return
            self.send_response(given.status)
            for name, value in given.headers.items():
                self.send_header(name, value)
            if "Content-Length" not in given.headers:
                self.send_header("Content-Length", str(len(given.body)))
            self.end_headers()
            self.wfile.write(given.body[: given.cut])
            if given.cut is not None:
                self.wfile.flush()
                self._hang_up()

        def _hang_up(self) -> None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

        do_GET = do_POST = do_PUT = handle_any  # noqa: N815 - the base class's names

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 128  # as `tests.fetch.sites.WAITING`

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    script.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield script
    finally:
        script.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()
