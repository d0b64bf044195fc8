"""Routes match whatever the case of their literal parts: client libraries in the field disagree on it.

HEAD is answered wherever GET is (RFC 9110, 9.1), by the handler of GET.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPReceiveMessage, Message, Receive, Scope, Send, WebSocketReceiveMessage

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
    reads: bool = False
    """True when it answers GET, and so HEAD."""
    rest: bool = False
    """True when its last parameter takes all that is left of the address, slashes included."""


class AnyCase:
    """ASGI middleware around the finished application; answers no redirect.

    It answers OPTIONS (RFC 9110, 9.3.7) by itself: the framework's own handler names the methods of a path that were
    there when the path's first handler was registered.
    """

    def __init__(self, app: ASGIApp, routes: Mapping[Template, Known], about: Callable[..., None]) -> None:
        """`about` is told the ids that an address names."""
        self._app, self._about = app, about
        self._routes, self._rests = _Crossing(), _Crossing()
        for template, known in routes.items():
            (self._rests if known.rest else self._routes).add(template, known)

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
                ids = _ids(template, segments)
                if ids:
                    self._about(**ids)
                rest = segments[len(template) :]
                path = "/" + "/".join([*(p or s for p, s in zip(template, segments, strict=False)), *rest])
                # Whether the address ended in a slash is left to be seen: links of a page are relative to it.
                raw_path = f"{path}/" if scope["path"].endswith("/") else path
                scope = {**scope, "path": path, "raw_path": raw_path.encode()}
                if scope["method"] == "HEAD" and known.reads:
                    head = _Head(receive, send)
                    await self._app({**scope, "method": "GET"}, head.receive, head.send)
                    return
        await self._app(scope, receive, send)

    def _match(self, segments: list[str]) -> tuple[Template, Known] | None:
        lowered = [s.lower() for s in segments]
        return self._routes.find(lowered) or self._rests.find_beginning(lowered)


class _Crossing:
    """The routes whose first parts are the same, by their next part: an address costs as much as it has parts.

    A literal part wins over a parameter in its place, as in the framework.
    """

    __slots__ = ("end", "literals", "parameter")

    def __init__(self) -> None:
        self.literals: dict[str, _Crossing] = {}
        self.parameter: _Crossing | None = None
        self.end: tuple[Template, Known] | None = None

    def add(self, template: Template, known: Known) -> None:
        here = self
        for part in template:
            if part is None:
                here.parameter = here.parameter or _Crossing()
                here = here.parameter
            else:
                here = here.literals.setdefault(part.lower(), _Crossing())
        here.end = template, known

    def find(self, segments: list[str], start: int = 0) -> tuple[Template, Known] | None:
        """The route that has all of these parts. They are in lower case."""
        if start == len(segments):
            return self.end
        for way in self._ways(segments[start]):
            found = way.find(segments, start + 1)
            if found is not None:
                return found
        return None

    def find_beginning(self, segments: list[str], start: int = 0) -> tuple[Template, Known] | None:
        """The route that begins like these parts."""
        ways = self._ways(segments[start]) if start < len(segments) else ()
        for way in ways:
            found = way.find_beginning(segments, start + 1)
            if found is not None:
                return found
        return self.end

    def _ways(self, segment: str) -> list[_Crossing]:
        ways = (self.literals.get(segment), self.parameter)
        return [way for way in ways if way is not None]


class _Head:
    """The answer to HEAD: what GET would say, without its content.

    The answer ends with its header lines. What makes the content is then told that the caller has gone, so that a
    stream which never ends does not run on.
    """

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._ended = asyncio.Event()

    async def send(self, message: Message) -> None:
        if message["type"] != "http.response.start":
            return
        await self._send(message)
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        self._ended.set()

    async def receive(self) -> HTTPReceiveMessage | WebSocketReceiveMessage:
        coming = asyncio.ensure_future(self._receive())
        ending = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait({coming, ending}, return_when=asyncio.FIRST_COMPLETED)
            return {"type": "http.disconnect"} if ending.done() else coming.result()
        finally:
            coming.cancel()
            ending.cancel()


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
