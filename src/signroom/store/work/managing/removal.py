"""Statements that remove an application or a subscription with all that belongs to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from signroom.domain.application import Application, Subscription
from signroom.domain.document import Document, DocumentStatus
from signroom.domain.session import Session, SessionStatus
from signroom.domain.upload import Upload
from signroom.ports.store.managing.removal import InUse
from signroom.store import rows, tables

_PENDING = SessionStatus.PENDING.value
_MOVING = [SessionStatus.PENDING.value, SessionStatus.PROCESSING.value]
_PROCESSING = DocumentStatus.PROCESSING.value


class SqlRemoval:
    """The part `removal` of a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def in_use(self, application_ids: Sequence[UUID], now: datetime) -> InUse:
        s, d = tables.sessions, tables.documents
        pending = sa.select(sa.func.count()).where(s.c.application_id.in_(application_ids), s.c.status == _PENDING)
        busy = sa.select(sa.func.count()).where(d.c.application_id.in_(application_ids), d.c.status == _PROCESSING)
        return InUse(
            self._connection.execute(pending.where(s.c.expires_at > now)).scalar_one(),
            self._connection.execute(busy).scalar_one(),
        )

    def applications(self) -> list[Application]:
        a, s = tables.applications, tables.subscriptions
        query = sa.select(a).join(s, s.c.id == a.c.subscription_id).order_by(a.c.id)
        query = query.where(sa.or_(a.c.deleting_since.is_not(None), s.c.deleting_since.is_not(None)))
        return [rows.application_of(row) for row in self._connection.execute(query).mappings()]

    def subscriptions(self) -> list[Subscription]:
        a, s = tables.applications, tables.subscriptions
        empty = ~sa.exists().where(a.c.subscription_id == s.c.id)
        query = sa.select(s).where(s.c.deleting_since.is_not(None), empty).order_by(s.c.id)
        return [Subscription(**row) for row in self._connection.execute(query).mappings()]

    def locked_pending(self, application_id: UUID, limit: int) -> list[Session]:
        s = tables.sessions
        query = sa.select(s).where(s.c.application_id == application_id, s.c.status == _PENDING)
        return self._sessions(query.order_by(s.c.id).limit(limit).with_for_update())

    def ended(self, application_id: UUID, limit: int) -> list[Session]:
        s = tables.sessions
        query = sa.select(s).where(s.c.application_id == application_id, s.c.status.not_in(_MOVING))
        return self._sessions(query.order_by(s.c.id).limit(limit))

    def locked_ended(self, session_ids: Sequence[UUID]) -> list[Session]:
        s = tables.sessions
        query = sa.select(s).where(s.c.id.in_(session_ids), s.c.status.not_in(_MOVING))
        return self._sessions(query.order_by(s.c.id).with_for_update())

    def locked_documents(self, document_ids: Sequence[UUID]) -> list[Document]:
        d = tables.documents
        query = sa.select(d).where(d.c.id.in_(document_ids)).order_by(d.c.id).with_for_update()
        return [rows.document_of(row) for row in self._connection.execute(query).mappings()]

    def local_documents(self, application_id: UUID, limit: int) -> list[Document]:
        d = tables.documents
        query = sa.select(d).where(d.c.application_id == application_id, d.c.session_id.is_(None))
        query = query.where(d.c.status != _PROCESSING).order_by(d.c.id).limit(limit)
        return [rows.document_of(row) for row in self._connection.execute(query).mappings()]

    def locked_uploads(self, application_id: UUID, limit: int) -> list[Upload]:
        u = tables.uploads
        query = sa.select(u).where(u.c.application_id == application_id).order_by(u.c.id).limit(limit)
        locked = query.with_for_update(skip_locked=True)
        return [rows.upload_of(row) for row in self._connection.execute(locked).mappings()]

    def remove(self, sessions: Sequence[UUID], documents: Sequence[UUID]) -> None:
        k, of_key = tables.document_keys, tables.document_key_metadata
        keys = sa.select(k.c.key).where(k.c.document_id.in_(documents))
        self._delete(of_key, of_key.c.key.in_(keys))
        self._delete(k, k.c.document_id.in_(documents))
        self._remove_events(tables.events.c.session_id.in_(sessions))
        self._delete(tables.documents, tables.documents.c.id.in_(documents))
        self._delete(tables.erasures, tables.erasures.c.id.in_([*sessions, *documents]))
        self._delete(tables.sessions, tables.sessions.c.id.in_(sessions))
        self._delete(tables.persons, tables.persons.c.subject_id.in_([*sessions, *documents]))

    def remove_application(self, application_id: UUID) -> bool:
        a = tables.applications
        # Nobody can add anything that refers to it until this transaction ends.
        row = self._connection.execute(sa.select(a.c.id).where(a.c.id == application_id).with_for_update()).first()
        parts = (tables.sessions, tables.documents, tables.uploads, tables.webhooks)
        if row is None or any(self._has(t, t.c.application_id == application_id) for t in parts):
            return False
        k, of_key, d = tables.document_keys, tables.document_key_metadata, tables.documents
        # The documents of this application are gone: what has one is another's.
        owner = sa.select(d.c.application_id).where(d.c.id == k.c.document_id).scalar_subquery()
        others = sa.update(k).where(k.c.application_id == application_id, k.c.document_id.in_(sa.select(d.c.id)))
        self._connection.execute(others.values(application_id=owner))
        mine = sa.select(k.c.key).where(k.c.application_id == application_id)
        self._delete(of_key, of_key.c.key.in_(mine))
        self._remove_events(tables.events.c.application_id == application_id)
        for table in (k, tables.idempotency, tables.api_keys, tables.erasures):
            self._delete(table, table.c.application_id == application_id)
        self._delete(a, a.c.id == application_id)
        return True

    def remove_subscription(self, subscription_id: UUID) -> bool:
        s = tables.subscriptions
        row = self._connection.execute(sa.select(s.c.id).where(s.c.id == subscription_id).with_for_update()).first()
        parts = (tables.applications, tables.webhooks)
        if row is None or any(self._has(t, t.c.subscription_id == subscription_id) for t in parts):
            return False
        self._remove_events(tables.events.c.subscription_id == subscription_id)
        own = (tables.file_validations, tables.brandings, tables.persons, tables.statistics)
        for table in (*own, tables.timestamps, tables.purged_events):
            self._delete(table, table.c.subscription_id == subscription_id)
        self._delete(s, s.c.id == subscription_id)
        return True

    def _sessions(self, query: sa.Select[tuple[object, ...]]) -> list[Session]:
        return [rows.session_of(row) for row in self._connection.execute(query).mappings()]

    def _has(self, table: sa.Table, condition: sa.ColumnElement[bool]) -> bool:
        return self._connection.execute(sa.select(table.c.id).where(condition).limit(1)).first() is not None

    def _delete(self, table: sa.Table, condition: sa.ColumnElement[bool]) -> None:
        self._connection.execute(sa.delete(table).where(condition))

    def _remove_events(self, condition: sa.ColumnElement[bool]) -> None:
        # Never the newest event: how far the feed has come is read from it. It names a session no more.
        e = tables.events
        newest = self._connection.execute(sa.select(sa.func.max(e.c.position))).scalar()
        self._delete(e, sa.and_(condition, e.c.position != newest))
        self._connection.execute(sa.update(e).where(condition).values(session_id=None, document_id=None))
