"""Everything we announce: one frozen class per fact. Fields are append-only; another meaning is a new name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Event:
    """A fact about a session, or about a document outside any (local signature). ``at`` is in UTC."""

    session_id: UUID | None
    at: datetime

    @property
    def type(self) -> str:
        """The stable name, as subscribers see it."""
        return type(self).__name__


@dataclass(frozen=True, slots=True)
class SessionCreated(Event):
    pass


@dataclass(frozen=True, slots=True)
class SessionSigned(Event):
    """All signature values are stored; from here nothing can be lost."""


@dataclass(frozen=True, slots=True)
class SessionCompleted(Event):
    pass


@dataclass(frozen=True, slots=True)
class SessionFailed(Event):
    pass


@dataclass(frozen=True, slots=True)
class SessionCancelled(Event):
    pass


@dataclass(frozen=True, slots=True)
class SessionExpired(Event):
    pass


@dataclass(frozen=True, slots=True)
class DocumentSignatureCompleted(Event):
    document_id: UUID


@dataclass(frozen=True, slots=True)
class DocumentFailed(Event):
    document_id: UUID
