"""What an operator watches: clock, database, counters and timers."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from signroom.domain.backup import Installation


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, aware, in UTC."""


class Migrations(StrEnum):
    MISSING = "missing"
    BEHIND = "behind"
    CURRENT = "current"
    NEWER = "newer"
    """Of a version that is being rolled out: its tables can be used."""


MAX_NAMED = 20
UNUSED_AFTER = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class DatabaseDiagnosis:
    """How a database is, for `signroom doctor`."""

    product: str
    version: str
    ahead: float
    """Seconds by which its clock is before ours; negative: behind."""
    migrations: Migrations
    read_only: bool = False
    """True for a standby."""
    free_connections: int | None = None
    """None: it knows no limit."""
    endless_keys: tuple[str, ...] = ()
    """API keys that never end, as ``application id``; at most `MAX_NAMED`."""
    unused_keys: tuple[str, ...] = ()
    """API keys that still open something and that nobody has used for `UNUSED_AFTER`; at most `MAX_NAMED`."""
    installation: Installation | None = None
    """When it was backed up and restored; None in tables of another version."""


@dataclass(frozen=True, slots=True)
class AuthorityReach:
    """Whether an authority that the operator has configured can be asked about."""

    name: str
    obstacle: str | None
    """Why nobody says that it was not revoked; None: somebody does."""


@dataclass(frozen=True, slots=True)
class ProviderReach:
    """Whether a timestamp provider gives timestamps that count."""

    name: str
    tier: str
    context: str
    """Of the security context that judges them."""
    obstacle: str | None
    """What is wrong; None: nothing."""


class Obstacle(StrEnum):
    """Why an address of ours does not answer."""

    UNKNOWN_NAME = "the name is not known"
    REFUSED = "nothing listens there"
    TLS = "its certificate is not accepted"
    SILENT = "it does not answer in time"
    NO_HTTP = "it does not speak HTTP"


@dataclass(frozen=True, slots=True)
class Probed:
    """What an address of ours answered. ``body`` is its first bytes."""

    status: int
    body: bytes
    date: datetime | None
    """By the server's clock, whole seconds."""


class Answering(Protocol):
    """A request that is being answered."""

    def answered(self, route: str, status: int) -> None:
        """`route` is the template, never the address. Status 0: nobody waited for the answer."""


class Timed(Protocol):
    """`Meter.timed`, for a driver that times what it does."""

    def __call__(self, kind: str, name: str, **about: str) -> AbstractContextManager[None]: ...


class Meter(Protocol):
    """Counts and times what happens, for whoever watches this process.

    What is given as `kind`, `name`, `what` or `outcome` is one of few words. Ids and places of the outside go to log
    lines and traces alone; secrets, names and contents nowhere.
    """

    def timed(self, kind: str, name: str, **about: str) -> AbstractContextManager[None]:
        """Time what runs inside, like the ``format`` step ``embed``; `about` is for the trace."""

    def count(self, what: str, outcome: str) -> None:
        """One more of `what`, like a ``webhook_attempt`` that was ``delivered``."""

    def request(self, method: str, headers: Mapping[str, str]) -> AbstractContextManager[Answering]:
        """Time a request. A trace that the caller began (W3C ``traceparent``, the one header that is read) is gone on
        with.
        """

    def mistake(self, what: str) -> None:
        """Log the exception that is being handled: an error of ours that ended `what` and nothing else."""

    def webhook_refused(
        self,
        webhook_id: UUID,
        host: str,
        *,
        status: int | None,
        reason: str,
        number: int,
        again_in: timedelta | None,
    ) -> None:
        """Log that an endpoint has not taken an event.

        Args:
            webhook_id: of the webhook, as the API and the command line know it
            host: of the endpoint; the rest of its address may be a secret
            status: HTTP status of its answer; None when there was none
            reason: why it counts as not taken, in one sentence that holds no secret
            number: of the try, counted from 1
            again_in: time until the next try; None when there is none
        """

    def about(self, **ids: UUID | None) -> None:
        """Whom log lines and traces are about from here to the end of this request or job, ``session_id=...``; None:
        about none of that kind any more."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A number as it is at this moment, under the name of a metric without its prefix."""

    name: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()
