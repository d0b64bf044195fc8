"""``/metrics`` in Prometheus's text format: for this machine itself, or for whoever has the operator's token.

What comes through a proxy on this machine looks like this machine, and is not: with a trusted proxy on a loopback
address only the token counts, and a request that bears the mark of any proxy, or was sent to another name than a
loopback one (a page of the web may name us as it likes), is a stranger's.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.exceptions import PermissionDeniedException
from litestar.params import SkipValidation

from signroom.http.headers import FORWARDING

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Metrics:
    """Who may read them, and what there is to read."""

    exposition: Callable[[], bytes]
    """Blocks: called from a thread."""
    token: str | None
    loopback: bool
    """False: a proxy may stand on this machine, so that its address says nothing."""

    def require_allowed(self, peer: str | None, headers: Mapping[str, str]) -> None:
        """Raises: PermissionDeniedException."""
        if self.token is not None and _bears(headers, self.token):
            return
        if self.loopback and _is_from_here(peer, headers):
            return
        raise PermissionDeniedException("The metrics are for this machine, or for a bearer of the operator's token.")


InjectedMetrics = NamedDependency[SkipValidation[Metrics]]


@get("/metrics", include_in_schema=False)
async def read(request: Request[Any, Any, Any], metrics: InjectedMetrics) -> Response[bytes]:
    """Raises: PermissionDeniedException."""
    client = request.scope["client"]
    metrics.require_allowed(client[0] if client else None, request.headers)
    return Response(await asyncio.to_thread(metrics.exposition), media_type=CONTENT_TYPE)


def _bears(headers: Mapping[str, str], token: str) -> bool:
    scheme, _, sent = headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(sent.strip().encode(), token.encode())


def _is_from_here(peer: str | None, headers: Mapping[str, str]) -> bool:
    if peer is None or any(name in headers for name in FORWARDING):
        return False
    return is_loopback(peer) and is_loopback(_host_name(headers.get("host", "")))


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """True for ``localhost`` and for addresses of this machine alone."""
    if host == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback
