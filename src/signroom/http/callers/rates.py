"""Rate limits per API key and per address: generous, so that they only meet who lost control of a loop.

Counted in this process: with N processes behind a balancer a client may do up to N times as much.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Container
from functools import lru_cache

import limits
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from signroom.domain.errors import TooManyRequests
from signroom.http.callers.keys import shown_secret
from signroom.http.problems import early_refusal

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_MOST_CALLERS = 100_000
"""How many callers are remembered at once, of each limit: some 20 MB. Beyond it the one is forgotten that has been
quiet for longest.
"""
_SHORTEST_WAIT = 0.001
"""Seconds."""
_FORGOTTEN_AT_ONCE = 2
"""A request forgets so many callers who are quiet: more than it can add, and never a walk through all of them."""


class SlidingWindows:
    """How often each caller asked in the last `seconds`, from two windows: this one, and a share of the one before.

    Each request costs the same, however many callers are remembered. For one thread, the event loop's.
    """

    def __init__(
        self,
        amount: int,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        most_callers: int = _MOST_CALLERS,
    ) -> None:
        self._amount, self._seconds, self._clock, self._most = amount, seconds, clock, most_callers
        self._counts: OrderedDict[str, tuple[int, int, int]] = OrderedDict()
        """By caller: the number of their latest window, and how often they asked in the one before it and in it. The
        caller who has been quiet for longest is the first."""

    def __len__(self) -> int:
        return len(self._counts)

    def wait(self, caller: str, *, count: bool = True) -> float:
        """0 when there is room for a request of `caller`, and it is counted unless `count` is False. Otherwise nothing
        is counted, and the answer is in how many seconds there is room.
        """
        now = self._clock() / self._seconds
        window = math.floor(now)
        self._forget(window)
        latest, before, current = self._counts.get(caller, (window, 0, 0))
        if latest != window:
            before, current = (current if latest == window - 1 else 0), 0
        into = now - window
        if math.floor(before * (1 - into) + current) + 1 > self._amount:
            return max(_SHORTEST_WAIT, self._seconds * _until_room(before, current, into, self._amount))
        if not count:
            return 0
        self._counts[caller] = window, before, current + 1
        self._counts.move_to_end(caller)
        if len(self._counts) > self._most:
            self._counts.popitem(last=False)
        return 0

    def _forget(self, window: int) -> None:
        for _ in range(_FORGOTTEN_AT_ONCE):
            quietest = next(iter(self._counts), None)
            if quietest is None or self._counts[quietest][0] >= window - 1:
                return
            del self._counts[quietest]


def _until_room(before: int, current: int, into: float, amount: int) -> float:
    """In how much of a window there is room for one more request; `into` is how much of this window is over."""
    if current < amount:  # enough of the window before must have passed
        return 1 - into - (amount - current) / before
    return 1 - into + max(0.0, 1 - amount / max(current, 1))


class RateLimits:
    """ASGI middleware; `per_key` and `per_address` are written like ``6000/minute``."""

    def __init__(
        self, app: ASGIApp, per_key: str, per_address: str, *, free: Container[str] = (), public_url: str = ""
    ) -> None:
        """`free`: paths that anybody may ask as often as he likes. `public_url`: where refusals are explained."""
        self._app, self._free, self._public_url = app, free, public_url
        self._keys, self._addresses = _windows(per_key), _windows(per_address)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and scope["path"] not in self._free:
            wait = self._seconds_to_wait(scope)
            if wait:
                await _refuse(send, TooManyRequests(retry_after=wait), self._public_url)
                return
        await self._app(scope, receive, send)

    def _seconds_to_wait(self, scope: Scope) -> int:
        client = scope["client"]
        wait = self._addresses.wait(_counted(client[0] if client else ""))
        secret = None if wait else shown_secret(scope["headers"])
        if secret is not None:
            # Hashed: what is counted stays in memory for a while, and it is a secret.
            wait = self._keys.wait(hashlib.sha256(secret.encode()).hexdigest())
        return max(1, math.ceil(wait)) if wait else 0


def _windows(written: str) -> SlidingWindows:
    limit = limits.parse(written)
    return SlidingWindows(limit.amount, limit.get_expiry())


@lru_cache(4096)
def _counted(host: str) -> str:
    address = plain_address(host)
    return host if address is None else customer(address)


def plain_address(host: str) -> Address | None:
    """The address that `host` is: an IPv4 address also when it is written as an IPv6 one. None: it is none."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, ipaddress.IPv6Address) else address


def customer(address: Address) -> str:
    """What is counted for an address: itself, or its IPv6 network of 64 bits. One customer has all of these."""
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


async def _refuse(send: Send, error: TooManyRequests, public_url: str) -> None:
    body, headers = early_refusal(error.code, error.message, public_url, error.retry_after)
    await send({"type": "http.response.start", "status": 429, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
