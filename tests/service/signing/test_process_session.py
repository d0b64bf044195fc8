"""Documents of a session that are signed together."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from signroom.domain.document import Document
from signroom.domain.errors import DatabaseUnavailable, StorageUnavailable
from signroom.domain.level import Level
from signroom.domain.session import SessionStatus
from signroom.domain.signature import PdfOptions, SignatureType
from signroom.ports import Ports
from signroom.ports.files import Stored
from signroom.service.documents.add_document import NewDocument
from signroom.service.documents.file_sources import Content
from signroom.service.sessions.open_session import OpenSession, open_session
from signroom.service.signing.chunks import SMALL
from signroom.service.signing.enqueue_processing import PROCESS_DOCUMENT, PROCESS_SESSION, enqueue_processing
from signroom.service.signing.finish_signing import finish_signing
from signroom.service.signing.prepare_signing import prepare_signing
from signroom.service.signing.process_session import give_up_session, process_session
from signroom.worker.steps import jobs
from tests.pki import three_tiers
from tests.service.conftest import Room
from tests.vectors import hard_pdfs

PDF, CMS, XML = SignatureType.PDF, SignatureType.CMS, SignatureType.XML
FILES = {PDF: hard_pdfs.make("plain"), CMS: b"a debt", XML: b"<debt>1</debt>"}


@dataclass(frozen=True)
class Accepted:
    """A session whose values were accepted; nothing is processed yet."""

    room: Room
    id: UUID
    documents: list[UUID]

    def process(self, ports: Ports | None = None) -> int:
        return asyncio.run(process_session(ports or self.room.ports, self.id))

    def read(self) -> list[Document]:
        with self.room.ports.store.read() as work:
            return work.documents.of_session(self.id)

    def statuses(self) -> list[str]:
        return [document.status.value for document in self.read()]

    def status(self) -> SessionStatus:
        with self.room.ports.store.read() as work:
            return work.sessions.of_any_tenant(self.id).status

    def jobs(self, name: str) -> int:
        """That wait in their queue."""
        engine = self.room.service.engine
        table = "workflow_status" if engine.dialect.name == "sqlite" else "dbos.workflow_status"
        query = sa.text(f"SELECT count(*) FROM {table} WHERE name = :name AND workflow_uuid LIKE :key")
        keys = [f"%{self.id}%", *(f"%{document}%" for document in self.documents)]
        with engine.connect() as connection:
            return sum(connection.execute(query, {"name": name, "key": key}).scalar_one() for key in keys)


async def _bytes(content: bytes) -> Any:
    yield content


def accepted(room: Room, kinds: Sequence[SignatureType]) -> Accepted:
    """A session with such documents, whose values were accepted. The jobs do not run."""
    room.service.jobs.start(jobs(room.ports), execute=False)
    signer = three_tiers.signer("p256")
    room.clock.time = three_tiers.NOW

    async def sign() -> Accepted:
        documents = tuple(
            NewDocument(Content(lambda kind=kind: _bytes(FILES[kind]), "debt", None), signature_type=kind)  # type: ignore[misc]
            for kind in kinds
        )
        opened = await open_session(room.ports, room.caller, OpenSession(documents=documents))
        preparation = await prepare_signing(room.ports, opened.session_id, signer.chain)
        values = {item.document_id: signer.sign(item.prepared.to_sign) for item in preparation.items}
        await finish_signing(room.ports, opened.session_id, preparation.id, values, lambda page: page)
        return Accepted(room, opened.session_id, list(values))

    return asyncio.run(sign())


def told(room: Room) -> Counter[str]:
    return Counter(name for name in room.told() if name.startswith(("Document", "SessionC", "SessionF")))


def test_documents_of_all_formats_are_one_job_and_each_event_comes_once(room: Room) -> None:
    session = accepted(room, [PDF, CMS, XML, PDF])
    assert (session.jobs(PROCESS_SESSION), session.jobs(PROCESS_DOCUMENT)) == (1, 0)

    assert [session.process() for _ in range(2)] == [0, 0]

    assert session.statuses() == ["Completed"] * 4
    assert session.status() is SessionStatus.COMPLETED
    assert told(room) == {"DocumentSignatureCompleted": 4, "SessionCreated": 1, "SessionCompleted": 1}
    for document in session.read():
        signed = document.require_signed()
        assert document.verdict is not None
        assert document.verdict.intact
        assert document.verdict.signatures[-1].identity_confirmed is not None
        with room.ports.blobs.as_file(signed.blob_key, Stored(signed.length, signed.sha256)) as file:
            assert file.stat().st_mode & 0o777 == 0o600
        assert (signed.content_type == "application/pdf") is (document.signature_type is PDF)
    with room.ports.store.read() as work:
        now = room.clock.now().date()
        counts = work.statistics.by_month(room.caller.subscription_id, now.replace(day=1), now)
    assert Counter({one.format: one.count for one in counts if one.format}) == {"Pdf": 2, "Cms": 1, "Xml": 1}


def test_what_fails_is_one_documents_own_affair(room: Room) -> None:
    session = accepted(room, [PDF, PDF, PDF])
    missing, changed, _ = session.read()
    (room.files / missing.original.blob_key).unlink()
    (room.files / changed.original.blob_key).write_bytes(b"%PDF-1.7 something else")

    # A second run, after a crash, gives them no second job.
    assert [session.process() for _ in range(2)] == [2, 2]
    assert session.statuses() == ["Processing", "Processing", "Completed"]
    assert session.jobs(PROCESS_DOCUMENT) == 2
    for document in (missing, changed):
        jobs(room.ports)[PROCESS_DOCUMENT].run(document.id)

    assert [document.processing_error_code for document in session.read()] == ["FileNotFound", "FileChanged", None]
    assert session.status() is SessionStatus.PROCESSING_ERROR
    assert told(room)["DocumentFailed"] == 2
    assert told(room)["SessionFailed"] == 1
    assert session.process() == 0


class Away:
    """A store of files, or of rows, that does not answer any more at the end of a chunk."""

    def __init__(self, whole: Any) -> None:
        self._whole = whole

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)

    def write_files(self, _files: object) -> None:
        raise StorageUnavailable

    def work(self) -> AbstractContextManager[Any]:
        raise DatabaseUnavailable


def test_a_chunk_that_was_interrupted_is_made_once_more(room: Room) -> None:
    session = accepted(room, [PDF, PDF])
    with pytest.raises(StorageUnavailable):
        session.process(replace(room.ports, blobs=Away(room.ports.blobs)))
    with pytest.raises(DatabaseUnavailable):  # the files are stored
        session.process(replace(room.ports, store=Away(room.ports.store)))
    hidden = room.files.rename(room.files.with_name("hidden"))
    try:
        with pytest.raises(StorageUnavailable):
            session.process()
    finally:
        hidden.rename(room.files)
    assert session.statuses() == ["Processing", "Processing"]
    assert session.jobs(PROCESS_DOCUMENT) == 0, "they wait together"

    session.process()

    assert session.statuses() == ["Completed", "Completed"]
    assert told(room)["DocumentSignatureCompleted"] == 2
    assert len([file for file in room.files.rglob("*-signed-*") if file.is_file()]) == 2


def test_a_job_that_is_given_up_fails_what_it_has_left(room: Room) -> None:
    session = accepted(room, [PDF, PDF])

    give_up_session(room.ports, session.id, "InternalError")  # whose fault it was will show
    assert (session.statuses(), session.jobs(PROCESS_DOCUMENT)) == (["Processing", "Processing"], 2)

    give_up_session(room.ports, session.id, "ProcessingUnavailable")
    give_up_session(room.ports, session.id, "ProcessingUnavailable")
    assert session.statuses() == ["ProcessingError", "ProcessingError"]
    assert session.status() is SessionStatus.PROCESSING_ERROR
    assert told(room)["DocumentFailed"] == 2


class Enqueued:
    """A transaction that only takes jobs."""

    def __init__(self) -> None:
        self.jobs: list[tuple[str, UUID, int]] = []

    def enqueue(self, job: str, _key: str, subject: UUID, *, order: int) -> None:
        self.jobs.append((job, subject, order))


def test_what_waits_for_others_or_takes_long_has_a_job_of_its_own(room: Room) -> None:
    document, session_id = room.document(), uuid4()
    small = [replace(document, id=uuid4()) for _ in range(3)]
    stamped = replace(document, options=PdfOptions(level=Level.B_T))
    large = replace(document, original=replace(document.original, length=SMALL + 1))

    def enqueued(*documents: Any) -> list[tuple[str, UUID, int]]:
        work: Any = Enqueued()
        enqueue_processing(work, documents, session_id, uuid4(), 7)
        return list(work.jobs)

    assert enqueued(*small) == [(PROCESS_SESSION, session_id, 7)]
    assert enqueued(small[0], stamped, small[1], large) == [
        (PROCESS_SESSION, session_id, 7),
        (PROCESS_DOCUMENT, stamped.id, 9),
        (PROCESS_DOCUMENT, large.id, 10),
    ]
    assert enqueued(small[0], stamped) == [(PROCESS_DOCUMENT, small[0].id, 7), (PROCESS_DOCUMENT, stamped.id, 8)]
