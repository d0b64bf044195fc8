"""Blobs that no row points to (any more). One that stays behind harms nobody; a row without its blob would."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from signroom.domain.errors import DatabaseUnavailable, StorageUnavailable
from signroom.ports import Ports
from signroom.ports.files import Stored


def discard_blob(ports: Ports, key: str) -> None:
    """Forget a blob. Quiet when the storage is away: what was asked for has been done, or refused, already."""
    try:
        ports.blobs.delete(key)
    except StorageUnavailable:
        return  # the driver has written into the log why


async def write_new(
    ports: Ports, key: str, chunks: AsyncIterator[bytes], *, limit: int, durable: bool = False
) -> Stored:
    """`Blobs.write_stream` under a key that nobody else knows yet. What was written of it goes when it is called off.

    Raises: as `Blobs.write_stream`.
    """
    try:
        return await ports.blobs.write_stream(key, chunks, limit=limit, durable=durable)
    except asyncio.CancelledError:
        await asyncio.shield(asyncio.to_thread(discard_blob, ports, key))
        raise


class CalledOff(asyncio.CancelledError):
    """A request was called off before anything of it was recorded: its caller has gone."""


@contextmanager
def before_recording() -> Iterator[None]:
    """Around what comes before the transaction that records a file. Raises: CalledOff when it is cancelled."""
    try:
        yield
    except asyncio.CancelledError as error:
        raise CalledOff from error


async def discard_unless_recorded(ports: Ports, key: str, error: BaseException) -> None:
    """Forget the blob of a request that failed with `error`, unless a row may point to it all the same: the answer to
    a commit can be lost, and a request can be called off while its transaction ends in a thread."""
    if isinstance(error, CalledOff) or not isinstance(error, DatabaseUnavailable | asyncio.CancelledError):
        await asyncio.to_thread(discard_blob, ports, key)
