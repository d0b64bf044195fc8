"""``/health/seen``: how a request of ours looks when it arrives; for `signroom doctor`, who alone is answered."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from signroom.http.headers import FORWARDING
from signroom.ports import Ports
from signroom.service.access.self_check import require_self_check

ECHO = "/health/seen"
_SCHEME = "Bearer "

InjectedPorts = NamedDependency[SkipValidation[Ports]]


@get(ECHO, include_in_schema=False)
async def echo(request: Request[Any, Any, Any], ports: InjectedPorts) -> dict[str, Any]:
    """Raises: BadToken, TokenExpired."""
    require_self_check(ports, request.headers.get("authorization", "").removeprefix(_SCHEME))
    client = request.scope["client"]
    return {
        "address": client[0] if client else None,
        "scheme": request.scope["scheme"],
        "host": request.headers.get("host"),
        "forwarding": [name for name in FORWARDING if name in request.headers],
    }
