"""Counters of what was signed, and of timestamps."""

from __future__ import annotations

from datetime import date
from typing import Protocol
from uuid import UUID

from signroom.domain.document import Document
from signroom.domain.level import Level
from signroom.domain.statistics import MonthlyCount


class Statistics(Protocol):
    """The part `statistics` of a transaction.

    Documents and sessions are counted when they are saved, in the same transaction. Each row says that it was
    counted, so nothing is counted twice.
    """

    def count_rest(self, limit: int) -> int:
        """Count what processes of an older version have saved. Returns how many: at most `limit` of each kind."""

    def count_raised(self, document: Document, level: Level) -> None:
        """Count `document`, which is about to be saved with a version of this level, at that level from now on."""

    def count_timestamp(self, subscription_id: UUID, application_id: UUID, tier: str, day: date) -> None:
        """One more that the application was given."""

    def by_month(self, subscription_id: UUID, first: date, last: date) -> list[MonthlyCount]:
        """From the day `first` to the day `last`, both included, in the order of months."""
