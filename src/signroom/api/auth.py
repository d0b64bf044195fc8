"""API keys as clients send them: ``X-Api-Key: app|secret``, with or without ``Bearer``, or in ``Authorization``."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import SkipValidation
from litestar.types import Guard

from signroom.domain.application import ApplicationCaller, Role
from signroom.domain.errors import Unauthenticated
from signroom.domain.places import Places
from signroom.http.bodies import room_of
from signroom.http.keys import shown_secret
from signroom.ports import Ports
from signroom.service.access.authenticate import authenticate, require_subscription

InjectedPorts = NamedDependency[SkipValidation[Ports]]
InjectedWaits = NamedDependency[SkipValidation[Places]]
"""The places of an application's requests that wait for something to happen."""
InjectedCaller = NamedDependency[SkipValidation[ApplicationCaller]]


_THREADS = 4
"""For looking keys up, and for nothing else: when all threads of the verbs are busy, a wrong key is still refused."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use a route, and how many bytes of JSON it takes. `max_body` None: its body is streamed, and not held."""

    roles: frozenset[Role]
    max_body: int | None


def key_guard(ports: Ports, access: Mapping[object, Access]) -> Guard:
    """Knows the caller, their role and whether there is room for the body before anything of it is read.

    `access` has each route by its function. A route that is missing there cannot be used.
    """
    threads = ThreadPoolExecutor(_THREADS, "keys")

    async def require_key(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        """Raises: Unauthenticated, NotAllowed, TooManyRequests, CapacityUnavailable."""
        secret = shown_secret(connection.scope["headers"])
        if not secret:
            raise Unauthenticated
        wanted = connection.headers.get("x-subscription", "")

        def identify() -> ApplicationCaller:
            caller = authenticate(ports, secret)
            if wanted:
                require_subscription(ports, caller, wanted)
            return caller

        context = contextvars.copy_context()
        caller = await asyncio.get_running_loop().run_in_executor(threads, context.run, identify)
        allowed = access[handler.fn]
        caller.require(allowed.roles)
        connection.state.caller = caller
        if allowed.max_body is not None:
            room = room_of(connection.scope)
            room.of_application(caller.application.id, caller.subscription_id, allowed.max_body)
            announced = connection.headers.get("content-length", "")
            room.require(int(announced) if announced.isdecimal() else 0)

    return require_key


def provide_caller(request: Request[Any, Any, Any]) -> ApplicationCaller:
    """The application behind the request's key, as `key_guard` found it."""
    caller: ApplicationCaller = request.state.caller
    return caller
