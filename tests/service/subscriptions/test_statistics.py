"""What was signed is counted once each, whatever happens, and stays counted when the rows are gone."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa

from signroom.domain.application import Role
from signroom.domain.document import Document
from signroom.domain.errors import BadInput, NotAllowed
from signroom.domain.event import DocumentSignatureCompleted, Event
from signroom.domain.session import Session, SessionStatus
from signroom.domain.signature import CheckedValue, Verdict
from signroom.domain.statistics import Counted, MonthlyCount
from signroom.service.documents.purge_documents import purge_documents
from signroom.service.maintenance.count_statistics import count_statistics
from signroom.service.sessions.end_session import cancel_session, expire_sessions
from signroom.service.signing.settle_documents import Settlement, settle_documents
from signroom.service.subscriptions.read_statistics import read_statistics
from signroom.store import tables
from tests.service.conftest import NOON, Room

MONTH = date(NOON.year, NOON.month, 1)


def counted(room: Room) -> dict[tuple[str, str], int]:
    found = read_statistics(room.ports, room.caller, None, None).counts
    return {(count.what.value, count.outcome): count.count for count in found}


def processing(room: Room, session: Session | None = None, position: int = 0) -> Document:
    """A document whose signature value was accepted."""
    document = room.document(session, position=position)
    accepted = document.accept_signature(uuid4(), CheckedValue(b"value"), room.clock.now())
    with room.ports.store.work() as work:
        work.documents.save(accepted)
    return accepted


def complete(room: Room, document: Document) -> None:
    """What the job does at its end."""
    signed = room.file(document.blob_folder.signed(document.preparation_id or uuid4()))

    def move(current: Document) -> tuple[Document, Event]:
        done = current.complete(signed, Verdict(()), room.clock.now() + timedelta(hours=1))
        return done, DocumentSignatureCompleted(current.session_id, room.clock.now(), current.id)

    settle_documents(room.ports, [Settlement(document, move)])


def end(room: Room, sessions: Sequence[Session], status: SessionStatus) -> None:
    with room.ports.store.work() as work:
        for session in sessions:
            work.sessions.save(replace(work.sessions.locked_of_any_tenant(session.id), status=status))


def forget_counts(room: Room) -> None:
    """As a process of the version before leaves its rows."""
    with room.service.engine.begin() as connection:
        connection.execute(sa.update(tables.documents).values(counted=None))
        connection.execute(sa.update(tables.sessions).values(counted_as=None))
        connection.execute(sa.delete(tables.statistics))


def test_a_document_counts_once_by_application_format_level_and_month(room: Room) -> None:
    document = processing(room)

    for _ in range(3):  # a job that died and is run again
        complete(room, document)

    (count,) = read_statistics(room.ports, room.caller, None, None).counts
    application = room.caller.application
    assert count == MonthlyCount(
        Counted.DOCUMENT, MONTH, application.id, application.name, "Completed", "Pdf", "B-B", 1
    )
    earlier = read_statistics(room.ports, room.caller, None, date(2026, 10, 31))
    assert (earlier.first, earlier.counts) == (date(2025, 11, 1), [])


def test_a_session_that_ends_again_counts_as_it_ends_last(room: Room) -> None:
    failed, cancelled, expired, _open = (room.session() for _ in range(4))
    end(room, [failed], SessionStatus.PROCESSING_ERROR)
    assert counted(room) == {("Session", "ProcessingError"): 1}
    end(room, [failed], SessionStatus.PROCESSING)
    end(room, [failed], SessionStatus.COMPLETED)
    cancel_session(room.ports, cancelled.id)
    with room.service.engine.begin() as connection:
        over = sa.update(tables.sessions).where(tables.sessions.c.id == expired.id)
        connection.execute(over.values(expires_at=room.clock.now()))
    expire_sessions(room.ports)
    expire_sessions(room.ports)

    assert counted(room) == {("Session", outcome): 1 for outcome in ("Completed", "UserCancelled", "Expired")}


def test_counts_outlive_the_files_and_the_rows(room: Room) -> None:
    session = room.session()
    document = processing(room, session)
    end(room, [session], SessionStatus.PROCESSING)
    complete(room, document)
    before = counted(room)
    room.clock.advance(days=1)

    assert purge_documents(room.ports) == 1
    with room.service.engine.begin() as connection:
        for table in (tables.document_keys, tables.events, tables.documents, tables.sessions):
            connection.execute(sa.delete(table))

    assert counted(room) == before == {("Document", "Completed"): 1, ("Session", "Completed"): 1}


def test_what_an_older_version_has_completed_is_counted_later_and_once(room: Room) -> None:
    session = room.session()
    documents = [processing(room, session, position) for position in range(3)]
    end(room, [session], SessionStatus.PROCESSING)
    for document in documents:
        complete(room, document)
    processing(room)
    before = counted(room)
    forget_counts(room)

    assert [count_statistics(room.ports), count_statistics(room.ports)] == [3, 0]

    assert counted(room) == before == {("Document", "Completed"): 3, ("Session", "Completed"): 1}


def test_documents_that_are_completed_at_the_same_time_are_all_counted(room: Room) -> None:
    documents = [processing(room) for _ in range(12)]
    old = [processing(room) for _ in range(4)]
    for document in old:
        complete(room, document)
    with room.service.engine.begin() as connection:
        ids = [document.id for document in old]
        connection.execute(sa.update(tables.documents).where(tables.documents.c.id.in_(ids)).values(counted=None))
        connection.execute(sa.delete(tables.statistics))

    with ThreadPoolExecutor(6) as threads:
        counting = [threads.submit(count_statistics, room.ports) for _ in range(2)]
        list(threads.map(lambda document: complete(room, document), documents * 2))
        assert sum(done.result() for done in counting) == 4

    assert counted(room) == {("Document", "Completed"): 16}


def test_managers_read_their_own_subscription_only(room: Room) -> None:
    complete(room, processing(room))
    worker = replace(room.caller, roles=frozenset({Role.WORKER}))
    stranger = replace(room.caller, application=replace(room.caller.application, subscription_id=uuid4()))

    with pytest.raises(NotAllowed):
        read_statistics(room.ports, worker, None, None)
    assert read_statistics(room.ports, stranger, None, None).counts == []
    for first, last in ((date(2026, 2, 1), date(2026, 1, 1)), (date(2000, 1, 1), date(2026, 1, 1))):
        with pytest.raises(BadInput):
            read_statistics(room.ports, room.caller, first, last)


def test_no_table_is_scanned(room: Room) -> None:
    """Rows that wait to be counted, and counters of a subscription, are found by an index on both databases."""
    engine = room.service.engine
    explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
    by = dict.fromkeys(("documents", "sessions"), "")
    if engine.dialect.name == "sqlite":
        by = {table: f"INDEXED BY ix_signroom_{table}_to_count" for table in by}
    queries = (
        f"SELECT id FROM signroom_documents {by['documents']} WHERE {tables.DOCUMENTS_TO_COUNT} ORDER BY id LIMIT 10",
        f"SELECT id FROM signroom_sessions {by['sessions']} WHERE {tables.SESSIONS_TO_COUNT} ORDER BY id LIMIT 10",
        f"SELECT day FROM signroom_statistics WHERE subscription_id = '{uuid4().hex}' AND day >= '2026-01-01'",
    )
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # It scans tables of a few rows, whatever their indexes are.
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plans = ["\n".join(map(str, connection.exec_driver_sql(explain + query))) for query in queries]
    for plan, index in zip(
        plans, ("documents_to_count", "sessions_to_count", "statistics_subscription_id"), strict=True
    ):
        assert f"ix_signroom_{index}" in plan, plan


def test_days_at_both_ends_of_the_calendar_are_days(room: Room) -> None:
    assert read_statistics(room.ports, room.caller, date(9999, 1, 1), date.max).counts == []
    assert read_statistics(room.ports, room.caller, date.min, date(1, 12, 31)).counts == []
    for first, last in ((date.min, date.max), (date(2027, 1, 2), date(2027, 1, 1))):
        with pytest.raises(BadInput):
            read_statistics(room.ports, room.caller, first, last)


def test_timestamps_count_by_application_tier_and_month(room: Room) -> None:
    owner = room.caller.application
    for tier, day in (("default", MONTH), ("a-tier-with-a-rather-long-name", MONTH), *[("default", MONTH)] * 2):
        with room.ports.store.work() as work:
            work.statistics.count_timestamp(owner.subscription_id, owner.id, tier, day)
    with room.ports.store.work() as work:
        work.statistics.count_timestamp(uuid4(), uuid4(), "default", MONTH)  # another subscription's
        work.statistics.count_timestamp(owner.subscription_id, uuid4(), "default", date(2025, 1, 1))  # long ago

    found = read_statistics(room.ports, room.caller, None, None).counts

    assert [(c.what, c.month, c.application, c.outcome, c.tier, c.count) for c in found] == [
        (Counted.TIMESTAMP, MONTH, owner.name, "Issued", "a-tier-with-a-rather-long-name", 1),
        (Counted.TIMESTAMP, MONTH, owner.name, "Issued", "default", 3),
    ]
