"""Connections to endpoints that stay open from one delivery to the next.

A connection is used again only for the same scheme, name, port and address. The name has been looked up anew before,
and the address is one that was allowed just now: so a name that leads elsewhere leads to no old connection, and a
connection whose certificate was checked for one name serves no other.

All of it runs on one event loop, in a thread of its own, and nothing here is for any other thread.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import httpx

from signroom.fetch.addresses import Address, Target
from signroom.fetch.loops import loop_of_thread

_MOST = 64
"""Endpoints whose connections are kept, and the connections that each of them may have beside those in use."""
_MOST_IDLE = 4
_IDLE_SECONDS = 10.0
"""A connection that nobody has used for so long is closed."""
_LONGEST_SECONDS = 60.0
"""After so long a connection is not used again: what was true of the endpoint's certificate is looked at anew."""
_CONNECTING = "connection.connect_tcp.started"
"""What httpx calls the beginning of a new connection."""

_Key = tuple[str, str, int, Address]


@dataclass(slots=True, eq=False)
class _Kept:
    key: _Key
    transport: httpx.AsyncHTTPTransport
    born: float
    used: float
    users: int = 0


class KeptConnections:
    """Those of one `GuardedFetch`."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._kept: OrderedDict[_Key, _Kept] = OrderedDict()
        """Whose users come back soonest last."""
        self._sweeping: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def take(self, target: Target, address: Address) -> _Kept:
        """The connections to an endpoint, until they are given back."""
        now, key = asyncio.get_running_loop().time(), (target.scheme, target.host, target.port, address)
        kept = self._kept.get(key)
        if kept is not None and now - kept.born > _LONGEST_SECONDS:
            self._retire(kept)
            kept = None
        if kept is None:
            limits = httpx.Limits(
                max_connections=None, max_keepalive_connections=_MOST_IDLE, keepalive_expiry=_IDLE_SECONDS
            )
            transport = httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False, limits=limits)
            kept = self._kept[key] = _Kept(key, transport, born=now, used=now)
        kept.users += 1
        self._kept.move_to_end(key)
        self._make_room()
        return kept

    def give_back(self, kept: _Kept) -> None:
        loop = asyncio.get_running_loop()
        kept.users -= 1
        kept.used = loop.time()
        if self._kept.get(kept.key) is not kept and kept.users == 0:
            self._close(kept)
        if self._sweeping is None:
            self._sweeping = loop.call_later(_IDLE_SECONDS, self._sweep)

    def forget(self, kept: _Kept) -> None:
        """Nobody gets them any more: one of them was closed by the other side."""
        if self._kept.get(kept.key) is kept:
            self._retire(kept)

    def _make_room(self) -> None:
        unused = [kept for kept in self._kept.values() if kept.users == 0] if len(self._kept) > _MOST else []
        for kept in unused[: len(self._kept) - _MOST]:
            self._retire(kept)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweeping = None
        for kept in list(self._kept.values()):
            if kept.users == 0 and loop.time() - kept.used >= _IDLE_SECONDS:
                self._retire(kept)
        if self._kept:
            self._sweeping = loop.call_later(_IDLE_SECONDS, self._sweep)

    def _retire(self, kept: _Kept) -> None:
        """Nobody gets it any more. It is closed when its last user gives it back."""
        del self._kept[kept.key]
        if kept.users == 0:
            self._close(kept)

    def _close(self, kept: _Kept) -> None:
        closing = asyncio.get_running_loop().create_task(kept.transport.aclose())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


class KeptWay:
    """The way of one delivery to its endpoint, over connections that are kept."""

    def __init__(self, connections: KeptConnections, target: Target) -> None:
        self._connections, self._target = connections, target
        self._taken: list[_Kept] = []

    async def ask(self, address: Address, request: httpx.Request) -> httpx.Response:
        """The answer of `address`, which was allowed just now.

        An endpoint may close a connection while a delivery is on its way to it. Then the delivery goes out again on
        another one: it may arrive twice, as any delivery may, always under the same id.

        Raises: httpx.HTTPError.
        """
        kept, is_again = self._take(address), False
        while True:
            is_new = False

            async def trace(what: str, _about: dict[str, Any]) -> None:
                nonlocal is_new
                is_new = is_new or what == _CONNECTING

            request.extensions["trace"] = trace
            try:
                return await kept.transport.handle_async_request(request)
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                # Those that are kept beside it have most likely gone with it: each would be one more delivery.
                if is_new or is_again:
                    raise
                self._connections.forget(kept)
                kept, is_again = self._take(address), True

    def _take(self, address: Address) -> _Kept:
        kept = self._connections.take(self._target, address)
        self._taken.append(kept)
        return kept

    async def aclose(self) -> None:
        """The answer was read, or is not wanted."""
        taken, self._taken = self._taken, []
        for kept in taken:
            self._connections.give_back(kept)


def delivery_loop() -> asyncio.AbstractEventLoop:
    """The loop on which all deliveries of this process are made."""
    return loop_of_thread("signroom-deliveries")
