"""The value of a session's only document is accepted without another look at them, as long as nothing has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from signroom.domain.errors import ApplicationDisabled, CertificateRejected, PreparationNotFound, WrongState
from signroom.domain.preparation import Preparation
from signroom.domain.session import SessionStatus
from signroom.domain.signature import CheckedValue
from signroom.ports.files import Turn
from signroom.ports.store import SessionOfPage
from signroom.service.documents.add_document import NewDocument
from signroom.service.documents.file_sources import Content
from signroom.service.sessions.end_session import cancel_session
from signroom.service.sessions.open_session import OpenSession, open_session
from signroom.service.signing.finish_signing import finish_signing
from signroom.service.signing.prepare_signing import prepare_signing
from signroom.service.signing.settle_documents import failure, settle_documents
from signroom.store import tables
from signroom.store.work.sessions import SqlSessions
from signroom.worker.steps import jobs
from tests.pki import three_tiers
from tests.service.conftest import Room
from tests.service.signing.test_process_session import FILES, PDF, _bytes


@dataclass(frozen=True)
class Prepared:
    """A session with one document that was prepared, and the value that its signer has made."""

    room: Room
    preparation: Preparation
    values: dict[UUID, bytes]

    @property
    def id(self) -> UUID:
        assert self.preparation.session_id is not None
        return self.preparation.session_id

    def finish(self, meanwhile: Callable[[Prepared], None] | None = None) -> SessionOfPage:
        """`meanwhile` happens when all was read and nothing is written."""
        formats: Any = self.room.ports.formats if meanwhile is None else Meanwhile(self, meanwhile)
        ports = replace(self.room.ports, formats=formats)
        return asyncio.run(finish_signing(ports, self.id, self.preparation.id, self.values, lambda page: page))

    def status(self) -> SessionStatus:
        with self.room.ports.store.read() as work:
            return work.sessions.of_any_tenant(self.id).status

    def rows(self) -> list[dict[str, Any]]:
        """The session, its documents and the jobs of these, without what two of them never have in common."""
        s, d = tables.sessions, tables.documents
        own = {"id", "session_id", "link_hash", "key", "original_key", "preparation_id", "signature_value"}
        own |= {"signer_certificate", "signer_issuers"}
        with self.room.service.engine.connect() as connection:
            found = [connection.execute(sa.select(s).where(s.c.id == self.id)).mappings().one()]
            found += connection.execute(sa.select(d).where(d.c.session_id == self.id)).mappings()
        return [{name: value for name, value in row.items() if name not in own} for row in found]

    def jobs(self) -> list[tuple[str, int]]:
        """Their names and places in the queue."""
        table = "workflow_status" if self.room.service.engine.dialect.name == "sqlite" else "dbos.workflow_status"
        query = sa.text(f"SELECT name, priority FROM {table} WHERE workflow_uuid LIKE :key")
        (document,) = self.preparation.document_ids
        with self.room.service.engine.connect() as connection:
            return [(row.name, row.priority) for row in connection.execute(query, {"key": f"%{document}%"})]


@dataclass(frozen=True)
class Meanwhile:
    """Formats; when they have checked a value, something happens."""

    prepared: Prepared
    happens: Callable[[Prepared], None]

    def of(self, _turn: Turn) -> Meanwhile:
        return self

    def check_few(self, claimed: list[Any]) -> Any:
        turn = Turn(self.prepared.room.caller.subscription_id)
        checked = self.prepared.room.ports.formats.of(turn).check_few(claimed)
        self.happens(self.prepared)
        return checked


def prepared(room: Room) -> Prepared:
    room.service.jobs.start(jobs(room.ports), execute=False)
    signer = three_tiers.signer("p256")
    room.clock.time = three_tiers.NOW

    async def prepare() -> Prepared:
        documents = (NewDocument(Content(lambda: _bytes(FILES[PDF]), "debt", None), signature_type=PDF),)
        opened = await open_session(room.ports, room.caller, OpenSession(documents=documents))
        preparation = await prepare_signing(room.ports, opened.session_id, signer.chain)
        values = {item.document_id: signer.sign(item.prepared.to_sign) for item in preparation.items}
        return Prepared(room, preparation, values)

    return asyncio.run(prepare())


def test_what_is_written_is_what_is_written_under_the_lock(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    alone, locked = prepared(room), prepared(room)
    pages = [alone.finish()]
    with monkeypatch.context() as patch:
        patch.setattr(SqlSessions, "sign_alone", lambda *_: None)
        pages.append(locked.finish())

    assert alone.rows() == locked.rows()
    assert alone.rows()[0]["status"] == alone.rows()[1]["status"] == "Processing"
    assert [page.session.status for page in pages] == [SessionStatus.PROCESSING] * 2
    assert [[d.status for d in page.documents] for page in pages] == [["Processing"]] * 2
    assert (pages[0].application, pages[0].branding) == (pages[1].application, pages[1].branding)
    assert room.told() == ["SessionCreated"] * 2 + ["SessionSigned"] * 2
    assert alone.jobs() == [("process-document", 0)]
    assert locked.jobs() == [("process-document", 1)], "who has more in processing lets others go first"


def test_the_place_in_the_queue_counts_what_is_in_processing_now(room: Room) -> None:
    first, second, third = (prepared(room) for _ in range(3))

    def both(_: Prepared) -> None:
        first.finish()
        second.finish()

    third.finish(both)
    assert [one.jobs()[0][1] for one in (first, second, third)] == [0, 1, 2]


def application_closed(prepared: Prepared) -> None:
    room = prepared.room
    with room.ports.store.work() as work:
        work.applications.save(replace(room.caller.application, disabled_at=room.clock.now()))


def subscription_closed(prepared: Prepared) -> None:
    room = prepared.room
    with room.ports.store.work() as work:
        whole = work.subscriptions.get(room.caller.subscription_id)
        work.subscriptions.save(replace(whole, disabled_at=room.clock.now()))


def cancelled(prepared: Prepared) -> None:
    cancel_session(prepared.room.ports, prepared.id)


def expired(prepared: Prepared) -> None:
    prepared.room.clock.advance(days=2)


def another_document(prepared: Prepared) -> None:
    with prepared.room.ports.store.read() as work:
        session = work.sessions.of_any_tenant(prepared.id)
    prepared.room.document(session, position=1)


def document_signed_anew(prepared: Prepared) -> None:
    """By another preparation of the same page."""
    (document_id,) = prepared.preparation.document_ids
    with prepared.room.ports.store.work() as work:
        document = work.documents.locked_of_any_tenant(document_id)
        work.documents.save(document.accept_signature(uuid4(), CheckedValue(b"other"), prepared.room.clock.now()))


@pytest.mark.parametrize(
    ("happens", "refusal"),
    [
        (application_closed, ApplicationDisabled),
        (subscription_closed, ApplicationDisabled),
        (cancelled, WrongState),
        (expired, WrongState),
        (another_document, WrongState),
        (document_signed_anew, WrongState),
    ],
)
def test_what_has_changed_since_it_was_read_is_refused_as_under_the_lock(
    room: Room, happens: Callable[[Prepared], None], refusal: type[Exception]
) -> None:
    session = prepared(room)

    def changed(_: Prepared) -> None:
        happens(session)
        before.extend(session.rows())

    before: list[dict[str, Any]] = []
    with pytest.raises(refusal):
        session.finish(changed)

    assert session.rows() == before
    assert session.jobs() == []
    assert "SessionSigned" not in room.told()


def test_the_same_value_twice_at_once_is_accepted_once(room: Room) -> None:
    session = prepared(room)

    page = session.finish(lambda same: (same.finish(), None)[1])

    assert page.session.status is SessionStatus.PROCESSING
    assert room.told() == ["SessionCreated", "SessionSigned"]
    assert len(session.jobs()) == 1


def test_a_certificate_that_has_ended_meanwhile_signs_nothing(room: Room) -> None:
    session = prepared(room)
    with room.service.engine.begin() as connection:
        of_it = tables.sessions.c.id == session.id
        later = session.preparation.created_at.replace(year=2100)
        connection.execute(sa.update(tables.sessions).where(of_it).values(expires_at=later))

    def too_late(_: Prepared) -> None:
        room.clock.advance(days=365 * 20)

    with pytest.raises(CertificateRejected):
        session.finish(too_late)
    assert session.status() is SessionStatus.PENDING
    assert session.jobs() == []


def test_a_preparation_of_another_session_is_not_found(room: Room) -> None:
    mine, other = prepared(room), prepared(room)

    with pytest.raises(PreparationNotFound):
        asyncio.run(finish_signing(room.ports, mine.id, other.preparation.id, other.values, lambda page: page))
    with pytest.raises(PreparationNotFound):
        asyncio.run(finish_signing(room.ports, mine.id, uuid4(), mine.values, lambda page: page))


def failed(again: Prepared) -> None:
    """Its job has ended, and says that the document could not be completed."""
    ports = again.room.ports
    (document_id,) = again.preparation.document_ids
    with ports.store.read() as work:
        document = work.documents.of_any_tenant(document_id)
    settle_documents(ports, [failure(ports, document, "TimestampFailed")])


def test_what_was_finished_and_failed_is_not_finished_again_by_the_same_preparation(room: Room) -> None:
    """There is one job for it, and that has ended: nothing would ever complete the session."""
    again = prepared(room)
    again.finish()
    failed(again)
    told, jobs_before = room.told(), again.jobs()

    assert again.finish().session.status is SessionStatus.PROCESSING_ERROR
    assert again.status() is SessionStatus.PROCESSING_ERROR
    assert (room.told(), again.jobs()) == (told, jobs_before)


def test_another_value_for_the_same_preparation_is_refused_after_a_failure(room: Room) -> None:
    again = prepared(room)
    again.finish()
    failed(again)
    signer = three_tiers.signer("p256")
    values = {item.document_id: signer.sign(item.prepared.to_sign) for item in again.preparation.items}
    assert values != again.values

    with pytest.raises(WrongState, match="other values"):
        asyncio.run(finish_signing(room.ports, again.id, again.preparation.id, values, lambda page: page))
    assert again.status() is SessionStatus.PROCESSING_ERROR


def test_who_is_late_by_a_whole_run_finds_what_has_become_of_it(room: Room) -> None:
    late = prepared(room)

    def finished_and_failed(same: Prepared) -> None:
        same.finish()
        failed(same)

    assert late.finish(finished_and_failed).session.status is SessionStatus.PROCESSING_ERROR
    assert late.status() is SessionStatus.PROCESSING_ERROR
    assert room.told().count("SessionSigned") == 1
