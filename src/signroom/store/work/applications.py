"""Statements about applications and their API keys."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from signroom.domain.application import ApiKey, Application
from signroom.domain.errors import ApiKeyNotFound, ApplicationNotFound
from signroom.ports.store import ApplicationSummary, KeyOwner
from signroom.store import rows, tables
from signroom.store.work.statements import insert_into, insert_named, insert_owned, one, row_of, update, update_named


class SqlApplications:
    """The part `applications` of a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.changed = False
        """True once a row was written that is read for a key."""

    def of_any_tenant(self, application_id: UUID) -> Application:
        return rows.application_of(row_of(self._connection, tables.applications, application_id, ApplicationNotFound))

    def locked_of_any_tenant(self, application_id: UUID) -> Application:
        query = sa.select(tables.applications).where(tables.applications.c.id == application_id)
        # A key share lock: others go on adding rows that refer to it.
        query = query.with_for_update(key_share=True)
        return rows.application_of(one(self._connection, query, ApplicationNotFound))

    def named_of_any_tenant(self, name: str) -> list[Application]:
        query = sa.select(tables.applications).where(tables.applications.c.name == name)
        return [rows.application_of(row) for row in self._connection.execute(query).mappings()]

    def add(self, application: Application) -> None:
        self.changed = True
        insert_named(self._connection, tables.applications, rows.application_row(application))

    def save(self, application: Application) -> None:
        self.changed = True
        update_named(self._connection, tables.applications, rows.application_row(application))

    def by_key(self, secret_hash: bytes) -> KeyOwner | None:
        k, a = tables.api_keys, tables.applications
        row = self._connection.execute(_by_key(), {"hash": secret_hash}).mappings().one_or_none()
        if row is None:
            return None
        # The tables have columns of the same names.
        return KeyOwner(
            rows.api_key_of({column.name: row[column] for column in k.columns}),
            rows.application_of({column.name: row[column] for column in a.columns}),
            bool(row["subscription_closed"]),
        )

    def closed(self, application_id: UUID) -> bool:
        a, s = tables.applications, tables.subscriptions
        query = sa.select(sa.or_(is_closed(a), is_closed(s))).join_from(a, s, s.c.id == a.c.subscription_id)
        found = self._connection.execute(query.where(a.c.id == application_id)).scalar_one_or_none()
        return found is None or bool(found)

    def closed_to_session(self, session_id: UUID) -> bool:
        return bool(self._connection.execute(_closed_to_session(), {"session": session_id}).scalar())

    def summaries(self, subscription_id: UUID, now: datetime) -> list[ApplicationSummary]:
        a, k = tables.applications, tables.api_keys
        endless = sa.or_(k.c.expires_at.is_(None), k.c.expires_at > now)
        usable = sa.and_(k.c.id.is_not(None), k.c.revoked_at.is_(None), endless)
        counts = (
            sa.select(
                k.c.application_id,
                sa.func.count().label("made"),
                sa.func.sum(sa.case((usable, 1), else_=0)).label("usable"),
                sa.func.max(k.c.last_used_at, type_=tables.UtcDateTime()).label("last_used_at"),
            )
            .group_by(k.c.application_id)
            .subquery()
        )
        columns = (counts.c.made, counts.c.usable, counts.c.last_used_at)
        query = sa.select(a, *columns).outerjoin(counts, counts.c.application_id == a.c.id)
        query = query.where(a.c.subscription_id == subscription_id).order_by(a.c.name)
        return [
            ApplicationSummary(rows.application_of(row), row["made"] or 0, row["usable"] or 0, row["last_used_at"])
            for row in self._connection.execute(query).mappings()
        ]

    def add_key(self, key: ApiKey) -> None:
        self.changed = True
        insert_owned(self._connection, insert_into(tables.api_keys), rows.api_key_row(key))

    def keys_of(self, application_id: UUID) -> list[ApiKey]:
        t = tables.api_keys
        query = sa.select(t).where(t.c.application_id == application_id).order_by(t.c.created_at.desc(), t.c.id)
        return [rows.api_key_of(row) for row in self._connection.execute(query).mappings()]

    def locked_key(self, application_id: UUID, key_id: UUID) -> ApiKey:
        t = tables.api_keys
        query = sa.select(t).where(t.c.id == key_id, t.c.application_id == application_id).with_for_update()
        return rows.api_key_of(one(self._connection, query, ApiKeyNotFound))

    def save_key(self, key: ApiKey) -> None:
        self.changed = True
        update(self._connection, tables.api_keys, rows.api_key_row(key))

    def note_use(self, key_id: UUID, now: datetime, before: datetime) -> None:
        self.changed = True
        t = tables.api_keys
        due = sa.or_(t.c.last_used_at.is_(None), t.c.last_used_at <= before)
        self._connection.execute(sa.update(t).where(t.c.id == key_id, due).values(last_used_at=now))

    def of_subscription(self, subscription_id: UUID) -> list[Application]:
        t = tables.applications
        query = sa.select(t).where(t.c.subscription_id == subscription_id).order_by(t.c.name)
        return [rows.application_of(row) for row in self._connection.execute(query).mappings()]


def is_closed(table: sa.Table) -> sa.ColumnElement[bool]:
    """As the property `closed` of the row says."""
    return sa.or_(table.c.disabled_at.is_not(None), table.c.deleting_since.is_not(None))


# Made once: these are asked for each request.


@cache
def _by_key() -> sa.Select[Any]:
    k, a, s = tables.api_keys, tables.applications, tables.subscriptions
    joined = k.join(a, a.c.id == k.c.application_id).join(s, s.c.id == a.c.subscription_id)
    query = sa.select(k, a, is_closed(s).label("subscription_closed")).select_from(joined)
    return query.where(k.c.secret_hash == sa.bindparam("hash"))


@cache
def _closed_to_session() -> sa.Select[Any]:
    a, s = tables.applications, tables.subscriptions
    joined = tables.sessions.join(a, a.c.id == tables.sessions.c.application_id)
    query = sa.select(sa.or_(is_closed(a), is_closed(s))).select_from(joined.join(s, s.c.id == a.c.subscription_id))
    return query.where(tables.sessions.c.id == sa.bindparam("session"))
