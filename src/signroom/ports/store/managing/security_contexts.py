"""The part `work.security_contexts` of a transaction."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from signroom.domain.security_context import SecurityContext


class SecurityContexts(Protocol):
    """Those that subscriptions have made. The built-in ones are not among them."""

    def of(self, subscription_id: UUID) -> list[SecurityContext]:
        """All of a subscription, by name."""

    def get(self, subscription_id: UUID, context_id: UUID) -> SecurityContext:
        """Raises: SecurityContextNotFound, also for another subscription's."""

    def locked(self, subscription_id: UUID, context_id: UUID) -> SecurityContext:
        """As `get`. No other transaction changes it until this one ends."""

    def add(self, context: SecurityContext) -> None:
        """Raises: NameTaken."""

    def save(self, context: SecurityContext) -> None:
        """Raises: NameTaken."""

    def remove(self, context_id: UUID) -> None: ...

    def in_use(self, subscription_id: UUID, context_id: UUID) -> int:
        """How many sessions that are not over yet are judged by it."""
