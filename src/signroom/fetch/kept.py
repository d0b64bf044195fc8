"""Connections to endpoints that stay open from one delivery to the next.

A connection is used again only for the same scheme, name, port and address. The name has been looked up anew before,
and the address is one that was allowed just now: so a name that leads elsewhere leads to no old connection, and a
connection whose certificate was checked for one name serves no other.

A delivery runs in a thread of its own, and that thread writes and reads the socket itself (docs/decisions/0070). How
HTTP is written and read is up to `h11`. Every wait ends at the deadline of the delivery.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import h11

from signroom.fetch.addresses import Address, Target
from signroom.fetch.loops import loop_of_thread
from signroom.ports.outside import Answer

_MOST = 64
"""Endpoints whose connections are kept, and the connections that each of them may have beside those in use."""
_MOST_IDLE = 4
_IDLE_SECONDS = 10.0
"""A connection that nobody has used for so long is closed."""
_LONGEST_SECONDS = 60.0
"""After so long a connection is not used again: what was true of the endpoint's certificate is looked at anew."""
_MOST_HEAD = 100 << 10
"""Bytes of the head of an answer."""
_MOST_RECEIVED = 1 << 20
"""Bytes of all heads and of the start of the body. An endpoint may say "go on" (status 1xx) again and again."""
_PIECE = 64 << 10

_Key = tuple[int, str, str, int, Address]
"""The process, since a forked one must not speak on its parent's connections; scheme, name, port and address."""


class NoConnection(Exception):
    """None of the addresses takes a connection."""


class WrongCertificate(Exception):
    """The endpoint has no valid certificate for its name, or speaks no TLS that we speak."""


@dataclass(frozen=True, slots=True)
class Post:
    """What is sent, and how much of the answer is wanted."""

    target: Target
    headers: Sequence[tuple[str, str]]
    """All but the length of the body."""
    body: bytes
    limit: int
    """Bytes of the answer's body that are read at most."""
    deadline: float
    """By the monotonic clock. All is over then."""

    def seconds_left(self) -> float:
        """Raises: TimeoutError when there are none."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class Connection:
    """One connection, for one thread at a time."""

    def __init__(self, key: _Key, opened: socket.socket) -> None:
        self.key, self.born, self.used = key, time.monotonic(), time.monotonic()
        self._socket = opened
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_HEAD)
        self._received = 0

    def ask(self, post: Post) -> Answer:
        """The answer to `post`: the start of its body, or what came of it in time.

        Raises: TimeoutError, OSError, h11.ProtocolError when its head did not come.
        """
        self._received = 0
        request = h11.Request(
            method="POST",
            target=post.target.path,
            headers=[*post.headers, ("Content-Length", str(len(post.body)))],
        )
        wire = (self._http.send(request), self._http.send(h11.Data(post.body)), self._http.send(h11.EndOfMessage()))
        self._socket.settimeout(post.seconds_left())
        try:
            self._socket.sendall(b"".join(part or b"" for part in wire))
        except TimeoutError:
            raise
        except OSError:
            # An endpoint may answer before it has read all, and close. Without an answer, reading fails, too.
            pass
        while isinstance(head := self._event(post), h11.InformationalResponse):
            pass  # the answer itself is still to come
        if not isinstance(head, h11.Response):
            raise h11.RemoteProtocolError("no answer")
        again_after = [value for name, value in head.headers if name == b"retry-after"]
        return Answer(
            head.status_code, b", ".join(again_after).decode("latin-1") if again_after else None, self._start(post)
        )

    def is_reusable(self) -> bool:
        """Whether the answer was read to its end, and both sides go on. Then the connection is ready for the next."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        if self._http.trailing_data[0]:  # it would be taken for the next answer
            return False
        self._http.start_next_cycle()
        return True

    def is_stale(self, now: float) -> bool:
        """Whether it is too old, or the endpoint has closed it: nobody sends what was not asked for."""
        if now - self.born > _LONGEST_SECONDS or now - self.used >= _IDLE_SECONDS:
            return True
        poller = select.poll()
        poller.register(self._socket.fileno(), select.POLLIN)
        return bool(poller.poll(0))

    def close(self) -> None:
        self._socket.close()

    def _start(self, post: Post) -> bytes:
        """The first bytes of the body. More of it is never asked for."""
        start = bytearray()
        # The status has said it all: an answer that breaks off, or never ends, is one all the same.
        with suppress(OSError, h11.ProtocolError):
            while len(start) < post.limit:
                event = self._event(post)
                if not isinstance(event, h11.Data):
                    break
                start += event.data
            else:
                self._http.next_event()  # the body may end here: then the connection can be used again
        return bytes(start[: post.limit])

    def _event(self, post: Post) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._socket.settimeout(post.seconds_left())
            piece = self._socket.recv(_PIECE)
            self._received += len(piece)
            if self._received > _MOST_RECEIVED:
                raise h11.RemoteProtocolError("too much before the body")
            self._http.receive_data(piece)
        return event


class KeptConnections:
    """Those of one `GuardedFetch`, for all threads."""

    def __init__(self, tls: ssl.SSLContext, connect_seconds: float) -> None:
        """`connect_seconds`: the patience with each address."""
        self._tls, self._connect_seconds = tls, connect_seconds
        self._lock = threading.Lock()
        self._idle: OrderedDict[_Key, list[Connection]] = OrderedDict()
        """Whose connections come back soonest last, and of each of them the newest last."""
        self._sweeping = False

    def ask(self, addresses: Sequence[Address], post: Post) -> Answer:
        """The answer of the first of `addresses` that takes a connection. Each of them was allowed just now.

        An endpoint may close a connection while a delivery is on its way to it. Then the delivery goes out again on
        another one: it may arrive twice, as any delivery may, always under the same id.

        Raises: NoConnection, WrongCertificate, TimeoutError; OSError, h11.ProtocolError when the connection broke off.
        """
        failure: Exception | None = None
        for address in addresses:
            key = (os.getpid(), post.target.scheme, post.target.host, post.target.port, address)
            kept = self._take(key)
            if kept is not None:
                try:
                    return self._ask(kept, post)
                except TimeoutError:
                    raise
                except (OSError, h11.RemoteProtocolError):
                    # Those that are kept beside it have most likely gone with it: each would be one more delivery.
                    self._forget(key)
            try:
                opened = Connection(key, self._opened(address, post))
            except ssl.SSLError as error:
                raise WrongCertificate from error
            except OSError as error:
                post.seconds_left()  # no patience is left for another one
                failure = error
            else:
                return self._ask(opened, post)
        raise NoConnection from failure

    def _ask(self, connection: Connection, post: Post) -> Answer:
        keeps = False
        try:
            answer = connection.ask(post)
            keeps = connection.is_reusable()
        finally:
            if keeps:
                self._give_back(connection)
            else:
                connection.close()
        return answer

    def _opened(self, address: Address, post: Post) -> socket.socket:
        """Raises: ssl.SSLError, OSError, TimeoutError."""
        opened = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)
        try:
            opened.settimeout(min(self._connect_seconds, post.seconds_left()))
            opened.connect((str(address), post.target.port))
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if post.target.scheme == "https":
                opened.settimeout(min(self._connect_seconds, post.seconds_left()))
                return self._tls.wrap_socket(opened, server_hostname=post.target.host)
        except BaseException:
            opened.close()
            raise
        return opened

    def _take(self, key: _Key) -> Connection | None:
        """One that works as far as it can be seen."""
        stale, found = list[Connection](), None
        with self._lock:
            idle = self._idle.get(key, [])
            now = time.monotonic()
            while idle and found is None:
                one = idle.pop()
                if one.is_stale(now):
                    stale.append(one)
                else:
                    found = one
            if not idle:
                self._idle.pop(key, None)
        _close(stale)
        return found

    def _give_back(self, connection: Connection) -> None:
        connection.used = time.monotonic()
        with self._lock:
            idle = self._idle.setdefault(connection.key, [])
            idle.append(connection)
            self._idle.move_to_end(connection.key)
            surplus = [idle.pop(0)] if len(idle) > _MOST_IDLE else []
            if len(self._idle) > _MOST:
                surplus += self._idle.popitem(last=False)[1]
            sweeps, self._sweeping = not self._sweeping, True
        _close(surplus)
        if sweeps:
            self._sweep_later()

    def _forget(self, key: _Key) -> None:
        with self._lock:
            gone = self._idle.pop(key, [])
        _close(gone)

    def _sweep_later(self) -> None:
        loop = loop_of_thread("signroom-names")
        loop.call_soon_threadsafe(loop.call_later, _IDLE_SECONDS, self._sweep)

    def _sweep(self) -> None:
        """Close those that nobody has used for long, until none is left."""
        unused = list[Connection]()
        with self._lock:
            now = time.monotonic()
            for key, idle in list(self._idle.items()):
                unused += [one for one in idle if now - one.used >= _IDLE_SECONDS]
                idle[:] = [one for one in idle if now - one.used < _IDLE_SECONDS]
                if not idle:
                    del self._idle[key]
            self._sweeping = bool(self._idle)
            goes_on = self._sweeping
        _close(unused)
        if goes_on:
            self._sweep_later()


def _close(connections: Sequence[Connection]) -> None:
    for connection in connections:
        connection.close()
