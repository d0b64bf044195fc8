"""Addresses that strangers wrote: files that we fetch from them and bodies that we post to them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer that is on its way. ``name`` is the file name that the answer or the address suggests."""

    name: str | None
    content_type: str | None
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint said to a delivery. ``retry_after``: its header as it came; ``start``: of its body."""

    status: int
    retry_after: str | None
    start: bytes


class Exchange(Protocol):
    """Small answers, such as those about revocation."""

    def exchange(self, url: str, *, limit: int, body: bytes | None = None, content_type: str | None = None) -> bytes:
        """GET, or POST `body`, and the answer's bytes; blocks, call from threads. Raises: FileDownloadFailed."""


class Fetch(Exchange, Protocol):
    """Files and small answers from addresses that strangers wrote: guarded against reaching our own network."""

    def stream(self, url: str, *, limit: int) -> AbstractAsyncContextManager[Fetched]:
        """GET `url`; at most `limit` bytes. Raises: FileDownloadFailed, FileTooLarge (from ``chunks`` too)."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, limit: int) -> bytes:
        """POST `body` to an application's endpoint: any 2xx is an answer, its first `limit` bytes must be all.

        No redirect is followed: `headers` may hold credentials. Raises: FileDownloadFailed.
        """

    def deliver(self, url: str, body: bytes, headers: Mapping[str, str], *, limit: int, seconds: float) -> Answer:
        """POST `body` and say what came back, whatever the status; over after `seconds`, blocks, call from threads.

        No redirect is followed, and what goes beyond `limit` bytes or the time is not read: it changes nothing any
        more. Raises: FileDownloadFailed when there was no answer at all.
        """
