"""Verbs on real drivers: both databases, files on disk; only the clock is ours."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from signroom.domain.application import Application, ApplicationCaller, Role, Subscription
from signroom.domain.blob_key import DocumentFolder
from signroom.domain.document import Document, DocumentStatus, StoredFile
from signroom.domain.document_key import new_key
from signroom.domain.security_context import ANY
from signroom.domain.session import Session, new_session
from signroom.domain.signature import INVISIBLE, CheckedValue, Inspection, SignatureType, Verdict
from signroom.ports import Ports
from signroom.sandbox.pool import PooledFormats
from signroom.settings import read_settings
from signroom.wiring import Service, build_service

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> datetime:
        return self.time

    def advance(self, **by: float) -> None:
        self.time += timedelta(**by)


@dataclass(frozen=True)
class Room:
    """A service whose jobs do not run."""

    service: Service
    ports: Ports
    clock: Clock
    caller: ApplicationCaller
    files: Path
    """The folder of blobs."""

    def file(self, key: str, content: bytes = b"content") -> StoredFile:
        """Stored under `key`."""

        async def chunks() -> AsyncIterator[bytes]:
            yield content

        stored = asyncio.run(self.ports.blobs.write_stream(key, chunks(), limit=1 << 20))
        return StoredFile(key, "a.pdf", "application/pdf", stored.length, stored.sha256)

    def has(self, key: str) -> bool:
        return (self.files / key).is_file()

    def session(self, *, predefined: bool = True) -> Session:
        now, application = self.clock.now(), self.caller.application
        session, _ = new_session(
            id=uuid4(),
            subscription_id=application.subscription_id,
            application_id=application.id,
            link_hash=uuid4().bytes * 2,
            return_url=None,
            callback_argument=None,
            disable_downloads=False,
            predefined=predefined,
            now=now,
            expires_at=now + timedelta(hours=4),
            security_context_id=ANY.id,
        )
        with self.ports.store.work() as work:
            work.sessions.add(session)
        return session

    def document(
        self, session: Session | None = None, *, position: int = 0, original: StoredFile | None = None
    ) -> Document:
        """DeliverySchedule for its signature; its file is stored unless it is another's."""
        document_id, application = uuid4(), self.caller.application
        folder = DocumentFolder(session.id if session else None, document_id)
        document = Document(
            id=document_id,
            subscription_id=application.subscription_id,
            application_id=application.id,
            session_id=session.id if session else None,
            position=position,
            status=DocumentStatus.PENDING_SIGNATURE,
            original=original or self.file(folder.original()),
            inspection=Inspection(SignatureType.PDF, "application/pdf", 1, 0),
            options=INVISIBLE,
            created_at=self.clock.now(),
            key=new_key(secrets.choice),
        )
        with self.ports.store.work() as work:
            work.documents.add(document)
        return document

    def completed(self, document: Document, available_until: datetime | None) -> Document:
        """As `process_document` leaves it."""
        preparation_id = uuid4()
        accepted = document.accept_signature(preparation_id, CheckedValue(b"value"), self.clock.now())
        signed = self.file(document.blob_folder.signed(preparation_id))
        done = accepted.complete(signed, Verdict(()), available_until)
        with self.ports.store.work() as work:
            work.documents.save(done)
        return done

    def told(self) -> list[str]:
        """The types of all events, in order."""
        with self.ports.store.read() as work:
            return [e.type for e in work.feed.after(self.caller.subscription_id, 0, 1000)]

    def read(self, document: Document) -> Document:
        with self.ports.store.read() as work:
            return work.documents.of_any_tenant(document.id)


@pytest.fixture(scope="session")
def formats() -> Iterator[PooledFormats]:
    """One for all: its process takes half a second of the processor to start."""
    pool = PooledFormats(workers=1)
    yield pool
    pool.close()


@pytest.fixture
def room(database_url: str, tmp_path: Path, formats: PooledFormats) -> Iterator[Room]:
    with open_room(database_url, tmp_path, formats) as opened:
        yield opened


@contextmanager
def open_room(database_url: str, folder: Path, formats: PooledFormats) -> Iterator[Room]:
    """For fixtures that many tests share."""
    environment = {
        "SIGNROOM_PUBLIC_URL": "http://127.0.0.1:8400",
        "SIGNROOM_DATA": str(folder / "data"),
        "SIGNROOM_DATABASE_URL": database_url,
    }
    service = build_service(read_settings(environment, folder), execute_jobs=False)
    clock = Clock()
    subscription = Subscription(uuid4(), "Acme")
    application = Application(uuid4(), subscription.id, "Portal", frozenset(Role))
    with service.ports.store.work() as work:
        work.subscriptions.add(subscription)
        work.applications.add(application)
    caller = ApplicationCaller(application, frozenset(Role))
    ports = replace(service.ports, clock=clock, formats=formats, pictures=formats)
    yield Room(service, ports, clock, caller, folder / "data" / "files")
    service.stopping.set()
    service.stop()
