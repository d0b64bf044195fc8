"""The only document of a session ends with it without being looked at again, as long as nothing has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from signroom.domain.document import DocumentStatus
from signroom.domain.session import Session, SessionStatus
from signroom.domain.signature import CheckedValue
from signroom.service.signing.process_document import fail_document, find_in_processing, process_found
from signroom.service.signing.settle_documents import Processed
from signroom.service.subscriptions.read_statistics import read_statistics
from signroom.store import tables
from tests.service.conftest import Room
from tests.service.signing.test_process_session import PDF, Accepted, accepted, told

COMPLETED = {"SessionCreated": 1, "DocumentSignatureCompleted": 1, "SessionCompleted": 1}


def seen(session: Accepted) -> Processed:
    found = find_in_processing(session.room.ports, session.documents[0])
    assert found is not None
    return found


def process(session: Accepted, found: Processed) -> None:
    asyncio.run(process_found(session.room.ports, found))


def counted(room: Room) -> dict[tuple[str, str], int]:
    found = read_statistics(room.ports, room.caller, None, None).counts
    return {(one.what.value, one.outcome): one.count for one in found if one.count}


def rows_of(session: Accepted) -> list[dict[str, Any]]:
    """Of a session and its documents, without what two of them never have in common."""
    s, d = tables.sessions, tables.documents
    own = {"id", "session_id", "link_hash", "key", "original_key", "signed_key", "preparation_id", "signature_value"}
    own |= {"signed_sha256", "verdict", "signer_certificate", "signer_issuers"}
    with session.room.service.engine.connect() as connection:
        found = [connection.execute(sa.select(s).where(s.c.id == session.id)).mappings().one()]
        found += connection.execute(sa.select(d).where(d.c.session_id == session.id)).mappings()
    return [{name: value for name, value in row.items() if name not in own} for row in found]


def test_what_is_written_is_what_is_written_under_locks(room: Room) -> None:
    alone, locked = accepted(room, [PDF]), accepted(room, [PDF])
    found = seen(locked)
    assert found.parts.session_alone is not None
    process(locked, replace(found, parts=replace(found.parts, session_alone=None)))
    process(alone, seen(alone))

    assert rows_of(alone) == rows_of(locked)
    assert alone.statuses() == ["Completed"]
    assert told(room) == {name: 2 * times for name, times in COMPLETED.items()}
    assert counted(room) == {("Document", "Completed"): 2, ("Session", "Completed"): 2}


def by_another_run(session: Accepted) -> None:
    process(session, seen(session))


def failed(session: Accepted) -> None:
    fail_document(session.room.ports, session.documents[0], "InternalError")


def failed_and_tried_again(session: Accepted) -> None:
    failed(session)
    with session.room.ports.store.work() as work:
        document = work.documents.locked_of_any_tenant(session.documents[0])
        work.documents.save(document.process_again())
        again, _ = work.sessions.locked_of_any_tenant(session.id).retry(session.room.clock.now())
        work.sessions.save(again)


def beside_another_document(session: Accepted) -> None:
    with session.room.ports.store.read() as work:
        whole = work.sessions.of_any_tenant(session.id)
    _another(session.room, whole)


def _another(room: Room, session: Session) -> None:
    document = room.document(session, position=1)
    with room.ports.store.work() as work:
        work.documents.save(document.accept_signature(uuid4(), CheckedValue(b"value"), room.clock.now()))


def signed_anew(session: Accepted) -> None:
    """With another preparation, as after an error."""
    d = tables.documents
    with session.room.service.engine.begin() as connection:
        connection.execute(sa.update(d).where(d.c.id == session.documents[0]).values(preparation_id=uuid4()))


@pytest.mark.parametrize(
    ("change", "status", "documents", "events"),
    [
        (by_another_run, SessionStatus.COMPLETED, ["Completed"], COMPLETED),
        (
            failed,
            SessionStatus.PROCESSING_ERROR,
            ["ProcessingError"],
            {"SessionCreated": 1, "DocumentFailed": 1, "SessionFailed": 1},
        ),
        (
            failed_and_tried_again,
            SessionStatus.COMPLETED,
            ["Completed"],
            {**COMPLETED, "DocumentFailed": 1, "SessionFailed": 1},
        ),
        (
            beside_another_document,
            SessionStatus.PROCESSING,
            ["Completed", "Processing"],
            {"SessionCreated": 1, "DocumentSignatureCompleted": 1},
        ),
        (signed_anew, SessionStatus.PROCESSING, ["Processing"], {"SessionCreated": 1}),
    ],
)
def test_what_has_changed_since_it_was_read_is_looked_at_under_locks(
    room: Room,
    change: Callable[[Accepted], None],
    status: SessionStatus,
    documents: list[str],
    events: dict[str, int],
) -> None:
    session = accepted(room, [PDF])
    found = seen(session)
    change(session)
    process(session, found)

    assert session.status() is status
    assert session.statuses() == documents
    assert told(room) == events
    ended = {("Session", status.value): 1} if status is not SessionStatus.PROCESSING else {}
    completed = {("Document", "Completed"): 1} if "Completed" in documents else {}
    assert counted(room) == {**ended, **completed}
    document = session.read()[0]
    if document.status is DocumentStatus.COMPLETED:
        assert room.has(document.require_signed().blob_key), "the file of the run that was late is the same"


def test_a_document_with_others_is_never_settled_alone(room: Room) -> None:
    session = accepted(room, [PDF, PDF])
    found = seen(session)

    assert found.parts.session_alone is None
    process(session, found)
    assert session.status() is SessionStatus.PROCESSING
