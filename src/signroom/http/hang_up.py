"""Waiting for something only as long as the caller waits for the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from litestar.exceptions import InternalServerException
from litestar.types import Receive

from signroom.http.problems import GONE

Answer = TypeVar("Answer")


async def unless_hung_up(receive: Receive, work: Coroutine[Any, Any, Answer]) -> Answer:
    """The answer of `work`, which is cancelled when the caller goes away.

    For requests whose body is not read by anybody else. Raises: InternalServerException when nobody waits any more.
    """
    working, leaving = asyncio.create_task(work), asyncio.create_task(_left(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise InternalServerException(GONE)
    finally:
        working.cancel()
        leaving.cancel()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
