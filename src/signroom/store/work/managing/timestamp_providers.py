"""Statements about the timestamp providers that were set by command or API."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from signroom.domain.errors import TimestampProviderNotFound
from signroom.domain.timestamp_provider import ProviderAuth, StoredProvider
from signroom.store import tables
from signroom.store.rows import Row
from signroom.store.work.statements import insert_named, row_of, update_named


class SqlTimestampProviders:
    """The part `timestamp_providers` of a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> list[StoredProvider]:
        t = tables.timestamp_providers
        query = sa.select(t).order_by(t.c.tier, t.c.priority, t.c.name)
        return [_provider_of(row) for row in self._connection.execute(query).mappings()]

    def get(self, provider_id: UUID) -> StoredProvider:
        return _provider_of(
            row_of(self._connection, tables.timestamp_providers, provider_id, TimestampProviderNotFound)
        )

    def locked(self) -> list[StoredProvider]:
        # The rows alone would not do: two that add one see each other's row no sooner than at the end.
        if self._connection.dialect.name == "postgresql":
            table = tables.timestamp_providers.name
            self._connection.execute(sa.text(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"))
        return self.all()

    def add(self, provider: StoredProvider) -> None:
        insert_named(self._connection, tables.timestamp_providers, _row(provider))

    def save(self, provider: StoredProvider) -> None:
        update_named(self._connection, tables.timestamp_providers, _row(provider))

    def remove(self, provider_id: UUID) -> None:
        t = tables.timestamp_providers
        self._connection.execute(sa.delete(t).where(t.c.id == provider_id))


def _row(provider: StoredProvider) -> dict[str, Any]:
    return {
        "id": provider.id,
        "name": provider.name,
        "url": provider.url,
        "context": provider.context_name,
        "tier": provider.tier,
        "priority": provider.priority,
        "auth": provider.auth.value,
        "user": provider.user,
        "secret": provider.sealed_secret,
    }


def _provider_of(row: RowMapping | Row) -> StoredProvider:
    return StoredProvider(
        id=row["id"],
        name=row["name"],
        url=row["url"],
        context_name=row["context"],
        tier=row["tier"],
        priority=row["priority"],
        auth=ProviderAuth(row["auth"]),
        user=row["user"],
        sealed_secret=row["secret"],
    )
