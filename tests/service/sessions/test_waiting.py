"""Many wait, nobody asks again and again: `when-completed`, the page's live progress, the feed's long poll."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Engine

from signroom.domain.application import Application, ApplicationCaller, Role
from signroom.domain.document import DocumentStatus
from signroom.domain.errors import (
    ApplicationDisabled,
    BadInput,
    EventsPurged,
    NotAllowed,
    SignatureSessionNotFound,
    Unauthenticated,
    WrongState,
)
from signroom.domain.event import DocumentSignatureCompleted, RecordedEvent, SessionCreated, SessionFailed
from signroom.domain.session import Session, SessionStatus
from signroom.domain.signature import CertificateChain, CheckedValue
from signroom.ports.store import EventFilter, Store
from signroom.service.access.authenticate import authenticate
from signroom.service.access.operators import act_for_subscription, this_operator
from signroom.service.events.read_events import ReadEvents, read_events
from signroom.service.events.record_event import record_event
from signroom.service.maintenance.delete_expired import delete_expired_events
from signroom.service.sessions import wait_for_session as waiting
from signroom.service.sessions.follow_session import SessionStreams
from signroom.service.sessions.read_sessions import read_session_of_page
from signroom.service.sessions.wait_for_session import Completion, wait_for_session
from signroom.service.subscriptions.disable_tenants import disable_application
from signroom.service.subscriptions.manage_keys import CreateKey, create_key, revoke_key
from signroom.store import tables
from signroom.store.engine import open_engine
from signroom.store.sql import SqlStore
from tests.harness.waiting import SECONDS, eventually
from tests.service.conftest import Room

WAITERS, THREADS = 200, 8
TICK_STATEMENTS = 1
"""What one look at the feed sends."""


@pytest.fixture
def elsewhere(room: Room, database_url: str) -> Iterator[Store]:
    """The store as another process has it: what it commits is told to nobody here."""
    engine = open_engine(database_url)
    yield SqlStore(engine)
    engine.dispose()


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """What is sent to the database meanwhile."""
    seen: list[str] = []

    def see(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", see)
    yield seen
    event.remove(engine, "before_cursor_execute", see)


def processing(room: Room, documents: int = 2) -> Session:
    """A session whose signatures are in."""
    session = room.session()
    for position in range(documents):
        document = room.document(session, position=position)
        with room.ports.store.work() as work:
            work.documents.save(document.accept_signature(uuid4(), CheckedValue(b"value"), room.clock.now()))
    signed, fact = session.sign(CertificateChain(b"certificate"), room.clock.now())
    with room.ports.store.work() as work:
        work.sessions.save(signed)
        record_event(work, fact, signed.subscription_id, signed.application_id)
    return signed


def complete(store: Store, room: Room, session_id: UUID, *, only: int | None = None) -> None:
    """What the jobs do at their end; `only` so many documents."""
    with store.work() as work:
        session = work.sessions.locked_of_any_tenant(session_id)
        for document in work.documents.of_session(session_id)[:only]:
            work.documents.save(replace(document, status=DocumentStatus.COMPLETED))
            fact = DocumentSignatureCompleted(session_id, room.clock.now(), document.id)
            record_event(work, fact, session.subscription_id, session.application_id)
        settled = session.settle(work.documents.of_session(session_id), room.clock.now())
        if settled is not None:
            work.sessions.save(settled[0])
            record_event(work, settled[1], session.subscription_id, session.application_id)


def looks_of_waiters(statements: list[str]) -> int:
    """Only the watcher reads the events."""
    return sum("SELECT" in statement and "signroom_events" not in statement for statement in statements)


@pytest.mark.parametrize("here", [True, False])
def test_two_hundred_who_wait_cost_nothing_and_wake_at_once(
    room: Room, elsewhere: Store, monkeypatch: pytest.MonkeyPatch, *, here: bool
) -> None:
    monkeypatch.setattr(waiting, "SECONDS", 300)  # on a busy machine it takes a while until all of them wait
    session = processing(room)
    store = room.ports.store if here else elsewhere
    rest = 1.0
    together = threading.Barrier(THREADS)

    async def all_together() -> tuple[list[Completion], list[str], int, float]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
        waiters = [asyncio.create_task(wait_for_session(room.ports, room.caller, session.id)) for _ in range(WAITERS)]
        with statements(room.service.engine) as looks:
            # Each looks when it comes, and perhaps again after the watcher's first look.
            asked = 0
            while len(looks) < WAITERS or asked < looks_of_waiters(looks):
                asked = looks_of_waiters(looks)
                await asyncio.sleep(0.2)  # the watcher looks
                # A look that waits for a thread is made before these.
                await asyncio.gather(*(asyncio.to_thread(together.wait, SECONDS) for _ in range(THREADS)))
        threads = threading.active_count()
        began = time.monotonic()
        with statements(room.service.engine) as quiet:
            await asyncio.sleep(rest)
            while not quiet:  # noqa: ASYNC110  (the statements are made in a thread)
                await asyncio.sleep(0.05)
        took = time.monotonic() - began
        assert not any(w.done() for w in waiters)
        await asyncio.to_thread(complete, store, room, session.id)
        async with asyncio.timeout(SECONDS):
            return await asyncio.gather(*waiters), quiet, threads, took

    found, quiet, threads, took = asyncio.run(all_together())

    assert found == [Completion(completed=True, progress=100)] * WAITERS
    assert {"signroom_events" in s for s in quiet if "SELECT" in s} == {True}, "nobody but the watcher asks"
    assert len(quiet) <= (took / 0.15 + 1) * TICK_STATEMENTS
    assert threads < 40, "no thread is held by one who waits"


def test_what_was_committed_here_before_a_wait_wakes_nobody(room: Room) -> None:
    """The watcher reads those events when the wait begins. Whoever waits has seen them in the first look."""

    async def wait_once() -> int:
        session = await asyncio.to_thread(processing, room)
        with statements(room.service.engine) as looks:
            wait = asyncio.create_task(wait_for_session(room.ports, room.caller, session.id))
            while sum("signroom_events" in look for look in looks) < 3 or not looks_of_waiters(looks):  # noqa: ASYNC110
                await asyncio.sleep(0.05)  # the watcher looks
            asked = looks_of_waiters(looks)
        await asyncio.to_thread(complete, room.ports.store, room, session.id)
        await wait
        await asyncio.to_thread(eventually, lambda: not any(t.name == "changes" for t in threading.enumerate()))
        return asked

    async def wait_twice() -> int:
        await wait_once()  # the first look of all wakes everybody
        return await wait_once()

    assert asyncio.run(wait_twice()) == 1


def test_nobody_waits_nobody_asks(room: Room) -> None:
    session = processing(room)

    async def some_wait() -> None:
        wait = asyncio.create_task(wait_for_session(room.ports, room.caller, session.id))
        await asyncio.sleep(0.2)
        complete(room.ports.store, room, session.id)
        await wait

    asyncio.run(some_wait())
    eventually(lambda: not any(thread.name == "changes" for thread in threading.enumerate()))
    with statements(room.service.engine) as seen:
        time.sleep(0.5)

    assert seen == []


def test_progress_is_told_when_the_time_is_over(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    session = processing(room, documents=4)
    complete(room.ports.store, room, session.id, only=1)
    monkeypatch.setattr(waiting, "SECONDS", 0.3)

    assert asyncio.run(wait_for_session(room.ports, room.caller, session.id)) == Completion(False, 25.0)


def test_a_session_in_error_is_over_and_one_that_nobody_signed_is_refused(room: Room) -> None:
    failed = processing(room)
    with room.ports.store.work() as work:
        work.sessions.save(replace(failed, status=SessionStatus.PROCESSING_ERROR))
        record_event(work, SessionFailed(failed.id, room.clock.now()), failed.subscription_id, failed.application_id)
    pending, expired, cancelled = room.session(), room.session(), room.session()
    with room.ports.store.work() as work:
        work.sessions.save(cancelled.cancel(room.clock.now())[0])

    assert asyncio.run(wait_for_session(room.ports, room.caller, failed.id)) == Completion(True, 100)
    for session, status in ((pending, "Pending"), (cancelled, "UserCancelled")):
        with pytest.raises(WrongState, match=status):
            asyncio.run(wait_for_session(room.ports, room.caller, session.id))
    room.clock.advance(hours=5)
    with pytest.raises(WrongState, match="Expired"):
        asyncio.run(wait_for_session(room.ports, room.caller, expired.id))


def test_who_waits_must_be_of_the_subscription_and_have_a_role(room: Room) -> None:
    session = processing(room)
    stranger = ApplicationCaller(Application(uuid4(), uuid4(), "Other"), frozenset(Role))

    with pytest.raises(SignatureSessionNotFound):
        asyncio.run(wait_for_session(room.ports, stranger, session.id))
    with pytest.raises(NotAllowed):
        asyncio.run(wait_for_session(room.ports, ApplicationCaller(room.caller.application, frozenset()), session.id))


def test_a_server_that_stops_lets_everybody_go(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "SECONDS", 300)
    monkeypatch.setattr("signroom.service.events.read_events.MAX_WAIT", 300)
    session = processing(room)

    async def until_it_stops() -> tuple[Completion, int]:
        wait = asyncio.create_task(wait_for_session(room.ports, room.caller, session.id))
        command = ReadEvents(after=(await read_events(room.ports, room.caller, ReadEvents())).next, wait=300)
        feed = asyncio.create_task(read_events(room.ports, room.caller, command))
        await asyncio.sleep(0.3)
        room.service.stopping.set()
        async with asyncio.timeout(SECONDS):  # both end by themselves after 300
            return await wait, len((await feed).events)

    assert asyncio.run(until_it_stops()) == (Completion(False, 0), 0)


def test_the_page_hears_of_a_change_at_once(room: Room, elsewhere: Store) -> None:
    session = processing(room)

    async def statuses() -> list[str]:
        found = await asyncio.to_thread(read_session_of_page, room.ports, session.id)
        seen: list[str] = []
        async for changed in SessionStreams(room.ports).follow(found):
            seen.append(changed.session.status.value)
            if len(seen) == 1:
                await asyncio.to_thread(complete, elsewhere, room, session.id)
        return seen

    assert asyncio.run(statuses()) == ["Processing", "Completed"]


def test_the_watcher_outlives_a_database_that_is_away(
    room: Room, elsewhere: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "SECONDS", 300)
    session = processing(room)
    away = threading.Event()

    def refuse(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if away.is_set() and "signroom_events" in statement and threading.current_thread().name == "changes":
            raise sa.exc.OperationalError(statement, {}, Exception("away"))

    async def through_it() -> Completion:
        wait = asyncio.create_task(wait_for_session(room.ports, room.caller, session.id))
        await asyncio.sleep(0.4)
        away.set()
        await asyncio.sleep(0.4)
        await asyncio.to_thread(complete, elsewhere, room, session.id)
        await asyncio.sleep(0.4)
        assert not wait.done()
        away.clear()
        async with asyncio.timeout(SECONDS):
            return await wait

    event.listen(room.service.engine, "before_cursor_execute", refuse)
    try:
        assert asyncio.run(through_it()).completed
    finally:
        event.remove(room.service.engine, "before_cursor_execute", refuse)


# -- the feed ----------------------------------------------------------------------------------------


def tell(store: Store, room: Room, application: UUID | None = None, session: UUID | None = None) -> None:
    with store.work() as work:
        owner = room.caller.application
        record_event(work, SessionCreated(session, room.clock.now()), owner.subscription_id, application or owner.id)


def test_the_feed_is_read_to_its_end_and_on_from_there(room: Room) -> None:
    for _ in range(5):
        tell(room.ports.store, room)
    seen: list[RecordedEvent] = []
    after = None
    for _ in range(4):
        page = asyncio.run(read_events(room.ports, room.caller, ReadEvents(after, limit=2)))
        seen += page.events
        after = page.next
    tell(room.ports.store, room)
    last = asyncio.run(read_events(room.ports, room.caller, ReadEvents(after, limit=2)))

    assert len(seen) == 5
    assert [e.position for e in (*seen, *last.events)] == sorted({e.position for e in (*seen, *last.events)})
    assert len(last.events) == 1


def test_the_cursor_moves_on_past_what_others_did(room: Room) -> None:
    """So that a quiet subscription's reader is never told that something was purged."""
    begin = asyncio.run(read_events(room.ports, room.caller, ReadEvents())).next
    with room.ports.store.work() as work:
        record_event(work, SessionCreated(None, room.clock.now()), uuid4(), None)
    page = asyncio.run(read_events(room.ports, room.caller, ReadEvents(begin)))
    filtered = asyncio.run(read_events(room.ports, room.caller, ReadEvents(begin, wanted=EventFilter("SessionOpened"))))

    assert page.events == filtered.events == ()
    assert page.next == filtered.next > begin


def test_events_are_chosen_by_type_session_and_application(room: Room) -> None:
    session, other = room.session(), uuid4()
    tell(room.ports.store, room, session=session.id)
    tell(room.ports.store, room, application=other)
    with room.ports.store.work() as work:
        fact = SessionFailed(session.id, room.clock.now())
        record_event(work, fact, room.caller.subscription_id, room.caller.application.id)

    def found(wanted: EventFilter) -> list[str]:
        return [e.type for e in asyncio.run(read_events(room.ports, room.caller, ReadEvents(wanted=wanted))).events]

    assert found(EventFilter(session_id=session.id)) == ["SessionCreated", "SessionFailed"]
    assert found(EventFilter(session_id=session.id, type="SessionFailed")) == ["SessionFailed"]
    assert found(EventFilter(application_id=other)) == ["SessionCreated"]
    with pytest.raises(BadInput):
        found(EventFilter(type="SessionExploded"))


@pytest.mark.parametrize("here", [True, False])
def test_the_feeds_long_poll_wakes_for_what_is_wanted(
    room: Room, elsewhere: Store, monkeypatch: pytest.MonkeyPatch, *, here: bool
) -> None:
    monkeypatch.setattr("signroom.service.events.read_events.MAX_WAIT", 300)
    store, session = room.ports.store if here else elsewhere, room.session()

    async def wait() -> list[str]:
        command = ReadEvents(0, wait=300, wanted=EventFilter(session_id=session.id))
        reader = asyncio.create_task(read_events(room.ports, room.caller, command))
        await asyncio.sleep(0.3)
        await asyncio.to_thread(tell, store, room)
        await asyncio.sleep(0.4)
        assert not reader.done(), "another session's"
        await asyncio.to_thread(tell, store, room, None, session.id)
        async with asyncio.timeout(SECONDS):  # the wait itself ends after 300
            return [e.type for e in (await reader).events]

    assert asyncio.run(wait()) == ["SessionCreated"]


def test_a_gap_is_told_not_skipped(room: Room) -> None:
    tell(room.ports.store, room)
    early = asyncio.run(read_events(room.ports, room.caller, ReadEvents())).next
    tell(room.ports.store, room)
    at_the_end = asyncio.run(read_events(room.ports, room.caller, ReadEvents())).next
    room.clock.advance(days=91)
    tell(room.ports.store, room)
    delete_expired_events(room.ports)

    with pytest.raises(EventsPurged):
        asyncio.run(read_events(room.ports, room.caller, ReadEvents(early)))
    for after in (None, at_the_end):
        assert len(asyncio.run(read_events(room.ports, room.caller, ReadEvents(after))).events) == 1
    with pytest.raises(EventsPurged, match="ahead"):
        asyncio.run(read_events(room.ports, room.caller, ReadEvents(at_the_end + 100)))


def test_what_goes_of_another_subscription_is_no_gap(room: Room) -> None:
    """Deleted with it, or because of its age: nobody else has missed anything."""
    others = ApplicationCaller(replace(room.caller.application, subscription_id=uuid4()), frozenset(Role))
    start = asyncio.run(read_events(room.ports, room.caller, ReadEvents())).next
    for _ in range(3):
        tell(room.ports.store, replace(room, caller=others))
    with room.service.engine.begin() as connection:  # as a deletion does
        first = sa.select(sa.func.min(tables.events.c.position)).scalar_subquery()
        connection.execute(sa.delete(tables.events).where(tables.events.c.position == first))
    room.clock.advance(days=91)
    tell(room.ports.store, room)
    assert delete_expired_events(room.ports) == 2

    page = asyncio.run(read_events(room.ports, room.caller, ReadEvents(start)))
    assert [e.type for e in page.events] == ["SessionCreated"]
    with pytest.raises(EventsPurged):
        asyncio.run(read_events(room.ports, others, ReadEvents(start)))


def test_a_feed_without_any_event_has_a_beginning(room: Room) -> None:
    page = asyncio.run(read_events(room.ports, room.caller, ReadEvents()))
    with room.service.engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.events)).scalar() == 0
    tell(room.ports.store, room)

    assert (page.events, page.next) == ((), 0)
    assert len(asyncio.run(read_events(room.ports, room.caller, ReadEvents(page.next))).events) == 1


def test_a_key_that_is_revoked_while_its_caller_waits_is_told_nothing(room: Room) -> None:
    operator = act_for_subscription(room.ports, this_operator(), "Acme")
    new = create_key(room.ports, operator, room.caller.application.id, CreateKey(role=Role.MONITOR))
    caller = authenticate(room.ports, new.text.partition("|")[2])

    async def wait() -> None:
        end = (await read_events(room.ports, caller, ReadEvents(limit=500))).next
        answer = asyncio.create_task(read_events(room.ports, caller, ReadEvents(after=end, wait=10)))
        await asyncio.sleep(0.2)
        # This is an event by itself.
        await asyncio.to_thread(revoke_key, room.ports, operator, caller.application.id, new.key.id)
        await answer

    with pytest.raises(Unauthenticated):
        asyncio.run(wait())


def test_an_application_that_is_disabled_while_it_waits_is_told_nothing(room: Room) -> None:
    operator = act_for_subscription(room.ports, this_operator(), "Acme")
    new = create_key(room.ports, operator, room.caller.application.id, CreateKey(role=Role.MONITOR))
    caller = authenticate(room.ports, new.text.partition("|")[2])

    async def wait() -> None:
        end = (await read_events(room.ports, caller, ReadEvents(limit=500))).next
        answer = asyncio.create_task(read_events(room.ports, caller, ReadEvents(after=end, wait=10)))
        await asyncio.sleep(0.2)
        # This is an event by itself.
        await asyncio.to_thread(disable_application, room.ports, operator, caller.application.id)
        await answer

    with pytest.raises(ApplicationDisabled):
        asyncio.run(wait())
