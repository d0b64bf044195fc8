"""Routes match whatever the case of their literal parts: client libraries in the field disagree on it."""

from __future__ import annotations

from collections.abc import Iterable

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

Template = tuple[str | None, ...]
"""The literal parts of a route; None stands for a parameter, which is left as it came."""


class AnyCase:
    """ASGI middleware around the finished application; answers no redirect."""

    def __init__(self, app: ASGIApp, templates: Iterable[Template]) -> None:
        self._app = app
        self._templates = [(t, tuple(part and part.lower() for part in t)) for t in templates]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            segments = [s for s in scope["path"].split("/") if s]
            found = self._match(segments)
            if found is not None:
                path = "/" + "/".join(literal or s for literal, s in zip(found, segments, strict=True))
                scope = {**scope, "path": path, "raw_path": path.encode()}
        await self._app(scope, receive, send)

    def _match(self, segments: list[str]) -> Template | None:
        lowered = [s.lower() for s in segments]
        for template, wanted in self._templates:
            if len(wanted) == len(lowered) and all(w is None or w == s for w, s in zip(wanted, lowered, strict=True)):
                return template
        return None
