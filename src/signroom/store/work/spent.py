"""Statements about what may happen once only: idempotency keys and nonces."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from signroom.domain.errors import AlreadyDone
from signroom.ports.store import StoredResult
from signroom.store import tables
from signroom.store.work.statements import insert


class SqlSpent:
    """The part `spent` of a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find_result(self, application_id: UUID, key: bytes) -> StoredResult | None:
        t = tables.idempotency
        query = sa.select(t.c.request, t.c.subject, t.c.created_at)
        query = query.where(t.c.application_id == application_id, t.c.key == key)
        row = self._connection.execute(query).mappings().one_or_none()
        return None if row is None else StoredResult(**row)

    def store_result(self, application_id: UUID, key: bytes, result: StoredResult, *, stale_before: datetime) -> None:
        t = tables.idempotency
        stale = sa.delete(t).where(t.c.application_id == application_id, t.c.key == key, t.c.created_at < stale_before)
        self._connection.execute(stale)
        row = {"application_id": application_id, "key": key, **asdict(result)}
        try:
            insert(self._connection, tables.idempotency, row)
        except IntegrityError as error:
            raise AlreadyDone from error

    def spend_nonce(self, nonce: bytes, expires_at: datetime) -> bool:
        t = tables.spent_nonces
        known = self._connection.execute(sa.select(t.c.nonce).where(t.c.nonce == nonce)).first()
        if known is not None:
            return False
        try:
            insert(self._connection, t, {"nonce": nonce, "expires_at": expires_at})
        except IntegrityError as error:  # another transaction stores it at the same time
            raise AlreadyDone from error
        return True

    def delete_expired_results(self, before: datetime, limit: int) -> int:
        t = tables.idempotency
        old = sa.select(t.c.application_id, t.c.key).where(t.c.created_at < before).limit(limit)
        change = sa.delete(t).where(sa.tuple_(t.c.application_id, t.c.key).in_(old))
        return self._connection.execute(change).rowcount

    def delete_expired_nonces(self, now: datetime, limit: int) -> int:
        t = tables.spent_nonces
        old = sa.select(t.c.nonce).where(t.c.expires_at < now).limit(limit)
        return self._connection.execute(sa.delete(t).where(t.c.nonce.in_(old))).rowcount
