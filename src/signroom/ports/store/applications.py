"""The part `work.applications` of a transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID

from signroom.domain.application import ApiKey, Application


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

    def save(self, application: Application) -> None: ...

    def by_key(self, secret_hash: bytes) -> tuple[ApiKey, Application] | None:
        """The key with that hash and its application, or None."""

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
