"""The ``Store`` port on SQLAlchemy Core, for SQLite and PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, RowMapping
from sqlalchemy.exc import IntegrityError

from signroom.domain.application import ApiKey, Application, Subscription
from signroom.domain.branding import NO_BRANDING, Branding, Logo
from signroom.domain.document import Document, DocumentStatus
from signroom.domain.document_key import DocumentKey
from signroom.domain.errors import (
    AlreadyDone,
    ApplicationNotFound,
    DocumentNotFound,
    EventNotFound,
    NameTaken,
    NotFound,
    PreparationNotFound,
    SignatureSessionNotFound,
    SubscriptionNotFound,
    UploadNotFound,
)
from signroom.domain.event import RecordedEvent
from signroom.domain.file_validation import NO_VALIDATION, FileValidation
from signroom.domain.metadata import MAX_NAME, fold
from signroom.domain.preparation import Preparation
from signroom.domain.session import Session, SessionStatus
from signroom.domain.signature import Prepared
from signroom.domain.upload import Upload, UploadPart
from signroom.ports.store import ANY_EVENT, EventFilter, FeedBounds, MetadataSearch, SessionFilter, StoredResult, Work
from signroom.store import rows, tables
from signroom.store.engine import READ_ONLY
from signroom.store.outages import outages_as_ours
from signroom.store.paging import between
from signroom.store.purges import PurgeQueries
from signroom.store.webhooks import WebhookQueries

_EVENTS_LOCK = 7301842557
"""Of PostgreSQL's advisory locks, beside the one of `schema.migrate`."""


class Enqueue(Protocol):
    """Puts a job row into the transaction of a connection."""

    def __call__(
        self, connection: Connection, job: str, key: str, subject: UUID, /, *, delay: timedelta, lane: str | None
    ) -> None: ...


Tell = Callable[[Sequence[RecordedEvent]], None]
"""Hears of events once they are committed."""


def nobody_waits(_events: Sequence[RecordedEvent]) -> None:
    """For commands: whoever waits is in another process."""


def no_jobs(_connection: Connection, job: str, _key: str, _subject: UUID, **_options: object) -> None:
    """For commands that never start work (`keys create`, migrations). Raises: RuntimeError."""
    raise RuntimeError(f"job {job!r} was enqueued by a process without a job engine")


class SqlStore:
    """Transactions on one engine. `enqueue` is the job engine's way into the same transaction."""

    def __init__(self, engine: Engine, enqueue: Enqueue = no_jobs, tell: Tell = nobody_waits) -> None:
        self._engine = engine
        self._reader = engine.execution_options(**READ_ONLY)
        self._enqueue = enqueue
        self._tell = tell

    def work(self) -> AbstractContextManager[Work]:
        return self._transaction(self._engine)

    def read(self) -> AbstractContextManager[Work]:
        return self._transaction(self._reader)

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Work]:
        with outages_as_ours(), engine.begin() as connection:
            work = SqlWork(connection, self._enqueue)
            yield work
            told = work.flush()
        if told:
            self._tell(told)


class SqlWork(WebhookQueries, PurgeQueries):
    """One open transaction."""

    def __init__(self, connection: Connection, enqueue: Enqueue) -> None:
        super().__init__(connection)
        self._enqueue = enqueue
        self._events: list[RecordedEvent] = []

    def flush(self) -> list[RecordedEvent]:
        """The last thing before the commit: events get their positions. Returns them.

        One lock for all: who commits later has the higher position, so a reader who has seen one position never
        misses a lower one. It is taken last and held for the length of one commit. On SQLite writers are alone.
        Returns the types of these events.
        """
        if not self._events:
            return []
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_EVENTS_LOCK)))
        self._insert_all(tables.events, [rows.event_row(e) for e in self._events])
        flushed, self._events = self._events, []
        return flushed

    # -- sessions ------------------------------------------------------------------------------

    def session(self, session_id: UUID) -> Session:
        query = sa.select(tables.sessions).where(tables.sessions.c.id == session_id)
        return rows.session_of(self._one(query, SignatureSessionNotFound))

    def session_for_update(self, session_id: UUID) -> Session:
        # SQLite ignores FOR UPDATE: its writers are alone since BEGIN IMMEDIATE.
        query = sa.select(tables.sessions).where(tables.sessions.c.id == session_id).with_for_update()
        return rows.session_of(self._one(query, SignatureSessionNotFound))

    def session_by_link(self, link_hash: bytes) -> Session:
        query = sa.select(tables.sessions).where(tables.sessions.c.link_hash == link_hash)
        return rows.session_of(self._one(query, SignatureSessionNotFound))

    def add_session(self, session: Session) -> None:
        self._insert(tables.sessions, rows.session_row(session))

    def save_session(self, session: Session) -> None:
        self._update(tables.sessions, rows.session_row(session))

    # -- documents -----------------------------------------------------------------------------

    def document(self, document_id: UUID) -> Document:
        query = sa.select(tables.documents).where(tables.documents.c.id == document_id)
        return rows.document_of(self._one(query, DocumentNotFound))

    def list_sessions(self, wanted: SessionFilter, limit: int, now: datetime) -> list[Session]:
        t = tables.sessions
        query = sa.select(t).where(t.c.subscription_id == wanted.subscription_id)
        query = between(query, t, wanted.created_from, wanted.created_before, wanted.before)
        if wanted.statuses:
            query = query.where(_in_status(wanted.statuses, now))
        if wanted.callback_argument is not None:
            query = query.where(t.c.callback_argument_hash == rows.text_hash(wanted.callback_argument))
        query = query.order_by(t.c.created_at.desc(), t.c.id.desc()).limit(limit)
        return [rows.session_of(row) for row in self._connection.execute(query).mappings()]

    def document_by_signed_file(self, subscription_id: UUID, sha256: bytes) -> Document | None:
        t = tables.documents
        query = sa.select(t).where(t.c.subscription_id == subscription_id, t.c.signed_sha256 == sha256)
        row = self._connection.execute(query.order_by(t.c.created_at.desc()).limit(1)).mappings().first()
        return None if row is None else rows.document_of(row)

    def document_for_update(self, document_id: UUID) -> Document:
        query = sa.select(tables.documents).where(tables.documents.c.id == document_id).with_for_update()
        return rows.document_of(self._one(query, DocumentNotFound))

    def documents(self, session_id: UUID) -> list[Document]:
        t = tables.documents
        query = sa.select(t).where(t.c.session_id == session_id).order_by(t.c.position)
        return [rows.document_of(row) for row in self._connection.execute(query).mappings()]

    def document_statuses(self, session_id: UUID) -> list[DocumentStatus]:
        t = tables.documents
        found = self._connection.execute(sa.select(t.c.status).where(t.c.session_id == session_id)).scalars()
        return [DocumentStatus(status) for status in found]

    def find_documents(self, wanted: MetadataSearch, limit: int) -> list[Document]:
        t, m = tables.documents, tables.document_metadata
        found = sa.select(m.c.document_id).where(*_matches(m, wanted))
        query = sa.select(t).where(t.c.subscription_id == wanted.subscription_id, t.c.id.in_(found))
        chosen = sa.select(tables.sessions.c.id).where(tables.sessions.c.predefined)
        shown = sa.or_(t.c.status != DocumentStatus.PENDING_SIGNATURE.value, t.c.session_id.in_(chosen))
        query = between(query.where(shown), t, None, None, wanted.before)
        query = query.order_by(t.c.created_at.desc(), t.c.id.desc()).limit(limit)
        return [rows.document_of(row) for row in self._connection.execute(query).mappings()]

    def add_document(self, document: Document) -> None:
        self._insert(tables.documents, rows.document_row(document))
        self._insert_all(
            tables.document_metadata,
            rows.metadata_rows({"document_id": document.id}, document.subscription_id, document.metadata),
        )

    def save_document(self, document: Document) -> None:
        self._update(tables.documents, rows.document_row(document))

    def remove_document(self, document_id: UUID) -> None:
        # Not by the foreign key alone: SQLite obeys it only where the pragma is on.
        m = tables.document_metadata
        self._connection.execute(sa.delete(m).where(m.c.document_id == document_id))
        self._connection.execute(sa.delete(tables.documents).where(tables.documents.c.id == document_id))

    # -- document keys -------------------------------------------------------------------------

    def document_key(self, subscription_id: UUID, key: str) -> DocumentKey | None:
        return self._document_key(subscription_id, key, lock=False)

    def document_key_for_update(self, subscription_id: UUID, key: str) -> DocumentKey | None:
        return self._document_key(subscription_id, key, lock=True)

    def _document_key(self, subscription_id: UUID, key: str, *, lock: bool) -> DocumentKey | None:
        t = tables.document_keys
        query = sa.select(t).where(t.c.key == key, t.c.subscription_id == subscription_id)
        row = self._connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
        return None if row is None else rows.document_key_of(row)

    def add_document_keys(self, keys: Sequence[DocumentKey]) -> None:
        self._insert_all(tables.document_keys, [rows.document_key_row(k) for k in keys])
        self._insert_all(
            tables.document_key_metadata,
            [row for k in keys for row in rows.metadata_rows({"key": k.key}, k.subscription_id, k.metadata)],
        )

    def save_document_key(self, key: DocumentKey) -> None:
        t = tables.document_keys
        self._connection.execute(sa.update(t).where(t.c.key == key.key).values(document_id=key.document_id))

    def release_document_keys(self, document_ids: Sequence[UUID]) -> None:
        t = tables.document_keys
        self._connection.execute(sa.update(t).where(t.c.document_id.in_(document_ids)).values(document_id=None))

    def unused_document_keys(self, wanted: MetadataSearch, limit: int) -> list[DocumentKey]:
        t, m = tables.document_keys, tables.document_key_metadata
        found = sa.select(m.c.key).where(*_matches(m, wanted))
        query = sa.select(t).where(
            t.c.subscription_id == wanted.subscription_id, t.c.document_id.is_(None), t.c.key.in_(found)
        )
        query = query.order_by(t.c.created_at, t.c.key).limit(limit)
        return [rows.document_key_of(row) for row in self._connection.execute(query).mappings()]

    # -- uploads -------------------------------------------------------------------------------

    def upload(self, token_hash: bytes) -> Upload:
        query = sa.select(tables.uploads).where(tables.uploads.c.token_hash == token_hash)
        return rows.upload_of(self._one(query, UploadNotFound))

    def upload_by_id(self, upload_id: UUID) -> Upload:
        query = sa.select(tables.uploads).where(tables.uploads.c.id == upload_id)
        return rows.upload_of(self._one(query, UploadNotFound))

    def upload_for_update(self, upload_id: UUID) -> Upload:
        query = sa.select(tables.uploads).where(tables.uploads.c.id == upload_id).with_for_update()
        return rows.upload_of(self._one(query, UploadNotFound))

    def add_upload(self, upload: Upload) -> None:
        self._insert(tables.uploads, rows.upload_row(upload))

    def save_upload(self, upload: Upload) -> None:
        self._update(tables.uploads, rows.upload_row(upload))

    def remove_upload(self, upload_id: UUID) -> None:
        self.remove_upload_parts(upload_id)
        self._connection.execute(sa.delete(tables.uploads).where(tables.uploads.c.id == upload_id))

    def upload_parts(self, upload_id: UUID) -> list[UploadPart]:
        t = tables.upload_parts
        query = sa.select(t.c.number, t.c.etag, t.c.length, t.c.blob_key).where(t.c.upload_id == upload_id)
        return [UploadPart(**row) for row in self._connection.execute(query.order_by(t.c.number)).mappings()]

    def put_upload_part(self, upload_id: UUID, part: UploadPart) -> None:
        t = tables.upload_parts
        self._connection.execute(sa.delete(t).where(t.c.upload_id == upload_id, t.c.number == part.number))
        self._insert(t, {"upload_id": upload_id, **asdict(part)})

    def remove_upload_parts(self, upload_id: UUID) -> None:
        t = tables.upload_parts
        self._connection.execute(sa.delete(t).where(t.c.upload_id == upload_id))

    # -- what may happen once only -------------------------------------------------------------

    def find_result(self, application_id: UUID, key: bytes) -> StoredResult | None:
        t = tables.idempotency
        query = sa.select(t.c.request, t.c.subject, t.c.created_at)
        query = query.where(t.c.application_id == application_id, t.c.key == key)
        row = self._connection.execute(query).mappings().one_or_none()
        return None if row is None else StoredResult(**row)

    def store_result(
        self, application_id: UUID, key: bytes, remembered: StoredResult, *, stale_before: datetime
    ) -> None:
        t = tables.idempotency
        stale = sa.delete(t).where(t.c.application_id == application_id, t.c.key == key, t.c.created_at < stale_before)
        self._connection.execute(stale)
        row = {"application_id": application_id, "key": key, **asdict(remembered)}
        try:
            self._insert(tables.idempotency, row)
        except IntegrityError as error:
            raise AlreadyDone from error

    def spend_nonce(self, nonce: bytes, expires_at: datetime) -> bool:
        t = tables.spent_nonces
        known = self._connection.execute(sa.select(t.c.nonce).where(t.c.nonce == nonce)).first()
        if known is not None:
            return False
        try:
            self._insert(t, {"nonce": nonce, "expires_at": expires_at})
        except IntegrityError as error:  # at the same time, elsewhere
            raise AlreadyDone from error
        return True

    # -- preparations --------------------------------------------------------------------------

    def preparation(self, preparation_id: UUID) -> Preparation:
        head = sa.select(tables.preparations).where(tables.preparations.c.id == preparation_id)
        t = tables.prepared_documents
        items = sa.select(t).where(t.c.preparation_id == preparation_id).order_by(t.c.position)
        row = self._one(head, PreparationNotFound)
        return rows.preparation_of(row, self._connection.execute(items).mappings().all())

    def prepared(self, preparation_id: UUID, document_id: UUID) -> Prepared:
        t, p = tables.prepared_documents, tables.preparations
        query = (
            sa.select(t, p.c.chain)
            .join(p, p.c.id == t.c.preparation_id)
            .where(t.c.preparation_id == preparation_id, t.c.document_id == document_id)
        )
        row = self._one(query, PreparationNotFound)
        return rows.prepared_of(row, rows.chain_of(row["chain"]))

    def add_preparation(self, preparation: Preparation) -> None:
        self._insert(tables.preparations, rows.preparation_row(preparation))
        items = [rows.prepared_row(preparation.id, n, item) for n, item in enumerate(preparation.items)]
        self._connection.execute(sa.insert(tables.prepared_documents), items)

    # -- events and jobs -----------------------------------------------------------------------

    def append_event(self, event: RecordedEvent) -> None:
        self._events.append(event)

    def events_after(
        self, subscription_id: UUID, position: int, limit: int, wanted: EventFilter = ANY_EVENT
    ) -> list[RecordedEvent]:
        t = tables.events
        query = sa.select(t).where(t.c.subscription_id == subscription_id, t.c.position > position)
        chosen = {t.c.type: wanted.type, t.c.session_id: wanted.session_id, t.c.application_id: wanted.application_id}
        for column, value in chosen.items():
            if value is not None:
                query = query.where(column == value)
        found = self._connection.execute(query.order_by(t.c.position).limit(limit)).mappings()
        return [rows.event_of(row) for row in found]

    def feed_bounds(self) -> FeedBounds:
        # Two look-ups in the index: asked for together, PostgreSQL and SQLite would read it all.
        t = tables.events
        oldest, newest = (
            self._connection.execute(sa.select(f(t.c.position))).scalar() for f in (sa.func.min, sa.func.max)
        )
        return FeedBounds(oldest or 0, newest or 0)

    def event(self, event_id: UUID) -> RecordedEvent:
        query = sa.select(tables.events).where(tables.events.c.id == event_id)
        return rows.event_of(self._one(query, EventNotFound))

    def enqueue(
        self, job: str, key: str, subject: UUID, *, delay: timedelta = timedelta(), lane: str | None = None
    ) -> None:
        self._enqueue(self._connection, job, key, subject, delay=delay, lane=lane)

    # -- applications --------------------------------------------------------------------------

    def subscription(self, name: str) -> Subscription:
        query = sa.select(tables.subscriptions).where(tables.subscriptions.c.name == name)
        return Subscription(**self._one(query, SubscriptionNotFound))

    def add_subscription(self, subscription: Subscription) -> None:
        self._insert_named(tables.subscriptions, asdict(subscription))

    def save_subscription(self, subscription: Subscription) -> None:
        self._update(tables.subscriptions, asdict(subscription))

    def subscription_of(self, subscription_id: UUID) -> Subscription:
        query = sa.select(tables.subscriptions).where(tables.subscriptions.c.id == subscription_id)
        return Subscription(**self._one(query, SubscriptionNotFound))

    def application(self, application_id: UUID) -> Application:
        query = sa.select(tables.applications).where(tables.applications.c.id == application_id)
        return rows.application_of(self._one(query, ApplicationNotFound))

    def application_for_update(self, application_id: UUID) -> Application:
        query = sa.select(tables.applications).where(tables.applications.c.id == application_id).with_for_update()
        return rows.application_of(self._one(query, ApplicationNotFound))

    def applications_by_name(self, name: str) -> list[Application]:
        query = sa.select(tables.applications).where(tables.applications.c.name == name)
        return [rows.application_of(row) for row in self._connection.execute(query).mappings()]

    def add_application(self, application: Application) -> None:
        self._insert_named(tables.applications, rows.application_row(application))

    def save_application(self, application: Application) -> None:
        self._update(tables.applications, rows.application_row(application))

    def api_key(self, secret_hash: bytes) -> tuple[ApiKey, Application] | None:
        query = sa.select(tables.api_keys).where(tables.api_keys.c.secret_hash == secret_hash)
        row = self._connection.execute(query).mappings().one_or_none()
        if row is None:
            return None
        key = rows.api_key_of(row)
        return key, self.application(key.application_id)

    def add_api_key(self, key: ApiKey) -> None:
        self._insert(tables.api_keys, rows.api_key_row(key))

    # -- settings of a subscription ------------------------------------------------------------

    def file_validation(self, subscription_id: UUID) -> FileValidation:
        t = tables.file_validations
        query = sa.select(t).where(t.c.subscription_id == subscription_id)
        row = self._connection.execute(query).mappings().one_or_none()
        return NO_VALIDATION if row is None else rows.file_validation_of(row)

    def save_file_validation(self, subscription_id: UUID, validation: FileValidation) -> None:
        self._replace(tables.file_validations, rows.file_validation_row(subscription_id, validation))

    def branding(self, subscription_id: UUID) -> Branding:
        t = tables.brandings
        # Not the logo: a page asks for its branding again and again.
        columns = [column for column in t.c if column.name != "logo"]
        row = self._connection.execute(sa.select(*columns).where(t.c.subscription_id == subscription_id)).mappings()
        found = row.one_or_none()
        return NO_BRANDING if found is None else rows.branding_of(found)

    def logo(self, subscription_id: UUID) -> Logo | None:
        t = tables.brandings
        query = sa.select(t.c.logo, t.c.logo_type).where(t.c.subscription_id == subscription_id, t.c.logo.is_not(None))
        row = self._connection.execute(query).one_or_none()
        return None if row is None else Logo(row.logo, row.logo_type)

    def save_branding(self, subscription_id: UUID, branding: Branding, logo: Logo | None) -> None:
        self._replace(tables.brandings, rows.branding_row(subscription_id, branding, logo))

    # -- shared --------------------------------------------------------------------------------

    def _one(self, query: sa.Select[Any], missing: type[NotFound]) -> RowMapping:
        row = self._connection.execute(query).mappings().one_or_none()
        if row is None:
            raise missing
        return row

    def _insert(self, table: sa.Table, row: rows.Row) -> None:
        self._connection.execute(sa.insert(table).values(row))

    def _insert_all(self, table: sa.Table, values: Sequence[rows.Row]) -> None:
        if values:
            self._connection.execute(sa.insert(table), list(values))

    def _replace(self, table: sa.Table, row: rows.Row) -> None:
        """The one row of a subscription, whether there was one or not."""
        owner, t = row["subscription_id"], tables.subscriptions
        # Who writes at the same time waits for us.
        self._one(sa.select(t).where(t.c.id == owner).with_for_update(), SubscriptionNotFound)
        self._connection.execute(sa.delete(table).where(table.c.subscription_id == owner))
        self._insert(table, row)

    def _insert_named(self, table: sa.Table, row: rows.Row) -> None:
        try:
            self._insert(table, row)
        except IntegrityError as error:
            raise NameTaken(f"'{row['name']}'.") from error

    def _update(self, table: sa.Table, row: rows.Row) -> None:
        self._connection.execute(sa.update(table).where(table.c.id == row["id"]).values(row))


def _in_status(statuses: frozenset[SessionStatus], now: datetime) -> sa.ColumnElement[bool]:
    """As of `now`: nothing tells the table that a pending session's time is over."""
    t = tables.sessions
    pending, over = t.c.status == SessionStatus.PENDING.value, t.c.expires_at <= now
    found: list[sa.ColumnElement[bool]] = [t.c.status.in_([s.value for s in statuses - {SessionStatus.PENDING}])]
    if SessionStatus.PENDING in statuses:
        found.append(sa.and_(pending, sa.not_(over)))
    if SessionStatus.EXPIRED in statuses:
        found.append(sa.and_(pending, over))
    return sa.or_(*found)


def _matches(table: sa.Table, wanted: MetadataSearch) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        table.c.subscription_id == wanted.subscription_id,
        table.c.name == fold(wanted.name)[:MAX_NAME],
        table.c.value == wanted.value,
    )
