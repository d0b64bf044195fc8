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
    """Positions of the oldest and the newest event that is kept; 0 and 0 when there is none."""

    oldest: int
    newest: int


class Feed(Protocol):
    """Events in the order of their positions."""

    def append(self, event: RecordedEvent) -> None:
        """Its position is given when the transaction commits (verbs call `record_event`)."""

    def after(
        self, subscription_id: UUID, position: int, limit: int, wanted: EventFilter = ANY_EVENT
    ) -> list[RecordedEvent]:
        """At most `limit`, in the order of their positions. No event appears later in front of one that is returned."""

    def bounds(self) -> FeedBounds:
        """Of all events together. What is read after this call has no event at or before ``newest`` missing."""

    def of_any_tenant(self, event_id: UUID) -> RecordedEvent:
        """Raises: EventNotFound."""

    def delete_expired(self, before: datetime, limit: int) -> int:
        """Remove at most `limit` from the beginning of the feed that are from before that time, never the newest.

        Returns how many were removed.
        """

    def take_legacy(self, before: datetime, limit: int) -> list[LegacyEvent]:
        """Remove at most `limit` events without an owner from before that time, in their order, and return them."""
