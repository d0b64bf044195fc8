"""The part `work.deliveries` of a transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from signroom.domain.webhook import Attempt, Delivery, DeliveryStatus
from signroom.ports.store.position import Position

FAILING = "Failing"
"""What a filter by status calls those that are still tried after a try that failed. Their own status is `Pending`."""


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """``status`` None: any. ``failing``: those that are still tried after a try that failed."""

    webhook_id: UUID
    status: DeliveryStatus | None = None
    before: Position | None = None
    failing: bool = False


class Deliveries(Protocol):
    """Deliveries to webhooks, with their log. A ``locked`` one cannot be changed by another transaction until this one
    ends.
    """

    def of_any_tenant(self, delivery_id: UUID) -> Delivery:
        """Raises: DeliveryNotFound."""

    def locked_of_any_tenant(self, delivery_id: UUID) -> Delivery:
        """Raises: DeliveryNotFound."""

    def add(self, delivery: Delivery) -> None: ...

    def save(self, delivery: Delivery) -> None: ...

    def earlier(self, delivery: Delivery) -> Delivery | None:
        """The oldest one of the same webhook and stream that is older than `delivery` and still pending or held."""

    def following(self, delivery: Delivery) -> Delivery | None:
        """The oldest other one of the same webhook and stream that is pending."""

    def due(self, webhook_id: UUID, now: datetime) -> Delivery | None:
        """The pending one that has been due for the longest and has nothing before it in its stream; never a test."""

    def locked_held(self, webhook_id: UUID, limit: int) -> list[Delivery]:
        """At most `limit` that are held, the oldest first."""

    def hold_failed(self, webhook_id: UUID, *, failing: bool, since: datetime | None) -> int:
        """Make those that failed held ones, as if they had never been tried.

        Args:
            webhook_id: of which webhook
            failing: also those that are still tried after a try that failed
            since: only those that were made then or later; None: all

        Returns:
            How many there were.
        """

    def find(self, wanted: DeliveryFilter, limit: int) -> list[Delivery]:
        """At most `limit`, newest first."""

    def attempts(self, delivery_id: UUID) -> list[Attempt]:
        """The log of a delivery, in order."""

    def last_attempts(self, delivery_ids: Sequence[UUID]) -> Mapping[UUID, Attempt]:
        """The newest line in the log of each of them that was tried, by the id of the delivery."""

    def count_failing(self, webhook_id: UUID) -> int:
        """How many of a webhook are still tried after a try that failed."""

    def last_attempt(self, delivery_id: UUID) -> int:
        """The number of the newest line in its log; 0 when there is none."""

    def add_attempt(self, attempt: Attempt) -> None: ...

    def delete_expired(self, before: datetime, limit: int) -> int:
        """Remove at most `limit` that were settled before that time, with their log. Returns how many were removed."""
