"""Who calls us: a subscription (tenant), its applications, their API keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    """What a key may do: Worker opens and reads sessions, Manager and Admin also manage, Monitor only reads."""

    WORKER = "Worker"
    MANAGER = "Manager"
    ADMIN = "Admin"
    MONITOR = "Monitor"


@dataclass(frozen=True, slots=True)
class Subscription:
    """The wall between tenants: its applications see each other's sessions, nobody else's."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Application:
    id: UUID
    subscription_id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as stored: the SHA-256 of its secret, never the secret."""

    id: UUID
    application_id: UUID
    secret_hash: bytes
    role: Role
    created_at: datetime
    expires_at: datetime | None = None

    def expired(self, now: datetime) -> bool:
        return self.expires_at is not None and now >= self.expires_at


@dataclass(frozen=True, slots=True)
class Caller:
    """An application that has shown a valid key."""

    application: Application
    role: Role

    @property
    def subscription_id(self) -> UUID:
        return self.application.subscription_id
