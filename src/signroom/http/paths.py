"""Routes match whatever the case of their literal parts: client libraries in the field disagree on it."""

from __future__ import annotations

from collections.abc import Mapping

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from signroom.http.headers import ENCODED

Template = tuple[str | None, ...]
"""The literal parts of a route; None stands for a parameter, which is left as it came."""


class AnyCase:
    """ASGI middleware around the finished application; answers no redirect.

    It answers OPTIONS (RFC 9110, 9.3.7) by itself: the framework's own handler names the methods of a path that were
    there when the path's first handler was registered.
    """

    def __init__(self, app: ASGIApp, routes: Mapping[Template, str]) -> None:
        """`routes`: what ``Allow`` says of each."""
        self._app = app
        # A literal part wins over a parameter in its place, as in the framework.
        ordered = sorted(routes.items(), key=lambda route: [part is None for part in route[0]])
        self._routes = [(t, tuple(part and part.lower() for part in t), allow) for t, allow in ordered]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            segments = [s for s in scope["path"].split("/") if s]
            found = self._match(segments)
            if found is not None:
                template, allow = found
                if scope["method"] == "OPTIONS":
                    await _answer_options(send, allow)
                    return
                path = "/" + "/".join(literal or s for literal, s in zip(template, segments, strict=True))
                scope = {**scope, "path": path, "raw_path": path.encode()}
        await self._app(scope, receive, send)

    def _match(self, segments: list[str]) -> tuple[Template, str] | None:
        lowered = [s.lower() for s in segments]
        for template, wanted, allow in self._routes:
            if len(wanted) == len(lowered) and all(w is None or w == s for w, s in zip(wanted, lowered, strict=True)):
                return template, allow
        return None


async def _answer_options(send: Send, allow: str) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": [(b"allow", allow.encode()), *ENCODED]})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
