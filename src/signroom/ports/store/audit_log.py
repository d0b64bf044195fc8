"""The part `work.audit_log` of a transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from signroom.domain.audit import Action, Change


@dataclass(frozen=True, slots=True)
class ChangeFilter:
    """None: any."""

    action: Action | None = None
    subject_id: UUID | None = None
    key_id: UUID | None = None
    since: datetime | None = None


ANY_CHANGE = ChangeFilter()


class AuditLog(Protocol):
    """What was changed. Entries are added and grow old, and are never altered."""

    def add(self, change: Change) -> None: ...

    def find(
        self, subscription_id: UUID | None, before: int | None, limit: int, wanted: ChangeFilter = ANY_CHANGE
    ) -> list[Change]:
        """At most `limit`, newest first, from below the position `before`; None: from the newest.

        None as `subscription_id` finds what belongs to no subscription.
        """

    def delete_expired(self, before: datetime, limit: int) -> int:
        """Remove at most `limit` entries from before that time. Returns how many were removed."""
