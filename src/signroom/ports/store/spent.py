"""The part `work.spent` of a transaction: what may happen once only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

ERASED = b""
"""In place of `StoredResult.request`, when what came of the request was erased."""


@dataclass(frozen=True, slots=True)
class StoredResult:
    """What an Idempotency-Key stood for: ``request`` is the SHA-256 of the body, ``subject`` what came of it."""

    request: bytes
    subject: UUID
    created_at: datetime


class Spent(Protocol):
    """Idempotency keys with their results, and nonces."""

    def find_result(self, application_id: UUID, key: bytes) -> StoredResult | None:
        """What an Idempotency-Key (its SHA-256) stood for."""

    def store_result(self, application_id: UUID, key: bytes, result: StoredResult, *, stale_before: datetime) -> None:
        """Store what an Idempotency-Key stands for. A result that was stored before `stale_before` is replaced.

        Raises: AlreadyDone when the key is there, or is being written at this moment.
        """

    def spend_nonce(self, nonce: bytes, expires_at: datetime) -> bool:
        """True the first time. The nonce is kept until `expires_at` at least.

        Raises: AlreadyDone when another transaction spends it at this moment.
        """

    def delete_expired_results(self, before: datetime, limit: int) -> int:
        """Remove at most `limit` results from before that time. Returns how many were removed."""

    def delete_expired_nonces(self, now: datetime, limit: int) -> int:
        """Remove at most `limit` nonces whose time is over. Returns how many were removed."""
