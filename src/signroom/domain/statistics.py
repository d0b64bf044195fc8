"""How many documents were signed, how sessions ended, and how many timestamps were given.

There is nothing personal in it, so it is kept for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID


class Counted(StrEnum):
    """What is counted. The values are in rows of every version: they stay."""

    DOCUMENT = "Document"
    """A document that was signed, once, by the day on which the signer's value was accepted."""
    SESSION = "Session"
    """A session that has ended, by the day on which it was opened. One that ends again is counted anew."""
    TIMESTAMP = "Timestamp"
    """A timestamp that an application was given, by its day."""


@dataclass(frozen=True, slots=True)
class MonthlyCount:
    """How many of one kind an application had in one month, in UTC."""

    what: Counted
    month: date
    """Its first day."""
    application_id: UUID
    application: str | None
    """Its name; None when the application is gone."""
    outcome: str
    """The status in which it ended; ``Issued`` for a timestamp."""
    format: str | None
    """The signature type; None for what is no document."""
    level: str | None
    """The signature's level; None for what is no document."""
    count: int
    tier: str | None = None
    """Of a timestamp; None for all else."""
