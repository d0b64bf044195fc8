"""Statements about the security contexts that subscriptions have made."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from signroom.domain.errors import SecurityContextNotFound
from signroom.domain.security_context import ContextRules, SecurityContext
from signroom.domain.session import SessionStatus
from signroom.store import rows, tables
from signroom.store.work.statements import insert_named, one, update_named

_NOT_OVER = [SessionStatus.PENDING.value, SessionStatus.PROCESSING.value, SessionStatus.PROCESSING_ERROR.value]


class SqlSecurityContexts:
    """The part `security_contexts` of a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, subscription_id: UUID) -> list[SecurityContext]:
        t = tables.security_contexts
        query = sa.select(t).where(t.c.subscription_id == subscription_id).order_by(t.c.name)
        return [_context_of(row) for row in self._connection.execute(query).mappings()]

    def get(self, subscription_id: UUID, context_id: UUID) -> SecurityContext:
        return _context_of(one(self._connection, _query(subscription_id, context_id), SecurityContextNotFound))

    def locked(self, subscription_id: UUID, context_id: UUID) -> SecurityContext:
        query = _query(subscription_id, context_id).with_for_update()
        return _context_of(one(self._connection, query, SecurityContextNotFound))

    def add(self, context: SecurityContext) -> None:
        insert_named(self._connection, tables.security_contexts, _row(context))

    def save(self, context: SecurityContext) -> None:
        update_named(self._connection, tables.security_contexts, _row(context))

    def remove(self, context_id: UUID) -> None:
        t = tables.security_contexts
        self._connection.execute(sa.delete(t).where(t.c.id == context_id))

    def in_use(self, subscription_id: UUID, context_id: UUID) -> int:
        s = tables.sessions
        query = sa.select(sa.func.count()).select_from(s).where(s.c.status.in_(_NOT_OVER))
        query = query.where(s.c.subscription_id == subscription_id, s.c.security_context_id == context_id)
        count: int = self._connection.execute(query).scalar_one()
        return count


def _query(subscription_id: UUID, context_id: UUID) -> sa.Select[Any]:
    t = tables.security_contexts
    return sa.select(t).where(t.c.id == context_id, t.c.subscription_id == subscription_id)


def _row(context: SecurityContext) -> dict[str, Any]:
    return {
        "id": context.id,
        "subscription_id": context.subscription_id,
        "name": context.name,
        "roots": rows.packed(context.roots),
        "intermediates": rows.packed(context.intermediates),
        "rules": rows.packed(context.rules),
    }


def _context_of(row: RowMapping) -> SecurityContext:
    return SecurityContext(
        id=row["id"],
        name=row["name"],
        subscription_id=row["subscription_id"],
        roots=rows.unpacked_as(tuple[bytes, ...], row["roots"]),
        intermediates=rows.unpacked_as(tuple[bytes, ...], row["intermediates"]),
        rules=rows.unpacked_as(ContextRules, row["rules"]),
    )
