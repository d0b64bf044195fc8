"""``Idempotency-Key``: a request that a nervous network sends again is done once (24 h, per application)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from signroom.domain.application import Caller
from signroom.domain.errors import IdempotencyKeyReused
from signroom.ports import Ports, Remembered, Work

LIFETIME = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Idempotency:
    """``key`` and ``request`` are SHA-256: of the header, and of route and body."""

    key: bytes
    request: bytes


def idempotency(header: str, route: str, body_digest: bytes) -> Idempotency:
    request = hashlib.sha256(route.encode() + b"\0" + body_digest).digest()
    return Idempotency(hashlib.sha256(header.encode()).digest(), request)


def done_before(ports: Ports, caller: Caller, once: Idempotency | None) -> UUID | None:
    """What the same request has made already. Raises: IdempotencyKeyReused."""
    if once is None:
        return None
    with ports.store.read() as work:
        found = work.idempotent(caller.application.id, once.key)
    if found is None or ports.clock.now() >= found.created_at + LIFETIME:
        return None
    if found.request != once.request:
        raise IdempotencyKeyReused
    return found.subject


def remember(work: Work, ports: Ports, caller: Caller, once: Idempotency | None, subject: UUID) -> None:
    """In the transaction that makes `subject`. Raises: AlreadyDone."""
    if once is None:
        return
    now = ports.clock.now()
    remembered = Remembered(once.request, subject, now)
    work.remember(caller.application.id, once.key, remembered, stale_before=now - LIFETIME)
