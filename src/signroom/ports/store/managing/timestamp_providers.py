"""The part `work.timestamp_providers` of a transaction."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from signroom.domain.timestamp_provider import StoredProvider


class TimestampProviders(Protocol):
    """Those of the whole installation that were set by command or API."""

    def all(self) -> list[StoredProvider]:
        """By tier, priority and name."""

    def get(self, provider_id: UUID) -> StoredProvider:
        """Raises: TimestampProviderNotFound."""

    def locked(self) -> list[StoredProvider]:
        """As `all`. No other transaction that asks for them so goes on until this one ends."""

    def add(self, provider: StoredProvider) -> None:
        """Raises: NameTaken."""

    def save(self, provider: StoredProvider) -> None:
        """Raises: NameTaken."""

    def remove(self, provider_id: UUID) -> None: ...
