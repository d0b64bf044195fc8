"""A caller who hangs up: nobody works on for them.

A server does not cancel a handler when its caller goes away. What waits for the limited processes would keep its place
there, and the caller could take the next one.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

from litestar import Request
from litestar.exceptions import HTTPException

from signroom.http.problems import GONE

T = TypeVar("T")


async def while_connected(
    request: Request[Any, Any, Any], answer: Coroutine[Any, Any, T], *, body: Body | None = None
) -> T:
    """The result of `answer`, which is cancelled as soon as the caller has gone.

    The request's body has been read already, unless `answer` reads it from `body`.

    Raises: HTTPException when the caller has gone; whatever `answer` raises.
    """
    context = contextvars.copy_context()
    working = asyncio.create_task(answer, context=context)
    watching = asyncio.create_task(_gone(request, body))
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done() and watching.exception() is None:
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
