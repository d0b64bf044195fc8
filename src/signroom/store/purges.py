"""What time does to rows: some at once, so that no transaction is long and none waits for another's rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from signroom.domain.document import Document, DocumentStatus
from signroom.domain.session import MOVES, Session, SessionStatus
from signroom.domain.upload import Upload
from signroom.ports.store import LegacyEvent, Position
from signroom.store import rows, tables

_ENDED = [status.value for status, moves in MOVES.items() if not moves]
_UNSIGNED = [SessionStatus.USER_CANCELLED.value, SessionStatus.EXPIRED.value]
_PENDING = DocumentStatus.PENDING_SIGNATURE.value
_UNDER_WAY = [_PENDING, DocumentStatus.PROCESSING.value]


class PurgeQueries:
    """A part of `SqlWork`."""

    _connection: Connection

    # -- sessions ------------------------------------------------------------------------------

    def expired_sessions_for_update(self, now: datetime, limit: int) -> list[Session]:
        t = tables.sessions
        query = sa.select(t).where(t.c.status == SessionStatus.PENDING.value, t.c.expires_at <= now)
        # SQLite ignores FOR UPDATE: its writers are alone since BEGIN IMMEDIATE.
        query = query.order_by(t.c.expires_at).limit(limit).with_for_update(skip_locked=True)
        return [rows.session_of(row) for row in self._connection.execute(query).mappings()]

    def end_unsigned(self, sessions: Sequence[Session], files_until: datetime) -> None:
        s, d, k = tables.sessions, tables.documents, tables.document_keys
        if not sessions:
            return
        change = sa.update(s).where(s.c.id == sa.bindparam("of")).values(status=sa.bindparam("to"))
        self._connection.execute(change, [{"of": session.id, "to": session.status.value} for session in sessions])
        ids = [session.id for session in sessions]
        own = sa.select(d.c.id).where(d.c.session_id.in_(ids))
        self._connection.execute(sa.update(k).where(k.c.document_id.in_(own)).values(document_id=None))
        self._connection.execute(sa.update(d).where(d.c.session_id.in_(ids)).values(available_until=files_until))

    # -- documents and uploads -----------------------------------------------------------------

    def limit_unsigned(self, created_before: datetime, until: datetime, limit: int) -> int:
        d, s = tables.documents, tables.sessions
        over = sa.or_(s.c.status.in_(_UNSIGNED), sa.and_(d.c.session_id.is_(None), d.c.created_at < created_before))
        found = sa.select(d.c.id).join_from(d, s, s.c.id == d.c.session_id, isouter=True)
        found = found.where(d.c.purged_at.is_(None), d.c.available_until.is_(None), d.c.status == _PENDING, over)
        change = sa.update(d).where(d.c.id.in_(found.limit(limit).scalar_subquery())).values(available_until=until)
        return self._connection.execute(change).rowcount

    def documents_past(self, before: datetime, after: Position | None, limit: int) -> list[Document]:
        t = tables.documents
        query = sa.select(t).where(t.c.purged_at.is_(None), t.c.available_until < before)
        query = query.where(t.c.status.in_([_PENDING, DocumentStatus.COMPLETED.value]))
        if after is not None:
            at = sa.literal(after.created_at, tables.UtcDateTime)
            later = sa.and_(t.c.available_until == at, t.c.id > sa.literal(after.id, sa.Uuid))
            query = query.where(sa.or_(t.c.available_until > at, later))
        query = query.order_by(t.c.available_until, t.c.id).limit(limit)
        return [rows.document_of(row) for row in self._connection.execute(query).mappings()]

    def predefined_sessions(self, session_ids: Sequence[UUID]) -> set[UUID]:
        t = tables.sessions
        return set(self._connection.execute(sa.select(t.c.id).where(t.c.id.in_(session_ids), t.c.predefined)).scalars())

    def files_in_use(self, keys: Sequence[str], besides: Sequence[UUID]) -> set[str]:
        t = tables.documents
        found: set[str] = set()
        for column in (t.c.original_key, t.c.data_key, t.c.signed_key):
            query = sa.select(column).where(column.in_(keys), t.c.purged_at.is_(None), t.c.id.not_in(besides))
            found.update(self._connection.execute(query).scalars())
        return found

    def mark_purged(self, document_ids: Sequence[UUID], now: datetime) -> set[UUID]:
        d, p = tables.documents, tables.prepared_documents
        change = sa.update(d).where(d.c.id.in_(document_ids), d.c.purged_at.is_(None)).values(purged_at=now)
        found = self._connection.execute(change.returning(d.c.id, d.c.preparation_id)).all()
        pairs = [(row.preparation_id, row.id) for row in found if row.preparation_id is not None]
        where = sa.tuple_(p.c.preparation_id, p.c.document_id).in_(pairs)
        self._connection.execute(sa.delete(p).where(where))
        return {row.id for row in found}

    def remove_documents(self, document_ids: Sequence[UUID]) -> None:
        for table, column in (
            (tables.document_metadata, tables.document_metadata.c.document_id),
            (tables.documents, tables.documents.c.id),
        ):
            self._connection.execute(sa.delete(table).where(column.in_(document_ids)))

    def abandoned_uploads(self, before: datetime, limit: int) -> list[Upload]:
        t = tables.uploads
        query = sa.select(t).where(t.c.used.is_(False), t.c.created_at < before).order_by(t.c.created_at).limit(limit)
        return [rows.upload_of(row) for row in self._connection.execute(query).mappings()]

    def part_keys(self, upload_ids: Sequence[UUID]) -> list[str]:
        t = tables.upload_parts
        return list(self._connection.execute(sa.select(t.c.blob_key).where(t.c.upload_id.in_(upload_ids))).scalars())

    def remove_uploads(self, upload_ids: Sequence[UUID]) -> None:
        for column in (tables.upload_parts.c.upload_id, tables.uploads.c.id):
            self._connection.execute(sa.delete(column.table).where(column.in_(upload_ids)))

    # -- what was only needed for a while ------------------------------------------------------

    def delete_expired_preparations(self, before: datetime, limit: int) -> int:
        p, i, s, d = tables.preparations, tables.prepared_documents, tables.sessions, tables.documents
        under_way = (
            sa.select(i.c.preparation_id)
            .join(d, d.c.id == i.c.document_id)
            .where(i.c.preparation_id == p.c.id, d.c.status.in_(_UNDER_WAY))
        )
        over = sa.or_(s.c.status.in_(_ENDED), sa.and_(p.c.session_id.is_(None), sa.not_(under_way.exists())))
        query = sa.select(p.c.id).join_from(p, s, s.c.id == p.c.session_id, isouter=True)
        query = query.where(p.c.created_at < before, over).limit(limit)
        ids = self._connection.execute(query).scalars().all()
        self._connection.execute(sa.delete(i).where(i.c.preparation_id.in_(ids)))
        self._connection.execute(sa.delete(p).where(p.c.id.in_(ids)))
        return len(ids)

    def delete_expired_idempotent(self, before: datetime, limit: int) -> int:
        t = tables.idempotency
        old = sa.select(t.c.application_id, t.c.key).where(t.c.created_at < before).limit(limit)
        return self._remove(t, sa.tuple_(t.c.application_id, t.c.key), old)

    def delete_expired_nonces(self, now: datetime, limit: int) -> int:
        t = tables.spent_nonces
        return self._remove(t, t.c.nonce, sa.select(t.c.nonce).where(t.c.expires_at < now).limit(limit))

    def delete_expired_events(self, before: datetime, limit: int) -> int:
        # A whole beginning of the feed and never its end: what is kept tells how far it goes back.
        t = tables.events
        query = sa.select(t.c.position, t.c.at).order_by(t.c.position).limit(limit + 1)
        found = self._connection.execute(query).all()
        old = list(takewhile(lambda row: row.at < before, found[:-1]))
        if old:
            self._connection.execute(sa.delete(t).where(t.c.position <= old[-1].position))
        return len(old)

    def delete_expired_deliveries(self, before: datetime, limit: int) -> int:
        d, a = tables.deliveries, tables.delivery_attempts
        query = sa.select(d.c.id).where(d.c.created_at < before, d.c.settled_at < before).limit(limit)
        ids = self._connection.execute(query).scalars().all()
        self._connection.execute(sa.delete(a).where(a.c.delivery_id.in_(ids)))
        self._connection.execute(sa.delete(d).where(d.c.id.in_(ids)))
        return len(ids)

    def take_legacy_events(self, before: datetime, limit: int) -> list[LegacyEvent]:
        t, s, d = tables.events, tables.sessions, tables.documents
        owner = sa.func.coalesce(s.c.subscription_id, d.c.subscription_id)
        query = (
            sa.select(t.c.position, t.c.type, t.c.session_id, t.c.document_id, t.c.at)
            .add_columns(owner.label("subscription_id"))
            .add_columns(sa.func.coalesce(s.c.application_id, d.c.application_id).label("application_id"))
            .join_from(t, s, s.c.id == t.c.session_id, isouter=True)
            .join(d, d.c.id == t.c.document_id, isouter=True)
            .where(t.c.subscription_id.is_(None), t.c.at < before, owner.is_not(None))
            .order_by(t.c.position)
            .limit(limit)
            .with_for_update(of=t, skip_locked=True)
        )
        found = self._connection.execute(query).all()
        self._connection.execute(sa.delete(t).where(t.c.position.in_([row.position for row in found])))
        return [
            LegacyEvent(row.type, row.session_id, row.document_id, row.at, row.subscription_id, row.application_id)
            for row in found
        ]

    def _remove(self, table: sa.Table, key: Any, old: sa.Select[Any]) -> int:
        return self._connection.execute(sa.delete(table).where(key.in_(old))).rowcount
