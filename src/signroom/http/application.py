"""The HTTP application: one Litestar app for both ways in, its errors, headers and request log."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from urllib.parse import quote
from uuid import uuid4

import structlog
from litestar import Litestar
from litestar.datastructures import MutableScopeHeaders
from litestar.di import Provide
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.openapi.config import OpenAPIConfig
from litestar.plugins import PluginProtocol
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, ControllerRouterHandler, Message, Receive, Scope, Send, TypeDecodersSequence

from signroom.domain.errors import SignroomError
from signroom.http import problems
from signroom.http.headers import EVERYWHERE
from signroom.http.health import NOT_COUNTED
from signroom.http.paths import AnyCase, Template
from signroom.http.rates import RateLimits

log = structlog.get_logger()

_SECRET_PREFIXES = ("/sign/", "/api/downloads/", "/api/multipartuploads/")
"""Paths whose last part is a secret: never logged."""

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


def create_application(
    routes: Sequence[ControllerRouterHandler],
    dependencies: Mapping[str, Provide],
    openapi: OpenAPIConfig | None,
    *,
    max_json: int,
    rate_limits: tuple[str, str],
    type_decoders: TypeDecodersSequence = (),
    plugins: Sequence[PluginProtocol] = (),
    lifespan: Sequence[Lifespan] = (),
    hsts: bool = False,
) -> ASGIApp:
    """The application as ASGI.

    `max_json` in bytes; `rate_limits` per key and per address; `hsts` when the public address is https.
    """
    extra = {**EVERYWHERE, **({"strict-transport-security": "max-age=31536000"} if hsts else {})}

    async def add_headers(message: Message, scope: Scope) -> None:
        if message["type"] == "http.response.start":
            headers = MutableScopeHeaders.from_message(message)
            for name, value in extra.items():
                headers.setdefault(name, value)

    app = Litestar(
        route_handlers=list(routes),
        dependencies=dict(dependencies),
        exception_handlers={
            SignroomError: problems.refuse,
            HTTPException: problems.refuse_by_framework,
            RecursionError: problems.refuse_depth,
            Exception: problems.crash,
        },
        before_send=[add_headers],
        request_max_body_size=max_json,
        openapi_config=openapi,
        type_decoders=type_decoders,
        plugins=list(plugins),
        lifespan=list(lifespan),
        logging_config=None,
    )
    return RequestLog(RateLimits(AnyCase(app, _routes(app)), *rate_limits, free=NOT_COUNTED))


def _routes(app: Litestar) -> dict[Template, str]:
    return {
        tuple(c if isinstance(c, str) else None for c in route.path_components): ", ".join(sorted(route.methods))
        for route in app.routes
        if isinstance(route, HTTPRoute)
    }


class RequestLog:
    """One line per request: method, path without secrets, status, milliseconds, id. Nothing of bodies or headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=uuid4().hex[:12]):
            try:
                await self._app(scope, receive, watch)
            finally:
                took = round((time.perf_counter() - started) * 1000, 1)
                log.info("request", method=scope["method"], path=public_path(scope["path"]), status=status, ms=took)


def public_path(path: str) -> str:
    """`path` as it may be logged."""
    # As routes see it: empty segments do not count.
    lowered = "/" + "/".join(segment for segment in path.lower().split("/") if segment)
    if not lowered.startswith(("/sign/api/", "/sign/assets/", "/sign/assets-operator/")):
        for prefix in _SECRET_PREFIXES:
            if lowered.startswith(prefix):
                return f"{prefix}…"
    # On a terminal a line break would begin a line of its own, and an escape sequence would be obeyed.
    return "".join(c if c.isprintable() else quote(c) for c in path)
