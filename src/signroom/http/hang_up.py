"""A caller who hangs up: nobody works on for them.

A server does not cancel a handler when its caller goes away. What waits for the limited processes would keep its place
there, and the caller could take the next one.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

from litestar import Request
from litestar.exceptions import HTTPException

from signroom.domain.errors import TooManyRequests
from signroom.http.problems import GONE
from signroom.http.rates import SlidingWindows

T = TypeVar("T")

MAX_HANG_UPS = 30
"""In a minute, of one owner: a browser that is closed in the middle hangs up six times."""
_MINUTE = 60.0


class HangUps:
    """How often the callers of an owner have gone away while somebody worked for them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._counted = SlidingWindows(MAX_HANG_UPS, _MINUTE, clock=clock)

    def require_few(self, owner: object) -> None:
        """Raises: TooManyRequests for an owner who asks for much that nobody waits for."""
        wait = self._counted.wait(str(owner), count=False)
        if wait:
            raise TooManyRequests("Too many calls were given up before their answer.", retry_after=math.ceil(wait))

    def count(self, owner: object) -> None:
        """One more has gone."""
        self._counted.wait(str(owner))


def _nothing() -> None:
    """For calls whose hang-ups nobody counts."""


async def while_connected(
    request: Request[Any, Any, Any],
    answer: Coroutine[Any, Any, T],
    *,
    body: Body | None = None,
    on_gone: Callable[[], None] = _nothing,
) -> T:
    """The result of `answer`, which is cancelled as soon as the caller has gone; then `on_gone` is called.

    The request's body has been read already, unless `answer` reads it from `body`.

    Raises: HTTPException when the caller has gone; whatever `answer` raises.
    """
    context = contextvars.copy_context()
    working = asyncio.create_task(answer, context=context)
    watching = asyncio.create_task(_gone(request, body))
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done() and watching.exception() is None:
            on_gone()
            working.cancel()
            await asyncio.wait({working})
            if working.cancelled():
                raise HTTPException(detail=GONE, status_code=500)
        return await working
    finally:
        watching.cancel()
        if not working.done():  # we are cancelled ourselves
            working.cancel()
            await asyncio.wait({working})
        # A task has a context of its own: what `answer` has bound is for the request's line in the log, too.
        for variable, value in context.items():
            variable.set(value)
        # A refusal holds this frame, and its task holds the refusal: only the search for garbage would find them.
        del working, watching


class Body:
    """The body of a request as it comes; says when it has been read, since a connection has one reader."""

    def __init__(self, request: Request[Any, Any, Any]) -> None:
        self._request = request
        self.read = asyncio.Event()

    async def chunks(self) -> AsyncIterator[bytes]:
        async for chunk in self._request.stream():
            yield chunk
        self.read.set()


async def _gone(request: Request[Any, Any, Any], body: Body | None) -> None:
    if body is not None:
        await body.read.wait()
    while (await request.receive())["type"] != "http.disconnect":
        pass
