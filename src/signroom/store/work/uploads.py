"""Statements about uploads and their parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from signroom.domain.errors import UploadNotFound
from signroom.domain.upload import Upload, UploadPart
from signroom.ports.store import Position
from signroom.store import rows, tables
from signroom.store.work.statements import insert, insert_into, insert_owned, one, update


class SqlUploads:
    """The part `uploads` of a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def by_token_of_any_tenant(self, token_hash: bytes) -> Upload:
        query = sa.select(tables.uploads).where(tables.uploads.c.token_hash == token_hash)
        return rows.upload_of(one(self._connection, query, UploadNotFound))

    def of_any_tenant(self, upload_id: UUID) -> Upload:
        query = sa.select(tables.uploads).where(tables.uploads.c.id == upload_id)
        return rows.upload_of(one(self._connection, query, UploadNotFound))

    def locked_of_any_tenant(self, upload_id: UUID) -> Upload:
        query = sa.select(tables.uploads).where(tables.uploads.c.id == upload_id).with_for_update()
        return rows.upload_of(one(self._connection, query, UploadNotFound))

    def locked_all_of_any_tenant(self, upload_ids: Sequence[UUID]) -> list[Upload]:
        t = tables.uploads
        query = sa.select(t).where(t.c.id.in_(upload_ids)).order_by(t.c.id).with_for_update()
        found = [rows.upload_of(row) for row in self._connection.execute(query).mappings()]
        if len(found) < len(set(upload_ids)):
            raise UploadNotFound
        return found

    def note_used(self, upload_ids: Sequence[UUID]) -> None:
        t = tables.uploads
        self._connection.execute(sa.update(t).where(t.c.id.in_(upload_ids)).values(used=True))

    def add(self, upload: Upload) -> None:
        insert_owned(self._connection, insert_into(tables.uploads), rows.upload_row(upload))

    def save(self, upload: Upload) -> None:
        update(self._connection, tables.uploads, rows.upload_row(upload))

    def remove_all(self, upload_ids: Sequence[UUID]) -> None:
        for column in (tables.upload_parts.c.upload_id, tables.uploads.c.id):
            self._connection.execute(sa.delete(column.table).where(column.in_(upload_ids)))

    def parts(self, upload_id: UUID) -> list[UploadPart]:
        t = tables.upload_parts
        query = sa.select(t.c.number, t.c.etag, t.c.length, t.c.blob_key).where(t.c.upload_id == upload_id)
        return [UploadPart(**row) for row in self._connection.execute(query.order_by(t.c.number)).mappings()]

    def put_part(self, upload_id: UUID, part: UploadPart) -> None:
        t = tables.upload_parts
        self._connection.execute(sa.delete(t).where(t.c.upload_id == upload_id, t.c.number == part.number))
        insert(self._connection, t, {"upload_id": upload_id, **asdict(part)})

    def remove_parts(self, upload_id: UUID) -> None:
        t = tables.upload_parts
        self._connection.execute(sa.delete(t).where(t.c.upload_id == upload_id))

    def abandoned(self, before: datetime, after: Position | None, limit: int) -> list[Upload]:
        t = tables.uploads
        query = sa.select(t).where(t.c.used.is_(False), t.c.created_at < before)
        if after is not None:
            at = sa.literal(after.created_at, tables.UtcDateTime)
            later = sa.and_(t.c.created_at == at, t.c.id > sa.literal(after.id, sa.Uuid))
            query = query.where(sa.or_(t.c.created_at > at, later))
        query = query.order_by(t.c.created_at, t.c.id).limit(limit)
        return [rows.upload_of(row) for row in self._connection.execute(query).mappings()]

    def part_keys(self, upload_ids: Sequence[UUID]) -> list[str]:
        t = tables.upload_parts
        return list(self._connection.execute(sa.select(t.c.blob_key).where(t.c.upload_id.in_(upload_ids))).scalars())
