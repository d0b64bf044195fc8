"""Addresses that strangers wrote: files that we fetch from them and bodies that we post to them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class Unreachable(Exception):
    """A stranger's address gave no usable answer, or is one that is never asked.

    This is an exception of the port. It is not in the tree of `domain/errors.py`, because it never reaches a client:
    only the verb that asked knows what it means. A download of a file ends with `FileDownloadFailed`, and a question
    about a file with `FileValidationUnavailable`. A delivery gets a line in its log. The state of a certificate is
    unknown. For the same reason the exception does not say whether trying again helps: that depends on the question.
    """

    def __init__(self, reason: str) -> None:
        """`reason` is one sentence. It is safe to show: it never holds secrets or content."""
        super().__init__(reason)
        self.reason = reason


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

    def exchange(
        self,
        url: str,
        *,
        limit: int,
        body: bytes | None = None,
        content_type: str | None = None,
        redirects: bool = True,
    ) -> bytes:
        """GET, or POST `body`, and the answer's bytes; blocks, call from threads. Without `redirects` none is followed.

        Raises: Unreachable.
        """


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer about revocation, or an issuer's certificate, that was checked and counts for some time."""

    key: bytes
    """SHA-256 of the question: method, address, body and terms."""
    octets: bytes
    asked_at: datetime
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class KeptAnswers:
    """How many answers are kept and still count."""

    count: int
    length: int
    """Bytes of all of them."""
    oldest: datetime | None
    """When the oldest one was asked for; None: there is none."""


class AnswerStore(Protocol):
    """Answers from outside, kept across restarts and machines. They are public, and can be asked for again.

    Nothing here says that an answer is good: whoever reads one checks its signature again.
    """

    def find(self, keys: Collection[bytes], now: datetime) -> dict[bytes, KeptAnswer]:
        """Those that are kept and count at `now`, by key; in one statement. Raises: DatabaseUnavailable."""

    def asked_at(self, keys: Collection[bytes]) -> dict[bytes, datetime]:
        """When each of those that are kept was asked for, by key; in one statement. Raises: DatabaseUnavailable."""

    def keep(self, answers: Collection[KeptAnswer]) -> None:
        """Keep `answers` in one transaction; a newer one replaces the one before.

        Raises: DatabaseUnavailable, StorageUnavailable.
        """

    def delete_expired(self, now: datetime, limit: int) -> int:
        """Delete at most `limit` of those that are over. Returns how many. Raises: DatabaseUnavailable,
        StorageUnavailable.
        """

    def summary(self, now: datetime) -> KeptAnswers:
        """How much is kept. Raises: DatabaseUnavailable."""


class Fetch(Exchange, Protocol):
    """Files and small answers from addresses that strangers wrote: guarded against reaching our own network."""

    def stream(self, url: str, *, limit: int) -> AbstractAsyncContextManager[Fetched]:
        """GET `url`; at most `limit` bytes. Raises: Unreachable, FileTooLarge (from ``chunks`` too)."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, limit: int) -> bytes:
        """POST `body` to an application's endpoint: any 2xx is an answer, its first `limit` bytes must be all.

        No redirect is followed: `headers` may hold credentials. Raises: Unreachable.
        """

    def deliver(self, url: str, body: bytes, headers: Mapping[str, str], *, limit: int, seconds: float) -> Answer:
        """POST `body` and say what came back, whatever the status; over after `seconds`, blocks, call from threads.

        No redirect is followed, and what goes beyond `limit` bytes or the time is not read: it changes nothing any
        more. Raises: Unreachable when there was no answer at all.
        """
