"""A local signature whose caller does not wait for the file."""

from __future__ import annotations

from uuid import uuid4

import pytest
import sqlalchemy as sa

from signroom.domain.document import Document, DocumentStatus
from signroom.domain.errors import DocumentInProcessing
from signroom.domain.preparation import Preparation, PreparedDocument
from signroom.domain.signature import CertificateChain, CheckedValue, CmsLayout, DigestAlgorithm, Prepared
from signroom.service.erasing.erase import erase_document
from signroom.service.signing.enqueue_processing import PROCESS_DOCUMENT
from signroom.service.signing.sign_locally import continue_local_signatures
from signroom.worker.steps import jobs
from tests.service.conftest import Room


def accepted(room: Room, document: Document) -> Document:
    """Its value is stored, and then its caller has hung up."""
    chain = CertificateChain(b"certificate")
    prepared = Prepared(10, DigestAlgorithm.SHA256, b"g" * 32, b"1", chain, CmsLayout(detached=False))
    now = room.clock.now()
    items = (PreparedDocument(document.id, prepared),)
    preparation = Preparation(uuid4(), document.session_id, chain, items, now)
    busy = document.accept_signature(preparation.id, CheckedValue(b"value"), now)
    with room.ports.store.work() as work:
        work.preparations.add(preparation)
        work.documents.save(busy)
    return busy


def enqueued(room: Room) -> set[str]:
    """Keys of the jobs that wait in their queue."""
    engine = room.service.engine
    table = "workflow_status" if engine.dialect.name == "sqlite" else "dbos.workflow_status"
    query = sa.text(f"SELECT workflow_uuid FROM {table} WHERE status = 'ENQUEUED' AND name = :name")
    with engine.connect() as connection:
        return set(connection.scalars(query, {"name": PROCESS_DOCUMENT}))


def test_a_signature_whose_caller_hung_up_becomes_a_job_and_can_be_erased_then(room: Room) -> None:
    work = jobs(room.ports)
    room.service.jobs.start(work, execute=False)
    mine, waiting = accepted(room, room.document()), room.document()
    session = room.session()
    accepted(room, room.document(session))
    with pytest.raises(DocumentInProcessing):
        erase_document(room.ports, room.caller, mine.id)

    assert continue_local_signatures(room.ports) == 0, "its caller may still wait"
    room.clock.advance(minutes=11)
    late = accepted(room, room.document())

    assert [continue_local_signatures(room.ports) for _ in range(2)] == [1, 1]
    assert enqueued(room) == {f"{PROCESS_DOCUMENT}:{mine.id}:{mine.preparation_id}"}, "one job, of that one only"
    work[PROCESS_DOCUMENT].give_up(mine.id, "InternalError")
    assert erase_document(room.ports, room.caller, mine.id).removed.documents == 1
    assert continue_local_signatures(room.ports) == 0
    assert [room.read(d).status for d in (late, waiting)] == [
        DocumentStatus.PROCESSING,
        DocumentStatus.PENDING_SIGNATURE,
    ]
