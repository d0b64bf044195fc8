"""Statements about documents in processing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from signroom.domain.application import Subscription
from signroom.domain.document import Document, DocumentEnd, DocumentStatus
from signroom.domain.errors import SignatureSessionNotFound
from signroom.domain.session import Session, SessionStatus
from signroom.domain.signature import CertificateChain, PdfReading
from signroom.ports.store import InProcessing, SessionToSettle
from signroom.store import rows, tables
from signroom.store.prepared import PreparedChange, PreparedQuery
from signroom.store.work.sessions import lock_session
from signroom.store.work.statements import ReadRows, by_no_index, update_all
from signroom.store.work.statistics.statistics import count_locked
from signroom.store.work.webhooks import SqlWebhooks, has_webhooks


class SqlProcessing:
    """The part `processing` of a transaction."""

    def __init__(self, connection: Connection, webhooks: SqlWebhooks, read: ReadRows) -> None:
        """`read` has the sessions."""
        self._connection = connection
        self._webhooks = webhooks
        self._read = read
        self._counted: dict[UUID, bool] = {}
        self._counted_as: dict[UUID, str | None] = {}
        """What was counted of the documents and the session that are locked."""

    def to_process(self, session_id: UUID) -> list[tuple[UUID, int]]:
        found = self._connection.execute(_to_process(), {"session": session_id})
        return [(row.id, row.original_length) for row in found]

    def of_any_tenant(self, document_ids: Sequence[UUID]) -> list[InProcessing]:
        if len(document_ids) == 1:
            return [self._with_session(row) for row in _read_one().all(self._connection, document=document_ids[0])]
        return self._cut_all(self._connection.execute(_read(), {"documents": list(document_ids)}).all())

    def _with_session(self, row: Sequence[Any]) -> InProcessing:
        """Of a row of `_read_one`."""
        (parts,) = self._cut_all([row[: -len(_SESSION) - 1]])
        session, has_others = dict(zip(_SESSION_NAMES, row[-len(_SESSION) - 1 : -1], strict=True)), row[-1]
        first = session["status"] == SessionStatus.PROCESSING.value and session["counted_as"] is None
        return replace(parts, session_alone=rows.session_of(session)) if first and not has_others else parts

    def _cut_all(self, read: Sequence[Sequence[Any]]) -> list[InProcessing]:
        chains: dict[UUID, CertificateChain] = {}
        found = []
        for row in read:
            document, item, subscription, (chain, reading, context_id) = _cut(row)
            preparation_id = document["preparation_id"]
            if preparation_id not in chains:  # of many documents it is one
                chains[preparation_id] = rows.chain_of(chain)
            found.append(
                InProcessing(
                    rows.document_of(document),
                    rows.prepared_of(item, chains[preparation_id]),
                    None if reading is None else rows.unpacked_as(PdfReading, reading),
                    Subscription(**subscription),
                    context_id,
                )
            )
        return found

    def locked_of_any_tenant(self, document_ids: Sequence[UUID]) -> list[Document]:
        found = self._connection.execute(_locked(), {"documents": list(document_ids)}).mappings().all()
        self._counted.update((row["id"], bool(row["counted"])) for row in found)
        return [rows.document_of(row) for row in found]

    def locked_to_settle(self, session_id: UUID, document_ids: Sequence[UUID]) -> SessionToSettle:
        # The session's lock comes first, and what is asked of its other documents after it.
        lock_session(self._connection, session_id)
        found = self._of_these(_one_to_settle(), _to_settle(), document_ids, session=session_id)
        if not found:
            raise SignatureSessionNotFound
        documents = []
        for row in found:
            columns, session = _cut_to_settle(row)
            self._counted[columns["id"]] = bool(columns["counted"])
            documents.append(rows.document_of(columns))
        self._counted_as[session_id] = session["counted_as"]
        self._read.note(session)
        told, *others = map(bool, found[0][-3:])
        if not told:
            self._webhooks.note_none(session["subscription_id"])
        return SessionToSettle(rows.session_of(session), documents, *others)

    def _of_these(
        self, of_one: PreparedQuery, of_all: sa.Select[Any], document_ids: Sequence[UUID], **more: UUID
    ) -> Sequence[Sequence[Any]]:
        """The rows of some documents. Most are alone."""
        if len(document_ids) == 1:
            return of_one.all(self._connection, document=document_ids[0], **more)
        return self._connection.execute(of_all, {"documents": list(document_ids), **more}).all()

    def save(self, documents: Sequence[Document], session: Session | None = None) -> None:
        counted = [d for d in documents if d.status is DocumentStatus.COMPLETED and not self._counted[d.id]]
        self._counted.update((document.id, True) for document in counted)
        values = [{_ID: d.id, **_changed(d), "counted": self._counted[d.id] or None} for d in documents]
        _update().all(self._connection, values)
        ended = []
        if session is not None:
            status, before = session.status.value, self._counted_as[session.id]
            ends = status in tables.ENDED and status != before
            row = {**rows.session_row(session), "counted_as": status if ends else before}
            update_all(self._connection, tables.sessions, self._read.changed([row]))
            ended = [(session, before)] if ends else []
        count_locked(self._connection, counted, ended)

    def end_alone(self, document: Document, session: Session) -> bool:
        # The session's first: to write it is to lock it, and what is asked of its documents is asked after that.
        ended = session.status.value
        asked = {_ID: session.id, "code": session.processing_error_code, "to": ended}
        if not _end_session().one(self._connection, asked):
            return False
        completed = document.status is DocumentStatus.COMPLETED
        values = {**_changed(document), "counted": completed or None}
        whose = {_ID: document.id, "session": session.id, "preparation": document.preparation_id}
        told = _end_document().one(self._connection, {**values, **whose, _WHOSE: session.subscription_id})
        if not told:
            return False
        if not told[0][0]:
            self._webhooks.note_none(session.subscription_id)
        count_locked(self._connection, [document] if completed else [], [(session, None)])
        return True

    def ends_of_session(self, session_id: UUID) -> list[DocumentEnd]:
        found = self._connection.execute(_ends(), {"session": session_id})
        return [DocumentEnd(DocumentStatus(row.status), row.processing_error_code, row.erased) for row in found]


# Made once, as in `statements`: each signature asks these.

_Condition = Callable[[sa.ColumnElement[UUID]], sa.ColumnElement[bool]]
_ID = "id_of_row"
_DOCUMENT, _ITEM, _OWNER, _SESSION = (
    list(t.c) for t in (tables.documents, tables.prepared_documents, tables.subscriptions, tables.sessions)
)
_SESSION_NAMES = tuple(column.name for column in _SESSION)
_CHANGED = (
    *("status", "processing_error_code", "processing_error_detail", "verdict", "available_until", "person_due"),
    *("signed_key", "signed_name", "signed_type", "signed_length", "signed_sha256", "signed_level", "signed_made_at"),
    *("level_detail", "level_asked_at", "archive_until"),
)
"""What `Document.complete`, `Document.fail` and `Document.note_level` change of a document in processing."""


def _changed(document: Document) -> rows.Row:
    """Fewer columns than `SqlDocuments.save` writes: each index on a column that is written costs, changed or not."""
    row = rows.document_row(document)
    return {name: row[name] for name in _CHANGED}


_WHOSE = "of_owner"
"""A parameter, as `_ID`. No column has its name."""


@cache
def _end_session() -> PreparedChange:
    """Of one that is in processing and was never counted. It returns the id."""
    t = tables.sessions
    to = sa.bindparam("to", type_=sa.String)
    change = sa.update(t).where(t.c.id == sa.bindparam(_ID, type_=sa.Uuid))
    change = change.where(by_no_index(t.c.status) == SessionStatus.PROCESSING.value, t.c.counted_as.is_(None))
    code = sa.bindparam("code", type_=sa.String)
    change = change.values(status=to, counted_as=to, processing_error_code=code, person_due=True)
    return PreparedChange(change.returning(t.c.id))


@cache
def _end_document() -> PreparedChange:
    """Of one that is in processing, was not counted and is its session's only one.

    It returns whether the subscription has webhooks. PostgreSQL answers that as of the beginning of the statement, and
    this one begins when the session is locked.
    """
    t, other = tables.documents, tables.documents.alias("other")
    session = sa.bindparam("session", type_=sa.Uuid)
    others = sa.exists().where(other.c.session_id == session, other.c.id != sa.bindparam(_ID, type_=sa.Uuid))
    change = sa.update(t).where(t.c.id == sa.bindparam(_ID, type_=sa.Uuid), by_no_index(t.c.session_id) == session)
    change = change.where(by_no_index(t.c.status) == DocumentStatus.PROCESSING.value, t.c.counted.is_(None))
    change = change.where(t.c.preparation_id == sa.bindparam("preparation", type_=sa.Uuid), t.c.erased_at.is_(None))
    told = has_webhooks(sa.bindparam(_WHOSE, type_=sa.Uuid)).label("has_webhooks")
    return PreparedChange(change.where(sa.not_(others)).returning(told))


@cache
def _update() -> PreparedChange:
    return PreparedChange(sa.update(tables.documents).where(tables.documents.c.id == sa.bindparam(_ID)))


@cache
def _locked() -> sa.Select[Any]:
    t = tables.documents
    query = sa.select(t).where(t.c.id.in_(sa.bindparam("documents", expanding=True)))
    return query.order_by(t.c.session_id, t.c.position, t.c.id).with_for_update()


_THESE = sa.bindparam("documents", expanding=True, type_=sa.Uuid)
_THIS = sa.bindparam("document", type_=sa.Uuid)


@cache
def _to_settle() -> sa.Select[Any]:
    return _settling(lambda column: column.in_(_THESE))


@cache
def _one_to_settle() -> PreparedQuery:
    return PreparedQuery(_settling(lambda column: column == _THIS))


def _settling(chosen: _Condition) -> sa.Select[Any]:
    """The columns are those of `_cut_to_settle`, then what is told of webhooks and of the session's other documents."""
    d, s, other = tables.documents, tables.sessions, tables.documents.alias("other")
    session = sa.bindparam("session", type_=sa.Uuid)
    others = sa.exists().where(other.c.session_id == session, sa.not_(chosen(other.c.id)))
    busy = others.where(other.c.status == DocumentStatus.PROCESSING.value, other.c.erased_at.is_(None))
    query = sa.select(*_DOCUMENT, *_SESSION, has_webhooks(s.c.subscription_id).label("has_webhooks"))
    query = query.add_columns(others.label("has_others"), busy.label("waits_for_others"))
    query = query.join_from(d, s, s.c.id == d.c.session_id).where(d.c.session_id == session, chosen(d.c.id))
    return query.order_by(d.c.position).with_for_update(of=d)


def _cut_to_settle(row: Sequence[Any]) -> tuple[rows.Row, rows.Row]:
    """A row of `_to_settle`: the document and its session."""
    values = iter(row)
    document, session = ({c.name: next(values) for c in part} for part in (_DOCUMENT, _SESSION))
    return document, session


@cache
def _ends() -> sa.Select[Any]:
    t = tables.documents
    erased = t.c.erased_at.is_not(None).label("erased")
    query = sa.select(t.c.status, t.c.processing_error_code, erased).where(t.c.session_id == sa.bindparam("session"))
    return query.group_by(t.c.status, t.c.processing_error_code, erased).order_by(sa.func.min(t.c.position))


@cache
def _to_process() -> sa.Select[Any]:
    t = tables.documents
    query = sa.select(t.c.id, t.c.original_length).where(t.c.session_id == sa.bindparam("session"))
    return query.where(t.c.status == DocumentStatus.PROCESSING.value).order_by(t.c.position)


@cache
def _read() -> sa.Select[Any]:
    return _reading(lambda column: column.in_(_THESE))


@cache
def _read_one() -> PreparedQuery:
    """After the columns of `_cut` come its session's, and whether that has other documents, erased or not."""
    d, other = tables.documents, tables.documents.alias("other")
    others = sa.exists().where(other.c.session_id == d.c.session_id, other.c.id != d.c.id)
    return PreparedQuery(_reading(lambda column: column == _THIS).add_columns(*_SESSION, others.label("has_others")))


def _reading(chosen: _Condition) -> sa.Select[Any]:
    """The columns are those of `_cut`."""
    d, i, p = tables.documents, tables.prepared_documents, tables.preparations
    r, s, o = tables.pdf_readings, tables.sessions, tables.subscriptions
    own = sa.and_(i.c.document_id == d.c.id, i.c.preparation_id == d.c.preparation_id)
    joined = d.join(i, own).join(p, p.c.id == d.c.preparation_id).join(o, o.c.id == d.c.subscription_id)
    joined = joined.outerjoin(r, r.c.document_id == d.c.id).outerjoin(s, s.c.id == d.c.session_id)
    query = sa.select(*_DOCUMENT, *_ITEM, *_OWNER, p.c.chain, r.c.reading, s.c.security_context_id)
    query = query.select_from(joined).where(chosen(d.c.id))
    return query.where(d.c.status == DocumentStatus.PROCESSING.value).order_by(d.c.position)


def _cut(row: Sequence[Any]) -> tuple[rows.Row, rows.Row, rows.Row, tuple[bytes, bytes | None, UUID | None]]:
    """A row of `_read`: document, its part of the preparation, subscription; chain, reading, context."""
    values = iter(row)
    document, item, owner = ({c.name: next(values) for c in part} for part in (_DOCUMENT, _ITEM, _OWNER))
    chain, reading, context_id = values
    return document, item, owner, (chain, reading, context_id)
