"""The contract of the ``Store`` port, on every driver: SQLite and PostgreSQL."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import cycle
from multiprocessing.synchronize import Barrier
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from signroom.domain.application import ApiKey, Application, Role, Subscription
from signroom.domain.branding import NO_BRANDING, Branding, Logo
from signroom.domain.document import Document, DocumentStatus, StoredFile, Version
from signroom.domain.document_key import new_key
from signroom.domain.endpoint import Endpoint, EndpointAuth
from signroom.domain.errors import (
    ApplicationNotFound,
    DeliveryNotFound,
    DocumentNotFound,
    EventNotFound,
    NameTaken,
    NotFound,
    PreparationNotFound,
    SignatureSessionNotFound,
    SubscriptionNotFound,
    UploadNotFound,
    WebhookNotFound,
)
from signroom.domain.event import DeliveryPaused, DocumentSignatureCompleted, RecordedEvent, SessionCreated, recorded
from signroom.domain.file_validation import NO_VALIDATION, FileValidation
from signroom.domain.level import Level
from signroom.domain.pdf_facts import (
    ChangedObject,
    CrossReferenceKind,
    PdfEncryption,
    PdfFacts,
    SignatureSite,
    StringCipher,
)
from signroom.domain.preparation import Preparation, PreparedDocument
from signroom.domain.requirement import CertificateRequirement, RequirementKind
from signroom.domain.security_context import TEST
from signroom.domain.session import Session, SessionStatus, new_session
from signroom.domain.signature import (
    INVISIBLE,
    CertificateChain,
    CheckedValue,
    CmsLayout,
    CmsOptions,
    DigestAlgorithm,
    Indication,
    Inspection,
    OptionsByType,
    PdfLayout,
    PdfReading,
    Prepared,
    SignatureType,
    SignatureVerdict,
    Verdict,
    XmlLayout,
    XmlLocation,
    XmlOptions,
)
from signroom.domain.upload import Upload
from signroom.domain.webhook import Webhook, new_delivery
from signroom.ports.store import KeyOwner, Work
from signroom.ports.store.wall import TenantRows
from signroom.store import tables
from signroom.store.engine import open_engine
from signroom.store.known import KEPT_SECONDS
from signroom.store.schema import migrate, pending
from signroom.store.sql import SqlStore
from signroom.store.work.feed import LOCK as FEED_LOCK
from tests.harness.processes import forking
from tests.harness.waiting import SECONDS, eventually

NOW = datetime(2026, 11, 23, 12, 30, 15, 123456, tzinfo=UTC)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine) -> SqlStore:
    return SqlStore(engine)


@pytest.fixture
def application(store: SqlStore) -> Application:
    subscription = Subscription(uuid4(), "Acme")
    application = Application(uuid4(), subscription.id, "Portal")
    with store.work() as work:
        work.subscriptions.add(subscription)
        work.applications.add(application)
    return application


class Watch:
    """A clock that stands still until it is moved, in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def a_session(application: Application, link_hash: bytes = b"l" * 32) -> Session:
    session, _ = new_session(
        id=uuid4(),
        subscription_id=application.subscription_id,
        application_id=application.id,
        link_hash=link_hash,
        return_url="https://app.example/ü?x=1",
        callback_argument="42",
        disable_downloads=True,
        predefined=True,
        now=NOW,
        expires_at=NOW + timedelta(hours=4),
        security_context_id=TEST.id,
        requirements=(CertificateRequirement(RequirementKind.CRYPTO_DEVICE),),
        metadata=(("Contract Ü", ("1", "2")),),
        options=OptionsByType(cms=CmsOptions(detached=True)),
        result_token=True,
    )
    return session


def a_document(session: Session, position: int = 0) -> Document:
    return Document(
        id=uuid4(),
        subscription_id=session.subscription_id,
        application_id=session.application_id,
        session_id=session.id,
        position=position,
        status=DocumentStatus.PENDING_SIGNATURE,
        original=StoredFile(f"sessions/{position}", "Ü 合同.pdf", "application/pdf", 5_000_000_000, b"d" * 32),
        inspection=Inspection(SignatureType.PDF, "application/pdf", 3, 1),
        options=INVISIBLE,
        created_at=NOW,
        key=new_key(secrets.choice),
    )


def read(document: Document) -> Document:
    """`document` with everything that can be known of a PDF."""
    facts = PdfFacts(
        length=5_000_000_000,
        sha256_state=b"L" + bytes(112),
        ends_line=True,
        kind=CrossReferenceKind.STREAM,
        previous=4_999_999_000,
        table=b"packed",
        next_number=8_000_000,
        trailer=(("Root", b"1 0 R"), ("Info", b"2 0 R")),
        least_size=9,
        permanent_id=b"(\xff)",
        page=(3, 1),
        changed=(ChangedObject(3, 1, b"<</A(\x80)>>", b"<</A(\x80)/B 1>>", "B"), ChangedObject(9, 0, None, b"[]", "")),
        added_page=b"<<>>",
        encryption=PdfEncryption(b"\x00" * 32, StringCipher.AES_256, StringCipher.NONE),
        site=SignatureSite(2, (1.5, 2.0, 3.0, 4.0), 1.0, 2.0, 3.0, 4.0, 1),
    )
    earlier = SignatureVerdict("A.Sig", Indication.INDETERMINATE, "old", b"\x30", NOW, covers_whole_file=False)
    return replace(document, inspection=replace(document.inspection, reading=PdfReading(facts, (earlier,))))


def a_preparation(session: Session, document_ids: list[UUID]) -> Preparation:
    chain = CertificateChain(b"leaf", (b"issuer", b"root"))
    layouts: tuple[PdfLayout | CmsLayout | XmlLayout, ...] = (
        PdfLayout(b"before", 100, b"after"),
        CmsLayout(detached=True),
        XmlLayout(b"<ds:Signature/>", XmlOptions("total", XmlLocation("/a", (("p", "urn:a"),)))),
    )
    items = tuple(
        PreparedDocument(document_id, Prepared(1000, DigestAlgorithm.SHA256, b"g" * 32, b"1attributes", chain, layout))
        for document_id, layout in zip(document_ids, cycle(layouts), strict=False)
    )
    return Preparation(uuid4(), session.id, chain, items, NOW)


def test_session_is_read_back_as_it_was_saved(store: SqlStore, application: Application) -> None:
    session = a_session(application)
    with store.work() as work:
        work.sessions.add(session)
        moved, _ = session.sign(CertificateChain(b"certificate", (b"issuer",)), NOW)
        work.sessions.save(moved)

    with store.read() as work:
        assert work.sessions.of_any_tenant(session.id) == moved
        assert work.sessions.by_link(b"l" * 32).session == moved


def test_every_version_of_a_signed_file_is_kept_and_found(store: SqlStore, application: Application) -> None:
    session = a_session(application)
    document = a_document(session)
    file = StoredFile("signed", "a-signed.pdf", "application/pdf", 7, b"s" * 32)
    done = document.accept_signature(uuid4(), CheckedValue(b"value"), NOW).complete(file, Verdict(()))
    with store.work() as work:
        work.sessions.add(session)
        work.documents.add(document)
        work.documents.save(done)
    raised = done
    for number, level in enumerate((Level.B_T, Level.B_LTA, Level.B_LTA), 1):
        later = replace(file, blob_key=f"later-{number}", sha256=bytes([number]) * 32)
        raised = raised.raise_to(Version(level, later, NOW + timedelta(hours=number)), NOW)
        with store.work() as work:
            work.documents.save(raised)

    owner = session.subscription_id
    with store.read() as work:
        assert work.documents.of_any_tenant(done.id) == raised
        assert [version.level for version in raised.versions] == [Level.B_B, Level.B_T, Level.B_LTA, Level.B_LTA]
        for version in raised.versions:
            assert work.documents.by_signed_file(owner, version.file.sha256) == raised
        keys = [version.file.blob_key for version in raised.versions]
        assert work.documents.files_in_use([*keys, "other"], []) == set(keys)
        assert work.documents.files_in_use(keys, [done.id]) == set()


def test_document_is_read_back_with_its_signed_file_and_verdict(store: SqlStore, application: Application) -> None:
    session = a_session(application)
    first, second = a_document(session), a_document(session, 1)
    signature = SignatureVerdict("Signature1", Indication.TOTAL_PASSED, None, b"leaf", NOW, covers_whole_file=True)
    signed = StoredFile("signed", "a-signed.pdf", "application/pdf", 7, b"s" * 32)
    done = second.accept_signature(uuid4(), CheckedValue(b"value"), NOW).complete(signed, Verdict((signature,)))
    with store.work() as work:
        work.sessions.add(session)
        work.documents.add(second)
        work.documents.add(first)
        work.documents.save(done)

    with store.read() as work:
        assert work.documents.of_any_tenant(first.id) == first
        assert work.documents.of_session(session.id) == [first, done]


def test_what_was_read_of_a_pdf_is_found_by_its_document_until_its_files_are_purged(
    store: SqlStore, application: Application
) -> None:
    session = a_session(application)
    documents = [read(a_document(session, position)) for position in range(3)]
    ids = [document.id for document in documents]
    with store.work() as work:
        work.sessions.add(session)
        for document in documents:
            work.documents.add(document)
        work.documents.add(plain := a_document(session, 3))

    with store.read() as work:
        assert work.documents.readings([*ids, plain.id]) == {d.id: d.inspection.reading for d in documents}
        assert all(d.inspection.reading is None for d in work.documents.of_session(session.id))
    with store.work() as work:
        work.documents.remove(ids[0])
        work.documents.remove(*ids[1:2])
        work.documents.mark_purged(ids[2:], NOW)
    with store.read() as work:
        assert not work.documents.readings(ids)


def test_document_of_another_type_is_read_back_with_its_options(store: SqlStore, application: Application) -> None:
    session = a_session(application)
    content = replace(
        a_document(session),
        inspection=Inspection(SignatureType.CMS, "application/pdf", 0, 0),
        options=CmsOptions(detached=True),
    )
    with store.work() as work:
        work.sessions.add(session)
        work.documents.add(content)

    with store.read() as work:
        assert work.documents.of_any_tenant(content.id) == content


def test_preparation_is_read_back_with_the_layouts_of_every_format(store: SqlStore, application: Application) -> None:
    session = a_session(application)
    ids = [uuid4(), uuid4(), uuid4()]
    preparation = a_preparation(session, ids)
    with store.work() as work:
        work.sessions.add(session)
        work.preparations.add(preparation)

    with store.read() as work:
        assert work.preparations.of_any_tenant(preparation.id) == preparation
        assert work.preparations.prepared(preparation.id, ids[1]) == preparation.items[1].prepared


def test_what_is_left_of_a_preparation_is_read_when_its_first_document_was_erased(
    store: SqlStore, application: Application
) -> None:
    session = a_session(application)
    first, second = a_document(session), a_document(session, 1)
    preparation = a_preparation(session, [first.id, second.id])
    with store.work() as work:
        work.sessions.add(session)
        work.documents.add(first, second)
        work.preparations.add(preparation)

    with store.work() as work:
        work.erasures.remove_traces(session.subscription_id, None, [first], NOW)

    with store.read() as work:
        assert work.preparations.of_any_tenant(preparation.id) == replace(preparation, items=preparation.items[1:])


def test_api_key_is_found_by_its_hash_alone(store: SqlStore, application: Application) -> None:
    key = ApiKey(uuid4(), application.id, b"k" * 32, Role.WORKER, NOW, NOW + timedelta(days=1))
    with store.work() as work:
        work.applications.add_key(key)

    with store.read() as work:
        assert work.applications.by_key(b"k" * 32) == KeyOwner(key, application, subscription_closed=False)
        assert work.applications.by_key(b"x" * 32) is None


def test_a_key_that_is_known_is_read_again_once_it_has_changed(engine: Engine, application: Application) -> None:
    watch = Watch()
    store = SqlStore(engine, clock=watch)
    key = ApiKey(uuid4(), application.id, b"h" * 32, Role.WORKER, NOW, None)
    revoked = key.revoked(NOW)
    owner, gone = (KeyOwner(one, application, subscription_closed=False) for one in (key, revoked))
    other = SqlStore(engine, clock=watch)  # of another process
    with store.work() as work:
        work.applications.add_key(key)
    for one in (store, other):
        assert one.known_key(b"h" * 32) is None
        assert one.key(b"h" * 32) == one.key(b"h" * 32) == one.known_key(b"h" * 32) == owner
    assert store.key(b"g" * 32) is None

    with pytest.raises(RuntimeError), store.work() as work:
        work.applications.save_key(revoked)
        raise RuntimeError
    assert store.key(b"h" * 32) == owner
    with store.work() as work:
        work.applications.save_key(revoked)
        assert store.key(b"h" * 32) == owner

    assert store.known_key(b"h" * 32) is None
    assert store.key(b"h" * 32) == gone
    watch.now += KEPT_SECONDS + 0.001
    assert other.key(b"h" * 32) == gone
    with store.work() as work:
        work.subscriptions.save(replace(work.subscriptions.get(application.subscription_id), disabled_at=NOW))
    assert store.key(b"h" * 32) == replace(gone, subscription_closed=True)


def test_names_are_taken_once(store: SqlStore, application: Application) -> None:
    with pytest.raises(NameTaken), store.work() as work:
        work.subscriptions.add(Subscription(uuid4(), "Acme"))
    with pytest.raises(NameTaken), store.work() as work:
        work.applications.add(Application(uuid4(), application.subscription_id, "Portal"))
    with store.read() as work:
        named = work.applications.named_of_any_tenant("Portal")
        assert named == [work.applications.of_any_tenant(application.id)] == [application]


@pytest.mark.parametrize(
    ("look_up", "missing"),
    [
        (lambda work: work.sessions.of_any_tenant(uuid4()), SignatureSessionNotFound),
        (lambda work: work.sessions.locked_of_any_tenant(uuid4()), SignatureSessionNotFound),
        (lambda work: work.sessions.by_link(b"?" * 32), SignatureSessionNotFound),
        (lambda work: work.documents.of_any_tenant(uuid4()), DocumentNotFound),
        (lambda work: work.preparations.of_any_tenant(uuid4()), PreparationNotFound),
        (lambda work: work.preparations.prepared(uuid4(), uuid4()), PreparationNotFound),
        (lambda work: work.applications.of_any_tenant(uuid4()), ApplicationNotFound),
        (lambda work: work.subscriptions.named("nobody"), SubscriptionNotFound),
    ],
)
def test_what_is_missing_has_a_name(store: SqlStore, look_up, missing: type[NotFound]) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(missing), store.work() as work:
        look_up(work)


WALL: dict[str, tuple[str, type[NotFound]]] = {
    "session": ("session", SignatureSessionNotFound),
    "session_with_documents": ("whole", SignatureSessionNotFound),
    "locked_session": ("session", SignatureSessionNotFound),
    "session_or_erased": ("session", SignatureSessionNotFound),
    "locked_session_or_erased": ("session", SignatureSessionNotFound),
    "document": ("document", DocumentNotFound),
    "locked_document": ("document", DocumentNotFound),
    "document_or_erased": ("document", DocumentNotFound),
    "locked_document_or_erased": ("document", DocumentNotFound),
    "upload_by_token": ("token", UploadNotFound),
    "upload": ("upload", UploadNotFound),
    "locked_upload": ("upload", UploadNotFound),
    "webhook": ("webhook", WebhookNotFound),
    "locked_webhook": ("webhook", WebhookNotFound),
    "delivery": ("delivery", DeliveryNotFound),
    "locked_delivery": ("delivery", DeliveryNotFound),
    "event": ("event", EventNotFound),
    "application": ("application", ApplicationNotFound),
    "locked_application": ("application", ApplicationNotFound),
    "application_named": ("name", ApplicationNotFound),
}
"""Of each method of `TenantRows` what it is asked for and what it raises."""


def a_row_of_each_kind(work: Work, application: Application) -> dict[str, tuple[object, object]]:
    """What each row is asked for by, and the row itself."""
    owner, session = application.subscription_id, a_session(application)
    document, upload = a_document(session), Upload(uuid4(), b"t" * 32, owner, application.id, NOW)
    event = recorded(SessionCreated(session.id, NOW), uuid4(), owner, application.id)
    webhook = Webhook(uuid4(), owner, None, None, b"sealed", ("SessionCreated",), NOW)
    delivery = new_delivery(uuid4(), event, webhook, NOW)
    work.sessions.add(session)
    work.documents.add(document)
    work.uploads.add(upload)
    work.webhooks.add(webhook)
    work.deliveries.add(delivery)
    work.feed.append(event)
    return {
        "session": (session.id, session),
        "whole": (session.id, (session, [document])),
        "document": (document.id, document),
        "upload": (upload.id, upload),
        "token": (upload.token_hash, upload),
        "webhook": (webhook.id, webhook),
        "delivery": (delivery.id, delivery),
        "event": (event.id, event),
        "application": (application.id, application),
        "name": (application.name, application),
    }


def test_every_way_through_the_wall_is_tested() -> None:
    assert set(WALL) == {name for name in vars(TenantRows) if not name.startswith("_")}


def test_a_tenant_reads_its_own_rows_and_another_s_are_missing(store: SqlStore, application: Application) -> None:
    stranger = Application(uuid4(), uuid4(), "Portal")
    nobody_s = {kind: uuid4() for kind, _ in WALL.values()} | {"token": b"?" * 32, "name": "Nobody"}
    with store.work() as work:
        known = a_row_of_each_kind(work, application)
    with store.work() as work:
        for method, (kind, missing) in WALL.items():
            asked, row = known[kind]
            answer = getattr(work.of(application), method)(asked)
            assert (replace(answer, position=0) if kind == "event" else answer) == row, method
            with pytest.raises(missing) as foreign:
                getattr(work.of(stranger), method)(asked)
            with pytest.raises(missing) as absent:
                getattr(work.of(application), method)(nobody_s[kind])
            assert (type(foreign.value), str(foreign.value)) == (type(absent.value), str(absent.value)), method


def test_an_error_takes_everything_back(store: SqlStore, application: Application) -> None:
    session = a_session(application)

    with pytest.raises(RuntimeError), store.work() as work:
        work.sessions.add(session)
        work.feed.append(recorded(SessionCreated(session.id, NOW), uuid4(), uuid4(), None))
        raise RuntimeError

    with pytest.raises(SignatureSessionNotFound), store.read() as work:
        work.sessions.of_any_tenant(session.id)


def test_job_rows_share_the_transaction(engine: Engine, application: Application) -> None:
    seen: list[tuple[bool, str, str, UUID, timedelta, str | None, int]] = []

    def enqueue(
        connection: Connection, job: str, key: str, subject: UUID, *, delay: timedelta, lane: str | None, order: int
    ) -> None:
        seen.append((connection.in_transaction(), job, key, subject, delay, lane, order))

    subject = uuid4()
    with SqlStore(engine, enqueue).work() as work:
        work.enqueue("job", "key", subject)
        work.enqueue("job", "later", subject, delay=timedelta(minutes=1), lane="endpoint", order=3)

    assert seen == [
        (True, "job", "key", subject, timedelta(), None, 0),
        (True, "job", "later", subject, timedelta(minutes=1), "endpoint", 3),
    ]


def test_two_writers_never_decide_on_the_same_state(store: SqlStore, application: Application) -> None:
    """Four threads add documents at the position after the last: no position is taken twice, none is lost."""
    session = a_session(application)
    with store.work() as work:
        work.sessions.add(session)

    def add_five() -> None:
        for _ in range(5):
            with store.work() as work:
                work.sessions.locked_of_any_tenant(session.id)
                work.documents.add(a_document(session, len(work.documents.of_session(session.id))))

    threads = [threading.Thread(target=add_five) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with store.read() as work:
        assert [d.position for d in work.documents.of_session(session.id)] == list(range(20))


def test_a_reader_does_not_wait_for_a_writer(store: SqlStore, application: Application) -> None:
    session = a_session(application)
    with store.work() as work:
        work.sessions.add(session)

    with store.work() as writer:
        writer.sessions.save(writer.sessions.locked_of_any_tenant(session.id).cancel(NOW)[0])
        with store.read() as reader:
            assert reader.sessions.of_any_tenant(session.id).status is SessionStatus.PENDING


def test_events_are_kept_in_order(store: SqlStore, application: Application) -> None:
    session, document_id = a_session(application), uuid4()
    owners = application.subscription_id, application.id
    created = recorded(SessionCreated(session.id, NOW), uuid4(), *owners)
    completed = recorded(DocumentSignatureCompleted(session.id, NOW, document_id), uuid4(), *owners)
    others = recorded(DeliveryPaused(None, NOW, uuid4()), uuid4(), uuid4(), None)
    with store.work() as work:
        work.sessions.add(session)
        for event in (created, others, completed):
            work.feed.append(event)

    with store.read() as work:
        found = work.feed.after(application.subscription_id, 0, 10)
        assert [replace(e, position=0) for e in found] == [created, completed]
        assert work.feed.after(application.subscription_id, found[0].position, 10) == found[1:]
        assert work.feed.after(application.subscription_id, 0, 1) == found[:1]
    assert found[1].document_id == document_id


def test_a_reader_of_the_feed_never_misses_an_event(store: SqlStore, application: Application) -> None:
    """Transactions that began earlier and commit later, as on PostgreSQL: what is read is never joined from before."""
    owner, writers, each = application.subscription_id, 6, 15
    over = threading.Event()
    seen: list[RecordedEvent] = []

    def write(number: int) -> None:
        for turn in range(each):
            with store.work() as work:
                work.feed.append(recorded(SessionCreated(None, NOW), uuid4(), owner, application.id))
                time.sleep(0.001 * ((number * 7 + turn * 3) % 5))

    def follow() -> None:
        done = False
        while not done:
            done = over.is_set()
            with store.read() as work:
                seen.extend(work.feed.after(owner, seen[-1].position if seen else 0, 4))
                done = done and len(seen) >= writers * each

    threads = [threading.Thread(target=write, args=(n,)) for n in range(writers)]
    reader = threading.Thread(target=follow, daemon=True)
    for thread in (reader, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    over.set()
    reader.join(timeout=20)

    assert len({e.id for e in seen}) == writers * each
    with store.read() as work:
        assert seen == work.feed.after(owner, 0, 1000)


def test_a_position_is_given_under_the_lock_of_the_feed(
    store: SqlStore, engine: Engine, application: Application
) -> None:
    """On PostgreSQL one statement takes the lock and writes the events. SQLite's writers are alone."""
    if engine.dialect.name == "sqlite":
        return
    sequence = sa.text("SELECT last_value FROM signroom_events_position_seq")
    here = "(SELECT oid FROM pg_database WHERE datname = current_database())"
    waits = f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = {here}"
    ids = [uuid4() for _ in range(3)]

    def write() -> None:
        with store.work() as work:
            for event_id in ids:
                event = recorded(SessionCreated(None, NOW), event_id, application.subscription_id, application.id)
                work.feed.append(event)

    def ask(question: sa.TextClause) -> int:
        with engine.connect() as connection:
            return int(connection.execute(question).scalar_one())

    with store.work() as work:
        work.feed.append(recorded(SessionCreated(None, NOW), uuid4(), application.subscription_id, application.id))
    before = ask(sequence)
    writer = threading.Thread(target=write)
    with engine.begin() as holder:
        holder.execute(sa.select(sa.func.pg_advisory_xact_lock(FEED_LOCK)))
        writer.start()
        eventually(lambda: ask(sa.text(waits)) == 1)
        assert ask(sequence) == before
    writer.join(SECONDS)

    with store.read() as work:
        found = work.feed.after(application.subscription_id, before, 10)
    assert [event.id for event in found] == ids


def test_settings_of_a_subscription_are_read_back_and_replaced(store: SqlStore, application: Application) -> None:
    owner = application.subscription_id
    endpoint = Endpoint("https://app.example/ü", EndpointAuth.BASIC, "ana", b"\x00sealed")
    validation = FileValidation(r".*\.pdf", endpoint)
    branding, logo = Branding("Acme", "#17594a", None, has_logo=True), Logo(b"\x89PNG", "image/png")
    with store.read() as work:
        assert (
            work.subscriptions.file_validation(owner),
            work.subscriptions.branding(owner),
            work.subscriptions.logo(owner),
        ) == (
            NO_VALIDATION,
            NO_BRANDING,
            None,
        )
    assert store.file_validation(owner) == store.known_file_validation(owner) == NO_VALIDATION
    for _ in range(2):
        with store.work() as work:
            work.subscriptions.save_file_validation(owner, validation)
            work.subscriptions.save_branding(owner, branding, logo)
    with store.read() as work:
        assert (
            work.subscriptions.file_validation(owner),
            work.subscriptions.branding(owner),
            work.subscriptions.logo(owner),
        ) == (validation, branding, logo)
    assert store.known_file_validation(owner) is None
    assert store.file_validation(owner) == validation
    with store.work() as work:
        work.subscriptions.save_file_validation(owner, NO_VALIDATION)
        work.subscriptions.save_branding(owner, NO_BRANDING, None)
    with store.read() as work:
        assert (
            work.subscriptions.file_validation(owner),
            work.subscriptions.branding(owner),
            work.subscriptions.logo(owner),
        ) == (
            NO_VALIDATION,
            NO_BRANDING,
            None,
        )


def test_settings_belong_to_a_subscription(store: SqlStore) -> None:
    with pytest.raises(SubscriptionNotFound), store.work() as work:
        work.subscriptions.save_file_validation(uuid4(), NO_VALIDATION)


def test_two_who_set_the_same_at_once_wait_for_each_other(store: SqlStore, application: Application) -> None:
    owner = application.subscription_id
    failures: list[Exception] = []

    def write(name: str) -> None:
        try:
            with store.work() as work:
                work.subscriptions.save_branding(owner, Branding(name), None)
        except Exception as error:  # noqa: BLE001  (whatever it is, the test fails)
            failures.append(error)

    threads = [threading.Thread(target=write, args=(f"Acme {n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    with store.read() as work:
        assert (work.subscriptions.branding(owner).name or "").startswith("Acme ")


def test_frame_origins_of_an_application_are_read_back(store: SqlStore, application: Application) -> None:
    origins = ("https://app.example", "https://app.example:8443")
    with store.work() as work:
        work.applications.save(replace(application, frame_origins=origins))
    with store.read() as work:
        assert work.applications.of_any_tenant(application.id).frame_origins == origins


def test_removed_document_is_gone(store: SqlStore, application: Application) -> None:
    session = a_session(application)
    document = a_document(session)
    with store.work() as work:
        work.sessions.add(session)
        work.documents.add(document)
        work.documents.remove(document.id)

    with store.read() as work:
        assert work.documents.of_session(session.id) == []


def test_naive_times_are_not_stored(store: SqlStore, application: Application) -> None:
    session = replace(a_session(application), created_at=datetime(2026, 1, 1))  # noqa: DTZ001

    with pytest.raises(ValueError, match="naive times"), store.work() as work:
        work.sessions.add(session)


def test_migrations_end_at_the_tables_of_the_code(engine: Engine) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    def ours(name: str | None, kind: str, _parents: object) -> bool:
        return kind != "table" or name in tables.metadata.tables

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": ours, "compare_type": True})
        difference = compare_metadata(context, tables.metadata)

    assert difference == []
    assert not pending(engine)


def migrate_with_others(url: str, together: Barrier) -> None:
    together.wait(SECONDS)
    migrate(open_engine(url))


def test_processes_that_start_together_migrate_once(empty_database_url: str) -> None:
    together = forking().Barrier(3)
    processes = [forking().Process(target=migrate_with_others, args=(empty_database_url, together)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(SECONDS)

    assert [process.exitcode for process in processes] == [0, 0, 0]
