"""A session that signs an earlier document once more, while that document goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from signroom.domain.document import Document
from signroom.domain.errors import DocumentErased, DocumentNotFound, DocumentPurged
from signroom.domain.signature import CertificateChain, CheckedValue, Verdict
from signroom.service.documents.add_document import NewDocument
from signroom.service.documents.download_file import FileKind, location
from signroom.service.documents.file_sources import Address, EarlierDocument
from signroom.service.documents.validate_file import require_accepted
from signroom.service.erasing.erase import erase_document, erase_session
from signroom.service.sessions import open_session as opening
from signroom.store import tables
from tests.harness.garbage import refused_and_gone
from tests.service.conftest import Room
from tests.vectors import hard_pdfs


def signed(room: Room) -> Document:
    """A document of a completed session, whose signed file is a PDF with a name."""
    session = room.session()
    document, preparation_id = room.document(session), uuid4()
    accepted = document.accept_signature(preparation_id, CheckedValue(b"value"), room.clock.now())
    file = replace(room.file(document.blob_folder.signed(preparation_id), hard_pdfs.make("plain")), name="Ana.pdf")
    done = accepted.complete(file, Verdict(()), None)
    settled = session.sign(CertificateChain(b"certificate"), room.clock.now())[0].settle([done], room.clock.now())
    assert settled is not None
    with room.ports.store.work() as work:
        work.documents.save(done)
        work.sessions.save(settled[0])
    return done


def erased_with_session(room: Room, document: Document) -> None:
    assert document.session_id is not None
    erase_session(room.ports, room.caller, document.session_id)


def erased_alone(room: Room, document: Document) -> None:
    erase_document(room.ports, room.caller, document.id)


def purged(room: Room, document: Document) -> None:
    with room.ports.store.work() as work:
        work.documents.mark_purged([document.id], room.clock.now())


def application_goes(room: Room, _document: Document) -> None:
    with room.ports.store.work() as work:
        work.applications.save(replace(room.caller.application, deleting_since=room.clock.now()))


@pytest.mark.parametrize(
    ("goes", "refusal", "by_address"),
    [
        (erased_with_session, DocumentErased, False),
        (erased_with_session, DocumentErased, True),
        (erased_alone, DocumentErased, False),
        (purged, DocumentPurged, False),
        (application_goes, DocumentNotFound, False),
    ],
)
def test_an_earlier_document_that_goes_meanwhile_is_not_signed_once_more(
    room: Room,
    monkeypatch: pytest.MonkeyPatch,
    goes: Callable[[Room, Document], None],
    refusal: type[Exception],
    by_address: bool,
) -> None:
    earlier = signed(room)
    address = Address(location(room.ports, earlier, FileKind.SIGNED))

    async def accepted_and_gone(*arguments: Any) -> None:
        await require_accepted(*arguments)
        goes(room, earlier)

    monkeypatch.setattr(opening, "require_accepted", accepted_and_gone)
    command = opening.OpenSession(documents=(NewDocument(address if by_address else EarlierDocument(earlier.id)),))

    with pytest.raises(refusal):
        asyncio.run(opening.open_session(room.ports, room.caller, command))

    with room.service.engine.connect() as connection:
        assert connection.scalars(sa.select(tables.documents.c.id)).all() == [earlier.id], "no document was made of it"


def test_an_earlier_document_that_stays_is_signed_once_more(room: Room) -> None:
    earlier = signed(room)
    documents = (NewDocument(EarlierDocument(earlier.id)), NewDocument(EarlierDocument(earlier.id)))

    found = asyncio.run(opening.open_session(room.ports, room.caller, opening.OpenSession(documents=documents)))

    with room.ports.store.read() as work:
        assert [d.original for d in work.documents.of_session(found.session_id)] == [earlier.signed] * 2


def test_refusals_of_documents_go_with_their_answer(room: Room) -> None:
    documents = tuple(NewDocument(EarlierDocument(uuid4())) for _ in range(2))
    command = opening.OpenSession(documents=documents)

    refused_and_gone(DocumentNotFound, lambda: opening.open_session(room.ports, room.caller, command))
