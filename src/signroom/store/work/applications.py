"""Statements about applications and their API keys."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from signroom.domain.application import ApiKey, Application
from signroom.domain.errors import ApiKeyNotFound, ApplicationNotFound
from signroom.store import rows, tables
from signroom.store.work.statements import insert, insert_named, one, update


class SqlApplications:
    """The part `applications` of a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.changed = False
        """True once a row was written that is read for a key."""

    def of_any_tenant(self, application_id: UUID) -> Application:
        query = sa.select(tables.applications).where(tables.applications.c.id == application_id)
        return rows.application_of(one(self._connection, query, ApplicationNotFound))

    def locked_of_any_tenant(self, application_id: UUID) -> Application:
        query = sa.select(tables.applications).where(tables.applications.c.id == application_id).with_for_update()
        return rows.application_of(one(self._connection, query, ApplicationNotFound))

    def named_of_any_tenant(self, name: str) -> list[Application]:
        query = sa.select(tables.applications).where(tables.applications.c.name == name)
        return [rows.application_of(row) for row in self._connection.execute(query).mappings()]

    def add(self, application: Application) -> None:
        self.changed = True
        insert_named(self._connection, tables.applications, rows.application_row(application))

    def save(self, application: Application) -> None:
        self.changed = True
        update(self._connection, tables.applications, rows.application_row(application))

    def by_key(self, secret_hash: bytes) -> tuple[ApiKey, Application] | None:
        k, a = tables.api_keys, tables.applications
        query = sa.select(k, a).join_from(k, a, a.c.id == k.c.application_id).where(k.c.secret_hash == secret_hash)
        row = self._connection.execute(query).mappings().one_or_none()
        if row is None:
            return None
        # Both tables have columns of the same names.
        return (
            rows.api_key_of({column.name: row[column] for column in k.columns}),
            rows.application_of({column.name: row[column] for column in a.columns}),
        )

    def add_key(self, key: ApiKey) -> None:
        self.changed = True
        insert(self._connection, tables.api_keys, rows.api_key_row(key))

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
