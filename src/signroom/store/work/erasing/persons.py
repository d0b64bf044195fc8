"""Statements about where a person's numbers occur."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from signroom.domain.document import Document
from signroom.domain.erasure import ErasedKind
from signroom.domain.person import PersonTrace
from signroom.domain.session import Session
from signroom.store import rows, tables
from signroom.store.work.statements import insert_all


class SqlPersons:
    """The part `persons` of a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, subscription_id: UUID, identifier: str, limit: int) -> list[PersonTrace]:
        p, s, d = tables.persons, tables.sessions, tables.documents
        mine = sa.and_(p.c.subscription_id == subscription_id, p.c.identifier == identifier)
        sessions = (
            sa.select(s.c.id, s.c.application_id, s.c.status, s.c.created_at)
            .join_from(p, s, s.c.id == p.c.subject_id)
            .where(mine)
            .order_by(s.c.created_at, s.c.id)
        )
        documents = (
            sa.select(d.c.id, d.c.session_id, d.c.application_id, d.c.status, d.c.created_at)
            .join_from(p, d, d.c.id == p.c.subject_id)
            .where(mine)
            .order_by(d.c.created_at, d.c.id)
        )
        traces = [
            PersonTrace(ErasedKind.SESSION, row.id, row.id, row.application_id, row.status, row.created_at)
            for row in self._connection.execute(sessions.limit(limit))
        ]
        return traces + [
            PersonTrace(ErasedKind.DOCUMENT, row.id, row.session_id, row.application_id, row.status, row.created_at)
            for row in self._connection.execute(documents.limit(limit - len(traces)))
        ]

    def is_due(self) -> bool:
        queries = (sa.select(t.c.id).where(t.c.person_due.is_(sa.true())) for t in (tables.sessions, tables.documents))
        return any(self._connection.execute(query.limit(1)).first() is not None for query in queries)

    def due_sessions(self, limit: int) -> list[Session]:
        return [rows.session_of(row) for row in self._connection.execute(_due(tables.sessions, limit)).mappings()]

    def due_documents(self, limit: int) -> list[Document]:
        return [rows.document_of(row) for row in self._connection.execute(_due(tables.documents, limit)).mappings()]

    def put_all(self, found: Sequence[tuple[Session | Document, Collection[str]]]) -> None:
        p = tables.persons
        self._connection.execute(sa.delete(p).where(p.c.subject_id.in_([subject.id for subject, _ in found])))
        insert_all(
            self._connection,
            p,
            [
                {"subscription_id": subject.subscription_id, "identifier": one, "subject_id": subject.id}
                for subject, identifiers in found
                for one in sorted(identifiers)
            ],
        )
        for kind, t in ((Session, tables.sessions), (Document, tables.documents)):
            ids = [subject.id for subject, _ in found if isinstance(subject, kind)]
            if ids:
                self._connection.execute(sa.update(t).where(t.c.id.in_(ids)).values(person_due=False))


def _due(table: sa.Table, limit: int) -> sa.Select[tuple[UUID]]:
    query = sa.select(table).where(table.c.person_due.is_(sa.true())).limit(limit)
    return query.with_for_update(skip_locked=True)
