"""What one connection may cost before the application sees a request, and how many connections there may be.

uvicorn reads with httptools, which has no limits of its own: it keeps a header line of any length in memory, it adds
trailers to the headers of a request that is being answered, and it waits for the next byte for ever. The protocol here
counts the bytes before it hands them to the parser, and ends connections that are too slow.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache, lru_cache
from http import HTTPStatus
from typing import Any, ClassVar

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from signroom.domain.errors import CapacityUnavailable, TooManyRequests
from signroom.http.callers.rates import customer, plain_address
from signroom.http.problems import early_refusal

MAX_HEAD = 64 * 1024
"""Bytes of a request line with its header lines; also of trailers, and of what comes between two chunks of a body."""
MAX_ADDRESS = 16 * 1024
"""Bytes of the address in a request line."""
MAX_LINES = 200
"""Header lines of a request. Each costs a hundred bytes of memory beside its own, however short it is."""
_MAX_CHUNKS, _CONTENT_PER_CHUNK = 1 << 16, 64
"""So many chunks a body may have, and one more for each so many bytes: each costs as much as its first 20 KB."""
_UNREAD_CHUNKS = 1000
"""The same for what is dropped, since its request was answered."""
MIN_RATE = 1024
"""Bytes of a body per second, on average over the time-out: slower phones do not exist, slower attacks do."""
_MAX_WAITING_REQUESTS = 16
"""Requests that are sent ahead of the answer to the one before (pipelining). No browser does it."""
_SLICE = 64 * 1024
_LINGER_SECONDS = 1.0
"""After a refusal: a connection that is closed while bytes come in loses the answer on its way."""
_LINGER_BYTES = 4 << 20
_MAX_LINGERING = 200
_UNREAD_SECONDS = 5.0
"""How long the rest of a body is read and dropped after its request was answered."""
_ADDRESSES = 4096
"""Of which what they count for is remembered."""
_BEGIN_OF_ANSWER = (b"HTTP/1.1 2", b"HTTP/1.1 3", b"HTTP/1.1 4", b"HTTP/1.1 5")
"""Not of ``100 Continue``: a client waits for that one, and nothing follows."""
_STUCK = 5
"""An answer of which the client takes less than `MIN_RATE` in so many time-outs of a body is given up."""

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Times in seconds. `trusted`: proxies, whose connections do not count per address."""

    total: int
    per_address: int
    header_seconds: float
    body_seconds: float
    keep_alive_seconds: float
    trusted: tuple[_Network, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that the application never sees. `reason` is its name in the metrics."""

    status: int
    code: str
    message: str
    reason: str
    retry_after: int | None = None


_MANY = Refusal(429, TooManyRequests.code, "Too many connections from this address.", "address", 5)
_FULL = Refusal(503, CapacityUnavailable.code, CapacityUnavailable.message, "total", CapacityUnavailable.retry_after)
_HEAD = Refusal(431, "HeadersTooLarge", f"The header lines have more than {MAX_HEAD} bytes.", "head")
_LINES = Refusal(431, "HeadersTooLarge", f"There are more than {MAX_LINES} header lines.", "head")
_ADDRESS = Refusal(414, "UriTooLong", f"The address has more than {MAX_ADDRESS} bytes.", "head")
_TRAILERS = Refusal(431, "HeadersTooLarge", f"Trailers or chunks have more than {MAX_HEAD} bytes of frame.", "head")
_CHUNKS = Refusal(400, "BadRequest", "The chunks of the body are too small.", "chunks")
_PIPELINE = Refusal(
    429, TooManyRequests.code, f"More than {_MAX_WAITING_REQUESTS} requests wait for their answer.", "pipeline", 1
)
_LATE = Refusal(408, "RequestTimeout", "The request did not come in time.", "late")
_MALFORMED = Refusal(400, "BadRequest", "This is not HTTP.", "malformed")


class Gate:
    """All connections of the process: how many there are, from where, and which ones wait for a request."""

    def __init__(
        self, limits: ConnectionLimits, count: Callable[[str], None] = lambda _reason: None, public_url: str = ""
    ) -> None:
        """`count` is told the reason of each refusal; `public_url` is where refusals are explained."""
        self.limits, self.count, self.public_url = limits, count, public_url
        self.lingering = 0
        # An address that is refused comes again.
        self._counted = lru_cache(_ADDRESSES)(self._customer)
        self._per_address: Counter[str] = Counter()
        self._open: dict[LimitedProtocol, str | None] = {}
        self._waiting: dict[LimitedProtocol, None] = {}
        """Those without a request that is complete in its head, the oldest first."""
        self._begun = set[str]()
        """Addresses of which a request has begun since the last look at the network."""
        self._later: dict[str, deque[Callable[[], bool]]] = {}
        """What has not begun yet, by its address."""

    def admit(self, connection: LimitedProtocol, host: str | None) -> Refusal | None:
        """Let a connection in, or say why not.

        When the process has as many as it may have, the one that has waited longest without a request makes room.
        """
        address = self._counted(host)
        if address is not None and self._per_address[address] >= self.limits.per_address:
            return _MANY
        if len(self._open) >= self.limits.total:
            oldest = next(iter(self._waiting), None)
            if oldest is None:
                return _FULL
            self.leave(oldest)
            oldest.transport.abort()
            self.count("evicted")
        self._open[connection] = address
        if address is not None:
            self._per_address[address] += 1
        self._waiting[connection] = None
        return None

    def waits(self, connection: LimitedProtocol) -> None:
        """No request of the connection is under way."""
        if connection in self._open:
            self._waiting[connection] = None

    def works(self, connection: LimitedProtocol) -> None:
        self._waiting.pop(connection, None)

    def leave(self, connection: LimitedProtocol) -> None:
        """The connection has ended; once more does nothing."""
        self._waiting.pop(connection, None)
        address = self._open.pop(connection, None)
        if address is not None:
            self._per_address[address] -= 1
            if self._per_address[address] <= 0:
                del self._per_address[address]

    def in_turn(self, connection: LimitedProtocol, start: Callable[[], bool]) -> None:
        """Begin a request: at once, or when those of its address that came before it have begun.

        `start` says whether somebody waits for it still.

        The event loop takes everything that has come since it last looked at the network. If that is a hundred requests
        of one address, whoever comes next waits for all of them. So each address begins one between two looks.
        """
        address = self._open.get(connection)
        if address is None:
            start()
        elif address in self._begun:
            self._later.setdefault(address, deque()).append(start)
        else:
            self._begin(address, start)

    def _begin(self, address: str, start: Callable[[], bool]) -> bool:
        if not self._begun:
            asyncio.get_running_loop().call_soon(self._next_turn)
        self._begun.add(address)
        return start()

    def _next_turn(self) -> None:
        self._begun.clear()
        for address in list(self._later):
            waiting = self._later[address]
            while waiting and not self._begin(address, waiting.popleft()):
                pass  # who has hung up takes no turn
            if not waiting:
                del self._later[address]

    def _customer(self, host: str | None) -> str | None:
        """What a connection counts for; None: it does not count."""
        address = plain_address(host or "")
        if address is None or any(address in network for network in self.limits.trusted):
            return None
        return customer(address)


class _Reads(Enum):
    """What the next byte of a connection belongs to."""

    NOTHING = auto()
    HEAD = auto()
    BODY = auto()


class _Answers:
    """A transport as the answers of a connection are written to it: the head goes out together with what follows.

    uvicorn writes it by itself, and each write is a packet of its own, which wakes the client. What does not follow
    within the same turn of the loop is not waited for.
    """

    __slots__ = ("_head", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._head = b""

    def write(self, data: bytes) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.writelines((head, data))
        elif data.startswith(_BEGIN_OF_ANSWER):
            self._head = data
            self._loop.call_soon(self.flush)
        else:
            self._transport.write(data)

    def flush(self) -> None:
        """Nothing where the client has gone: uvloop raises an error then."""
        head, self._head = self._head, b""
        if head and not self._transport.is_closing():
            self._transport.write(head)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        self.flush()
        self._transport.close()


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with limits. `protocol_of` makes the class that uvicorn gets."""

    gate: ClassVar[Gate]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._reads = _Reads.NOTHING
        self._head_bytes = 0
        self._body_bytes = 0
        self._chunks = self._dropped_chunks = 0
        self._frame_bytes = 0
        """Of a chunked body: what came since the last byte of content."""
        self._content_came = self._paused = False
        self._head_ended = False
        """True when the piece that is being read has ended a head."""
        self._refusal: Refusal | None = None
        self._refused = self._lingers = False
        self._dropped = 0
        self._timers: dict[str, asyncio.TimerHandle] = {}

    # What the transport calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._answers = _Answers(transport, self.loop)
        self._end_when_the_peer_is_gone(transport)
        refusal = self.gate.admit(self, self.client[0] if self.client else None)
        if refusal is not None:
            self._refuse(refusal)
            return
        self._set_timer("head", self.gate.limits.header_seconds, self._head_late)

    def connection_lost(self, exc: Exception | None) -> None:
        for name in list(self._timers):
            self._drop_timer(name)
        self._unset_keepalive_if_required()
        self.gate.leave(self)
        if self._lingers:
            self._lingers = False
            self.gate.lingering -= 1
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        start = 0
        while start < len(data) and self._refusal is None and not self.transport.is_closing():
            size = _SLICE if self._reads is _Reads.BODY else MAX_HEAD - self._head_bytes
            piece = data[start : start + size]
            start += len(piece)
            self._feed(piece)
        if self._refusal is not None:
            self._dropped += len(data)
            if self._dropped > _LINGER_BYTES:
                self.flow.pause_reading()

    def _feed(self, piece: bytes) -> None:
        in_body = self._reads is _Reads.BODY
        if not in_body:
            self._head_bytes += len(piece)
        self._content_came = self._head_ended = False
        super().data_received(piece)
        if self._refusal is None:
            # A request that came whole, as nearly all do, needs no timer.
            if self._head_ended:
                if self._reads is _Reads.BODY:
                    self._watch_body(0)
            elif not in_body and "head" not in self._timers:  # the first byte on a connection that was kept
                self._set_timer("head", self.gate.limits.header_seconds, self._head_late)
        if self._refusal is not None:
            self._refuse(self._refusal)
        elif in_body:
            self._frame_bytes = 0 if self._content_came else self._frame_bytes + len(piece)
            if self._reads is _Reads.BODY and self._frame_bytes > MAX_HEAD:
                self._refuse(_TRAILERS)
        elif self._reads is not _Reads.BODY and self._head_bytes >= MAX_HEAD:
            self._refuse(_HEAD)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_writing()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._drop_timer("write")

    # What the parser calls

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._reads = _Reads.HEAD

    def on_url(self, url: bytes) -> None:
        if len(self.url) + len(url) > MAX_ADDRESS:
            self._refusal = self._refusal or _ADDRESS
        else:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._reads is not _Reads.HEAD:  # a trailer (RFC 9110, 6.5.1) may be ignored
            return
        if len(self.headers) >= MAX_LINES:
            self._refusal = self._refusal or _LINES
        else:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._drop_timer("head")
        self._reads, self._head_ended = _Reads.BODY, True
        if len(self.pipeline) >= _MAX_WAITING_REQUESTS:
            self._refusal = self._refusal or _PIPELINE
        if self._refusal is None:
            self.gate.works(self)
            self._body_bytes = self._frame_bytes = self._chunks = self._dropped_chunks = 0
            self._paused = False
            super().on_headers_complete()
            # The task that answers begins later: nothing was written yet.
            self.cycle.transport = self._answers  # type: ignore[assignment]

    def on_body(self, body: bytes) -> None:
        if self._refusal is not None or self.transport.is_closing():
            return
        self._content_came = True
        self._body_bytes += len(body)
        self._chunks += 1
        if self.cycle.response_complete:
            self._dropped_chunks += 1
            if self._dropped_chunks > _UNREAD_CHUNKS + self._body_bytes // _CONTENT_PER_CHUNK:
                self.gate.count(_CHUNKS.reason)
                self.transport.close()
        elif self._chunks > _MAX_CHUNKS + self._body_bytes // _CONTENT_PER_CHUNK:
            self._refusal = _CHUNKS
        else:
            super().on_body(body)
            self._paused = self._paused or self.flow.read_paused

    def on_message_complete(self) -> None:
        self._drop_timer("body")
        self._drop_timer("unread")
        self._reads, self._head_bytes = _Reads.NOTHING, 0
        if self._refusal is None:
            super().on_message_complete()
            if self.cycle.response_complete:  # it was answered before its body was over
                self._unset_keepalive_if_required()
                self.timeout_keep_alive_task = self.loop.call_later(
                    self.timeout_keep_alive, self.timeout_keep_alive_handler
                )
                self.gate.waits(self)

    # What the answer calls

    def on_response_complete(self) -> None:
        self._answers.flush()  # an answer to HEAD has no body that would take its head along
        super().on_response_complete()
        if self.transport.is_closing() or not self.cycle.response_complete:
            return
        if self._reads is _Reads.BODY:
            self._drop_timer("body")
            self._set_timer("unread", _UNREAD_SECONDS, self.transport.close)
        else:  # also when a next request has begun: it may never be complete
            self.gate.waits(self)

    def send_400_response(self, msg: str) -> None:
        self._refuse(self._refusal or _MALFORMED)

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing: anybody could fill the log with it."""

    # What the parser and the answer before call

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        begin = super()._start_asgi_task

        def start() -> bool:
            if self.transport.is_closing():
                return False
            begin(cycle, app)
            return True

        self.gate.in_turn(self, start)

    # Time

    def _set_timer(self, name: str, seconds: float, act: Callable[[], object]) -> None:
        self._drop_timer(name)
        self._timers[name] = self.loop.call_later(seconds, act)

    def _drop_timer(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _head_late(self) -> None:
        if self._reads is _Reads.HEAD:
            self._refuse(_LATE)
        else:  # nobody has asked for anything
            self.gate.count(_LATE.reason)
            self.transport.close()

    def _watch_body(self, before: int) -> None:
        """Ask after each time-out whether enough has come; time in which we ourselves did not read does not count.

        `before`: how many bytes of the body do not count, since they came earlier.
        """
        seconds = self.gate.limits.body_seconds

        def look() -> None:
            waits = self._paused or self.flow.read_paused or self.cycle.waiting_for_100_continue
            if not waits and self._body_bytes - before < seconds * MIN_RATE:
                self._refuse(_LATE)
            else:
                self._paused = False
                self._watch_body(self._body_bytes)

        self._set_timer("body", seconds, look)

    def _watch_writing(self) -> None:
        """Ask after some time-outs whether enough was taken: a byte now and then would keep an answer for ever."""
        before, seconds = self.transport.get_write_buffer_size(), _STUCK * self.gate.limits.body_seconds

        def look() -> None:
            if before - self.transport.get_write_buffer_size() < seconds * MIN_RATE:
                self.gate.count(_LATE.reason)
                self.transport.abort()
            else:
                self._watch_writing()

        self._set_timer("write", seconds, look)

    def _end_when_the_peer_is_gone(self, transport: asyncio.Transport) -> None:
        """The kernel ends a connection whose other side does not acknowledge, or takes nothing at all (RFC 5482)."""
        found = transport.get_extra_info("socket")
        if found is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
            milliseconds = int(self.gate.limits.body_seconds * 1000)
            with contextlib.suppress(OSError):  # not every socket is of TCP
                found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
                found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    # Refusals

    def _refuse(self, refusal: Refusal) -> None:
        """Answer in the name of the application, and end the connection. An answer that has begun is broken off.

        Once more does nothing: the parser refuses what is not HTTP before the piece is read to its end.
        """
        if self._refused:
            return
        self._refused, self._refusal = True, refusal
        self.gate.count(refusal.reason)
        self.gate.works(self)
        for name in list(self._timers):
            self._drop_timer(name)
        under_way = self.cycle is not None and not self.cycle.response_complete
        if under_way:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        too_late = under_way and (self.cycle.response_started or bool(self.pipeline))
        if too_late or self.gate.lingering >= _MAX_LINGERING or self.transport.is_closing():
            self.transport.abort()
            return
        self.transport.write(_answer(refusal, self.gate.public_url))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._lingers = True
        self.gate.lingering += 1
        self._set_timer("linger", _LINGER_SECONDS, self.transport.abort)


def protocol_of(gate: Gate) -> type[asyncio.Protocol]:
    """The protocol of all connections that `gate` counts."""
    return type("Connection", (LimitedProtocol,), {"gate": gate})


@cache
def _answer(refusal: Refusal, public_url: str) -> bytes:
    body, headers = early_refusal(refusal.code, refusal.message, public_url, refusal.retry_after)
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in [*headers, (b"connection", b"close")])
    return f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}\r\n".encode() + lines + b"\r\n" + body
