"""The part `work.file_comparison` of a transaction: how far the comparison of all stored files has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class ComparisonPass:
    """One walk over all documents, in the order of their ids. ``done`` and ``total`` are in the unit of `cost`."""

    started_at: datetime | None = None
    """None: there was none yet."""
    finished_at: datetime | None = None
    after: UUID | None = None
    """The last document that was compared."""
    done: int = 0
    total: int = 0


class FileComparison(Protocol):
    """The one row that says where the comparison stands. At most one process is at it."""

    def current(self) -> ComparisonPass:
        """Where it stands."""

    def claim(self, now: datetime, until: datetime) -> ComparisonPass | None:
        """Where it stands, for the caller alone until `until`. None: another process is at it."""

    def save(self, state: ComparisonPass, claimed_until: datetime | None) -> None:
        """None ends the claim."""

    def cost(self, per_file: int) -> int:
        """The bytes of all files that are kept, and `per_file` more for each."""
