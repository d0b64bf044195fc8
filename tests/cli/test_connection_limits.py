"""Connections without a network: what takes minutes on a real one, or needs the memory of a small machine."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
import uvicorn
from uvicorn.server import ServerState

from signroom.cli.connections import MIN_RATE, ConnectionLimits, Gate, LimitedProtocol, protocol_of
from signroom.cli.serve import Server

BODY_SECONDS = 2.0
Answer = TypeVar("Answer")


class Hurried(asyncio.SelectorEventLoop):
    """A loop whose clock goes to the next timer when nothing else is to do: it sees no pause of the machine."""

    _now = 0.0
    timers = 0
    """How many were set."""

    def call_at(self, *arguments: Any, **named: Any) -> asyncio.TimerHandle:  # type: ignore[override]
        self.timers += 1
        return super().call_at(*arguments, **named)

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        wanted = [timer.when() for timer in self._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
        if not self._ready and wanted:  # type: ignore[attr-defined]
            self._now = max(self._now, min(wanted))
        super()._run_once()  # type: ignore[misc]


def run_hurried(work: Coroutine[Any, Any, Answer]) -> Answer:
    with asyncio.Runner(loop_factory=Hurried) as runner:
        return runner.run(work)


class Wire(asyncio.Transport):
    """A transport that keeps what is written, and says what a test wants about its buffer."""

    def __init__(self, address: str = "192.0.2.1") -> None:
        super().__init__()
        self.address, self.buffer, self.closed = address, 0, False
        self.writes: list[bytes] = []

    @property
    def written(self) -> bytes:
        return b"".join(self.writes)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return (self.address, 1) if name == "peername" else default

    def get_write_buffer_size(self) -> int:
        return self.buffer

    def write(self, data: Any) -> None:
        if self.closed:
            raise RuntimeError("the handler is closed")  # as uvloop says once the connection is lost
        self.writes.append(bytes(data))

    def can_write_eof(self) -> bool:
        return False

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


def gate(total: int = 10) -> Gate:
    return Gate(ConnectionLimits(total, 100, 100, BODY_SECONDS, 10))


async def answers(scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


async def hello(_scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


async def slow(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await asyncio.sleep(5)
    await send({"type": "http.response.body", "body": b"hello"})


def connect(gate: Gate, wire: Wire, app: Any = answers) -> LimitedProtocol:
    config = uvicorn.Config(app, log_config=None, http=protocol_of(gate), ws="none")
    config.load()
    kind: Any = config.http_protocol_class
    protocol: LimitedProtocol = kind(config=config, server_state=ServerState(), app_state={})
    protocol.connection_made(wire)
    return protocol


@pytest.mark.parametrize(("taken", "ends"), [(1, True), (MIN_RATE // 2, True), (2 * MIN_RATE, False)])
def test_an_answer_of_which_a_byte_is_taken_now_and_then_is_given_up(taken: int, ends: bool) -> None:
    async def run() -> bool:
        wire = Wire()
        wire.buffer = 1 << 20
        connect(gate(), wire).pause_writing()
        for _ in range(40):
            wire.buffer -= taken
            await asyncio.sleep(1)
        return wire.closed

    assert run_hurried(run()) is ends


def test_who_has_begun_a_next_request_makes_room_like_who_has_not() -> None:
    """A byte of a next request kept a connection from being ended for one that asks."""

    async def run() -> tuple[bool, bytes]:
        full = gate(total=1)
        first, second = Wire(), Wire("192.0.2.2")
        protocol = connect(full, first)
        protocol.data_received(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nG")
        await asyncio.sleep(0.01)
        assert b"200 OK" in first.written
        other = connect(full, second)
        other.data_received(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await asyncio.sleep(0.01)
        return first.closed, second.written

    closed, answer = run_hurried(run())

    assert closed
    assert b"200 OK" in answer


class Noted:
    """An application that answers at once, and notes who asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append(scope["client"][0])
        await answers(scope, receive, send)


CROWD, GUEST = "192.0.2.1", "192.0.2.2"
ASKS = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def test_a_crowd_of_one_address_leaves_the_next_turn_to_another() -> None:
    """All requests of a burst began at once, and whoever came next waited until each had made its first step."""

    async def run() -> tuple[list[str], list[Wire]]:
        noted, all_of_them = Noted(), gate(total=100)
        wires = [Wire(CROWD) for _ in range(50)] + [Wire(GUEST)]
        for protocol in [connect(all_of_them, wire, noted) for wire in wires]:
            protocol.data_received(ASKS)
        await asyncio.sleep(1)
        return noted.asked, wires

    asked, wires = run_hurried(run())

    assert asked[:2] == [CROWD, GUEST]
    assert asked[2:] == [CROWD] * 49
    assert all(b"200 OK" in wire.written for wire in wires)


def test_who_hangs_up_before_his_turn_is_not_served() -> None:
    async def run() -> tuple[list[str], list[Wire]]:
        noted, all_of_them = Noted(), gate(total=100)
        wires = [Wire(CROWD) for _ in range(3)]
        for protocol in [connect(all_of_them, wire, noted) for wire in wires]:
            protocol.data_received(ASKS)
        wires[1].close()
        await asyncio.sleep(1)
        return noted.asked, wires

    asked, (first, second, third) = run_hurried(run())

    assert asked == [CROWD] * 2
    assert b"200 OK" in first.written
    assert b"200 OK" in third.written
    assert not second.written


def test_who_has_hung_up_takes_no_turn() -> None:
    async def run() -> int:
        noted, all_of_them = Noted(), gate(total=100)
        wires = [Wire(CROWD) for _ in range(50)]
        for protocol in [connect(all_of_them, wire, noted) for wire in wires]:
            protocol.data_received(ASKS)
        for wire in wires[1:-1]:
            wire.abort()
        turns = 0
        while len(noted.asked) < 2:
            await asyncio.sleep(0)
            turns += 1
        return turns

    assert run_hurried(run()) < 10


def test_requests_behind_a_trusted_proxy_begin_at_once() -> None:
    """They are of many people, and their connections do not count for any of them."""

    async def run() -> list[str]:
        noted = Noted()
        trusted = (ipaddress.ip_network(f"{CROWD}/32"),)
        behind = Gate(ConnectionLimits(100, 100, 100, BODY_SECONDS, 10, trusted))
        for protocol in [connect(behind, Wire(CROWD), noted) for _ in range(20)]:
            protocol.data_received(ASKS)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return noted.asked

    assert run_hurried(run()) == [CROWD] * 20


# -- what an answer and a request cost the loop ---------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_answer_is_one_write(method: str) -> None:
    """Each one is a packet, and wakes the client."""

    async def run() -> list[bytes]:
        wire = Wire()
        protocol = connect(gate(), wire, hello)
        for _ in range(2):
            protocol.data_received(b"%b / HTTP/1.1\r\nHost: a\r\n\r\n" % method.encode())
            await asyncio.sleep(0.01)
        return wire.writes

    writes = run_hurried(run())

    assert [write.endswith(b"\r\n\r\n" + b"hello" * (method == "GET")) for write in writes] == [True, True]


def test_the_head_of_an_answer_does_not_wait_for_a_body_that_comes_later() -> None:
    async def run() -> list[bytes]:
        wire = Wire()
        connect(gate(), wire, slow).data_received(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await asyncio.sleep(1)
        head = list(wire.writes)
        await asyncio.sleep(10)
        assert wire.writes == [*head, b"hello"]
        return head

    (head,) = run_hurried(run())

    assert head.endswith(b"\r\n\r\n")


def test_the_head_of_an_answer_is_dropped_where_the_client_has_gone() -> None:
    """An error with its frames was written to the log for each of them."""

    async def run() -> tuple[list[bytes], list[Any]]:
        errors: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: errors.append(context))
        wire = Wire()
        connect(gate(), wire, slow).data_received(ASKS)
        asyncio.get_running_loop().call_soon(wire.abort)
        await asyncio.sleep(1)
        return wire.writes, errors

    assert run_hurried(run()) == ([], [])


def test_who_waits_for_100_continue_hears_of_it_before_the_answer() -> None:
    async def run() -> list[bytes]:
        wire = Wire()
        protocol = connect(gate(), wire, hello)
        protocol.data_received(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        await asyncio.sleep(0.01)
        assert wire.writes == [b"HTTP/1.1 100 Continue\r\n\r\n"]
        protocol.data_received(b"{}")
        await asyncio.sleep(0.01)
        return wire.writes

    assert run_hurried(run())[1].endswith(b"hello")


def test_an_answer_that_ends_its_connection_is_written_before() -> None:
    async def run() -> Wire:
        wire = Wire()
        connect(gate(), wire, hello).data_received(b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        await asyncio.sleep(0.01)
        return wire

    wire = run_hurried(run())

    assert wire.closed
    assert wire.written.startswith(b"HTTP/1.1 200 OK")


def test_a_request_that_comes_whole_sets_no_timer_of_ours() -> None:
    """One is uvicorn's, for the next request on the connection."""

    async def run() -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Hurried)
        protocol = connect(gate(), Wire(), hello)
        before = loop.timers
        protocol.data_received(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return loop.timers - before

    assert run_hurried(run()) == 1


@pytest.mark.parametrize(
    ("pieces", "ends"),
    [
        ([b"G"], b"408"),
        ([b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"G"], b"408"),
        ([b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{"], b"408"),
        ([b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n", b"{"], b"408"),
    ],
)
def test_what_does_not_come_whole_has_its_time(pieces: list[bytes], ends: bytes) -> None:
    async def run() -> bytes:
        wire = Wire()
        protocol = connect(gate(), wire, hello)
        for piece in pieces:
            protocol.data_received(piece)
            await asyncio.sleep(0.01)
        await asyncio.sleep(200)
        return wire.writes[-1]

    assert run_hurried(run()).split(b" ")[1] == ends


def test_a_server_with_nothing_to_do_wakes_once_a_second_and_ends_at_once() -> None:
    async def run() -> tuple[int, float, int]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Hurried)
        config = uvicorn.Config(answers, log_config=None)
        config.load()
        server = Server(config, [], lambda: None)
        running = asyncio.create_task(server.main_loop())
        before = loop.timers
        await asyncio.sleep(9.5)
        timers, began = loop.timers - before, loop.time()
        dates = [name for name, _ in server.server_state.default_headers if name == b"date"]
        server.end()
        await running
        return timers, loop.time() - began, len(dates)

    assert run_hurried(run()) == (11, 0, 1)


@pytest.mark.parametrize("sent", [b"\x16\x03\x01 hello\r\n\r\n", b"GET /" + b"a" * (17 << 10) + b"\x00 b\r\n\r\n"])
def test_what_is_not_http_is_refused_once(sent: bytes) -> None:
    """A second answer was written behind the end of the first one: an error in the log, for anybody to cause."""
    reasons: list[str] = []

    async def run() -> bytes:
        wire = Wire()
        limits = ConnectionLimits(10, 100, 100, BODY_SECONDS, 10)
        connect(Gate(limits, reasons.append), wire).data_received(sent)
        await asyncio.sleep(0.01)
        return wire.written

    assert run_hurried(run()).count(b"HTTP/1.1 4") == 1
    assert len(reasons) == 1
