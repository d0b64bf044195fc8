"""Statements about sessions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from signroom.domain.branding import NO_BRANDING
from signroom.domain.document import Document, DocumentStatus
from signroom.domain.errors import PreparationNotFound, SignatureSessionNotFound
from signroom.domain.metadata import NO_METADATA
from signroom.domain.session import Session, SessionStatus
from signroom.domain.signature import PdfReading
from signroom.ports.store import LinkedSession, SessionFilter, SessionOfPage, SessionToFinish, SessionToSign
from signroom.store import rows, tables
from signroom.store.paging import between
from signroom.store.prepared import PreparedChange, PreparedQuery
from signroom.store.tables import UtcDateTime
from signroom.store.work.applications import is_closed
from signroom.store.work.documents import in_processing
from signroom.store.work.statements import ReadRows, by_no_index, insert_owned, locked_row_of, row_of, update_all
from signroom.store.work.statistics.statistics import count_sessions
from signroom.store.work.webhooks import SqlWebhooks, has_webhooks


class SqlSessions:
    """The part `sessions` of a transaction."""

    def __init__(self, connection: Connection, webhooks: SqlWebhooks, read: ReadRows, read_documents: ReadRows) -> None:
        self._connection = connection
        self._webhooks = webhooks
        self._read = read
        self._read_documents = read_documents

    def of_any_tenant(self, session_id: UUID) -> Session:
        row = row_of(self._connection, tables.sessions, session_id, SignatureSessionNotFound)
        return rows.session_of(row).require_not_erased()

    def with_documents_of_any_tenant(self, session_id: UUID) -> tuple[Session, list[Document]]:
        return _nouns_of(_rows_of(self._found(_WITH_DOCUMENTS, session_id)))

    def of_page_of_any_tenant(self, session_id: UUID) -> SessionOfPage:
        found = self._found(_OF_PAGE, session_id)
        return _session_of_page(found, _rows_of(found))

    def to_prepare_of_any_tenant(self, session_id: UUID) -> tuple[Session, list[Document], Mapping[UUID, PdfReading]]:
        found = self._found(_TO_PREPARE, session_id)
        last = [row[-len(_READING.names) :] for row in found]
        readings = {row_id: rows.unpacked_as(PdfReading, reading) for row_id, reading in last if reading is not None}
        return *_nouns_of(_rows_of(found)), readings

    def locked_to_sign_of_any_tenant(self, session_id: UUID) -> SessionToSign:
        lock_session(self._connection, session_id)
        found = self._found(_to_sign(), session_id)
        page = _session_of_page(found, self._noted(found))
        closed, in_processing_now, told = found[0][-3:]
        page.session.require_not_erased()
        if not told:
            self._webhooks.note_none(page.session.subscription_id)
        return SessionToSign(page, bool(closed), int(in_processing_now))

    def to_finish_of_any_tenant(self, session_id: UUID, preparation_id: UUID) -> SessionToFinish:
        found = _to_finish().all(self._connection, session=session_id, preparation=preparation_id)
        if not found:
            raise PreparationNotFound
        items = []
        for row in found:
            preparation, item = _cut(row[_SHOWN_LENGTH:], _PREPARATION, _ITEM)
            items.append({**item, **preparation})
        with_document = [row for row in found if row[_DOCUMENT_ID] is not None]
        shown = with_document or found[:1]
        page = _session_of_page(shown, _rows_of(shown))
        page.session.require_not_erased()
        prepared = rows.preparation_of(items[0], [item for item in items if item["document_id"] is not None])
        return SessionToFinish(prepared, page, bool(found[-1][-1]))

    def sign_alone(self, session: Session, document: Document, now: datetime) -> int | None:
        # The session's first: to write it is to lock it, and all else is asked after that.
        row = rows.session_row(session)
        asked = {"session": session.id, "now": now}
        if not _sign().one(self._connection, {**asked, **{name: row[name] for name in _SIGNED}}):
            return None
        row = rows.document_row(document)
        whose = {"document": document.id, "session": session.id, "application": session.application_id}
        values = {name: row[name] for name in _ACCEPTED}
        accepted = {**values, **whose, "finished": document.preparation_id, _OWNER: session.subscription_id}
        changed = _accept().one(self._connection, accepted)
        if not changed:
            return None
        ((told, in_processing_now),) = changed
        if not told:
            self._webhooks.note_none(session.subscription_id)
        return int(in_processing_now)

    def locked_with_documents_of_any_tenant(self, session_id: UUID) -> tuple[Session, list[Document]]:
        lock_session(self._connection, session_id)
        session, documents = _nouns_of(self._noted(self._found(_WITH_ALL_DOCUMENTS, session_id)))
        return session.require_not_erased(), documents

    def locked_of_any_tenant(self, session_id: UUID) -> Session:
        row = locked_row_of(self._connection, tables.sessions, session_id, SignatureSessionNotFound)
        self._read.note(row)
        return rows.session_of(row).require_not_erased()

    def by_link(self, link_hash: bytes) -> LinkedSession:
        linked = _by_link().all(self._connection, link=link_hash)
        if not linked:
            raise SignatureSessionNotFound
        session, application = _cut(linked[0], _SESSION, _APPLICATION)
        found = rows.session_of(session).require_not_erased()
        return LinkedSession(found, rows.application_of(application), bool(linked[0][-1]))

    def note_opened(self, session: Session, at: datetime) -> bool:
        asked = {"session": session.id, "at": at, _OWNER: session.subscription_id}
        changed = _note_opened().one(self._connection, asked)
        if changed and not changed[0][0]:
            self._webhooks.note_none(session.subscription_id)
        return bool(changed)

    def add(self, session: Session) -> None:
        row = {**rows.session_row(session), _OWNER: session.subscription_id}
        ((told,),) = insert_owned(self._connection, _add(), row)
        if not told:
            self._webhooks.note_none(session.subscription_id)

    def save(self, session: Session) -> None:
        update_all(self._connection, tables.sessions, self._read.changed([rows.session_row(session)]))
        if session.status.value in tables.ENDED:
            count_sessions(self._connection, [session.id])

    def find(self, wanted: SessionFilter, limit: int, now: datetime) -> list[Session]:
        t = tables.sessions
        query = sa.select(t).where(t.c.subscription_id == wanted.subscription_id, t.c.erased_at.is_(None))
        query = between(query, t, wanted.created_from, wanted.created_before, wanted.before)
        if wanted.statuses:
            query = query.where(_in_status(wanted.statuses, now))
        if wanted.callback_argument is not None:
            query = query.where(t.c.callback_argument_hash == rows.text_hash(wanted.callback_argument))
        query = query.order_by(t.c.created_at.desc(), t.c.id.desc()).limit(limit)
        return [rows.session_of(row) for row in self._connection.execute(query).mappings()]

    def locked_expired(self, now: datetime, limit: int) -> list[Session]:
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
        count_sessions(self._connection, ids)
        own = sa.select(d.c.id).where(d.c.session_id.in_(ids))
        # A key that is given back may be another document's soon. This one gets a key as an old document does.
        given_back = sa.exists().where(k.c.document_id == d.c.id, k.c.made_with_document.is_(None)).correlate(d)
        ended = sa.update(d).where(d.c.session_id.in_(ids))
        key = sa.case((given_back, sa.null()), else_=d.c.key)
        self._connection.execute(ended.values(available_until=files_until, key=key))
        # What the key was allocated for is over: nobody could find it any more who erases the document.
        of_key, mine = tables.document_key_metadata, sa.and_(k.c.document_id.in_(own), k.c.made_with_document.is_(None))
        self._connection.execute(sa.delete(of_key).where(of_key.c.key.in_(sa.select(k.c.key).where(mine))))
        forgotten = {"document_id": None, "metadata": rows.packed(NO_METADATA)}
        self._connection.execute(sa.update(k).where(mine).values(forgotten))

    def predefined(self, session_ids: Sequence[UUID]) -> set[UUID]:
        t = tables.sessions
        return set(self._connection.execute(sa.select(t.c.id).where(t.c.id.in_(session_ids), t.c.predefined)).scalars())

    def _found(self, query: PreparedQuery, session_id: UUID) -> Sequence[tuple[Any, ...]]:
        """At least one row. Raises: SignatureSessionNotFound, DatabaseUnavailable."""
        found = query.all(self._connection, session=session_id)
        if not found:
            raise SignatureSessionNotFound
        return found

    def _noted(self, found: Sequence[Sequence[Any]]) -> tuple[rows.Row, list[rows.Row]]:
        """The rows of `_rows_of`, of a session that is locked."""
        session, documents = _rows_of(found)
        self._read.note(session)
        for document in documents:
            self._read_documents.note(document)
        return session, documents

    def webhook_url(self, session_id: UUID) -> str | None:
        t = tables.sessions
        return self._connection.execute(sa.select(t.c.webhook_url).where(t.c.id == session_id)).scalar_one_or_none()


def lock_session(connection: Connection, session_id: UUID) -> None:
    """No other transaction can change the session any more.

    PostgreSQL reads anew only what it has locked, so the lock has a statement of its own. SQLite needs none: its
    writers are alone since BEGIN IMMEDIATE.
    """
    if connection.dialect.name == "postgresql":
        _LOCKED.all(connection, session=session_id)


_OWNER = "of_owner"
"""A parameter. No column has its name."""
_LOCKED = PreparedQuery(
    sa.select(tables.sessions.c.id).where(tables.sessions.c.id == sa.bindparam("session")).with_for_update()
)


class _Part:
    """What a joined row has of one table."""

    def __init__(self, columns: Iterable[sa.Column[Any]]) -> None:
        self.columns = tuple(columns)
        self.names = tuple(column.name for column in self.columns)


_SESSION = _Part(tables.sessions.c)
_DOCUMENT = _Part(tables.documents.c)
_SESSION_END = len(_SESSION.names)
_DOCUMENT_END = _SESSION_END + len(_DOCUMENT.names)
_APPLICATION = _Part(tables.applications.c)
_READING = _Part(tables.pdf_readings.c)
# Not the logo: a page asks for its branding again and again.
_BRANDING = _Part(column for column in tables.brandings.c if column.name != "logo")

_NAMES = _Part([tables.file_validations.c.file_name_pattern])
_SHOWN = (_SESSION, _DOCUMENT, _APPLICATION, _BRANDING, _NAMES)
_DOCUMENT_ID = len(_SESSION.names) + _DOCUMENT.names.index("id")
_SHOWN_LENGTH = sum(len(part.names) for part in _SHOWN)
_PREPARATION = _Part(tables.preparations.c)
_ITEM = _Part(tables.prepared_documents.c)


def _of_one_session(joined: sa.FromClause, *parts: _Part, erased: bool = False) -> sa.Select[Any]:
    """A row for each document, or one without a document. It is made once: to make it costs as much as to ask it."""
    s, d = tables.sessions, tables.documents
    of_it = d.c.session_id == s.c.id
    with_documents = joined.outerjoin(d, of_it if erased else sa.and_(of_it, d.c.erased_at.is_(None)))
    if any(part is _READING for part in parts):
        r = tables.pdf_readings
        with_documents = with_documents.outerjoin(r, r.c.document_id == d.c.id)
    query = sa.select(*(column for part in parts for column in part.columns)).select_from(with_documents)
    return query.where(s.c.id == sa.bindparam("session")).order_by(d.c.position)


def _with_page() -> sa.FromClause:
    s, a, b, v = tables.sessions, tables.applications, tables.brandings, tables.file_validations
    whose = s.join(a, a.c.id == s.c.application_id).outerjoin(b, b.c.subscription_id == s.c.subscription_id)
    return whose.outerjoin(v, v.c.subscription_id == s.c.subscription_id)


@cache
def _to_sign() -> PreparedQuery:
    """After the columns of `_SHOWN` come those that are named here."""
    s, a, owner = tables.sessions, tables.applications, tables.subscriptions
    # Not of the row's own session: the database would count again for each document.
    mine = s.alias("mine")
    whose = sa.select(mine.c.subscription_id).where(mine.c.id == sa.bindparam("session")).scalar_subquery()
    counted = in_processing(whose).scalar_subquery()
    joined = _with_page().join(owner, owner.c.id == s.c.subscription_id)
    return PreparedQuery(
        _of_one_session(joined, *_SHOWN, erased=True).add_columns(
            sa.or_(is_closed(a), is_closed(owner)).label("closed"),
            counted.label("in_processing"),
            has_webhooks(s.c.subscription_id).label("has_webhooks"),
        )
    )


@cache
def _by_link() -> PreparedQuery:
    s, a, owner = tables.sessions, tables.applications, tables.subscriptions
    joined = s.join(a, a.c.id == s.c.application_id).join(owner, owner.c.id == s.c.subscription_id)
    closed = sa.or_(is_closed(a), is_closed(owner)).label("closed")
    query = sa.select(*_SESSION.columns, *_APPLICATION.columns, closed).select_from(joined)
    return PreparedQuery(query.where(s.c.link_hash == sa.bindparam("link")))


@cache
def _add() -> PreparedChange:
    # By a parameter: SQLite has no name for the row that is written, but for its columns alone.
    told = has_webhooks(sa.bindparam(_OWNER, type_=sa.Uuid)).label("has_webhooks")
    return PreparedChange(sa.insert(tables.sessions).returning(told))


@cache
def _note_opened() -> PreparedChange:
    t = tables.sessions
    first = sa.and_(t.c.opened_at.is_(None), t.c.status == SessionStatus.PENDING.value, t.c.erased_at.is_(None))
    change = sa.update(t).where(t.c.id == sa.bindparam("session"), first).values(opened_at=sa.bindparam("at"))
    told = has_webhooks(sa.bindparam(_OWNER, type_=sa.Uuid)).label("has_webhooks")
    return PreparedChange(change.returning(told))


@cache
def _to_finish() -> PreparedQuery:
    """A row for each prepared document, or one without one: `_SHOWN`, `_PREPARATION`, `_ITEM`, others.

    For one document. What all have in common is in each row.
    """
    s, d, p, i = tables.sessions, tables.documents, tables.preparations, tables.prepared_documents
    other = d.alias("other")
    others = sa.exists().where(other.c.session_id == s.c.id, other.c.id != d.c.id)
    joined = _with_page().join(p, p.c.session_id == s.c.id).outerjoin(i, i.c.preparation_id == p.c.id)
    joined = joined.outerjoin(d, sa.and_(d.c.id == i.c.document_id, by_no_index(d.c.session_id) == s.c.id))
    parts = (*_SHOWN, _PREPARATION, _ITEM)
    query = sa.select(*(column for part in parts for column in part.columns), others.label("has_others"))
    query = query.select_from(joined).where(p.c.id == sa.bindparam("preparation"), s.c.id == sa.bindparam("session"))
    return PreparedQuery(query.order_by(i.c.position))


_SIGNED = ("status", "signer_certificate", "signer_issuers", "processing_error_code", "person_due")
"""What `Session.sign` changes."""
_ACCEPTED = (
    *("status", "preparation_id", "signature_value", "signed_at", "available_until"),
    *("processing_error_code", "processing_error_detail", "person_due"),
)
"""What `Document.accept_signature` changes."""


@cache
def _sign() -> PreparedChange:
    """As `Session.require_signable` decides. It returns the id. The columns are those of the values."""
    t = tables.sessions
    status = by_no_index(t.c.status)
    pending = sa.and_(
        status == SessionStatus.PENDING.value, by_no_index(t.c.expires_at) > sa.bindparam("now", type_=UtcDateTime)
    )
    signable = sa.or_(pending, status == SessionStatus.PROCESSING_ERROR.value)
    change = sa.update(t).where(t.c.id == sa.bindparam("session", type_=sa.Uuid), t.c.erased_at.is_(None), signable)
    return PreparedChange(change.returning(t.c.id))


_COUNTED = f"""SELECT count(*)
FROM signroom_sessions AS other_session JOIN signroom_documents AS other ON other.session_id = other_session.id
WHERE other_session.status = '{SessionStatus.PROCESSING.value}' AND other.status = '{DocumentStatus.PROCESSING.value}'
AND other_session.subscription_id = signroom_documents.subscription_id
AND other_session.id <> signroom_documents.session_id"""  # noqa: S608  (two constants)
"""As `in_processing` asks, of the row that is written, which does not count: SQLAlchemy writes no names of tables where
SQLite returns.
"""


@cache
def _accept() -> PreparedChange:
    """Of a session's only document, as `Document.awaits_signature` decides, unless its page is closed, or the document
    was finished with the same preparation before, whatever has become of it.

    It returns whether the subscription has webhooks, and what it has in processing. PostgreSQL answers that as of the
    beginning of the statement, and this one begins when the session is locked. The columns are those of the values.
    """
    d, a, owner = tables.documents, tables.applications, tables.subscriptions
    of_it, this = sa.bindparam("session", type_=sa.Uuid), sa.bindparam("document", type_=sa.Uuid)
    other = d.alias("other")
    others = sa.exists().where(other.c.session_id == of_it, other.c.id != this)
    application, subscription = sa.bindparam("application", type_=sa.Uuid), sa.bindparam(_OWNER, type_=sa.Uuid)
    are_open = (
        sa.exists().where(a.c.id == application, sa.not_(is_closed(a))),
        sa.exists().where(owner.c.id == subscription, sa.not_(is_closed(owner))),
    )
    awaiting = [DocumentStatus.PENDING_SIGNATURE.value, DocumentStatus.PROCESSING_ERROR.value]
    change = sa.update(d).where(d.c.id == this, by_no_index(d.c.session_id) == of_it, d.c.erased_at.is_(None))
    in_turn = sa.or_(*(by_no_index(d.c.status) == status for status in awaiting))
    finished = sa.bindparam("finished", type_=sa.Uuid)
    is_another = by_no_index(d.c.preparation_id).is_distinct_from(finished)
    counted = sa.literal_column(f"({_COUNTED})", sa.Integer).label("in_processing")
    told = has_webhooks(subscription).label("has_webhooks")
    return PreparedChange(change.where(in_turn, is_another, sa.not_(others), *are_open).returning(told, counted))


_WITH_ALL_DOCUMENTS = PreparedQuery(_of_one_session(tables.sessions, _SESSION, _DOCUMENT, erased=True))
_WITH_DOCUMENTS = PreparedQuery(_of_one_session(tables.sessions, _SESSION, _DOCUMENT))
_OF_PAGE = PreparedQuery(_of_one_session(_with_page(), *_SHOWN))
_TO_PREPARE = PreparedQuery(_of_one_session(tables.sessions, _SESSION, _DOCUMENT, _READING))


def _session_of_page(found: Sequence[Sequence[Any]], read: tuple[rows.Row, list[rows.Row]]) -> SessionOfPage:
    """Of rows that have `_SHOWN`, and what `_rows_of` has made of them."""
    application, branding, names = _cut(found[0][_DOCUMENT_END:], *_SHOWN[2:])
    shown = NO_BRANDING if branding["subscription_id"] is None else rows.branding_of(branding)
    session, documents = _nouns_of(read)
    return SessionOfPage(session, tuple(documents), rows.application_of(application), shown, names["file_name_pattern"])


def _rows_of(found: Sequence[Sequence[Any]]) -> tuple[rows.Row, list[rows.Row]]:
    """The session and its documents, which each row begins with."""
    (session,) = _cut(found[0], _SESSION)
    documents = [dict(zip(_DOCUMENT.names, row[_SESSION_END:_DOCUMENT_END], strict=True)) for row in found]
    return session, [] if documents[0]["id"] is None else documents


def _nouns_of(read: tuple[rows.Row, list[rows.Row]]) -> tuple[Session, list[Document]]:
    session, documents = read
    return rows.session_of(session), [rows.document_of(row) for row in documents]


def _cut(row: Iterable[Any], *parts: _Part) -> list[rows.Row]:
    """What a joined row has of each of its tables, which have columns of the same names."""
    values = iter(row)
    return [dict(zip(part.names, values, strict=False)) for part in parts]


def _in_status(statuses: frozenset[SessionStatus], now: datetime) -> sa.ColumnElement[bool]:
    """Compare with the status at `now`. The table does not change by itself when a pending session's time is over."""
    t = tables.sessions
    pending, over = t.c.status == SessionStatus.PENDING.value, t.c.expires_at <= now
    conditions: list[sa.ColumnElement[bool]] = [t.c.status.in_([s.value for s in statuses - {SessionStatus.PENDING}])]
    if SessionStatus.PENDING in statuses:
        conditions.append(sa.and_(pending, sa.not_(over)))
    if SessionStatus.EXPIRED in statuses:
        conditions.append(sa.and_(pending, over))
    return sa.or_(*conditions)
