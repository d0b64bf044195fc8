"""The part `work.feed` of a transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from signroom.domain.event import RecordedEvent


@dataclass(frozen=True, slots=True)
class EventFilter:
    """None: any."""

    type: str | None = None
    session_id: UUID | None = None
    application_id: UUID | None = None


ANY_EVENT = EventFilter()


@dataclass(frozen=True, slots=True)
class LegacyEvent:
    """An event that a process of the version before has written, with its owners as they were found."""

    type: str
    session_id: UUID | None
    document_id: UUID | None
    at: datetime
    subscription_id: UUID
    application_id: UUID


@dataclass(frozen=True, slots=True)
class FeedBounds:
    """How far the feed of a subscription goes, as positions; 0: nothing was purged, nothing was ever recorded."""

    purged: int
    """The last event of the subscription that was removed because of its age."""
    newest: int
    """The newest event of all subscriptions."""


class Feed(Protocol):
    """Events in the order of their positions."""

    def append(self, event: RecordedEvent) -> None:
        """Its position is given when the transaction commits (verbs call `record_event`)."""

    def after(
        self, subscription_id: UUID, position: int, limit: int, wanted: EventFilter = ANY_EVENT
    ) -> list[RecordedEvent]:
        """At most `limit`, in the order of their positions. No event appears later in front of one that is returned."""

    def bounds(self, subscription_id: UUID) -> FeedBounds:
        """What is read after this call has no event at or before ``newest`` missing."""

    def of_any_tenant(self, event_id: UUID) -> RecordedEvent:
        """Raises: EventNotFound."""

    def delete_expired(self, before: datetime, limit: int) -> int:
        """Remove at most `limit` from the beginning of the feed that are from before that time, never the newest.

        `bounds` says so to each subscription that had one of them. Returns how many were removed.
        """

    def take_legacy(self, before: datetime, limit: int) -> list[LegacyEvent]:
        """Remove at most `limit` events without an owner from before that time, in their order, and return them."""
