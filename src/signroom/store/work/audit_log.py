"""Statements about the audit log."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from signroom.domain.audit import Change
from signroom.ports.store import ANY_CHANGE, ChangeFilter
from signroom.store import rows, tables
from signroom.store.work.statements import insert


class SqlAuditLog:
    """The part `audit_log` of a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, change: Change) -> None:
        insert(self._connection, tables.audit_log, rows.change_row(change))

    def find(
        self, subscription_id: UUID | None, before: int | None, limit: int, wanted: ChangeFilter = ANY_CHANGE
    ) -> list[Change]:
        t = tables.audit_log
        query = sa.select(t).where(t.c.subscription_id == subscription_id)
        chosen = {t.c.action: wanted.action, t.c.subject_id: wanted.subject_id, t.c.key_id: wanted.key_id}
        for column, value in chosen.items():
            if value is not None:
                query = query.where(column == value)
        if wanted.since is not None:
            query = query.where(t.c.at >= wanted.since)
        if before is not None:
            query = query.where(t.c.position < before)
        query = query.order_by(t.c.position.desc()).limit(limit)
        return [rows.change_of(row) for row in self._connection.execute(query).mappings()]

    def delete_expired(self, before: datetime, limit: int) -> int:
        t = tables.audit_log
        old = sa.select(t.c.position).where(t.c.at < before).order_by(t.c.at).limit(limit)
        return self._connection.execute(sa.delete(t).where(t.c.position.in_(old))).rowcount
