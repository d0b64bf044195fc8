"""Statements about what is erased."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from signroom.domain.blob_key import blobs_of_upload
from signroom.domain.document import Document
from signroom.domain.erasure import Erasure, Removed
from signroom.domain.errors import DocumentNotFound, SignatureSessionNotFound
from signroom.domain.event import RecordedEvent
from signroom.domain.metadata import NO_METADATA
from signroom.domain.preparation import RefusedDocument
from signroom.domain.session import Session
from signroom.ports.store import ERASED
from signroom.store import rows, tables
from signroom.store.work.statements import insert, insert_all, locked_row_of, row_of


class SqlErasures:
    """The part `erasures` of a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def session_of_any_tenant(self, session_id: UUID) -> Session:
        return rows.session_of(row_of(self._connection, tables.sessions, session_id, SignatureSessionNotFound))

    def locked_session_of_any_tenant(self, session_id: UUID) -> Session:
        return rows.session_of(locked_row_of(self._connection, tables.sessions, session_id, SignatureSessionNotFound))

    def document_of_any_tenant(self, document_id: UUID) -> Document:
        return rows.document_of(row_of(self._connection, tables.documents, document_id, DocumentNotFound))

    def locked_document_of_any_tenant(self, document_id: UUID) -> Document:
        return rows.document_of(locked_row_of(self._connection, tables.documents, document_id, DocumentNotFound))

    def documents_of_session(self, session_id: UUID) -> list[Document]:
        t = tables.documents
        query = sa.select(t).where(t.c.session_id == session_id).order_by(t.c.position)
        return [rows.document_of(row) for row in self._connection.execute(query).mappings()]

    def events_of_session(self, session_id: UUID) -> list[RecordedEvent]:
        t = tables.events
        query = sa.select(t).where(t.c.session_id == session_id, t.c.id.is_not(None)).order_by(t.c.position)
        return [rows.event_of(row) for row in self._connection.execute(query).mappings()]

    def find(self, subject_id: UUID) -> Erasure | None:
        row = self._connection.execute(_row(tables.erasures, subject_id)).mappings().one_or_none()
        return None if row is None else rows.erasure_of(row)

    def add(self, erasure: Erasure) -> None:
        insert(self._connection, tables.erasures, rows.erasure_row(erasure))

    def save(self, erasure: Erasure) -> None:
        t = tables.erasures
        reached = {"files_deleted_at": erasure.files_deleted_at, "ended_at": erasure.ended_at}
        self._connection.execute(sa.update(t).where(t.c.id == erasure.id).values(reached))

    def files_not_deleted(self, limit: int) -> list[Erasure]:
        t = tables.erasures
        return self._erasures(t.c.ended_at.is_(None), t.c.files_deleted_at.is_(None), limit=limit)

    def not_ended(self, erased_before: datetime, limit: int) -> list[Erasure]:
        t = tables.erasures
        return self._erasures(t.c.ended_at.is_(None), t.c.erased_at < erased_before, limit=limit)

    def expect_late_files(self, beginnings: Sequence[str], look_at: datetime) -> None:
        t = tables.late_files
        insert_all(self._connection, t, [{"beginning": one, "look_at": look_at} for one in beginnings])

    def late_files(self, first: datetime | None, last: datetime, limit: int, but: int = 0) -> list[str]:
        t = tables.late_files
        query = sa.select(t.c.beginning).where(t.c.look_at <= last)
        if first is not None:
            query = query.where(t.c.look_at >= first)
        query = query.order_by(t.c.look_at, t.c.beginning).limit(limit).offset(but)
        return list(self._connection.execute(query).scalars())

    def forget_late_files(self, beginnings: Sequence[str]) -> None:
        t = tables.late_files
        self._connection.execute(sa.delete(t).where(t.c.beginning.in_(beginnings)))

    def remove_traces(
        self, subscription_id: UUID, session_id: UUID | None, documents: Sequence[Document], now: datetime
    ) -> Removed:
        ids = [document.id for document in documents]
        streams = ids if session_id is None else [*ids, session_id]
        preparations = self._remove_preparations(session_id, documents)
        metadata_values = self._remove_metadata(ids)
        r, i, p = tables.pdf_readings, tables.idempotency, tables.persons
        self._connection.execute(sa.delete(p).where(p.c.subject_id.in_(streams)))
        self._connection.execute(sa.delete(r).where(r.c.document_id.in_(ids)))
        # The key itself stays until its day is over: the same request is then refused, not done once more.
        forgotten = sa.update(i).where(i.c.subject.in_(streams)).values(request=ERASED)
        return Removed(
            documents=len(ids),
            files=self._remove_extracted(subscription_id, documents, now),
            preparations=preparations,
            deliveries=self._remove_deliveries(subscription_id, streams),
            metadata_values=metadata_values,
            idempotency_keys=self._connection.execute(forgotten).rowcount,
        )

    def _remove_extracted(self, subscription_id: UUID, documents: Sequence[Document], now: datetime) -> int:
        """Without their rows nobody can make a document of them any more."""
        t = tables.uploads
        files = (file for d in documents for file in (d.original, *(version.file for version in d.versions)))
        digests = sorted({file.sha256 for file in files if file.sha256})
        mine = sa.and_(t.c.subscription_id == subscription_id, t.c.extracted_from.in_(digests), t.c.used.is_(False))
        removed = self._connection.execute(sa.delete(t).where(mine).returning(t.c.id)).scalars().all()
        self.expect_late_files([blobs_of_upload(upload_id) for upload_id in removed], now)
        return len(removed)

    def _erasures(self, *conditions: sa.ColumnElement[bool], limit: int) -> list[Erasure]:
        t = tables.erasures
        query = sa.select(t).where(*conditions).order_by(t.c.erased_at, t.c.id).limit(limit)
        return [rows.erasure_of(row) for row in self._connection.execute(query).mappings()]

    def _remove_preparations(self, session_id: UUID | None, documents: Sequence[Document]) -> int:
        """All of a session. Of documents alone their parts, and what has no other part left and no session."""
        p, i = tables.preparations, tables.prepared_documents
        ids = [document.id for document in documents]
        if session_id is not None:
            mine = sa.select(p.c.id).where(p.c.session_id == session_id)
            self._connection.execute(sa.delete(i).where(i.c.preparation_id.in_(mine)))
            return self._connection.execute(sa.delete(p).where(p.c.session_id == session_id)).rowcount
        touched = (
            self._connection.execute(sa.select(i.c.preparation_id).where(i.c.document_id.in_(ids))).scalars().all()
        )
        self._connection.execute(sa.delete(i).where(i.c.document_id.in_(ids)))
        local = sa.delete(p).where(p.c.id.in_(touched), p.c.session_id.is_(None))
        removed = self._connection.execute(local).rowcount
        self._forget_reasons({d.session_id for d in documents if d.session_id is not None}, set(ids))
        return removed

    def _forget_reasons(self, session_ids: set[UUID], document_ids: set[UUID]) -> None:
        """Why a document could not be prepared may name what is in its file."""
        p = tables.preparations
        query = sa.select(p.c.id, p.c.refused).where(p.c.session_id.in_(session_ids), p.c.refused.is_not(None))
        for row in self._connection.execute(query).all():
            reasons: tuple[RefusedDocument, ...] = rows.unpacked_as(tuple[RefusedDocument, ...], row.refused)
            kept = tuple(reason for reason in reasons if reason.document_id not in document_ids)
            if kept != reasons:
                change = sa.update(p).where(p.c.id == row.id).values(refused=rows.packed(kept))
                self._connection.execute(change)

    def _remove_metadata(self, document_ids: Sequence[UUID]) -> int:
        m, k, of_key = tables.document_metadata, tables.document_keys, tables.document_key_metadata
        removed = self._connection.execute(sa.delete(m).where(m.c.document_id.in_(document_ids))).rowcount
        mine = sa.select(k.c.key).where(k.c.document_id.in_(document_ids))
        self._connection.execute(sa.delete(of_key).where(of_key.c.key.in_(mine)))
        forgotten = sa.update(k).where(k.c.document_id.in_(document_ids)).values(metadata=rows.packed(NO_METADATA))
        self._connection.execute(forgotten)
        return removed

    def _remove_deliveries(self, subscription_id: UUID, streams: Sequence[UUID]) -> int:
        w, d, a = tables.webhooks, tables.deliveries, tables.delivery_attempts
        # Every transaction locks the webhook before its deliveries, so that two never block each other.
        query = sa.select(w.c.id).where(w.c.subscription_id == subscription_id).order_by(w.c.created_at, w.c.id)
        webhooks = self._connection.execute(query.with_for_update(key_share=True)).scalars().all()
        mine = sa.and_(d.c.webhook_id.in_(webhooks), d.c.stream.in_(streams))
        answers = sa.delete(a).where(a.c.delivery_id.in_(sa.select(d.c.id).where(mine)))
        self._connection.execute(answers)
        return self._connection.execute(sa.delete(d).where(mine)).rowcount


def _row(table: sa.Table, row_id: UUID) -> sa.Select[Any]:
    return sa.select(table).where(table.c.id == row_id)
