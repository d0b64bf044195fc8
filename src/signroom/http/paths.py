"""Routes match whatever the case of their literal parts: client libraries in the field disagree on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from signroom.http.headers import ENCODED

Template = tuple[str | None, ...]
"""The literal parts of a route; None stands for a parameter, which is left as it came."""


ROUTE = "signroom_route"
"""Where in the request's state the route is noted, for the log and the metrics."""

_IDS = {"signature-sessions": "session_id", "documents": "document_id"}
"""What a parameter is the id of, by the literal part in front of it."""


@dataclass(frozen=True, slots=True)
class Known:
    """What there is to know of a route."""

    path: str
    """With parameters by name, like ``/api/documents/{id}``."""
    allow: str
    """The methods that it answers, as ``Allow`` says them."""


class AnyCase:
    """ASGI middleware around the finished application; answers no redirect.

    It answers OPTIONS (RFC 9110, 9.3.7) by itself: the framework's own handler names the methods of a path that were
    there when the path's first handler was registered.
    """

    def __init__(self, app: ASGIApp, routes: Mapping[Template, Known], about: Callable[..., None]) -> None:
        """`about` is told the ids that an address names."""
        self._app, self._about = app, about
        # A literal part wins over a parameter in its place, as in the framework.
        ordered = sorted(routes.items(), key=lambda route: [part is None for part in route[0]])
        self._routes = [(t, tuple(part and part.lower() for part in t), known) for t, known in ordered]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            segments = [s for s in scope["path"].split("/") if s]
            found = self._match(segments)
            if found is not None:
                template, known = found
                scope["state"][ROUTE] = known.path
                if scope["method"] == "OPTIONS":
                    await _answer_options(send, known.allow)
                    return
                self._about(**_ids(template, segments))
                path = "/" + "/".join(literal or s for literal, s in zip(template, segments, strict=True))
                scope = {**scope, "path": path, "raw_path": path.encode()}
        await self._app(scope, receive, send)

    def _match(self, segments: list[str]) -> tuple[Template, Known] | None:
        lowered = [s.lower() for s in segments]
        for template, wanted, known in self._routes:
            if len(wanted) == len(lowered) and all(w is None or w == s for w, s in zip(wanted, lowered, strict=True)):
                return template, known
        return None


def _ids(template: Template, segments: list[str]) -> dict[str, UUID]:
    found = {}
    for before, part, segment in zip(template, template[1:], segments[1:], strict=False):
        if part is None and before in _IDS:
            try:
                found[_IDS[before]] = UUID(segment)
            except ValueError:
                continue  # the handler says so
    return found


async def _answer_options(send: Send, allow: str) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": [(b"allow", allow.encode()), *ENCODED]})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
