"""Who calls us: a subscription (tenant), its applications, their API keys."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias
from urllib.parse import SplitResult, unquote, urlsplit
from uuid import UUID

from signroom.domain.errors import (
    ApiKeyRevoked,
    ApplicationDisabled,
    BadFrameOrigin,
    BadInput,
    NotAllowed,
    ReturnUrlNotAllowed,
)
from signroom.domain.metadata import NO_METADATA, Metadata


class Role(StrEnum):
    """What a key may do; each role but Monitor may also do what the one before it may."""

    MONITOR = "Monitor"
    """Reads only."""
    WORKER = "Worker"
    """Opens and reads sessions, signs, inspects."""
    MANAGER = "Manager"
    """Also manages settings, keys and webhooks."""
    ADMIN = "Admin"
    """Also manages applications and roles."""


READERS = frozenset(Role)
"""A key without any role reads nothing."""
USE_NOTED_EVERY = timedelta(hours=1)
"""How exactly the last use of a key is known: a write for each request would be too much."""
MAX_ORIGIN = 255
MAX_RETENTION_DAYS = 36500
_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_ORIGIN = re.compile(rf"(?P<scheme>https?)://(?P<host>{_LABEL}(?:\.{_LABEL})*)(?::(?P<port>[0-9]{{1,5}}))?")

WORKERS = frozenset({Role.WORKER, Role.MANAGER, Role.ADMIN})
MANAGERS = frozenset({Role.MANAGER, Role.ADMIN})
ADMINS = frozenset({Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Subscription:
    """The wall between tenants: its applications see each other's sessions, nobody else's."""

    id: UUID
    name: str
    retention_days: int | None = None
    """How long signed documents are kept; None: until somebody removes them."""
    created_at: datetime | None = None
    """None: made by a version that did not write it down."""
    disabled_at: datetime | None = None
    """Since then its applications are closed."""
    deleting_since: datetime | None = None
    """Since then it is being deleted, with all that belongs to it. Nothing takes that back."""

    @property
    def closed(self) -> bool:
        return self.disabled_at is not None or self.deleting_since is not None

    def available_until(self, signed_at: datetime) -> datetime | None:
        """Of a document that is completed now: later changes of the retention do not touch it."""
        return None if self.retention_days is None else signed_at + timedelta(days=self.retention_days)


def require_retention(days: int | None) -> None:
    """Raises: BadInput."""
    if days is not None and not 1 <= days <= MAX_RETENTION_DAYS:
        raise BadInput(f"Signed documents are kept for 1 to {MAX_RETENTION_DAYS} days, or for ever.", path="days")


@dataclass(frozen=True, slots=True)
class Application:
    id: UUID
    subscription_id: UUID
    name: str
    roles: frozenset[Role] = frozenset()
    """What its keys may do when they say nothing of their own."""
    default_metadata: Metadata = NO_METADATA
    return_urls: tuple[str, ...] = ()
    """Where sessions may return to; empty: anywhere."""
    frame_origins: tuple[str, ...] = ()
    """Whose pages may show the signing page in a frame; empty: nobody's."""
    strict: bool = False
    """A request with a field that there is not is refused, as with the header ``Signroom-Strict``."""
    created_at: datetime | None = None
    """None: made by a version that did not write it down."""
    disabled_at: datetime | None = None
    """Since then its keys open nothing, its pages are closed, and its webhooks hold what they would send."""
    deleting_since: datetime | None = None
    """Since then it is being deleted, with all that belongs to it. Nothing takes that back."""

    @property
    def closed(self) -> bool:
        return self.disabled_at is not None or self.deleting_since is not None

    def require_open(self, *, subscription_closed: bool) -> None:
        """Raises: ApplicationDisabled."""
        if self.deleting_since is not None:
            raise ApplicationDisabled("It is being deleted.")
        if self.disabled_at is not None:
            raise ApplicationDisabled
        if subscription_closed:
            raise ApplicationDisabled("So is its whole subscription.")

    def require_return_url(self, url: str) -> None:
        """Raises: ReturnUrlNotAllowed unless the list is empty or has the URL's origin and the start of its path."""
        if self.return_urls and not any(_covers(allowed, url) for allowed in self.return_urls):
            raise ReturnUrlNotAllowed


def require_frame_origin(origin: str) -> None:
    """Raises: BadFrameOrigin unless it is one ``https`` origin; ``http`` is for this machine alone.

    It becomes part of a header (CSP ``frame-ancestors``): nothing of its syntax may come in, no wildcard either.
    """
    found = _ORIGIN.fullmatch(origin) if len(origin) <= MAX_ORIGIN else None
    if found is None or not 0 < int(found["port"] or 443) < 1 << 16:
        raise BadFrameOrigin
    if found["scheme"] == "http" and found["host"] not in {"localhost", "127.0.0.1"}:
        raise BadFrameOrigin("It must be https.")


def _covers(allowed: str, url: str) -> bool:
    """Same scheme, host and port; `allowed`'s path is the path of `url` or a folder above it."""
    a, u = urlsplit(allowed), urlsplit(url)
    if (a.scheme.lower(), a.hostname, _port(a)) != (u.scheme.lower(), u.hostname, _port(u)):
        return False
    # Browsers resolve dots, also escaped ones, before they ask: /app/../admin is not below /app.
    segments = unquote(u.path).replace("\\", "/").split("/")
    if "." in segments or ".." in segments:
        return False
    folder = a.path.rstrip("/")
    return u.path in {a.path, folder} or u.path.startswith(f"{folder}/")


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme.lower() == "https" else 80)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as stored: the SHA-256 of its secret, never the secret. ``role`` None: the application's roles."""

    id: UUID
    application_id: UUID
    secret_hash: bytes
    role: Role | None
    created_at: datetime
    expires_at: datetime | None = None
    description: str | None = None
    created_by: str | None = None
    """Who made it, as `Caller.name` says; None: made by a version that did not write it down."""
    last_used_at: datetime | None = None
    """At most `USE_NOTED_EVERY` too early."""
    revoked_at: datetime | None = None

    def expired(self, now: datetime) -> bool:
        return self.expires_at is not None and now >= self.expires_at

    def usable(self, now: datetime) -> bool:
        return self.revoked_at is None and not self.expired(now)

    def revoked(self, now: datetime) -> ApiKey:
        """The key, taken back. The first moment stays when it is taken back again."""
        return self if self.revoked_at is not None else replace(self, revoked_at=now)

    def ending(self, at: datetime, now: datetime) -> ApiKey:
        """The key with `at` as its last moment. Raises: ApiKeyRevoked, BadInput when `at` is over."""
        if self.revoked_at is not None:
            raise ApiKeyRevoked
        if at <= now:
            raise BadInput("The last moment of a key lies ahead. To end it now, revoke it.", path="expiresOn")
        return replace(self, expires_at=at)

    def use_is_due(self, now: datetime) -> bool:
        """Whether it is time to write down that the key is in use."""
        return self.last_used_at is None or now - self.last_used_at >= USE_NOTED_EVERY


@dataclass(frozen=True, slots=True)
class ApplicationCaller:
    """An application that has shown a valid key. `key_id` is the key's."""

    application: Application
    roles: frozenset[Role]
    key_id: UUID | None = None

    @property
    def name(self) -> str:
        """Who it is, for people who read later what was done."""
        return f"application {self.application.name}"

    @property
    def subscription_id(self) -> UUID:
        return self.application.subscription_id

    def require(self, allowed: frozenset[Role]) -> None:
        """Raises: NotAllowed unless the caller has one of the roles `allowed`."""
        if not self.roles & allowed:
            raise NotAllowed(f"It needs the role {' or '.join(sorted(allowed))}.")


@dataclass(frozen=True, slots=True)
class OperatorCaller:
    """The operator, who acts for one subscription. It has no application and sees no other subscription."""

    subscription_id: UUID
    name: str = "operator"
    """Who it is, for people who read later what was done."""

    def require(self, allowed: frozenset[Role]) -> None:
        """Never raises: for the subscription, the operator may do what every role may do."""


Caller: TypeAlias = ApplicationCaller | OperatorCaller
"""Who asks for something in one subscription.

A verb that takes a `Caller` allows operators. A verb that needs an application takes an `ApplicationCaller`.
"""


@dataclass(frozen=True, slots=True)
class Operator:
    """The person who runs commands on a machine of the installation; may act for every subscription.

    No API key makes one: only `service/access/operators.py` does, and only `cli/` calls that.
    """

    name: str = "operator"

    def acting_for(self, subscription_id: UUID) -> OperatorCaller:
        return OperatorCaller(subscription_id, self.name)
