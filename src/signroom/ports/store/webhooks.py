"""The part `work.webhooks` of a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from signroom.domain.webhook import Webhook


class Webhooks(Protocol):
    """Webhooks. A ``locked`` one cannot be changed by another transaction until this one ends."""

    def of_subscription(self, subscription_id: UUID) -> list[Webhook]:
        """The oldest first."""

    def to_notify(self, subscription_id: UUID) -> Sequence[Webhook]:
        """The same, for a transaction that adds deliveries: until it ends none can be removed.

        They are read once in a transaction, and again after a change.
        """

    def of_any_tenant(self, webhook_id: UUID) -> Webhook:
        """Raises: WebhookNotFound."""

    def locked_of_any_tenant(self, webhook_id: UUID) -> Webhook:
        """Raises: WebhookNotFound."""

    def stopped(self, webhook: Webhook) -> bool:
        """Whether it is paused, or its application or subscription is closed: then nothing is sent.

        Until this transaction ends, what it returned true for is not opened again.
        """

    def add(self, webhook: Webhook) -> None: ...

    def save(self, webhook: Webhook) -> None: ...

    def remove(self, webhook_id: UUID) -> None:
        """With its deliveries and their log."""

    def lock_subscription(self, subscription_id: UUID) -> None:
        """Lock the subscription, so that only this transaction adds a webhook to it.

        Blocks until another transaction that holds the lock ends. Raises: SubscriptionNotFound.
        """
