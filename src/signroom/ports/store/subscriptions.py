"""The part `work.subscriptions` of a transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from signroom.domain.application import Subscription
from signroom.domain.branding import Branding, Logo
from signroom.domain.file_validation import FileValidation


@dataclass(frozen=True, slots=True)
class SubscriptionSummary:
    """A subscription, and how many applications it has."""

    subscription: Subscription
    applications: int


class Subscriptions(Protocol):
    """Subscriptions, which are the tenants, with their settings."""

    def named(self, name: str) -> Subscription:
        """Raises: SubscriptionNotFound."""

    def get(self, subscription_id: UUID) -> Subscription:
        """Raises: SubscriptionNotFound."""

    def locked(self, subscription_id: UUID) -> Subscription:
        """No other transaction changes it until this one ends. Raises: SubscriptionNotFound."""

    def summaries(self) -> list[SubscriptionSummary]:
        """All of this installation, by name. For the operator alone."""

    def add(self, subscription: Subscription) -> None:
        """Raises: NameTaken."""

    def save(self, subscription: Subscription) -> None:
        """Raises: NameTaken."""

    def file_validation(self, subscription_id: UUID) -> FileValidation:
        """`NO_VALIDATION` when none was saved."""

    def save_file_validation(self, subscription_id: UUID, validation: FileValidation) -> None:
        """Raises: SubscriptionNotFound."""

    def branding(self, subscription_id: UUID) -> Branding:
        """`NO_BRANDING` when none was saved."""

    def logo(self, subscription_id: UUID) -> Logo | None: ...

    def save_branding(self, subscription_id: UUID, branding: Branding, logo: Logo | None) -> None:
        """Raises: SubscriptionNotFound."""
