"""The ``Store`` port on SQLAlchemy Core, for SQLite and PostgreSQL alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from sqlalchemy.engine import Connection, Engine

from signroom.domain.event import RecordedEvent
from signroom.domain.file_validation import FileValidation
from signroom.ports.store import KeyOwner, LinkedSession, Work
from signroom.ports.store.wall import Owned
from signroom.store.engine import reading, scrubbed, unflushed
from signroom.store.known import Known
from signroom.store.outages import outages_as_ours
from signroom.store.work.applications import SqlApplications
from signroom.store.work.audit_log import SqlAuditLog
from signroom.store.work.deliveries import SqlDeliveries
from signroom.store.work.document_keys import SqlDocumentKeys
from signroom.store.work.documents import SqlDocuments
from signroom.store.work.erasing.erasures import SqlErasures
from signroom.store.work.erasing.persons import SqlPersons
from signroom.store.work.feed import SqlFeed
from signroom.store.work.file_comparison import SqlFileComparison
from signroom.store.work.managing.removal import SqlRemoval
from signroom.store.work.managing.security_contexts import SqlSecurityContexts
from signroom.store.work.managing.timestamp_providers import SqlTimestampProviders
from signroom.store.work.preparations import SqlPreparations
from signroom.store.work.processing.processing import SqlProcessing
from signroom.store.work.rotation.rotation import SqlRotation
from signroom.store.work.sessions import SqlSessions
from signroom.store.work.spent import SqlSpent
from signroom.store.work.statements import ReadRows
from signroom.store.work.statistics.statistics import SqlStatistics
from signroom.store.work.subscriptions import SqlSubscriptions
from signroom.store.work.uploads import SqlUploads
from signroom.store.work.wall import SqlTenantRows
from signroom.store.work.webhooks import SqlWebhooks


class Enqueue(Protocol):
    """Puts a job row into the transaction of a connection."""

    def __call__(
        self,
        connection: Connection,
        job: str,
        key: str,
        subject: UUID,
        /,
        *,
        delay: timedelta,
        lane: str | None,
        order: int,
    ) -> None: ...


Tell = Callable[[Sequence[RecordedEvent]], None]
"""Hears of events once they are committed."""


def nobody_waits(_events: Sequence[RecordedEvent]) -> None:
    """For commands: whoever waits is in another process."""


def no_jobs(_connection: Connection, job: str, _key: str, _subject: UUID, **_options: object) -> None:
    """For commands that never start work (`keys create`, migrations). Raises: RuntimeError."""
    raise RuntimeError(f"job {job!r} was enqueued by a process without a job engine")


_MOST_LINKS = 500
"""Sessions that were shown a moment ago. They are longer than what else is known."""


class SqlStore:
    """Transactions on one engine. `enqueue` is the job engine's way into the same transaction."""

    def __init__(
        self,
        engine: Engine,
        enqueue: Enqueue = no_jobs,
        tell: Tell = nobody_waits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._unflushed = unflushed(engine)
        self._reader = reading(engine)
        self._asker = reading(engine, each_alone=True)
        self._enqueue = enqueue
        self._tell = tell
        self._keys: Known[bytes, KeyOwner] = Known(clock)
        self._closed: Known[UUID, bool] = Known(clock)
        self._links: Known[bytes, LinkedSession] = Known(clock, _MOST_LINKS)
        self._validations: Known[UUID, FileValidation] = Known(clock)

    def work(self) -> AbstractContextManager[Work]:
        return self._transaction(self._engine)

    def unflushed_work(self) -> AbstractContextManager[Work]:
        return self._transaction(self._unflushed)

    def read(self) -> AbstractContextManager[Work]:
        return self._transaction(self._reader)

    def ask(self) -> AbstractContextManager[Work]:
        return self._transaction(self._asker)

    def known_key(self, secret_hash: bytes) -> KeyOwner | None:
        return self._keys.get(secret_hash)

    def key(self, secret_hash: bytes) -> KeyOwner | None:
        known = self._keys.get(secret_hash)
        if known is not None:
            return known
        reading = self._keys.begin()
        with self.ask() as work:
            found = work.applications.by_key(secret_hash)
        if found is not None:
            self._keys.keep(secret_hash, found, reading)
        return found

    def known_link(self, link_hash: bytes) -> LinkedSession | None:
        return self._links.take(link_hash)

    def by_link(self, link_hash: bytes) -> LinkedSession:
        reading, of_link = self._closed.begin(), self._links.begin()
        with self.ask() as work:
            found = work.sessions.by_link(link_hash)
        self._closed.keep(found.session.id, found.closed, reading)
        self._links.keep(link_hash, found, of_link)
        return found

    def known_closed(self, session_id: UUID) -> bool | None:
        return self._closed.get(session_id)

    def closed(self, session_id: UUID) -> bool:
        known = self._closed.get(session_id)
        if known is not None:
            return known
        reading = self._closed.begin()
        with self.ask() as work:
            found = work.applications.closed_to_session(session_id)
        self._closed.keep(session_id, found, reading)
        return found

    def file_validation(self, subscription_id: UUID) -> FileValidation:
        known = self._validations.get(subscription_id)
        if known is not None:
            return known
        reading = self._validations.begin()
        with self.ask() as work:
            found = work.subscriptions.file_validation(subscription_id)
        self._validations.keep(subscription_id, found, reading)
        return found

    def known_file_validation(self, subscription_id: UUID) -> FileValidation | None:
        return self._validations.get(subscription_id)

    def scrub(self) -> bool:
        with outages_as_ours():
            return scrubbed(self._engine)

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Work]:
        work: SqlWork | None = None
        try:
            with outages_as_ours(), engine.connect() as connection, connection.begin():
                work = SqlWork(connection, self._enqueue)
                yield work
                if engine is self._unflushed and work.feed.waits:
                    raise ValueError("an event in a transaction that may be taken back")
                events = work.feed.flush()
        finally:
            # Also after an error: a commit whose answer was lost may have been one.
            if work is not None and work.changed:
                for answers in (self._keys, self._closed, self._links, self._validations):
                    answers.empty()
        if events:
            self._tell(events)


_P = TypeVar("_P")


class _Part(Generic[_P]):
    """A part of a transaction, made when it is first asked for: a transaction needs few of them."""

    def __init__(self, of: Callable[[Connection], _P]) -> None:
        self._of = of

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    def __get__(self, work: SqlWork, _owner: type) -> _P:
        part = vars(work)[self._name] = self._of(work.connection)
        return part


class SqlWork:
    """One open transaction: its parts share one connection."""

    document_keys = _Part(SqlDocumentKeys)
    file_comparison = _Part(SqlFileComparison)
    uploads = _Part(SqlUploads)
    preparations = _Part(SqlPreparations)
    deliveries = _Part(SqlDeliveries)
    subscriptions = _Part(SqlSubscriptions)
    applications = _Part(SqlApplications)
    spent = _Part(SqlSpent)
    erasures = _Part(SqlErasures)
    persons = _Part(SqlPersons)
    removal = _Part(SqlRemoval)
    security_contexts = _Part(SqlSecurityContexts)
    timestamp_providers = _Part(SqlTimestampProviders)
    audit_log = _Part(SqlAuditLog)
    rotation = _Part(SqlRotation)
    statistics = _Part(SqlStatistics)

    def __init__(self, connection: Connection, enqueue: Enqueue) -> None:
        self.connection = connection
        self._enqueue = enqueue
        self.webhooks = SqlWebhooks(connection)
        read_sessions, read_documents = ReadRows(), ReadRows()
        self.processing = SqlProcessing(connection, self.webhooks, read_sessions)
        self.sessions = SqlSessions(connection, self.webhooks, read_sessions, read_documents)
        self.documents = SqlDocuments(connection, read_documents)
        self.feed = SqlFeed(connection)

    @property
    def changed(self) -> bool:
        """Whether a key, an application or a subscription was."""
        made = vars(self)
        return any(name in made and made[name].changed for name in ("applications", "subscriptions"))

    def of(self, owner: Owned) -> SqlTenantRows:
        return SqlTenantRows(self, owner.subscription_id)

    def enqueue(
        self,
        job: str,
        key: str,
        subject: UUID,
        *,
        delay: timedelta = timedelta(),
        lane: str | None = None,
        order: int = 0,
    ) -> None:
        self._enqueue(self.connection, job, key, subject, delay=delay, lane=lane, order=order)
