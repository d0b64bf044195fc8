"""Lists that are read page by page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page of a list ended: lists are ordered by time and id, newest first."""

    created_at: datetime
    id: UUID
