"""What depends on the secret key of the installation: secrets at rest, and links of sessions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol
from uuid import UUID

from signroom.domain.session import SessionStatus


class SealedPlace(Enum):
    """Where sealed secrets lie."""

    VALIDATION_ENDPOINT = "validation endpoint"
    WEBHOOK_ENDPOINT = "webhook endpoint"
    WEBHOOK_SIGNATURE = "webhook signature"
    TIMESTAMP_PROVIDER = "timestamp provider"
    WEBHOOK_SIGNATURE_BEFORE = "webhook signature before the last rotation"


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A secret at rest. ``row_id`` is that of what has the secret; for a validation endpoint the subscription's."""

    place: SealedPlace
    row_id: UUID
    subscription_id: UUID | None
    """None: of the whole installation."""
    value: bytes


@dataclass(frozen=True, slots=True)
class SessionLink:
    session_id: UUID
    subscription_id: UUID
    application_id: UUID
    status: SessionStatus
    link_hash: bytes
    expires_at: datetime

    def is_open(self, now: datetime) -> bool:
        """Whether somebody can still sign by it for the first time."""
        return self.status is SessionStatus.PENDING and now < self.expires_at


class Rotation(Protocol):
    """The part `rotation` of a transaction. It reads rows of all subscriptions: only the operator's commands use it."""

    def sealed(self, place: SealedPlace, after: UUID | None, limit: int) -> list[SealedSecret]:
        """In the order of their ids, from behind `after`."""

    def replace_sealed(self, secret: SealedSecret, value: bytes) -> bool:
        """False when the secret was changed since it was read: then nothing is done."""

    def links(self, after: UUID | None, limit: int) -> list[SessionLink]:
        """Of all sessions but those that were erased, in the order of their ids, from behind `after`."""

    def open_links(self, now: datetime) -> list[SessionLink]:
        """Of sessions that can still be signed for the first time."""

    def replace_link(self, link: SessionLink, link_hash: bytes) -> bool:
        """False when the link was changed since it was read: then nothing is done."""

    def resealed_at(self, key_id: bytes) -> datetime | None:
        """When everything at rest was sealed with that key; None: that was never said."""

    def set_resealed(self, key_id: bytes, at: datetime) -> None: ...
