"""API keys as clients send them: ``X-Api-Key: app|secret``, with or without ``Bearer``, or in ``Authorization``."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from litestar import Request
from litestar.params import Dependency

from signroom.domain.application import Caller
from signroom.domain.errors import Unauthenticated
from signroom.ports import Ports
from signroom.service.authenticate import authenticate, require_subscription

_SCHEMES = ("bearer ", "apikey ")

InjectedPorts = Annotated[Ports, Dependency(skip_validation=True)]
InjectedCaller = Annotated[Caller, Dependency(skip_validation=True)]


async def provide_caller(request: Request[Any, Any, Any], ports: InjectedPorts) -> Caller:
    """The application behind the request's key. Raises: Unauthenticated, NotAllowed."""
    sent = request.headers.get("x-api-key") or request.headers.get("authorization")
    if not sent:
        raise Unauthenticated
    wanted = request.headers.get("x-subscription", "")

    def identify() -> Caller:
        caller = authenticate(ports, _without_scheme(sent))
        if wanted:
            require_subscription(ports, caller, wanted)
        return caller

    return await asyncio.to_thread(identify)


def _without_scheme(value: str) -> str:
    stripped = value.strip()
    for scheme in _SCHEMES:
        if stripped.lower().startswith(scheme):
            return stripped[len(scheme) :].strip()
    return stripped
