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

BODY_SECONDS = 2.0
Answer = TypeVar("Answer")


class Hurried(asyncio.SelectorEventLoop):
    """A loop whose clock goes to the next timer when nothing else is to do: it sees no pause of the machine."""

    _now = 0.0

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self._now = max(self._now, self._scheduled[0].when())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


def run_hurried(work: Coroutine[Any, Any, Answer]) -> Answer:
    with asyncio.Runner(loop_factory=Hurried) as runner:
        return runner.run(work)


class Wire(asyncio.Transport):
    """A transport that keeps what is written, and says what a test wants about its buffer."""

    def __init__(self, address: str = "192.0.2.1") -> None:
        super().__init__()
        self.address, self.buffer, self.written, self.closed = address, 0, b"", False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return (self.address, 1) if name == "peername" else default

    def get_write_buffer_size(self) -> int:
        return self.buffer

    def write(self, data: Any) -> None:
        self.written += data

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


def connect(gate: Gate, wire: Wire, application: Any = answers) -> LimitedProtocol:
    config = uvicorn.Config(application, log_config=None, http=protocol_of(gate), ws="none")
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
