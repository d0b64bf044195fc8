"""The HTTP application: one Litestar app for both ways in, its errors, headers and request log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi.config import OpenAPIConfig
from litestar.plugins import PluginProtocol
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, ControllerRouterHandler, Message, Scope, TypeDecodersSequence

from signroom.domain.errors import SignroomError
from signroom.http import problems
from signroom.http.bodies import SMALL_BODY, Bodies
from signroom.http.callers.rates import RateLimits
from signroom.http.handlers import Answer
from signroom.http.headers import ENCODED, IGNORED, with_defaults
from signroom.http.health import NOT_COUNTED, NOT_LOGGED
from signroom.http.paths import AnyCase, Known, Template
from signroom.http.request_log import RequestLog
from signroom.ports.operations import Meter

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


def create_application(
    routes: Sequence[ControllerRouterHandler],
    dependencies: Mapping[str, Provide],
    openapi: OpenAPIConfig | None,
    *,
    meter: Meter,
    max_bodies: int = SMALL_BODY,
    largest_body: int = SMALL_BODY,
    rate_limits: tuple[str, str],
    type_decoders: TypeDecodersSequence = (),
    plugins: Sequence[PluginProtocol] = (),
    lifespan: Sequence[Lifespan] = (),
    public_url: str = "",
    quiet_files: bool = False,
) -> ASGIApp:
    """The application as ASGI.

    `max_bodies`: how many bytes of bodies are held at once; `largest_body` of them for one. Routes without a limit of
    their own take `SMALL_BODY`. `rate_limits` per key and per address; `public_url` is where refusals
    find the documentation. `quiet_files` as `RequestLog` has it.
    """
    hsts = [(b"strict-transport-security", b"max-age=31536000")] if public_url.startswith("https://") else []
    defaults = [*ENCODED, *hsts]

    async def add_headers(message: Message, scope: Scope) -> None:
        if message["type"] == "http.response.start":
            headers = with_defaults(message["headers"], defaults)
            if IGNORED in scope["state"]:
                headers.append((IGNORED.encode(), scope["state"][IGNORED].encode("latin-1")))
            message["headers"] = headers

    app = Litestar(
        route_handlers=list(routes),
        dependencies=dict(dependencies),
        exception_handlers={
            SignroomError: problems.refuse,
            HTTPException: problems.refuse_by_framework,
            RecursionError: problems.refuse_depth,
            UnicodeDecodeError: problems.refuse_text,
            Exception: problems.crash,
        },
        response_class=Answer,
        before_send=[add_headers],
        request_max_body_size=SMALL_BODY,
        openapi_config=openapi,
        type_decoders=type_decoders,
        plugins=list(plugins),
        lifespan=list(lifespan),
        logging_config=None,
        state=State({problems.PUBLIC_URL: public_url}),
    )
    known = AnyCase(app, _routes(app), meter.about)
    held = Bodies(known, max_bodies, largest_body)
    return RequestLog(
        RateLimits(held, *rate_limits, free=NOT_COUNTED, public_url=public_url),
        meter,
        quiet=NOT_LOGGED,
        quiet_files=quiet_files,
    )


def _routes(app: Litestar) -> dict[Template, Known]:
    return {
        tuple(c if isinstance(c, str) else None for c in route.path_components): _known(route)
        for route in app.routes
        if isinstance(route, HTTPRoute)
    }


def _known(route: HTTPRoute) -> Known:
    reads = "GET" in route.methods
    methods = {*route.methods, "HEAD"} if reads else route.methods
    last = route.path_components[-1] if route.path_components else ""
    return Known(route.path_format, ", ".join(sorted(methods)), reads, not isinstance(last, str) and last.type is Path)
