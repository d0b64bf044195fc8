"""Errors that hold themselves: a frame has a name for an error whose traceback has the frame.

Only the search for garbage finds such a circle, with all that the frames had in hand. The search stops every thread of
the process while it lasts, and the more it finds, the longer it takes.
"""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from tests.harness.waiting import eventually


@contextmanager
def without_search() -> Iterator[None]:
    """There is no garbage at the begin of the block, and nobody searches for it inside."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def refused_and_gone(refusal: type[BaseException], call: Callable[[], Awaitable[object]]) -> None:
    """`call` raises `refusal`, and the error is gone once nobody needs it any more.

    Raises: AssertionError when it stays until garbage is searched, and when there is no such error.
    """

    async def refused() -> weakref.ref[BaseException]:
        try:
            await call()
        except refusal as error:
            return weakref.ref(error)
        raise AssertionError("nothing was refused")

    with without_search():
        error = asyncio.run(refused())
        eventually(lambda: error() is None)


def living(kind: type[object]) -> int:
    """How many objects of `kind` are in memory."""
    return sum(isinstance(found, kind) for found in gc.get_objects())
