"""The ``Store`` port on SQLAlchemy Core, for SQLite and PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, RowMapping
from sqlalchemy.exc import IntegrityError

from signroom.domain.application import ApiKey, Application, Subscription
from signroom.domain.document import Document
from signroom.domain.errors import (
    ApplicationNotFound,
    DocumentNotFound,
    NameTaken,
    NotFound,
    PreparationNotFound,
    SignatureSessionNotFound,
    SubscriptionNotFound,
)
from signroom.domain.event import Event
from signroom.domain.preparation import Preparation
from signroom.domain.session import Session
from signroom.domain.signature import Prepared
from signroom.ports import Work
from signroom.store import rows, tables
from signroom.store.engine import READ_ONLY

Enqueue = Callable[[Connection, str, str, UUID], None]
"""Puts a job row into the transaction of a connection: (connection, job, key, subject)."""


def no_jobs(_connection: Connection, job: str, _key: str, _subject: UUID) -> None:
    """For commands that never start work (`keys create`, migrations). Raises: RuntimeError."""
    raise RuntimeError(f"job {job!r} was enqueued by a process without a job engine")


class SqlStore:
    """Transactions on one engine. `enqueue` is the job engine's way into the same transaction."""

    def __init__(self, engine: Engine, enqueue: Enqueue = no_jobs) -> None:
        self._engine = engine
        self._reader = engine.execution_options(**READ_ONLY)
        self._enqueue = enqueue

    def work(self) -> AbstractContextManager[Work]:
        return self._transaction(self._engine)

    def read(self) -> AbstractContextManager[Work]:
        return self._transaction(self._reader)

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Work]:
        with engine.begin() as connection:
            yield SqlWork(connection, self._enqueue)


class SqlWork:
    """One open transaction."""

    def __init__(self, connection: Connection, enqueue: Enqueue) -> None:
        self._connection = connection
        self._enqueue = enqueue

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

    def documents(self, session_id: UUID) -> list[Document]:
        t = tables.documents
        query = sa.select(t).where(t.c.session_id == session_id).order_by(t.c.position)
        return [rows.document_of(row) for row in self._connection.execute(query).mappings()]

    def add_document(self, document: Document) -> None:
        self._insert(tables.documents, rows.document_row(document))

    def save_document(self, document: Document) -> None:
        self._update(tables.documents, rows.document_row(document))

    def remove_document(self, document_id: UUID) -> None:
        self._connection.execute(sa.delete(tables.documents).where(tables.documents.c.id == document_id))

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

    def append_event(self, event: Event) -> None:
        self._insert(tables.events, rows.event_row(event))

    def enqueue(self, job: str, key: str, subject: UUID) -> None:
        self._enqueue(self._connection, job, key, subject)

    # -- applications --------------------------------------------------------------------------

    def subscription(self, name: str) -> Subscription:
        query = sa.select(tables.subscriptions).where(tables.subscriptions.c.name == name)
        return Subscription(**self._one(query, SubscriptionNotFound))

    def add_subscription(self, subscription: Subscription) -> None:
        self._insert_named(tables.subscriptions, {"id": subscription.id, "name": subscription.name})

    def application(self, application_id: UUID) -> Application:
        query = sa.select(tables.applications).where(tables.applications.c.id == application_id)
        return Application(**self._one(query, ApplicationNotFound))

    def application_by_name(self, name: str) -> Application:
        query = sa.select(tables.applications).where(tables.applications.c.name == name)
        return Application(**self._one(query, ApplicationNotFound))

    def add_application(self, application: Application) -> None:
        row = {"id": application.id, "subscription_id": application.subscription_id, "name": application.name}
        self._insert_named(tables.applications, row)

    def api_key(self, secret_hash: bytes) -> tuple[ApiKey, Application] | None:
        k, a = tables.api_keys, tables.applications
        query = (
            sa.select(k, a.c.subscription_id, a.c.name)
            .join(a, a.c.id == k.c.application_id)
            .where(k.c.secret_hash == secret_hash)
        )
        row = self._connection.execute(query).mappings().one_or_none()
        return None if row is None else rows.api_key_of(row)

    def add_api_key(self, key: ApiKey) -> None:
        self._insert(tables.api_keys, rows.api_key_row(key))

    # -- shared --------------------------------------------------------------------------------

    def _one(self, query: sa.Select[Any], missing: type[NotFound]) -> RowMapping:
        row = self._connection.execute(query).mappings().one_or_none()
        if row is None:
            raise missing
        return row

    def _insert(self, table: sa.Table, row: rows.Row) -> None:
        self._connection.execute(sa.insert(table).values(row))

    def _insert_named(self, table: sa.Table, row: rows.Row) -> None:
        try:
            self._insert(table, row)
        except IntegrityError as error:
            raise NameTaken(f"'{row['name']}'.") from error

    def _update(self, table: sa.Table, row: rows.Row) -> None:
        self._connection.execute(sa.update(table).where(table.c.id == row["id"]).values(row))
