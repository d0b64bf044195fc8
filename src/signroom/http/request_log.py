"""One line and one measurement per request: method, path without secrets, status, milliseconds, ids; nothing else."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Container
from urllib.parse import quote

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from signroom.http.paths import ROUTE
from signroom.ports.operations import Meter

log = structlog.get_logger()

_SECRET_PREFIXES = ("/sign/", "/api/downloads/", "/api/multipartuploads/")
"""Paths whose last part is a secret: never logged."""
_FILES = ("/docs/", "/sign/assets/", "/sign/assets-operator/", "/favicon")
"""Where the files of the page and of the manual are."""
_LONGEST = 300
"""Characters of a path that are logged: an address of 16 KB in each request would fill the disk."""
_SAFE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HEADER = b"x-request-id"
_READ = frozenset({_HEADER, b"traceparent"})
"""Header lines of a request that are read here and by `Meter.request`."""


class RequestLog:
    """ASGI middleware around everything else.

    Every line that is written while a request is answered has its ``request_id``: the caller's ``X-Request-Id``
    where it is safe to write down, else one of ours. It goes back with the answer.
    """

    def __init__(self, app: ASGIApp, meter: Meter, *, quiet: Container[str] = (), quiet_files: bool = False) -> None:
        """`quiet`: paths that are asked all the time and have no line of their own.

        With `quiet_files` the lines of the page's and the manual's files are for debugging, unless they fail.
        """
        self._app, self._meter, self._quiet, self._quiet_files = app, meter, quiet, quiet_files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _READ}
        request_id = _request_id(headers.get("x-request-id", ""))
        state = scope.setdefault("state", {})
        state[ROUTE] = ""

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (_HEADER, request_id.encode())]
            await send(message)

        # A connection's next request may begin in the context of the one before.
        structlog.contextvars.clear_contextvars()
        bound = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            with self._meter.request(scope["method"], headers) as answering:
                try:
                    await self._app(scope, receive, watch)
                finally:
                    answering.answered(state[ROUTE], status)
        finally:
            if scope["path"] not in self._quiet:
                took = round((time.perf_counter() - started) * 1000, 1)
                path = public_path(scope["path"])
                is_file = _brought_a_file(scope["method"], scope["path"], status)
                tell = log.debug if self._quiet_files and is_file else log.info
                tell("request", method=scope["method"], path=path, status=status, ms=took)
            structlog.contextvars.reset_contextvars(**bound)


def _brought_a_file(method: str, path: str, status: int) -> bool:
    """Whether a file that is the same for everybody was answered, and nothing is wrong."""
    return method == "GET" and path.startswith(_FILES) and 0 < status < 400


def _request_id(sent: str) -> str:
    # It tells lines apart and is no secret: the system's source of chance would let go of the interpreter.
    return sent if _SAFE_ID.fullmatch(sent) else f"{random.getrandbits(48):012x}"


def public_path(path: str) -> str:
    """`path` as it may be logged."""
    # As routes see it: empty segments do not count.
    lowered = "/" + "/".join(segment for segment in path.lower().split("/") if segment)
    if not lowered.startswith(("/sign/api/", "/sign/assets/", "/sign/assets-operator/")):
        for prefix in _SECRET_PREFIXES:
            if lowered.startswith(prefix):
                return f"{prefix}…"
    # On a terminal a line break would begin a line of its own, and an escape sequence would be obeyed.
    shown = path[:_LONGEST]
    if not shown.isprintable():
        shown = "".join(c if c.isprintable() else quote(c) for c in shown)
    return shown if len(path) <= _LONGEST else f"{shown}…"
