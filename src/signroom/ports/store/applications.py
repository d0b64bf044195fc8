"""The part `work.applications` of a transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from signroom.domain.application import ApiKey, Application


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """A key with the application that it opens, and whether the subscription of that one is closed."""

    key: ApiKey
    application: Application
    subscription_closed: bool


@dataclass(frozen=True, slots=True)
class ApplicationSummary:
    """An application with what is known of its keys."""

    application: Application
    keys: int
    """All that were made, revoked and expired ones too."""
    usable_keys: int
    last_used_at: datetime | None
    """Of the key that was used last."""


class Applications(Protocol):
    """Applications and their API keys. A ``locked`` one cannot be changed by another transaction until this one
    ends.
    """

    def of_any_tenant(self, application_id: UUID) -> Application:
        """Raises: ApplicationNotFound."""

    def locked_of_any_tenant(self, application_id: UUID) -> Application:
        """Raises: ApplicationNotFound."""

    def named_of_any_tenant(self, name: str) -> list[Application]:
        """One per subscription at most."""

    def add(self, application: Application) -> None:
        """Raises: NameTaken."""

    def save(self, application: Application) -> None:
        """Raises: NameTaken."""

    def by_key(self, secret_hash: bytes) -> KeyOwner | None:
        """The key with that hash and its application, or None."""

    def closed(self, application_id: UUID) -> bool:
        """Whether it, or its subscription, is disabled or being deleted; also when there is none of that id."""

    def closed_to_session(self, session_id: UUID) -> bool:
        """Whether the application of a session, or its subscription, is disabled or being deleted.

        False for a session that there is not.
        """

    def summaries(self, subscription_id: UUID, now: datetime) -> list[ApplicationSummary]:
        """By name."""

    def add_key(self, key: ApiKey) -> None: ...

    def keys_of(self, application_id: UUID) -> list[ApiKey]:
        """Newest first, revoked ones too."""

    def locked_key(self, application_id: UUID, key_id: UUID) -> ApiKey:
        """Raises: ApiKeyNotFound, also for a key of another application."""

    def save_key(self, key: ApiKey) -> None: ...

    def note_use(self, key_id: UUID, now: datetime, before: datetime) -> None:
        """Write down that the key is in use, unless somebody did since `before`."""

    def of_subscription(self, subscription_id: UUID) -> list[Application]:
        """By name."""
