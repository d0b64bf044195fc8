"""Rate limits per API key and per address: generous, so that they only meet who lost control of a loop.

Counted in this process: with N processes behind a balancer a client may do up to N times as much.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import math
import time
from collections.abc import Container

import limits
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from signroom.domain.errors import TooManyRequests
from signroom.http.headers import ENCODED
from signroom.http.keys import shown_secret

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class RateLimits:
    """ASGI middleware; `per_key` and `per_address` are written like ``6000/minute``."""

    def __init__(self, app: ASGIApp, per_key: str, per_address: str, *, free: Container[str] = ()) -> None:
        """`free`: paths that anybody may ask as often as he likes."""
        self._app, self._free = app, free
        self._per_key, self._per_address = limits.parse(per_key), limits.parse(per_address)
        self._counters = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and scope["path"] not in self._free:
            wait = self._seconds_to_wait(scope)
            if wait:
                await _refuse(send, TooManyRequests(retry_after=wait))
                return
        await self._app(scope, receive, send)

    def _seconds_to_wait(self, scope: Scope) -> int:
        client = scope["client"]
        host = client[0] if client else ""
        address = plain_address(host)
        counted = [(self._per_address, "address", host if address is None else customer(address))]
        secret = shown_secret(scope["headers"])
        if secret is not None:
            # Hashed: what is counted stays in memory for a while, and it is a secret.
            counted.append((self._per_key, "key", hashlib.sha256(secret.encode()).hexdigest()))
        for limit, kind, name in counted:
            if not self._counters.hit(limit, kind, name):
                reset = self._counters.get_window_stats(limit, kind, name).reset_time
                return max(1, math.ceil(reset - time.time()))
        return 0


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


async def _refuse(send: Send, error: TooManyRequests) -> None:
    body = json.dumps({"code": error.code, "message": error.message}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", str(error.retry_after).encode()),
        *ENCODED,
    ]
    await send({"type": "http.response.start", "status": 429, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
