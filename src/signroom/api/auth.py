"""API keys as clients send them: ``X-Api-Key: app|secret``, with or without ``Bearer``, or in ``Authorization``."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from litestar import Request
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from signroom.domain.application import ApplicationCaller, Role
from signroom.domain.errors import Unauthenticated
from signroom.domain.places import Places
from signroom.http.bodies import room_of
from signroom.http.callers.keys import KEY_HEADER, header_of_key, shown_secret
from signroom.http.handlers import Before
from signroom.http.headers import Encoded, sent
from signroom.http.ignored import name_parameters
from signroom.ports import Ports
from signroom.service.access.authenticate import authenticate, authenticate_known, require_subscription

InjectedPorts = NamedDependency[SkipValidation[Ports]]
MAX_WAITS, MAX_WAITS_OF_SUBSCRIPTION = 50, 200


class Waits:
    """The places of requests that wait for something to happen. Each holds a connection."""

    def __init__(self) -> None:
        self._of_application = Places(MAX_WAITS, f"An application has at most {MAX_WAITS} requests that wait.")
        self._of_subscription = Places(
            MAX_WAITS_OF_SUBSCRIPTION, f"A subscription has at most {MAX_WAITS_OF_SUBSCRIPTION} requests that wait."
        )

    @contextmanager
    def taken(self, caller: ApplicationCaller) -> Iterator[None]:
        """A place, for as long as the block runs. Raises: TooManyRequests."""
        application, subscription = caller.application.id, caller.subscription_id
        with self._of_application.taken(application), self._of_subscription.taken(subscription):
            yield


InjectedWaits = NamedDependency[SkipValidation[Waits]]
InjectedCaller = NamedDependency[SkipValidation[ApplicationCaller]]


_MISSING = f"Send it in the header {KEY_HEADER}, as application|secret."
_EMPTY = f"The header {KEY_HEADER} is there, and has no secret in it: it is application|secret."
_THREADS = 4
"""For looking keys up, and for nothing else: when all threads of the verbs are busy, a wrong key is still refused."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use a route, and how many bytes of JSON it takes. `max_body` None: its body is streamed, and not held."""

    roles: frozenset[Role]
    max_body: int | None


def key_check(ports: Ports) -> Callable[[Access], Before]:
    """Makes the check of a route from its access: it knows the caller, their role and whether there is room for the
    body before anything of it is read.
    """
    threads = ThreadPoolExecutor(_THREADS, "keys")

    async def caller_of(headers: Iterable[Encoded]) -> ApplicationCaller:
        """Raises: Unauthenticated."""
        secret = shown_secret(headers)
        if not secret:
            raise Unauthenticated(_EMPTY if header_of_key(headers) else _MISSING, path=KEY_HEADER)
        wanted = sent(headers, b"x-subscription")

        def identify() -> ApplicationCaller:
            caller = authenticate(ports, secret)
            if wanted:
                require_subscription(ports, caller, wanted)
            return caller

        try:
            caller = None if wanted else authenticate_known(ports, secret)
            if caller is None:
                context = contextvars.copy_context()
                caller = await asyncio.get_running_loop().run_in_executor(threads, context.run, identify)
        except Unauthenticated as error:
            header = header_of_key(headers) or KEY_HEADER
            raise Unauthenticated(f"{header}: {error.detail}", path=header) from error
        return caller

    def of_route(access: Access) -> Before:
        async def require_key(request: Request[Any, Any, Any]) -> None:
            """Raises: Unauthenticated, NotAllowed, UnknownField, TooManyRequests, CapacityUnavailable."""
            headers = request.scope["headers"]
            caller = await caller_of(headers)
            caller.require(access.roles)
            request.scope["state"]["caller"] = caller
            name_parameters(request, request.route_handler)
            if access.max_body is not None:
                room = room_of(request.scope)
                room.of_application(caller.application.id, caller.subscription_id, access.max_body)
                announced = sent(headers, b"content-length")
                room.require(int(announced) if announced.isdecimal() else 0)

        return require_key

    return of_route


def found_caller(request: Request[Any, Any, Any]) -> ApplicationCaller:
    """The application behind the request's key, as `key_check` found it."""
    caller: ApplicationCaller = request.scope["state"]["caller"]
    return caller
