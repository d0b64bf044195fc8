"""Applications and subscriptions are deleted with all that belongs to them, whatever comes in between."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from signroom.blobs.objects import ObjectBlobs
from signroom.domain.application import Application, ApplicationCaller, OperatorCaller, Role
from signroom.domain.audit import Action
from signroom.domain.blob_key import UploadFolder
from signroom.domain.certificate import Certificate
from signroom.domain.document import Document
from signroom.domain.document_key import DocumentKey
from signroom.domain.errors import (
    ApplicationDisabled,
    ApplicationNotFound,
    NotAllowed,
    OwnApplication,
    StillInUse,
    StorageUnavailable,
    SubscriptionNotFound,
    UploadNotFound,
)
from signroom.domain.level import Level
from signroom.domain.metadata import NO_METADATA
from signroom.domain.person import identifiers_of_document
from signroom.domain.session import Session, SessionStatus
from signroom.domain.signature import INVISIBLE, CertificateChain, CheckedValue, Inspection, SignatureType, Verdict
from signroom.domain.upload import Upload, UploadPart
from signroom.ports import Ports
from signroom.ports.files import Blobs
from signroom.ports.store import ChangeFilter, StoredResult, Work
from signroom.service.access.authenticate import authenticate
from signroom.service.access.operators import act_for_subscription, this_operator
from signroom.service.documents.add_document import Accepted, document_of_session, record_documents
from signroom.service.documents.upload_files import upload_plain
from signroom.service.erasing import index_persons as indexing
from signroom.service.erasing import late_files
from signroom.service.erasing.delete_tenants import delete_application, delete_subscription, finish_deletions
from signroom.service.erasing.erase import erase_session
from signroom.service.erasing.late_files import delete_late_files
from signroom.service.signing.process_document import process_document
from signroom.service.subscriptions.disable_tenants import (
    disable_application,
    disable_subscription,
    enable_application,
    enable_subscription,
    list_subscriptions,
)
from signroom.service.subscriptions.manage_applications import (
    create_application,
    create_subscription,
    list_applications,
)
from signroom.service.subscriptions.manage_keys import CreateKey, create_key
from signroom.service.webhooks.endpoint_credentials import GivenEndpoint
from signroom.service.webhooks.manage_webhooks import SetWebhook, create_webhook, send_test
from signroom.store import tables
from signroom.store.work.managing.removal import SqlRemoval
from signroom.worker.steps import jobs
from tests.harness.waiting import SECONDS
from tests.service.conftest import Room
from tests.service.stores import PassingStore


@pytest.fixture
def operator(room: Room) -> OperatorCaller:
    room.service.jobs.start(jobs(room.ports), execute=False)
    return act_for_subscription(room.ports, this_operator(), "Acme")


@dataclass(frozen=True)
class Shop:
    """An application with something of every kind, all of it ended."""

    room: Room
    application: Application
    secret: str
    signed: Document
    files: tuple[str, ...]

    def delete(self, operator: OperatorCaller, *, force: bool = False) -> Application:
        return delete_application(self.room.ports, operator, self.application.id, force=force)


def shop(room: Room, operator: OperatorCaller) -> Shop:
    application = create_application(room.ports, operator, f"Shop {uuid4().hex[:8]}", [Role.WORKER])
    mine = replace(room, caller=ApplicationCaller(application, frozenset(Role)))
    key = create_key(room.ports, operator, application.id, CreateKey())
    hook = create_webhook(
        room.ports, operator, SetWebhook(GivenEndpoint("https://app.example"), application.id)
    ).webhook
    send_test(room.ports, operator, hook.id)
    session, document = completed(mine)
    erased, _ = completed(mine)
    erase_session(room.ports, mine.caller, erased.id)
    local = mine.document()
    whole, parts = (
        Upload(uuid4(), uuid4().bytes * 2, application.subscription_id, application.id, room.clock.now())
        for _ in range(2)
    )
    file = room.file(UploadFolder(whole.id).file())
    part = room.file(UploadFolder(parts.id).part(0, uuid4()))
    stray = room.file(f"sessions/{session.id}/{uuid4()}/original")
    with room.ports.store.work() as work:
        work.uploads.add(whole.complete(file))
        work.uploads.add(parts)
        work.uploads.put_part(parts.id, UploadPart(0, "e" * 32, 7, part.blob_key))
        result = StoredResult(b"r" * 32, session.id, room.clock.now())
        work.spent.store_result(application.id, uuid4().bytes * 2, result, stale_before=room.clock.now())
    files = (*document.file_keys, local.original.blob_key, file.blob_key, part.blob_key, stray.blob_key)
    return Shop(room, application, key.text.partition("|")[2], document, files)


def test_a_file_that_comes_when_all_is_gone_is_looked_for_an_hour_later(room: Room, operator: OperatorCaller) -> None:
    """Its writer was in the middle of it, and died before it could take it back."""
    there = shop(room, operator)
    there.delete(operator)
    assert finish_deletions(room.ports) == 1
    late = [room.file(f"{key}-{uuid4().hex}") for key in there.files]
    used = room.document(original=late[0])
    halves = [(room.files / file.blob_key).rename(room.files / f"{file.blob_key}#1") for file in late[1:]]

    assert delete_late_files(room.ports) == 0
    room.clock.advance(hours=1)
    assert delete_late_files(room.ports) == len(late)

    assert not any(half.exists() for half in halves)
    assert room.has(used.original.blob_key)
    assert delete_late_files(room.ports) == 0


def test_a_late_file_that_cannot_be_deleted_holds_up_only_itself(
    room: Room, operator: OperatorCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes first, and more of them than one look takes. It goes once that is possible."""
    monkeypatch.setattr(late_files, "_AT_ONCE", 2)
    other = shop(room, operator)
    other.delete(operator)
    assert finish_deletions(room.ports) == 1
    late = room.file(f"{other.files[0]}-{uuid4().hex}").blob_key
    stuck = [f"sessions/00/{UUID(int=number)}-" for number in range(4)]
    with room.ports.store.work() as work:
        work.erasures.expect_late_files(stuck, room.clock.now())
    keys = [room.file(f"{beginning}original").blob_key for beginning in stuck]
    beside = room.file(f"{stuck[0]}signed").blob_key
    room.clock.advance(hours=1)
    delete = type(room.ports.blobs).delete

    def refuse(blobs: object, key: str) -> None:
        if key in keys:
            raise StorageUnavailable
        delete(room.ports.blobs, key)

    with monkeypatch.context() as broken:
        broken.setattr(type(room.ports.blobs), "delete", refuse)
        with pytest.raises(StorageUnavailable, match="4 late files"):
            delete_late_files(room.ports)
    assert [room.has(key) for key in (*keys, beside, late)] == [True] * 4 + [False] * 2

    assert delete_late_files(room.ports) == len(keys)
    assert delete_late_files(room.ports) == 0


def test_late_files_that_are_long_in_failing_come_last_in_the_next_runs(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes the time of a whole run. What there was no time for is not counted among them."""
    erased_at, seconds = room.clock.now(), [0.0]
    monkeypatch.setattr(late_files, "time", SimpleNamespace(monotonic=lambda: seconds[0]))
    beginnings = [f"sessions/00/{UUID(int=number)}-" for number in range(5)]
    keys = [room.file(f"{beginning}original").blob_key for beginning in beginnings]
    with room.ports.store.work() as work:
        work.erasures.expect_late_files(beginnings, erased_at)
    tried, delete = list[str](), type(room.ports.blobs).delete

    def refuse_slowly(blobs: ObjectBlobs, key: str) -> None:
        tried.append(key)
        if key in keys[:2]:
            seconds[0] += 30
            raise StorageUnavailable
        delete(blobs, key)

    with monkeypatch.context() as broken:
        broken.setattr(type(room.ports.blobs), "delete", refuse_slowly)
        stuck = late_files.Stuck()
        for _ in range(3):
            with pytest.raises(StorageUnavailable, match="1 late files could not"):
                delete_late_files(room.ports, stuck=stuck)
        assert tried == [keys[0], keys[1], *keys[2:], keys[0]]
        assert stuck.beginnings == [beginnings[1], beginnings[0]]

    assert delete_late_files(room.ports, stuck=stuck) == 2
    assert (stuck.beginnings, [room.has(key) for key in keys]) == ([], [False] * 5)


def test_an_erasure_whose_late_files_take_too_long_is_not_said_to_have_ended(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late_files, "_SECONDS", 0.0)
    left = room.file("sessions/00/a-original").blob_key
    with room.ports.store.work() as work:
        work.erasures.expect_late_files(["sessions/00/a-"], room.clock.now())

    with pytest.raises(StorageUnavailable, match="no time"):
        delete_late_files(room.ports, room.clock.now())
    assert delete_late_files(room.ports) == 0
    assert room.has(left)


def completed(room: Room) -> tuple[Session, Document]:
    session = room.session()
    document = room.completed(room.document(session), None)
    signed, _ = session.sign(CertificateChain(b"certificate"), room.clock.now())
    settled = signed.settle([document], room.clock.now())
    assert settled is not None
    with room.ports.store.work() as work:
        work.sessions.save(settled[0])
        work.document_keys.add([_key(document, document.application_id)])
    return settled[0], document


def _key(document: Document, application_id: UUID) -> DocumentKey:
    return DocumentKey(
        document.key, document.subscription_id, application_id, document.created_at, document_id=document.id
    )


def rows_of(room: Room, application_id: UUID) -> dict[str, int]:
    """How many rows name the application, by table; without the log of what was done, and counts that say no more."""
    found = {}
    with room.service.engine.connect() as connection:
        for table in tables.metadata.sorted_tables:
            if "application_id" in table.c and table not in {tables.events, tables.statistics, tables.timestamps}:
                query = sa.select(sa.func.count()).where(table.c.application_id == application_id)
                found[table.name] = connection.execute(query).scalar_one()
    found["signroom_applications"] = 0
    with room.ports.store.read() as work:
        found["signroom_applications"] += len([a for a in work.removal.applications() if a.id == application_id])
    return found


def is_gone(room: Room, deleted: Shop) -> None:
    """The one state that every deletion ends in."""
    assert set(rows_of(room, deleted.application.id).values()) == {0}
    assert [key for key in deleted.files if room.has(key)] == []
    with room.service.engine.connect() as connection:
        e = tables.events
        mine = sa.select(e.c.type, e.c.session_id, e.c.document_id).where(e.c.application_id == deleted.application.id)
        *others, last = connection.execute(mine.order_by(e.c.position)).all()
    assert last.type == "ApplicationDeleted"
    # The newest event of the feed stays until there is a newer one.
    assert [(other.session_id, other.document_id) for other in others] in ([], [(None, None)])


def test_all_that_belongs_to_it_goes_and_nothing_else(room: Room, operator: OperatorCaller) -> None:
    mine = shop(room, operator)
    assert 0 not in {n for name, n in rows_of(room, mine.application.id).items() if name != "signroom_applications"}
    session, document = completed(room)
    assert mine.signed.signed is not None
    again = room.document(room.session(), original=mine.signed.signed)  # signed once more, by another application
    with room.ports.store.work() as work:
        work.document_keys.add([_key(again, mine.application.id)])  # allocated by the one, used by the other

    deleting = mine.delete(operator)
    with pytest.raises(ApplicationDisabled):
        authenticate(room.ports, mine.secret)
    assert mine.delete(operator) == deleting
    assert finish_deletions(room.ports) == 1

    assert room.has(mine.signed.signed.blob_key), "another document's original"
    is_gone(room, replace(mine, files=tuple(set(mine.files) - {mine.signed.signed.blob_key})))
    assert finish_deletions(room.ports) == 0
    assert [one.application.name for one in list_applications(room.ports, operator)] == ["Portal"]
    assert room.read(document) == document
    with room.ports.store.read() as work:
        keys = work.document_keys.of_documents([again.id, document.id])
        changes = work.audit_log.find(operator.subscription_id, None, 9, ChangeFilter(Action.APPLICATION_DELETED))
    assert keys == {again.id: again.key, document.id: document.key}
    assert [(c.actor, c.after["sessionsCancelled"]) for c in changes] == [(operator.name, 0)]
    assert session.status is SessionStatus.COMPLETED
    with pytest.raises(ApplicationNotFound):
        mine.delete(operator)


def test_open_sessions_are_a_reason_to_refuse_unless_forced(room: Room, operator: OperatorCaller) -> None:
    mine = shop(room, operator)
    session = replace(room, caller=ApplicationCaller(mine.application, frozenset(Role))).session()

    with pytest.raises(StillInUse, match="1 sessions are open, 0 documents"):
        mine.delete(operator)
    authenticate(room.ports, mine.secret)
    mine.delete(operator, force=True)
    assert finish_deletions(room.ports) == 1

    is_gone(room, mine)
    assert session.status is SessionStatus.PENDING
    with room.ports.store.read() as work:
        (change,) = work.audit_log.find(operator.subscription_id, None, 9, ChangeFilter(Action.APPLICATION_DELETED))
    assert change.after["sessionsCancelled"] == 1


def test_documents_in_processing_are_waited_for(room: Room, operator: OperatorCaller) -> None:
    mine = shop(room, operator)
    owner = replace(room, caller=ApplicationCaller(mine.application, frozenset(Role)))
    session = owner.session()
    document = owner.document(session)
    with pytest.raises(StillInUse, match="1 sessions"):
        mine.delete(operator)
    busy = document.accept_signature(uuid4(), CheckedValue(b"value"), room.clock.now())
    signed, _ = session.sign(CertificateChain(b"certificate"), room.clock.now())

    def save(document: Document, session: Session) -> None:
        with room.ports.store.work() as work:
            work.documents.save(document)
            work.sessions.save(session)

    save(busy, signed)
    with pytest.raises(StillInUse, match="0 sessions are open, 1 documents"):
        mine.delete(operator, force=True)
    save(document, session)
    mine.delete(operator, force=True)
    save(busy, signed)  # it was on its way when the application was closed
    assert finish_deletions(room.ports) == 0
    with room.ports.store.read() as work:
        assert work.documents.of_any_tenant(document.id) == busy
    done = owner.completed(document, None)
    settled = signed.settle([done], room.clock.now())
    assert settled is not None
    save(done, settled[0])
    assert finish_deletions(room.ports) == 1
    is_gone(room, mine)


@pytest.mark.parametrize("known", [False, True], ids=["for the first time", "again"])
def test_the_index_of_persons_reads_a_document_at_that_moment(
    room: Room, operator: OperatorCaller, monkeypatch: pytest.MonkeyPatch, *, known: bool
) -> None:
    mine = shop(room, operator)
    named = replace(mine.signed, metadata=(("cpf", ("52998224725",)),))
    for _ in range(1 + known):
        indexing.index_persons(room.ports)
        with room.ports.store.work() as work:
            work.documents.save(named)  # it is to be read again
    mine.delete(operator)
    reading, go_on = threading.Event(), threading.Event()
    failures: list[BaseException] = []

    def slow(document: Document, certificates: Iterable[Certificate]) -> frozenset[str]:
        reading.set()
        assert go_on.wait(SECONDS)
        return identifiers_of_document(document, certificates)

    def run(verb: Callable[[Ports], int]) -> None:
        try:
            verb(room.ports)
        except BaseException as error:  # noqa: BLE001  (looked at below)
            failures.append(error)

    monkeypatch.setattr(indexing, "identifiers_of_document", slow)
    threads = [threading.Thread(target=run, args=(verb,)) for verb in (indexing.index_persons, finish_deletions)]
    threads[0].start()
    assert reading.wait(SECONDS)
    threads[1].start()
    threads[1].join(0.5)
    go_on.set()
    for thread in threads:
        thread.join(SECONDS)

    assert failures == []
    is_gone(room, mine)
    with room.service.engine.connect() as connection:
        assert connection.execute(sa.select(tables.persons)).all() == []


@dataclass
class BlobsMeanwhile:
    """Something happens before the first file is deleted."""

    blobs: Blobs
    happens: Callable[[], None] | None

    def delete(self, key: str) -> None:
        happens, self.happens = self.happens, None
        if happens is not None:
            happens()
        self.blobs.delete(key)

    def beginning_with(self, *beginnings: str) -> list[str]:
        return self.blobs.beginning_with(*beginnings)


def _uploaded(room: Room, application: Application) -> Upload:
    upload = Upload(uuid4(), uuid4().bytes * 2, application.subscription_id, application.id, room.clock.now())
    upload = upload.complete(room.file(UploadFolder(upload.id).file()))
    with room.ports.store.work() as work:
        work.uploads.add(upload)
    return upload


def _use(room: Room, upload: Upload) -> Document:
    """A document of another application of the subscription is made of an upload, as by a download address."""
    session, file = room.session(), upload.require_file()
    inspection = Inspection(SignatureType.PDF, "application/pdf", 1, 0)
    accepted = Accepted(uuid4(), file, inspection, INVISIBLE, uploads=(upload.id,))
    document = document_of_session(accepted, session, NO_METADATA, 0, room.ports)
    with room.ports.store.work() as work:
        record_documents(work, room.ports, [(document, accepted)])
    return document


def test_an_upload_is_another_applications_or_it_is_gone(room: Room, operator: OperatorCaller) -> None:
    application = create_application(room.ports, operator, "Shop")
    used, late, joined = (_uploaded(room, application) for _ in range(3))
    document = _use(room, used)
    ended = room.file(UploadFolder(joined.id).joined_file(uuid4()))

    def meanwhile() -> None:
        with pytest.raises(UploadNotFound):
            _use(room, late)
        with room.ports.store.work() as work:  # a request that ends an upload was on its way
            work.uploads.save(work.uploads.locked_of_any_tenant(joined.id).complete(ended))

    delete_application(room.ports, operator, application.id)
    blobs: Blobs = BlobsMeanwhile(room.ports.blobs, meanwhile)  # type: ignore[assignment]
    assert finish_deletions(replace(room.ports, blobs=blobs)) == 1

    assert room.read(document).original.blob_key == used.require_file().blob_key
    gone = [late.require_file().blob_key, joined.require_file().blob_key, ended.blob_key]
    assert [room.has(key) for key in (used.require_file().blob_key, *gone)] == [True, False, False, False]
    assert set(rows_of(room, application.id).values()) == {0}


def test_what_is_sent_while_its_application_goes_leaves_nothing(room: Room, operator: OperatorCaller) -> None:
    application = create_application(room.ports, operator, "Shop")
    mine = replace(room, caller=ApplicationCaller(application, frozenset(Role)))

    def gone() -> None:
        delete_application(room.ports, operator, application.id)
        assert finish_deletions(room.ports) == 1

    async def chunks() -> AsyncIterator[bytes]:
        yield b"personal "
        await asyncio.to_thread(gone)
        yield b"data"

    with pytest.raises(ApplicationDisabled):
        asyncio.run(upload_plain(room.ports, mine.caller, "a.pdf", "application/pdf", chunks()))
    with pytest.raises(ApplicationDisabled):
        mine.session()
    assert [path for path in room.files.rglob("*") if path.is_file()] == []


def test_two_processes_remove_the_same_at_once(room: Room, operator: OperatorCaller) -> None:
    mine = shop(room, operator)
    mine.delete(operator)
    local = next(key for key in mine.files if key.startswith("documents/"))
    gone: list[int] = []

    class Twice(BlobsMeanwhile):
        def delete(self, key: str) -> None:
            if key == local and not gone:
                gone.append(0)
                gone[0] = finish_deletions(room.ports)
            self.blobs.delete(key)

    blobs: Blobs = Twice(room.ports.blobs, None)  # type: ignore[assignment]
    assert finish_deletions(replace(room.ports, blobs=blobs)) == 0
    assert gone == [1]
    is_gone(room, mine)


def test_a_subscription_that_fails_holds_up_no_other(
    room: Room, operator: OperatorCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [create_subscription(room.ports, this_operator(), name) for name in ("One", "Two")]
    for one in others:
        delete_subscription(room.ports, replace(operator, subscription_id=one.id))
    first, second = sorted(one.id for one in others)
    remove = SqlRemoval.remove_subscription

    def failing(removal: SqlRemoval, subscription_id: UUID) -> bool:
        if subscription_id == first:
            raise StorageUnavailable
        return remove(removal, subscription_id)

    monkeypatch.setattr(SqlRemoval, "remove_subscription", failing)
    with pytest.raises(StorageUnavailable):
        finish_deletions(room.ports)
    with room.ports.store.read() as work:
        assert [one.id for one in work.removal.subscriptions()] == [first]
    assert second != first


def test_nothing_opens_again_what_is_being_deleted(room: Room, operator: OperatorCaller) -> None:
    application = create_application(room.ports, operator, "Shop")
    disable_application(room.ports, operator, application.id)
    delete_application(room.ports, operator, application.id)
    told = room.told()
    with pytest.raises(ApplicationDisabled):
        enable_application(room.ports, operator, application.id)
    assert room.told() == told
    disable_subscription(room.ports, operator)
    delete_subscription(room.ports, operator, force=True)
    with pytest.raises(ApplicationDisabled):
        enable_subscription(room.ports, operator)


def test_a_run_that_was_overtaken_leaves_no_file(
    room: Room, operator: OperatorCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = create_application(room.ports, operator, "Shop")
    mine = replace(room, caller=ApplicationCaller(application, frozenset(Role)))
    _, document = completed(mine)
    read = SimpleNamespace(
        document=document,
        parts=SimpleNamespace(session_alone=None),
        prepared=SimpleNamespace(chain=CertificateChain(b"certificate")),
        context=None,
        identity_confirmed=None,
    )

    async def make(ports: Ports, _found: object) -> object:
        """Another run has ended; the application goes; then this one stores its file."""
        delete_application(ports, operator, application.id)
        assert await asyncio.to_thread(finish_deletions, ports) == 1
        stored = await asyncio.to_thread(room.file, document.blob_folder.signed(uuid4()))
        return SimpleNamespace(file=stored, verdict=Verdict(()), level=Level.B_B, detail=None, final=False)

    monkeypatch.setattr("signroom.service.signing.process_document.find_in_processing", lambda *_: read)
    monkeypatch.setattr("signroom.service.signing.process_document._make", make)
    asyncio.run(process_document(room.ports, document.id))

    assert [path for path in room.files.rglob("*") if path.is_file()] == []


class Killed(BaseException):
    """The process ends."""


@dataclass
class DyingStore(PassingStore):
    """Ends the process in place of a transaction that may write, once `left` of them have been."""

    left: int

    def work(self) -> AbstractContextManager[Work]:
        if self.left == 0:
            raise Killed
        self.left -= 1
        return self.store.work()


def test_a_process_that_dies_anywhere_leaves_the_rest_to_the_next(room: Room, operator: OperatorCaller) -> None:
    died = 0
    while True:
        mine = shop(room, operator)
        mine.delete(operator)
        try:
            finish_deletions(replace(room.ports, store=DyingStore(room.ports.store, died)))
        except Killed:
            died += 1
            assert finish_deletions(room.ports) == 1
            is_gone(room, mine)
        else:
            break
    is_gone(room, mine)
    assert died > 5


class SilentBlobs:
    """Does not answer for one key."""

    def __init__(self, blobs: Blobs, silent: str) -> None:
        self._blobs, self._silent = blobs, silent

    def delete(self, key: str) -> None:
        if key == self._silent:
            raise StorageUnavailable
        self._blobs.delete(key)

    def beginning_with(self, *beginnings: str) -> list[str]:
        return self._blobs.beginning_with(*beginnings)


def test_a_storage_that_does_not_answer_delays_it(room: Room, operator: OperatorCaller) -> None:
    mine, other = shop(room, operator), shop(room, operator)
    mine.delete(operator)
    other.delete(operator)
    blobs: Blobs = SilentBlobs(room.ports.blobs, mine.files[0])  # type: ignore[assignment]

    with pytest.raises(StorageUnavailable):
        finish_deletions(replace(room.ports, blobs=blobs))

    is_gone(room, other)
    assert room.has(mine.files[0])
    assert finish_deletions(room.ports) == 1
    is_gone(room, mine)


def test_a_subscription_goes_with_its_applications(room: Room, operator: OperatorCaller) -> None:
    mine = shop(room, operator)
    create_webhook(room.ports, operator, SetWebhook(GivenEndpoint("https://app.example")))
    portal, _ = completed(room)
    open_one = room.session()
    with pytest.raises(StillInUse):
        delete_subscription(room.ports, operator)

    deleting = delete_subscription(room.ports, operator, force=True)

    assert delete_subscription(room.ports, operator) == deleting
    with pytest.raises(ApplicationDisabled):
        authenticate(room.ports, mine.secret)
    assert finish_deletions(room.ports) == 3
    assert list_subscriptions(room.ports, this_operator()) == []
    with room.service.engine.connect() as connection:
        for table in tables.metadata.sorted_tables:
            if "subscription_id" in table.c and table not in {tables.events, tables.audit_log}:
                left = sa.select(sa.func.count()).where(table.c.subscription_id == operator.subscription_id)
                assert connection.execute(left).scalar_one() == 0, table.name
    assert [path for path in room.files.rglob("*") if path.is_file()] == []
    assert (portal.status, open_one.status) == (SessionStatus.COMPLETED, SessionStatus.PENDING)
    with pytest.raises(SubscriptionNotFound):
        act_for_subscription(room.ports, this_operator(), "Acme")
    assert finish_deletions(room.ports) == 0


def test_only_admins_delete_and_not_themselves(room: Room, operator: OperatorCaller) -> None:
    mine = create_application(room.ports, operator, "Shop")
    ports: Ports = room.ports
    with pytest.raises(NotAllowed):
        delete_application(ports, replace(room.caller, roles=frozenset({Role.MANAGER})), mine.id)
    with pytest.raises(OwnApplication):
        delete_application(ports, room.caller, room.caller.application.id)
    with pytest.raises(ApplicationNotFound):
        delete_application(ports, replace(operator, subscription_id=uuid4()), mine.id)
    assert delete_application(ports, room.caller, mine.id).deleting_since == room.clock.now()
