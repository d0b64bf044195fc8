"""Statements about keys of documents."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from signroom.domain.document_key import DocumentKey
from signroom.ports.store import MetadataSearch
from signroom.store import rows, tables
from signroom.store.work.statements import insert_all, matches


class SqlDocumentKeys:
    """The part `document_keys` of a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, subscription_id: UUID, key: str) -> DocumentKey | None:
        return self._find(subscription_id, key, lock=False)

    def locked(self, subscription_id: UUID, key: str) -> DocumentKey | None:
        return self._find(subscription_id, key, lock=True)

    def add(self, keys: Sequence[DocumentKey]) -> None:
        insert_all(self._connection, tables.document_keys, [rows.document_key_row(k) for k in keys])
        insert_all(
            self._connection,
            tables.document_key_metadata,
            [row for k in keys for row in rows.metadata_rows({"key": k.key}, k.subscription_id, k.metadata)],
        )

    def save(self, key: DocumentKey) -> None:
        t = tables.document_keys
        self._connection.execute(sa.update(t).where(t.c.key == key.key).values(document_id=key.document_id))

    def of_documents(self, document_ids: Sequence[UUID]) -> dict[UUID, str]:
        t = tables.document_keys
        query = sa.select(t.c.document_id, t.c.key).where(t.c.document_id.in_(document_ids))
        return {row.document_id: row.key for row in self._connection.execute(query)}

    def unused(self, subscription_id: UUID, wanted: MetadataSearch | None, limit: int) -> list[DocumentKey]:
        t, m = tables.document_keys, tables.document_key_metadata
        query = sa.select(t).where(t.c.subscription_id == subscription_id, t.c.document_id.is_(None))
        # During a roll-out a process of the version before gives back what is not an application's.
        query = query.where(t.c.made_with_document.is_(None))
        if wanted is not None:
            query = query.where(t.c.key.in_(sa.select(m.c.key).where(*matches(m, wanted))))
        query = query.order_by(t.c.created_at, t.c.key).limit(limit)
        return [rows.document_key_of(row) for row in self._connection.execute(query).mappings()]

    def _find(self, subscription_id: UUID, key: str, *, lock: bool) -> DocumentKey | None:
        t = tables.document_keys
        query = sa.select(t).where(t.c.key == key, t.c.subscription_id == subscription_id)
        row = self._connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
        return None if row is None else rows.document_key_of(row)
