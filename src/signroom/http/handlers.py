"""What stands around each handler: what comes before it, what it is given, and how its answer is sent.

The framework can do all of it, and makes objects for that with each request. Here they are made once.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from copy import copy
from typing import Any

from litestar import MediaType, Request, Response
from litestar.handlers import HTTPRouteHandler
from litestar.serialization import encode_json, get_serializer
from litestar.types import Receive, Scope, Send

Before = Callable[[Request[Any, Any, Any]], Awaitable[Any]]
"""What is done before a handler is called. It may refuse."""
Given = Mapping[str, Callable[[Request[Any, Any, Any]], Any]]
"""What handlers may ask for by the name of a parameter, and how it is found for a request."""


def bound(handler: HTTPRouteHandler, given: Given, *steps: Before) -> HTTPRouteHandler:
    """A copy of `handler` for a router. Each request goes through `steps` first. Then the handler's function gets by
    name what it asks for of `given`.

    The framework has guards and dependencies for that. It makes a copy of the whole handler for each guard, and a model
    for each dependency, with each request anew: more than most handlers do (docs/decisions/0073).
    """
    own = copy(handler)(_with_given(handler.fn, given))

    async def before(request: Request[Any, Any, Any]) -> None:
        for step in steps:
            await step(request)

    own.before_request = before
    return own


def _with_given(function: Callable[..., Awaitable[Any]], given: Given) -> Callable[..., Awaitable[Any]]:
    """`function` as the framework may call it: it asks for the request, and for nothing that is in `given`."""
    if not inspect.iscoroutinefunction(function):
        raise TypeError(f"{function.__name__} is not a coroutine function")
    signature = inspect.signature(function)
    of_request: Given = {**given, "request": lambda request: request}
    wanted = [(name, find) for name, find in of_request.items() if name in signature.parameters]

    @functools.wraps(function)
    async def call(*, request: Request[Any, Any, Any], **named: Any) -> Any:
        for name, find in wanted:
            named[name] = find(request)
        return await function(**named)

    own = inspect.Parameter("request", inspect.Parameter.KEYWORD_ONLY, annotation=Request[Any, Any, Any])
    others = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in signature.parameters.items()
        if name not in of_request
    ]
    call.__signature__ = signature.replace(parameters=[own, *others])  # type: ignore[attr-defined]
    kept = {name: kind for name, kind in function.__annotations__.items() if name not in of_request}
    call.__annotations__ = {**kept, "request": Request[Any, Any, Any]}
    return call


class Answer(Response[Any]):
    """What a handler returns. JSON alone, as nearly all of it is, goes the short way to the server."""

    def to_asgi_response(self, app: Any, request: Any, **about: Any) -> Any:
        is_json = (self.media_type or about.get("media_type") or MediaType.JSON) == MediaType.JSON
        more = self.headers or self.cookies or self.background or any(about.get(name) for name in _MORE)
        if not is_json or more or isinstance(self.content, bytes | str) or self.status_code in _WITHOUT_BODY:
            return super().to_asgi_response(app, request, **about)
        return _Json(self.status_code or 200, encode_json(self.content, get_serializer(self.response_type_encoders)))


_MORE = ("background", "cookies", "headers", "type_encoders")
_WITHOUT_BODY = {204, 304}


class _Json:
    """JSON with its two header lines, as an ASGI application."""

    def __init__(self, status: int, body: bytes) -> None:
        self._status, self._body = status, body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        length = str(len(self._body)).encode()
        lines = [(b"content-type", b"application/json"), (b"content-length", length)]
        await send({"type": "http.response.start", "status": self._status, "headers": lines})
        await send({"type": "http.response.body", "body": self._body, "more_body": False})
