"""Sessions with documents: many at once, wrong ones among them, and earlier ones that go meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from signroom.domain.document import Document, StoredFile
from signroom.domain.errors import (
    DocumentErased,
    DocumentNotFound,
    DocumentPurged,
    InvalidPdf,
    QueueFull,
    SignroomError,
)
from signroom.domain.preflight import FindingCode
from signroom.domain.signature import CertificateChain, CheckedValue, SignatureType, Verdict
from signroom.ports.files import SMALL, Turn
from signroom.sandbox.processes import Processes
from signroom.sandbox.queue import Kind
from signroom.service.documents.add_document import NewDocument, Taken
from signroom.service.documents.download_file import FileKind, location
from signroom.service.documents.file_sources import Address, Content, EarlierDocument, StoredSource, UploadToken
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


def sent(content: bytes, name: str) -> NewDocument:
    async def chunks() -> AsyncIterator[bytes]:
        yield content

    return NewDocument(Content(chunks, name))


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch) -> list[Kind]:
    """The tasks that limited processes have got."""
    submitted: list[Kind] = []
    submit = Processes.submit

    def noted(processes: Processes, turn: Turn, kind: Kind, *arguments: Any) -> Any:
        submitted.append(kind)
        return submit(processes, turn, kind, *arguments)

    monkeypatch.setattr(Processes, "submit", noted)
    return submitted


def opened(room: Room, *documents: NewDocument) -> list[Document]:
    found = asyncio.run(opening.open_session(room.ports, room.caller, opening.OpenSession(documents=documents)))
    with room.ports.store.read() as work:
        return work.documents.of_session(found.session_id)


@pytest.mark.parametrize(("count", "most"), [(1, 1), (30, 2)])
def test_small_documents_are_looked_at_together(room: Room, tasks: list[Kind], count: int, most: int) -> None:
    """Reading and comparing is one task, and it was two for each document."""
    content = hard_pdfs.make("plain")

    documents = opened(room, *(sent(content, f"{number}.pdf") for number in range(count)))

    assert [document.original.name for document in documents] == [f"{number}.pdf" for number in range(count)]
    assert {document.inspection.pages for document in documents} == {1}
    assert tasks == [Kind.INSPECTION] * most


def test_what_is_found_belongs_to_its_own_document(room: Room) -> None:
    """Of files of several formats, and one that is too large to be looked at with others."""
    pdf, large = hard_pdfs.make("ten-pages"), hard_pdfs.of_length(SMALL + 1)

    one, two, three, four = opened(
        room, sent(b"text", "a.txt"), sent(large, "b.pdf"), sent(pdf, "c.pdf"), sent(pdf, "d.doc")
    )

    assert [d.inspection.signature_type for d in (one, two, three)] == [SignatureType.CMS] + [SignatureType.PDF] * 2
    assert [d.inspection.pages for d in (two, three, four)] == [1, 10, 10]
    assert [finding.code for finding in four.inspection.findings] == [FindingCode.OTHER_TYPE]


def test_a_small_file_with_much_data_is_looked_at_alone() -> None:
    """Those that go together are opened at once, each with its data: that may be all that a disk has."""

    def source(length: int, data_key: str | None = None) -> StoredSource:
        return StoredSource(StoredFile("key", "a", "text/plain", length, b""), owned=True, data_key=data_key)

    def is_small(*sources: StoredSource) -> bool:
        return Taken(uuid4(), Turn(uuid4(), uuid4(), uuid4()), sent(b"", "a"), sources).is_small

    assert is_small(source(SMALL))
    assert not is_small(source(SMALL + 1))
    assert not is_small(source(10), source(SMALL))
    assert not is_small(source(10, "nobody has asked how long it is"))


def test_files_go_together_by_what_they_weigh(room: Room, tasks: list[Kind]) -> None:
    """A scan takes a hundred times as long as a letter. With 25 of them a worker was ended, and all begun anew."""
    opened(room, *(sent(hard_pdfs.of_length(SMALL - number), f"{number}.pdf") for number in range(4)))

    assert len(tasks) == 2


def test_who_has_no_place_for_small_files_says_it_of_one_document(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> None:
        raise QueueFull

    monkeypatch.setattr(Processes, "submit", full)
    with pytest.raises(QueueFull) as refused:
        opened(room, *(sent(hard_pdfs.make("plain"), "a.pdf") for _ in range(2)))

    assert refused.value.path == "documents[0].file.content"


def test_documents_that_came_in_time_are_not_refused_for_what_comes_after(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "_PATIENCE", 0.2)

    async def late() -> AsyncIterator[bytes]:
        await asyncio.sleep(0.4)
        yield hard_pdfs.make("plain")

    assert len(opened(room, NewDocument(Content(late, "a.pdf")))) == 1


def test_a_caller_who_hangs_up_leaves_no_file_behind(room: Room) -> None:
    """At whatever moment. A file without a row would stay for ever, with what a person wrote into it."""

    async def hang_up(after: float) -> None:
        documents = tuple(sent(hard_pdfs.make("plain"), f"{number}.pdf") for number in range(6))
        task = asyncio.create_task(
            opening.open_session(room.ports, room.caller, opening.OpenSession(documents=documents))
        )
        await asyncio.sleep(after)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    for number in range(30):
        asyncio.run(hang_up(number / 1000))

    with room.service.engine.connect() as connection:
        kept = set(connection.scalars(sa.select(tables.documents.c.original_key)))
    assert {str(file.relative_to(room.files)) for file in room.files.rglob("*") if file.is_file()} <= kept


@pytest.mark.parametrize("wrong", [(1,), (1, 3), (3,)])
def test_the_first_of_the_documents_that_are_wrong_is_named_and_nothing_stays(
    room: Room, wrong: tuple[int, ...]
) -> None:
    """Also where a later one could not even be taken in: document 4 is named by a token that nobody has given."""
    contents = [hard_pdfs.make("plain")] * 4
    for number in wrong:
        contents[number] = b"%PDF-1.7 and no more"
    documents = [sent(content, "a.pdf") for content in contents]
    documents.append(NewDocument(UploadToken("nobody has given it")))

    with pytest.raises(InvalidPdf) as refused:
        opened(room, *documents)

    assert refused.value.path == f"documents[{wrong[0]}].file.content"
    assert not [file for file in room.files.rglob("*") if file.is_file()]


def test_a_document_that_cannot_be_taken_in_is_named(room: Room) -> None:
    with pytest.raises(SignroomError) as refused:
        opened(room, sent(hard_pdfs.make("plain"), "a.pdf"), NewDocument(UploadToken("nobody has given it")))

    assert refused.value.path == "documents[1].file.blobToken"
    assert not [file for file in room.files.rglob("*") if file.is_file()]


def test_refusals_of_documents_go_with_their_answer(room: Room) -> None:
    documents = tuple(NewDocument(EarlierDocument(uuid4())) for _ in range(2))
    command = opening.OpenSession(documents=documents)

    refused_and_gone(DocumentNotFound, lambda: opening.open_session(room.ports, room.caller, command))
