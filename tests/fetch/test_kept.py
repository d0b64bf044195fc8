"""Connections that deliveries leave open for the next one: used again, and never for anybody else."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509

from signroom.fetch.guarded import GuardedFetch
from signroom.ports.outside import Unreachable
from tests.fetch.sites import WAITING, running_site
from tests.fetch.test_guarded import OUTSIDE, always, server_tls, tls_fetch
from tests.harness.waiting import SECONDS


@dataclass
class Endpoint:
    """A server that keeps connections. ``said``: the connection and the body of each request."""

    port: int
    hang_up: threading.Event
    """Set: a connection is closed, without an answer, when its second request comes."""
    said: list[tuple[int, bytes]] = field(default_factory=list)
    together: threading.Barrier | None = None
    """All answers wait for so many requests."""

    def wait_for(self, requests: int) -> None:
        self.together = threading.Barrier(requests)

    @property
    def connections(self) -> int:
        return len({connection for connection, _ in self.said})


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with running_endpoint() as found:
        yield found


@contextmanager
def running_endpoint() -> Iterator[Endpoint]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            connection = self.client_address[1]
            again = any(one == connection for one, _ in made.said)
            made.said.append((connection, body))
            if again and made.hang_up.is_set():
                self.close_connection = True
                return
            together, last = made.together, len(made.said) <= 3
            if together is not None and last:
                together.wait(SECONDS)
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        request_queue_size = WAITING

    server = Server(("127.0.0.2", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    made = Endpoint(server.server_port, threading.Event())
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def deliver(fetch: GuardedFetch, host: str, port: int, body: bytes = b"{}", scheme: str = "http") -> int:
    return fetch.deliver(f"{scheme}://{host}:{port}/", body, {}, limit=100, seconds=SECONDS).status


def test_a_connection_is_kept_from_one_delivery_to_the_next(endpoint: Endpoint) -> None:
    fetch = GuardedFetch(OUTSIDE, resolve=always("127.0.0.2"))

    assert [deliver(fetch, "one.example", endpoint.port) for _ in range(3)] == [200] * 3
    assert endpoint.connections == 1


def test_another_name_at_the_same_address_gets_a_connection_of_its_own(endpoint: Endpoint) -> None:
    fetch = GuardedFetch(OUTSIDE, resolve=always("127.0.0.2"))

    assert [deliver(fetch, f"{name}.example", endpoint.port) for name in ("one", "two", "one")] == [200] * 3
    assert endpoint.connections == 2


def test_a_name_that_leads_inside_meanwhile_gets_no_open_connection(endpoint: Endpoint) -> None:
    """The name is looked up for each delivery, and its addresses are looked at as for the first."""
    answers = iter(["127.0.0.2", "127.0.0.1"])

    async def resolve(_host: str) -> Sequence[str]:
        return [next(answers)]

    fetch = GuardedFetch(OUTSIDE, resolve=resolve)
    assert deliver(fetch, "one.example", endpoint.port) == 200

    with pytest.raises(Unreachable, match="cannot be reached"):
        deliver(fetch, "one.example", endpoint.port)
    assert len(endpoint.said) == 1


def test_a_name_without_a_certificate_does_not_use_the_connection_of_one_that_has_one(tmp_path: Path) -> None:
    with running_site(tls=server_tls(tmp_path, x509.DNSName("files.example"))) as site:
        site.paths["/"] = lambda exchange: exchange.answer(b"thank you")
        fetch = tls_fetch()
        assert deliver(fetch, "files.example", site.port, scheme="https") == 200

        with pytest.raises(Unreachable, match="certificate"):
            deliver(fetch, "other.example", site.port, scheme="https")
        assert len(site.seen) == 1


def test_a_delivery_on_a_connection_that_is_closed_under_it_goes_out_again(endpoint: Endpoint) -> None:
    fetch = GuardedFetch(OUTSIDE, resolve=always("127.0.0.2"))
    assert deliver(fetch, "one.example", endpoint.port, b"first") == 200
    endpoint.hang_up.set()

    assert deliver(fetch, "one.example", endpoint.port, b"second") == 200
    assert [body for _, body in endpoint.said] == [b"first", b"second", b"second"]
    assert endpoint.connections == 2


def test_connections_that_are_closed_together_cost_one_delivery_more(endpoint: Endpoint) -> None:
    fetch = GuardedFetch(OUTSIDE, resolve=always("127.0.0.2"))
    endpoint.wait_for(3)
    with ThreadPoolExecutor(3) as several:
        assert list(several.map(lambda _: deliver(fetch, "one.example", endpoint.port), range(3))) == [200] * 3
    endpoint.hang_up.set()

    assert deliver(fetch, "one.example", endpoint.port, b"second") == 200
    assert [body for _, body in endpoint.said].count(b"second") == 2
