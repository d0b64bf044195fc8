"""A caller who hangs up: nobody works on for them.

A server does not cancel a handler when its caller goes away. What waits for the limited processes would keep its place
there, and the caller could take the next one.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

from litestar import Request
from litestar.exceptions import HTTPException

from signroom.domain.errors import TooManyRequests
from signroom.http.callers.rates import SlidingWindows
from signroom.http.problems import GONE

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
    working = _Working(on_gone)
    watching = asyncio.create_task(_gone(request, body))
    watching.add_done_callback(working.cancel)
    try:
        return await answer
    except asyncio.CancelledError:
        if working.was_cancelled_alone():
            raise HTTPException(detail=GONE, status_code=500) from None
        raise
    finally:
        working.ended()
        watching.cancel()
        # A refusal holds this frame, and its task holds the refusal: only the search for garbage would find them.
        del working, watching


class _Working:
    """The task that answers, which is cancelled when its caller has gone, as by ``asyncio.timeout`` after a time."""

    def __init__(self, on_gone: Callable[[], None]) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only a task can be cancelled")
        self._task: asyncio.Task[Any] | None = task
        self._on_gone, self._cancellations, self._gone = on_gone, task.cancelling(), False

    def cancel(self, watching: asyncio.Task[None]) -> None:
        """`watching` has ended: the caller has gone, unless it was cancelled or failed."""
        if self._task is None or watching.cancelled() or watching.exception() is not None:
            return
        self._gone = True
        self._on_gone()
        self._task.cancel()

    def was_cancelled_alone(self) -> bool:
        """Whether nobody else has cancelled the task, too."""
        return self._gone and self._task is not None and self._task.cancelling() - 1 <= self._cancellations

    def ended(self) -> None:
        """The answer is there, or will never be: who goes away now cancels nothing."""
        if self._gone and self._task is not None:
            self._task.uncancel()
        self._task = None


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
