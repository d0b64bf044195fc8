"""Statements about documents, their metadata and their files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from signroom.domain.document import Document, DocumentStatus
from signroom.domain.errors import DocumentNotFound
from signroom.domain.session import SessionStatus
from signroom.domain.signature import PdfReading
from signroom.ports.store import MetadataSearch, Position
from signroom.store import rows, tables
from signroom.store.paging import between
from signroom.store.prepared import PreparedQuery
from signroom.store.work.applications import is_closed
from signroom.store.work.statements import (
    ReadRows,
    by_no_index,
    insert_all,
    locked_row_of,
    matches,
    row_of,
    update_all,
)
from signroom.store.work.statistics.statistics import count_documents

_OF_SESSION = (
    sa.select(tables.documents)
    .where(tables.documents.c.session_id == sa.bindparam("session"))
    .order_by(tables.documents.c.position)
)
_READINGS = sa.select(tables.pdf_readings).where(
    tables.pdf_readings.c.document_id.in_(sa.bindparam("documents", expanding=True))
)
_PENDING = DocumentStatus.PENDING_SIGNATURE.value
_UNSIGNED = [SessionStatus.USER_CANCELLED.value, SessionStatus.EXPIRED.value]


class SqlDocuments:
    """The part `documents` of a transaction."""

    def __init__(self, connection: Connection, read: ReadRows) -> None:
        self._connection = connection
        self._read = read

    def of_any_tenant(self, document_id: UUID) -> Document:
        row = row_of(self._connection, tables.documents, document_id, DocumentNotFound)
        return rows.document_of(row).require_not_erased()

    def to_download_of_any_tenant(self, document_id: UUID) -> tuple[Document, bool]:
        found = _to_download().mappings(self._connection, document=document_id)
        if not found:
            raise DocumentNotFound
        return rows.document_of(found[0]).require_not_erased(), bool(found[0]["subscription_closed"])

    def locked_of_any_tenant(self, document_id: UUID) -> Document:
        row = locked_row_of(self._connection, tables.documents, document_id, DocumentNotFound)
        return rows.document_of(row).require_not_erased()

    def locked_all(self, document_ids: Sequence[UUID]) -> list[Document]:
        t = tables.documents
        query = sa.select(t).where(t.c.id.in_(document_ids)).order_by(t.c.session_id, t.c.position, t.c.id)
        found = self._connection.execute(query.with_for_update()).mappings()
        return [rows.document_of(row).require_not_erased() for row in found]

    def of_session(self, session_id: UUID) -> list[Document]:
        found = self._connection.execute(_OF_SESSION, {"session": session_id})
        return [rows.document_of(row) for row in found.mappings()]

    def statuses_of_session(self, session_id: UUID) -> list[DocumentStatus]:
        t = tables.documents
        query = sa.select(t.c.status).where(t.c.session_id == session_id)
        return [DocumentStatus(status) for status in self._connection.execute(query).scalars()]

    def in_processing(self, subscription_id: UUID) -> int:
        count: int = self._connection.execute(_IN_PROCESSING, {"owner": subscription_id}).scalar_one()
        return count

    def unfinished_local(self, signed_before: datetime, limit: int) -> list[Document]:
        # By way of their preparations: those of local signatures have an index, and are kept for a day only. Nothing is
        # asked of the documents' own session: all local signatures ever made would be gone through.
        d, p, i = tables.documents, tables.preparations, tables.prepared_documents
        query = sa.select(d).join_from(p, i, i.c.preparation_id == p.c.id)
        query = query.join(d, sa.and_(d.c.id == i.c.document_id, d.c.preparation_id == p.c.id))
        query = query.where(p.c.session_id.is_(None), p.c.created_at < signed_before)
        query = query.where(d.c.status == DocumentStatus.PROCESSING.value, d.c.signed_at < signed_before)
        found = self._connection.execute(query.order_by(d.c.signed_at, d.c.id).limit(limit)).mappings()
        return [rows.document_of(row) for row in found]

    def by_signed_file(self, subscription_id: UUID, sha256: bytes) -> Document | None:
        t = tables.documents
        query = sa.select(t).where(t.c.subscription_id == subscription_id, t.c.signed_sha256 == sha256)
        row = self._connection.execute(query.order_by(t.c.created_at.desc()).limit(1)).mappings().first()
        if row is None:  # it may have reached a higher level since
            v = tables.document_versions
            earlier = sa.select(v.c.document_id).where(
                v.c.subscription_id == subscription_id, v.c.file_sha256 == sha256
            )
            query = sa.select(t).where(t.c.id.in_(earlier)).order_by(t.c.created_at.desc()).limit(1)
            row = self._connection.execute(query).mappings().first()
        return None if row is None else rows.document_of(row)

    def find(self, wanted: MetadataSearch, limit: int) -> list[Document]:
        t, m = tables.documents, tables.document_metadata
        matching = sa.select(m.c.document_id).where(*matches(m, wanted))
        query = sa.select(t).where(t.c.subscription_id == wanted.subscription_id, t.c.id.in_(matching))
        chosen = sa.select(tables.sessions.c.id).where(tables.sessions.c.predefined)
        shown = sa.or_(t.c.status != DocumentStatus.PENDING_SIGNATURE.value, t.c.session_id.in_(chosen))
        query = between(query.where(shown), t, None, None, wanted.before)
        query = query.order_by(t.c.created_at.desc(), t.c.id.desc()).limit(limit)
        return [rows.document_of(row) for row in self._connection.execute(query).mappings()]

    def signed_between(
        self, subscription_id: UUID, since: datetime, until: datetime, after: Position | None, limit: int
    ) -> list[tuple[Document, bytes | None]]:
        t, s = tables.documents, tables.sessions
        # The session of a document that was erased may still be there, with who signed it.
        signer = sa.case((t.c.erased_at.is_(None), s.c.signer_certificate)).label("signer_certificate")
        query = sa.select(t, signer).join_from(t, s, s.c.id == t.c.session_id, isouter=True)
        query = query.where(t.c.subscription_id == subscription_id, t.c.signed_at >= since)
        query = query.where(t.c.signed_at < until, t.c.status == DocumentStatus.COMPLETED.value)
        if after is not None:
            at = sa.literal(after.created_at, tables.UtcDateTime)
            later = sa.and_(t.c.signed_at == at, t.c.id > sa.literal(after.id, sa.Uuid))
            query = query.where(sa.or_(t.c.signed_at > at, later))
        found = self._connection.execute(query.order_by(t.c.signed_at, t.c.id).limit(limit)).mappings()
        return [(rows.document_of(row), row["signer_certificate"]) for row in found]

    def readings(self, document_ids: Sequence[UUID]) -> dict[UUID, PdfReading]:
        found = self._connection.execute(_READINGS, {"documents": list(document_ids)})
        return {row.document_id: rows.unpacked_as(PdfReading, row.reading) for row in found}

    def add(self, *documents: Document) -> None:
        insert_all(self._connection, tables.documents, [rows.document_row(document) for document in documents])
        read = [(document.id, document.inspection.reading) for document in documents]
        readings: list[rows.Row] = [
            {"document_id": document_id, "reading": rows.packed(reading)}
            for document_id, reading in read
            if reading is not None
        ]
        insert_all(self._connection, tables.pdf_readings, readings)
        metadata = (rows.metadata_rows({"document_id": d.id}, d.subscription_id, d.metadata) for d in documents)
        insert_all(self._connection, tables.document_metadata, [row for some in metadata for row in some])

    def save(self, *documents: Document) -> None:
        changed = [rows.document_row(document) for document in documents]
        for row in changed:
            # The key of an old document is not stored here: `set_keys` does that, together with the row of the key.
            del row["key"]
        update_all(self._connection, tables.documents, self._read.changed(changed))
        raised = [document for document in documents if len(document.versions) > 1]
        if raised:
            v = tables.document_versions
            self._connection.execute(sa.delete(v).where(v.c.document_id.in_([document.id for document in raised])))
            insert_all(self._connection, v, [row for document in raised for row in rows.version_rows(document)])
        completed = [document.id for document in documents if document.status is DocumentStatus.COMPLETED]
        if completed:
            count_documents(self._connection, completed)

    def without_key(self, limit: int) -> list[Document]:
        t = tables.documents
        of_session_or_signed = sa.or_(t.c.session_id.is_not(None), t.c.status != _PENDING)
        query = sa.select(t).where(t.c.key.is_(None), of_session_or_signed).order_by(t.c.id).limit(limit)
        query = query.with_for_update(skip_locked=True)
        return [rows.document_of(row) for row in self._connection.execute(query).mappings()]

    def set_keys(self, keys: Mapping[UUID, str]) -> None:
        t = tables.documents
        if keys:
            change = sa.update(t).where(t.c.id == sa.bindparam("document")).values(key=sa.bindparam("new_key"))
            self._connection.execute(change, [{"document": i, "new_key": key} for i, key in keys.items()])

    def remove(self, *document_ids: UUID) -> None:
        # Not by the foreign keys alone: SQLite obeys them only where the pragma is on.
        for table, column in (
            (tables.document_keys, tables.document_keys.c.document_id),
            (tables.document_metadata, tables.document_metadata.c.document_id),
            (tables.pdf_readings, tables.pdf_readings.c.document_id),
            (tables.document_versions, tables.document_versions.c.document_id),
            (tables.documents, tables.documents.c.id),
        ):
            self._connection.execute(sa.delete(table).where(column.in_(document_ids)))

    def limit_unsigned(self, created_before: datetime, until: datetime, limit: int) -> int:
        d, s = tables.documents, tables.sessions
        over = sa.or_(s.c.status.in_(_UNSIGNED), sa.and_(d.c.session_id.is_(None), d.c.created_at < created_before))
        query = sa.select(d.c.id).join_from(d, s, s.c.id == d.c.session_id, isouter=True)
        query = query.where(d.c.purged_at.is_(None), d.c.available_until.is_(None), d.c.status == _PENDING, over)
        ids = query.limit(limit).scalar_subquery()
        change = sa.update(d).where(d.c.id.in_(ids)).values(available_until=until)
        return self._connection.execute(change).rowcount

    def due_for_purge(self, before: datetime, after: Position | None, limit: int) -> list[Document]:
        t = tables.documents
        query = sa.select(t).where(t.c.purged_at.is_(None), t.c.available_until < before, t.c.erased_at.is_(None))
        query = query.where(t.c.status.in_([_PENDING, DocumentStatus.COMPLETED.value]))
        if after is not None:
            at = sa.literal(after.created_at, tables.UtcDateTime)
            later = sa.and_(t.c.available_until == at, t.c.id > sa.literal(after.id, sa.Uuid))
            query = query.where(sa.or_(t.c.available_until > at, later))
        query = query.order_by(t.c.available_until, t.c.id).limit(limit)
        return [rows.document_of(row) for row in self._connection.execute(query).mappings()]

    def due_for_renewal(self, now: datetime, until: datetime, limit: int) -> list[UUID]:
        t = tables.documents
        query = sa.select(t.c.id).where(sa.text(tables.DOCUMENTS_TO_RENEW), t.c.erased_at.is_(None))
        query = query.where(t.c.archive_until > now, t.c.archive_until <= until)
        kept = sa.or_(t.c.available_until.is_(None), t.c.available_until > t.c.archive_until)
        query = query.where(kept).order_by(t.c.archive_until, t.c.id).limit(limit)
        return list(self._connection.execute(query).scalars())

    def without_archive_end(self, after: UUID | None, limit: int) -> list[Document]:
        t = tables.documents
        query = sa.select(t).where(sa.text(tables.DOCUMENTS_WITHOUT_END))
        if after is not None:
            query = query.where(t.c.id > sa.literal(after, sa.Uuid))
        query = query.order_by(t.c.id).limit(limit)
        return [rows.document_of(row) for row in self._connection.execute(query).mappings()]

    def with_files_after(self, after: UUID | None, now: datetime, limit: int) -> list[Document]:
        t = tables.documents
        kept = sa.or_(t.c.available_until.is_(None), t.c.available_until > now)
        query = sa.select(t).where(by_no_index(t.c.purged_at).is_(None), kept)
        if after is not None:
            query = query.where(t.c.id > sa.literal(after, sa.Uuid))
        query = query.order_by(t.c.id).limit(limit)
        return [rows.document_of(row) for row in self._connection.execute(query).mappings()]

    def files_in_use(self, keys: Sequence[str], besides: Sequence[UUID]) -> set[str]:
        t = tables.documents
        in_use: set[str] = set()
        for column in (t.c.original_key, t.c.data_key, t.c.signed_key):
            query = sa.select(column).where(column.in_(keys), t.c.id.not_in(besides))
            query = query.where(by_no_index(t.c.purged_at).is_(None), t.c.erased_at.is_(None))
            in_use.update(self._connection.execute(query).scalars())
        v = tables.document_versions
        query = sa.select(v.c.file_key).join_from(v, t, t.c.id == v.c.document_id)
        query = query.where(v.c.file_key.in_(keys), v.c.document_id.not_in(besides))
        query = query.where(by_no_index(t.c.purged_at).is_(None), t.c.erased_at.is_(None))
        in_use.update(self._connection.execute(query).scalars())
        return in_use

    def mark_purged(self, document_ids: Sequence[UUID], now: datetime) -> set[UUID]:
        d, p = tables.documents, tables.prepared_documents
        change = (
            sa.update(d).where(d.c.id.in_(document_ids), by_no_index(d.c.purged_at).is_(None)).values(purged_at=now)
        )
        marked = self._connection.execute(change.returning(d.c.id, d.c.preparation_id)).all()
        pairs = [(row.preparation_id, row.id) for row in marked if row.preparation_id is not None]
        where = sa.tuple_(p.c.preparation_id, p.c.document_id).in_(pairs)
        self._connection.execute(sa.delete(p).where(where))
        r = tables.pdf_readings
        self._connection.execute(sa.delete(r).where(r.c.document_id.in_([row.id for row in marked])))
        return {row.id for row in marked}


@cache
def _to_download() -> PreparedQuery:
    d, s = tables.documents, tables.subscriptions
    query = sa.select(d, is_closed(s).label("subscription_closed")).join_from(d, s, s.c.id == d.c.subscription_id)
    return PreparedQuery(query.where(d.c.id == sa.bindparam("document")))


def in_processing(owner: sa.ColumnElement[UUID]) -> sa.Select[Any]:
    """How many documents of sessions of a subscription are in processing."""
    # By way of their sessions: those have an index by state.
    d, s = tables.documents.alias("other"), tables.sessions.alias("other_session")
    query = sa.select(sa.func.count()).select_from(s.join(d, d.c.session_id == s.c.id))
    query = query.where(s.c.status == SessionStatus.PROCESSING, s.c.subscription_id == owner)
    return query.where(d.c.status == DocumentStatus.PROCESSING)


_IN_PROCESSING = in_processing(sa.bindparam("owner", type_=sa.Uuid))
