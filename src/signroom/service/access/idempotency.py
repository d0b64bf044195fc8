"""``Idempotency-Key``: a request that a nervous network sends again is done once (24 h, per application)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from signroom.domain.application import ApplicationCaller
from signroom.domain.errors import IdempotencyKeyReused, NotFound, SignatureSessionErased
from signroom.ports import Ports
from signroom.ports.store import ERASED, StoredResult, Work

LIFETIME = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Idempotency:
    """``key`` and ``request`` are SHA-256: of the header, and of route and body."""

    key: bytes
    request: bytes


def idempotency(header: str, route: str, body_digest: bytes) -> Idempotency:
    request = hashlib.sha256(route.encode() + b"\0" + body_digest).digest()
    return Idempotency(hashlib.sha256(header.encode()).digest(), request)


def find_result(
    ports: Ports,
    caller: ApplicationCaller,
    idempotency: Idempotency | None,
    erased: type[NotFound] = SignatureSessionErased,
) -> UUID | None:
    """What the same request has made already. Raises: IdempotencyKeyReused, `erased` when that was erased."""
    if idempotency is None:
        return None
    with ports.store.ask() as work:
        found = work.spent.find_result(caller.application.id, idempotency.key)
    if found is None or ports.clock.now() >= found.created_at + LIFETIME:
        return None
    if found.request == ERASED:
        raise erased("The request was done before, and what it has made was erased.")
    if found.request != idempotency.request:
        raise IdempotencyKeyReused
    return found.subject


def store_result(
    work: Work, ports: Ports, caller: ApplicationCaller, idempotency: Idempotency | None, subject: UUID
) -> None:
    """In the transaction that makes `subject`. Raises: AlreadyDone."""
    if idempotency is None:
        return
    now = ports.clock.now()
    remembered = StoredResult(idempotency.request, subject, now)
    work.spent.store_result(caller.application.id, idempotency.key, remembered, stale_before=now - LIFETIME)
