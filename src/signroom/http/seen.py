"""``/health/seen``: how a request of ours looks when it arrives; for `signroom doctor`, who alone is answered."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from signroom.http.headers import FORWARDING
from signroom.ports import Ports
from signroom.service.own_visit import require_own_visit

SEEN = "/health/seen"
_SCHEME = "Bearer "

InjectedPorts = NamedDependency[SkipValidation[Ports]]


@get(SEEN, include_in_schema=False)
async def seen(request: Request[Any, Any, Any], ports: InjectedPorts) -> dict[str, Any]:
    """Raises: BadToken, TokenExpired."""
    require_own_visit(ports, request.headers.get("authorization", "").removeprefix(_SCHEME))
    client = request.scope["client"]
    return {
        "address": client[0] if client else None,
        "scheme": request.scope["scheme"],
        "host": request.headers.get("host"),
        "forwarding": [name for name in FORWARDING if name in request.headers],
    }
