"""API keys as clients send them: ``X-Api-Key: app|secret``, with or without ``Bearer``, or in ``Authorization``."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import SkipValidation
from litestar.types import Guard

from signroom.domain.application import ApplicationCaller
from signroom.domain.errors import Unauthenticated
from signroom.http.keys import shown_secret
from signroom.ports import Ports
from signroom.service.access.authenticate import authenticate, require_subscription

InjectedPorts = NamedDependency[SkipValidation[Ports]]
InjectedCaller = NamedDependency[SkipValidation[ApplicationCaller]]


def key_guard(ports: Ports) -> Guard:
    """Identifies the caller before anything of the body is read: who has no key learns nothing from it."""

    async def require_key(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
        """Raises: Unauthenticated, NotAllowed."""
        secret = shown_secret(connection.scope["headers"])
        if not secret:
            raise Unauthenticated
        wanted = connection.headers.get("x-subscription", "")

        def identify() -> ApplicationCaller:
            caller = authenticate(ports, secret)
            if wanted:
                require_subscription(ports, caller, wanted)
            return caller

        connection.state.caller = await asyncio.to_thread(identify)

    return require_key


def provide_caller(request: Request[Any, Any, Any]) -> ApplicationCaller:
    """The application behind the request's key, as `key_guard` found it."""
    caller: ApplicationCaller = request.state.caller
    return caller
