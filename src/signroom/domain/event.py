"""Everything we record_event: one frozen class per fact. Fields are append-only; another meaning is a new name."""

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
class SessionOpened(Event):
    """The signing page was shown for the first time."""


@dataclass(frozen=True, slots=True)
class SessionSigned(Event):
    """All signature values are stored; from here nothing can be lost."""


@dataclass(frozen=True, slots=True)
class SessionCompleted(Event):
    pass


@dataclass(frozen=True, slots=True)
class SessionFailed(Event):
    """Ended as ``ProcessingError``; it may be signed or retried again."""


@dataclass(frozen=True, slots=True)
class SessionRetried(Event):
    """The operator has failed documents processed again."""


@dataclass(frozen=True, slots=True)
class SessionCancelled(Event):
    pass


@dataclass(frozen=True, slots=True)
class SessionExpired(Event):
    pass


@dataclass(frozen=True, slots=True)
class SessionLinkRevoked(Event):
    """The operator has ended the link while the session was open. The application gets a new one."""


@dataclass(frozen=True, slots=True)
class DocumentSignatureCompleted(Event):
    document_id: UUID


@dataclass(frozen=True, slots=True)
class DocumentFailed(Event):
    document_id: UUID


@dataclass(frozen=True, slots=True)
class DocumentArchived(Event):
    """Its signed file has reached the level that was wanted, some time after it was completed."""

    document_id: UUID


@dataclass(frozen=True, slots=True)
class DocumentPurged(Event):
    """Its files are gone: its time was over."""

    document_id: UUID


@dataclass(frozen=True, slots=True)
class SessionErased(Event):
    """It was erased, with all its documents."""


@dataclass(frozen=True, slots=True)
class DocumentErased(Event):
    document_id: UUID


@dataclass(frozen=True, slots=True)
class DeliveryPaused(Event):
    """An endpoint failed for days: nothing is sent there until somebody resumes it."""

    webhook_id: UUID


@dataclass(frozen=True, slots=True)
class DeliveryResumed(Event):
    webhook_id: UUID


@dataclass(frozen=True, slots=True)
class WebhookTested(Event):
    """Made by hand, to see whether an endpoint receives."""

    webhook_id: UUID


@dataclass(frozen=True, slots=True)
class ApiKeyCreated(Event):
    api_key_id: UUID


@dataclass(frozen=True, slots=True)
class ApiKeyChanged(Event):
    """Its last moment is another one."""

    api_key_id: UUID


@dataclass(frozen=True, slots=True)
class ApiKeyRevoked(Event):
    """It opens nothing any more."""

    api_key_id: UUID


@dataclass(frozen=True, slots=True)
class ApplicationDisabled(Event):
    """Its keys open nothing, and its pages are closed."""


@dataclass(frozen=True, slots=True)
class ApplicationEnabled(Event):
    """It goes on where it was disabled."""


@dataclass(frozen=True, slots=True)
class ApplicationDeleted(Event):
    """It is gone, with all that belonged to it."""


TYPES: dict[str, type[Event]] = {kind.__name__: kind for kind in Event.__subclasses__()}
"""Every kind of event by its name."""
OF_APPLICATIONS = frozenset({ApplicationDisabled.__name__, ApplicationEnabled.__name__, ApplicationDeleted.__name__})
"""About the application that it belongs to."""


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event as it is kept. ``id`` is the ``webhook-id`` of its deliveries, the same on every try and replay."""

    id: UUID
    type: str
    subscription_id: UUID
    application_id: UUID | None
    """None: of the whole subscription."""
    session_id: UUID | None
    document_id: UUID | None
    webhook_id: UUID | None
    at: datetime
    api_key_id: UUID | None = None
    position: int = 0
    """Ascending in the order in which facts became known; 0 until it is committed."""


def recorded(event: Event, id: UUID, subscription_id: UUID, application_id: UUID | None) -> RecordedEvent:
    """`event` under its id and owners."""
    return RecordedEvent(
        id=id,
        type=event.type,
        subscription_id=subscription_id,
        application_id=application_id,
        session_id=event.session_id,
        document_id=getattr(event, "document_id", None),
        webhook_id=getattr(event, "webhook_id", None),
        api_key_id=getattr(event, "api_key_id", None),
        at=event.at,
    )
