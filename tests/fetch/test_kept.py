"""Connections that deliveries leave open for the next one: used again, and never for anybody else."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509

from signroom.fetch import kept
from signroom.fetch.guarded import GuardedFetch
from signroom.ports.outside import Unreachable
from tests.fetch.sites import WAITING, running_site
from tests.fetch.test_guarded import OUTSIDE, always, server_tls, tls_fetch
from tests.harness.waiting import SECONDS, eventually


@dataclass
class Endpoint:
    """A server that keeps connections. ``said``: the connection and the body of each request."""

    port: int
    hang_up: threading.Event
    """Set: a connection is closed, without an answer, when its second request comes."""
    said: list[tuple[int, bytes]] = field(default_factory=list)
    together: threading.Barrier | None = None
    """All answers wait for so many requests."""
    answer: bytes = b"ok"
    beyond: bytes = b""
    """What it says after each answer."""
    closed: list[int] = field(default_factory=list)
    """The connections that have ended."""

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
def running_endpoint(tls: ssl.SSLContext | None = None) -> Iterator[Endpoint]:
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
            head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(made.answer)
            self.wfile.write(head + made.answer + made.beyond)

        def finish(self) -> None:
            super().finish()
            made.closed.append(self.client_address[1])

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        request_queue_size = WAITING

    server = Server(("127.0.0.2", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
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


def test_a_connection_with_tls_is_kept(tmp_path: Path) -> None:
    with running_endpoint(server_tls(tmp_path, x509.DNSName("files.example"))) as secure:
        fetch = tls_fetch()

        assert [deliver(fetch, "files.example", secure.port, scheme="https") for _ in range(2)] == [200] * 2
        assert secure.connections == 1


def test_a_connection_that_nobody_uses_is_closed(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_IDLE_SECONDS", 0.05)
    assert deliver(GuardedFetch(OUTSIDE, resolve=always("127.0.0.2")), "one.example", endpoint.port) == 200

    assert eventually(lambda: endpoint.closed) == [connection for connection, _ in endpoint.said]


def test_an_old_connection_is_not_used_again(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_LONGEST_SECONDS", 0.0)
    fetch = GuardedFetch(OUTSIDE, resolve=always("127.0.0.2"))

    assert [deliver(fetch, "one.example", endpoint.port) for _ in range(2)] == [200] * 2
    assert endpoint.connections == 2


def test_an_answer_that_is_too_long_to_be_read_ends_its_connection(endpoint: Endpoint) -> None:
    endpoint.answer = b"o" * (1 << 20)
    fetch = GuardedFetch(OUTSIDE, resolve=always("127.0.0.2"))
    url = f"http://one.example:{endpoint.port}/"

    assert [fetch.deliver(url, b"{}", {}, limit=100, seconds=SECONDS).start for _ in range(2)] == [b"o" * 100] * 2
    assert endpoint.connections == 2

    endpoint.answer = b"o" * 100
    assert [fetch.deliver(url, b"{}", {}, limit=100, seconds=SECONDS).start for _ in range(2)] == [b"o" * 100] * 2
    assert endpoint.connections == 3


def test_an_answer_that_nobody_has_asked_for_is_not_the_next_one(endpoint: Endpoint) -> None:
    endpoint.beyond = b"HTTP/1.1 204 No Content\r\n\r\n"
    fetch = GuardedFetch(OUTSIDE, resolve=always("127.0.0.2"))

    assert [deliver(fetch, "one.example", endpoint.port) for _ in range(2)] == [200] * 2
    assert endpoint.connections == 2


# -- endpoints that are no web servers -------------------------------------------------------------


@contextmanager
def running_wire(speak: Callable[[socket.socket], object]) -> Iterator[str]:
    """The address of an endpoint that does `speak` with its only connection, and then closes it."""
    with socket.create_server(("127.0.0.2", 0)) as server:

        def serve() -> None:
            try:
                with server.accept()[0] as connection:
                    speak(connection)
            except OSError:
                return  # the client has had enough, or never came

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.2:{server.getsockname()[1]}/"
        finally:
            server.shutdown(socket.SHUT_RDWR)  # who waits for a connection waits no longer
            thread.join()


def test_an_endpoint_that_nobody_connects_to_ends() -> None:
    """A delivery whose time is over before it connects is such a one: its test would have waited for ever."""
    with running_wire(lambda _connection: None):
        pass


def test_an_endpoint_that_says_a_byte_now_and_then_has_no_more_time_than_others() -> None:
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while not over.wait(0.02):
            connection.sendall(b"x")

    with running_wire(drip) as url:
        with pytest.raises(Unreachable, match="too long"):
            GuardedFetch(OUTSIDE).deliver(url, b"{}", {}, limit=100, seconds=1.0)
        over.set()


def test_an_endpoint_that_never_comes_to_the_point_is_left() -> None:
    def go_on(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)

    with running_wire(go_on) as url, pytest.raises(Unreachable, match="broke off"):
        GuardedFetch(OUTSIDE).deliver(url, b"{}", {}, limit=100, seconds=SECONDS)


def test_an_endpoint_that_answers_without_reading_all_has_answered() -> None:
    def refuse(connection: socket.socket) -> None:
        connection.recv(1)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")

    with running_wire(refuse) as url:
        answer = GuardedFetch(OUTSIDE).deliver(url, b"x" * (8 << 20), {}, limit=100, seconds=SECONDS)
    assert answer.status == 413


@pytest.mark.parametrize("wire", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\nContent-Le"])
def test_an_answer_without_a_whole_head_is_none(wire: bytes) -> None:
    def speak(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(wire)

    with running_wire(speak) as url, pytest.raises(Unreachable, match="broke off"):
        GuardedFetch(OUTSIDE).deliver(url, b"{}", {}, limit=100, seconds=SECONDS)


def test_an_answer_that_breaks_off_is_one_with_the_start_of_its_body() -> None:
    def speak(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(b"HTTP/1.1 500 Oh\r\nRetry-After: 3\r\nContent-Length: 50\r\n\r\nsorry")

    with running_wire(speak) as url:
        answer = GuardedFetch(OUTSIDE).deliver(url, b"{}", {}, limit=100, seconds=SECONDS)
    assert (answer.status, answer.retry_after, answer.start) == (500, "3", b"sorry")


def test_a_name_whose_look_up_does_not_end_takes_no_longer_than_a_delivery_may() -> None:
    async def resolve(_host: str) -> Sequence[str]:
        await asyncio.sleep(SECONDS)
        return ["127.0.0.2"]

    with pytest.raises(Unreachable, match="too long"):
        GuardedFetch(OUTSIDE, resolve=resolve).deliver("http://one.example/", b"{}", {}, limit=100, seconds=0.1)


def test_the_next_address_is_asked_when_one_takes_no_connection(endpoint: Endpoint) -> None:
    fetch = GuardedFetch(["127.0.0.0/24"], resolve=always("127.0.0.3", "127.0.0.2"))

    assert deliver(fetch, "one.example", endpoint.port) == 200
