"""Every document has a key, those of older versions too; and none is two documents' at a time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Engine

from signroom.domain.document import Document
from signroom.domain.document_key import key_of_old_document
from signroom.domain.metadata import NO_METADATA
from signroom.service.documents.add_document import NewDocument, add_document
from signroom.service.documents.file_sources import Content
from signroom.service.documents.manage_document_keys import allocate_keys, find_key, give_document_keys, unused_keys
from signroom.service.documents.remove_document import remove_document
from signroom.service.sessions.end_session import cancel_session
from signroom.service.sessions.open_session import OpenSession, open_session
from signroom.store import tables
from tests.service.conftest import Room
from tests.vectors import hard_pdfs

PDF = hard_pdfs.make("plain")


async def some(content: bytes) -> AsyncIterator[bytes]:
    yield content


def a_file(name: str = "a.pdf", key: str | None = None) -> NewDocument:
    return NewDocument(Content(lambda: some(PDF), name, "application/pdf"), key=key)


def opened(room: Room, *documents: NewDocument) -> UUID:
    return asyncio.run(open_session(room.ports, room.caller, OpenSession(documents=documents))).session_id


def documents_of(room: Room, session_id: UUID) -> list[Document]:
    with room.ports.store.read() as work:
        return work.documents.of_session(session_id)


def read(room: Room, document_id: UUID) -> Document:
    with room.ports.store.read() as work:
        return work.documents.of_any_tenant(document_id)


def forget_key(room: Room, document: Document) -> None:
    """As a version stores a document that gives no keys."""
    with room.service.engine.begin() as connection:
        t = tables.documents
        connection.execute(sa.update(t).where(t.c.id == document.id).values(key=None))


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    seen: list[str] = []

    def see(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", see)
    yield seen
    event.remove(engine, "before_cursor_execute", see)


def test_each_document_of_a_session_has_a_key_of_its_own_for_one_statement_more(room: Room) -> None:
    with statements(room.service.engine) as seen:
        session_id = opened(room, *(a_file(f"{n}.pdf") for n in range(4)))

    keys = [document.key for document in documents_of(room, session_id)]
    assert len(set(keys)) == 4
    assert sum("signroom_document_keys" in statement for statement in seen) == 1
    for document in documents_of(room, session_id):
        found = find_key(room.ports, room.caller, document.key)
        assert found is not None
        assert found.document == document
    assert unused_keys(room.ports, room.caller, None, None) == [], "they count as used"


def test_the_key_of_an_upload_goes_with_it(room: Room) -> None:
    session = room.session(predefined=False)
    document = asyncio.run(add_document(room.ports, session.id, "a.pdf", some(PDF)))
    assert find_key(room.ports, room.caller, document.key) is not None

    remove_document(room.ports, session.id, document.id)

    assert find_key(room.ports, room.caller, document.key) is None


def test_documents_of_older_versions_get_the_key_that_they_were_read_with(room: Room) -> None:
    documents = [room.document(room.session()) for _ in range(3)]
    for document in documents:
        forget_key(room, document)
    before = [read(room, document.id).key for document in documents]
    given: list[int] = []
    runs = [threading.Thread(target=lambda: given.append(give_document_keys(room.ports))) for _ in range(3)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()

    assert sum(given) == 3, "each once, however many look"
    assert before == [key_of_old_document(document.id) for document in documents]
    assert [read(room, document.id).key for document in documents] == before
    for document, key in zip(documents, before, strict=True):
        found = find_key(room.ports, room.caller, key)
        assert found is not None
        assert found.document is not None
        assert found.document.id == document.id
    assert give_document_keys(room.ports) == 0


def test_a_process_of_an_older_version_may_overwrite_the_key(room: Room) -> None:
    (document,) = documents_of(room, opened(room, a_file()))
    forget_key(room, document)

    assert give_document_keys(room.ports) == 1
    assert read(room, document.id).key == document.key, "that of its row, not another one"


def test_a_key_that_no_application_allocated_is_never_unused(room: Room) -> None:
    """A process of an older version gives back every key of a session that is cancelled."""
    (document,) = documents_of(room, opened(room, a_file()))
    with room.service.engine.begin() as connection:
        t = tables.document_keys
        connection.execute(sa.update(t).where(t.c.key == document.key).values(document_id=None))

    assert unused_keys(room.ports, room.caller, None, None) == []


def test_saving_a_document_leaves_its_key_to_the_schedule(room: Room) -> None:
    document = room.document(room.session())
    forget_key(room, document)
    room.completed(read(room, document.id), None)

    assert give_document_keys(room.ports) == 1


def test_a_local_signature_that_waits_is_not_given_a_key(room: Room) -> None:
    """Its caller may have named one, in the state that they keep."""
    forget_key(room, room.document())

    assert give_document_keys(room.ports) == 0


def test_a_key_that_is_given_back_is_not_two_documents(room: Room) -> None:
    (allocated,) = allocate_keys(room.ports, room.caller, 1, NO_METADATA)
    session_id = opened(room, a_file("a.pdf", allocated.key), a_file("b.pdf"))
    named, other = documents_of(room, session_id)
    assert named.key == allocated.key

    cancel_session(room.ports, session_id)
    give_document_keys(room.ports)
    (taken,) = documents_of(room, opened(room, a_file("c.pdf", allocated.key)))

    cancelled = documents_of(room, session_id)
    assert taken.key == allocated.key
    assert len({taken.key, *(document.key for document in cancelled)}) == 3
    assert cancelled[1].key == other.key, "only an application's own key is given back"
    assert find_key(room.ports, room.caller, cancelled[0].key) is not None
