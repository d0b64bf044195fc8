"""``/health/live`` and ``/health/ready``, for load balancers and whoever restarts processes: open to anybody.

Live: the process answers. Ready: what its answers rest on answers too, and it is not about to stop. Strangers learn
which part does not answer, and for how long a part stands still; nothing else.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import structlog
from litestar import MediaType, Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

log = structlog.get_logger()

LIVE, READY = "/health/live", "/health/ready"
NOT_COUNTED = frozenset({LIVE, READY})
"""Addresses without a rate limit: whoever asks them restarts us when he gets no answer."""

NOT_LOGGED = frozenset({LIVE, READY, "/metrics"})

_KEPT_SECONDS = 1.0
"""How long an answer is good for: however often somebody asks, the parts are asked once in this time."""
_PATIENCE_SECONDS = 3.0
"""A part that takes longer does not answer."""

HealthCheck = Callable[[], bool | str]
"""Asks one part, and blocks. True when it answers, otherwise False or the reason, which strangers may read.

Called from a thread, never twice at once.
"""


class Readiness:
    """What this process's parts say, asked together and remembered for a moment."""

    def __init__(self, checks: Mapping[str, HealthCheck], stopping: threading.Event) -> None:
        """`stopping`: set at the first sign of the end."""
        self._checks, self._stopping = dict(checks), stopping
        # Threads of their own: those of the verbs may all be waiting for the part that does not answer.
        self._threads = ThreadPoolExecutor(max(1, len(checks)), "health")
        self._asked: dict[str, Future[bool | str]] = {}
        self._known: dict[str, bool | str] = {}
        self._until = 0.0
        self._turn = asyncio.Lock()

    async def parts(self) -> dict[str, bool | str]:
        """By name: True where the part answers, otherwise False or the reason.

        ``stopping`` is there, and False, once the end has begun.
        """
        async with self._turn:
            if time.monotonic() >= self._until:
                found = await self._ask()
                self._tell(found)
                self._known, self._until = found, time.monotonic() + _KEPT_SECONDS
        return {**self._known, "stopping": False} if self._stopping.is_set() else self._known

    async def _ask(self) -> dict[str, bool | str]:
        for name, check in self._checks.items():
            before = self._asked.get(name)
            if before is None or before.done():  # one that hangs is not asked once more on top
                self._asked[name] = self._threads.submit(check)
        answers = {name: asyncio.wrap_future(future) for name, future in self._asked.items()}
        if answers:
            await asyncio.wait(map(asyncio.shield, answers.values()), timeout=_PATIENCE_SECONDS)
        return {name: _answered(future) for name, future in self._asked.items()}

    def _tell(self, found: Mapping[str, bool | str]) -> None:
        failing = _failing(found)
        if failing != _failing(self._known):
            log.warning("service.readiness_changed", failing=failing)


def _failing(parts: Mapping[str, bool | str]) -> list[str]:
    return sorted(name for name, found in parts.items() if found is not True)


def _answered(future: Future[bool | str]) -> bool | str:
    if not future.done():
        return False
    error = future.exception()
    if error is not None:
        log.error("service.check_crashed", exc_info=error)
        return False
    return future.result()


InjectedReadiness = NamedDependency[SkipValidation[Readiness]]


@get(LIVE, include_in_schema=False)
async def live() -> Response[dict[str, str]]:
    return _json({"status": "live"}, 200)


@get(READY, include_in_schema=False)
async def ready(readiness: InjectedReadiness) -> Response[dict[str, Any]]:
    parts = await readiness.parts()
    failing = _failing(parts)
    words = {name: "failing" if name in failing else "ok" for name in parts}
    body: dict[str, Any] = {"status": "not ready" if failing else "ready", "parts": words}
    reasons = {name: found for name, found in parts.items() if isinstance(found, str)}
    if reasons:
        body["reasons"] = reasons
    return _json(body, 503 if failing else 200)


def _json(body: Any, status: int) -> Response[Any]:
    return Response(body, status_code=status, media_type=MediaType.JSON)
