"""The part `work.deliveries` of a transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from signroom.domain.document import Document
from signroom.domain.event import RecordedEvent
from signroom.domain.session import Session
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


@dataclass(frozen=True, slots=True)
class ToSend:
    """What a delivery is about. Sessions and documents that are erased are told of, too: by their ids alone."""

    number: int
    """Of its next try."""
    event: RecordedEvent | None
    """None: it is not kept any more."""
    session: Session | None
    document: Document | None


class Deliveries(Protocol):
    """Deliveries to webhooks, with their log. A ``locked`` one cannot be changed by another transaction until this one
    ends.
    """

    def of_any_tenant(self, delivery_id: UUID) -> Delivery:
        """Raises: DeliveryNotFound."""

    def locked_of_any_tenant(self, delivery_id: UUID) -> Delivery:
        """Raises: DeliveryNotFound."""

    def add(self, delivery: Delivery) -> None: ...

    def save(self, *deliveries: Delivery) -> None:
        """All in one statement."""

    def locked_all(self, delivery_ids: Sequence[UUID]) -> list[Delivery]:
        """Those of them that there are, in an order that is always the same."""

    def to_send(self, deliveries: Sequence[Delivery]) -> Mapping[UUID, ToSend]:
        """What each of them is about, by its id. One question."""

    def earlier(self, delivery: Delivery) -> Delivery | None:
        """The oldest one of the same webhook and stream that is older than `delivery` and still pending or held."""

    def following(self, settled: Sequence[Delivery]) -> list[Delivery]:
        """Of each stream of `settled`, which are of one webhook, the oldest other one that is pending. No tests."""

    def due(self, webhook_id: UUID, now: datetime, limit: int) -> list[Delivery]:
        """At most `limit` pending ones with nothing before them in their streams, the longest due first. No tests."""

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

    def last_numbers(self, delivery_ids: Sequence[UUID]) -> Mapping[UUID, int]:
        """The same of those that were tried."""

    def add_attempt(self, *attempts: Attempt) -> None:
        """All in one statement."""

    def delete_expired(self, before: datetime, limit: int) -> int:
        """Remove at most `limit` that were settled before that time, with their log. Returns how many were removed."""
