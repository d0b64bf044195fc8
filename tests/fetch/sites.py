"""Web servers on loopback that behave well or badly, by path. Linux answers on all of 127.0.0.0/8."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Behaviour = Callable[["Exchange"], object]
WAITING = 128
"""Connections that a server has not taken yet. Python's own bound is 5: the kernel drops a sixth, and its client tries
again after a second. A busy machine gets there easily, and the client's patience may be over by then."""


@dataclass
class Exchange:
    """One request, and the wire to answer it on."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    over: threading.Event
    """Set when the server closes: what lasts for ever lasts until then."""
    _write: Callable[[bytes], object] = field(repr=False)

    def send(self, data: bytes) -> None:
        self._write(data)

    def answer(self, body: bytes = b"", *headers: str, status: int = 200) -> None:
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *headers, "", ""]
        self.send("\r\n".join(lines).encode() + body)

    def redirect(self, location: str, status: int = 302) -> None:
        self.answer(b"", f"Location: {location}", status=status)


@dataclass
class Site:
    """``paths``: behaviour by path without query."""

    url: str
    port: int
    paths: dict[str, Behaviour] = field(default_factory=dict)
    seen: list[Exchange] = field(default_factory=list)


@contextmanager
def running_site(host: str = "127.0.0.2", tls: ssl.SSLContext | None = None, *, keeps: bool = False) -> Iterator[Site]:
    """With `keeps` a connection stays open for the next request."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1" if keeps else "HTTP/1.0"

        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            exchange = Exchange(
                self.command, self.path, dict(self.headers), self.rfile.read(length), over, self.wfile.write
            )
            site.seen.append(exchange)
            self.close_connection = not keeps
            try:
                site.paths[self.path.partition("?")[0]](exchange)
            except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
                return  # the client has had enough

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        request_queue_size = WAITING

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that hangs up in the middle of a handshake is what some tests are about."""

    server = Server((host, 0), Handler)
    if keeps:  # its threads wait for a next request
        server.daemon_threads, server.block_on_close = True, False
    if tls is not None:
        # The handshake is done in the connection's own thread, at the first read.
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    scheme = "http" if tls is None else "https"
    site = Site(f"{scheme}://{host}:{server.server_port}", server.server_port)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield site
    finally:
        over.set()
        server.shutdown()
        thread.join()
        server.server_close()
