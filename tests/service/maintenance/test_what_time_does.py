"""Expiry and purges: what goes, what stays, and that late, double and interrupted runs harm nobody."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from signroom.domain.blob_key import UploadFolder, blobs_of_upload, upload_of
from signroom.domain.document import UNSIGNED_LIFETIME, DocumentStatus
from signroom.domain.errors import (
    DocumentNotFound,
    DocumentPurged,
    PreparationNotFound,
    StorageUnavailable,
    UploadNotFound,
)
from signroom.domain.event import SessionCreated
from signroom.domain.level import Level
from signroom.domain.preparation import Preparation, PreparedDocument
from signroom.domain.session import SessionStatus
from signroom.domain.signature import CertificateChain, DigestAlgorithm, PdfLayout, Prepared
from signroom.domain.upload import Upload, UploadPart
from signroom.ports import Ports
from signroom.ports.files import Blobs
from signroom.ports.store import FeedBounds, StoredResult
from signroom.service.documents import upload_files
from signroom.service.documents.download_file import FileKind, location, open_download
from signroom.service.documents.purge_documents import limit_unsigned, purge_documents
from signroom.service.documents.upload_files import begin_upload, find_upload, purge_uploads, upload_part, upload_plain
from signroom.service.events.import_legacy_events import import_legacy_events
from signroom.service.events.record_event import record_event
from signroom.service.maintenance.delete_expired import (
    delete_expired_deliveries,
    delete_expired_events,
    delete_expired_idempotency_keys,
    delete_expired_nonces,
    delete_expired_preparations,
)
from signroom.service.sessions.end_session import cancel_session, expire_sessions
from signroom.service.subscriptions.manage_retention import set_retention
from signroom.store import tables
from tests.service.conftest import Room


async def some(content: bytes) -> AsyncIterator[bytes]:
    yield content


def at_once(verb: Callable[[Ports], int], ports: Ports, threads: int = 3) -> int:
    """Run `verb` in several threads; the sum of what they say."""
    done: list[int] = []
    running = [threading.Thread(target=lambda: done.append(verb(ports))) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert len(done) == threads
    return sum(done)


class OneBlobIsStuck:
    """The storage does not answer for one key."""

    def __init__(self, blobs: Blobs, stuck: str) -> None:
        self._blobs, self.stuck = blobs, stuck

    def delete(self, key: str) -> None:
        if key == self.stuck:
            raise StorageUnavailable
        self._blobs.delete(key)


# -- expiry ------------------------------------------------------------------------------------------


def test_sessions_expire_once_however_many_look_at_the_clock(room: Room) -> None:
    due = [room.session() for _ in range(7)]
    document = room.document(due[0])
    room.clock.advance(hours=3)
    later = room.session()
    room.clock.advance(hours=1)

    assert at_once(expire_sessions, room.ports) == 7
    assert expire_sessions(room.ports) == 0

    assert room.told() == ["SessionExpired"] * 7
    with room.ports.store.read() as work:
        assert {work.sessions.of_any_tenant(s.id).status for s in due} == {SessionStatus.EXPIRED}
        assert work.sessions.of_any_tenant(later.id).status is SessionStatus.PENDING
    assert room.read(document).available_until == room.clock.now() + UNSIGNED_LIFETIME


def test_a_signature_that_was_committed_before_wins(room: Room) -> None:
    session = room.session()
    signed, _ = session.sign(CertificateChain(b"c"), room.clock.now())
    with room.ports.store.work() as work:
        work.sessions.save(signed)
    room.clock.advance(days=1)

    assert expire_sessions(room.ports) == 0


# -- documents ---------------------------------------------------------------------------------------


def test_files_of_a_signed_document_go_when_its_time_is_over(room: Room) -> None:
    session = room.session()
    document = room.completed(room.document(session), room.clock.now() + timedelta(days=30))
    kept = room.completed(room.document(session, position=1), None)
    room.clock.advance(days=30)
    address = location(room.ports, document, FileKind.SIGNED).rpartition("/")[2]

    with pytest.raises(DocumentPurged):
        open_download(room.ports, address)
    assert purge_documents(room.ports) == 0, "what was begun before the end has an hour"
    room.clock.advance(hours=1, seconds=1)
    assert at_once(purge_documents, room.ports) == 1

    assert [room.has(key) for key in document.file_keys] == [False, False]
    assert [room.has(key) for key in kept.file_keys] == [True, True]
    assert room.read(document) == replace(document, purged_at=room.clock.now())
    assert room.told() == ["DocumentPurged"]
    assert purge_documents(room.ports) == 0


def test_a_file_stays_as_long_as_another_document_is_made_of_it(room: Room) -> None:
    first = room.completed(room.document(room.session()), room.clock.now() + timedelta(days=1))
    assert first.signed is not None
    second = room.document(room.session(), original=first.signed)
    second = room.completed(second, room.clock.now() + timedelta(days=2))

    room.clock.advance(days=1, hours=2)
    assert purge_documents(room.ports) == 1
    assert (room.has(first.original.blob_key), room.has(first.signed.blob_key)) == (False, True)

    room.clock.advance(days=1)
    assert purge_documents(room.ports) == 1
    assert not any(room.has(key) for key in second.file_keys)


def test_an_upload_goes_with_the_last_document_that_is_made_of_it(room: Room) -> None:
    new = asyncio.run(upload_plain(room.ports, room.caller, "a.pdf", "application/pdf", some(b"%PDF")))
    file = new.upload.require_file()
    with room.ports.store.work() as work:
        work.uploads.save(replace(new.upload, used=True))
    for days in (1, 2):
        room.completed(room.document(room.session(), original=file), room.clock.now() + timedelta(days=days))
    part = room.file(UploadFolder(new.upload.id).part(0, uuid4())).blob_key  # whose process was killed
    room.clock.advance(days=1, hours=2)
    assert (purge_documents(room.ports), room.has(file.blob_key), room.has(part)) == (1, True, False)
    assert find_upload(room.ports, room.caller, new.token).used

    room.clock.advance(days=1)
    assert (purge_documents(room.ports), room.has(file.blob_key)) == (1, False)

    with pytest.raises(UploadNotFound):
        find_upload(room.ports, room.caller, new.token)


@pytest.mark.parametrize("predefined", [True, False])
def test_files_of_a_session_that_ended_unsigned_go_a_day_later(room: Room, predefined: bool) -> None:
    session = room.session(predefined=predefined)
    document = room.document(session)
    cancel_session(room.ports, session.id)
    room.clock.advance(hours=23)
    assert purge_documents(room.ports) == 0
    room.clock.advance(hours=3)

    assert purge_documents(room.ports) == 1

    assert not room.has(document.original.blob_key)
    # An upload that the signer has not signed is nothing that the application knows of.
    assert room.told() == ["SessionCancelled", *(["DocumentPurged"] if predefined else [])]


def test_a_purge_that_is_cut_off_is_done_by_the_next(room: Room) -> None:
    session = room.session()
    stuck, other = (
        room.completed(room.document(session, position=n), room.clock.now() + timedelta(days=1)) for n in (0, 1)
    )
    assert stuck.signed is not None
    room.clock.advance(days=2)
    broken = replace(room.ports, blobs=OneBlobIsStuck(room.ports.blobs, stuck.signed.blob_key))  # type: ignore[arg-type]

    with pytest.raises(StorageUnavailable, match="1 documents"):
        purge_documents(broken)
    assert (room.read(stuck).purged_at, room.read(other).purged_at) == (None, room.clock.now())
    assert purge_documents(room.ports) == 1

    assert not any(room.has(key) for key in (*stuck.file_keys, *other.file_keys))
    assert room.told() == ["DocumentPurged"] * 2


def test_raised_documents_are_looked_for_together_and_delay_themselves_alone(room: Room) -> None:
    session, end = room.session(), room.clock.now() + timedelta(days=1)
    signed = [room.completed(room.document(session, position=n), end) for n in range(3)]
    stuck, *others = (replace(d, versions=(replace(d.versions[0], level=Level.B_T),)) for d in signed)
    with room.ports.store.work() as work:
        work.documents.save(stuck)
        for document in others:
            work.documents.save(document)
    strays = [room.file(d.blob_folder.version(uuid4(), "B-T", uuid4())) for d in (stuck, *others)]
    room.clock.advance(days=2)
    broken = FoldersAreStuck(room.ports.blobs, stuck.blob_folder.every()[0])

    with pytest.raises(StorageUnavailable, match="1 documents"):
        purge_documents(replace(room.ports, blobs=broken))  # type: ignore[arg-type]
    assert [room.has(stray.blob_key) for stray in strays] == [True, False, False]
    whole = FoldersAreStuck(room.ports.blobs, None)
    assert purge_documents(replace(room.ports, blobs=whole)) == 1  # type: ignore[arg-type]
    assert (whole.asked, broken.asked) == (1, 1 + 3)
    assert not room.has(strays[0].blob_key)


class FoldersAreStuck:
    """Lists no blobs whose keys begin with `stuck`, and counts how often it is asked."""

    def __init__(self, blobs: Blobs, stuck: str | None) -> None:
        self._blobs, self._stuck, self.asked = blobs, stuck, 0

    def beginning_with(self, *beginnings: str) -> list[str]:
        self.asked += 1
        if self._stuck in beginnings:
            raise StorageUnavailable
        return self._blobs.beginning_with(*beginnings)

    def delete(self, key: str) -> None:
        self._blobs.delete(key)


def test_documents_of_the_version_before_get_a_limit(room: Room) -> None:
    ended, local, kept = room.document(room.session()), room.document(), room.document(room.session())
    signed = room.completed(room.document(room.session()), None)
    with room.service.engine.begin() as connection:  # as that version ends sessions
        t = tables.sessions
        connection.execute(sa.update(t).where(t.c.id == ended.session_id).values(status="Expired"))
    room.clock.advance(days=2)

    assert limit_unsigned(room.ports) == 2
    assert limit_unsigned(room.ports) == 0

    until = room.clock.now() + UNSIGNED_LIFETIME
    assert [room.read(d).available_until for d in (ended, local, kept, signed)] == [until, until, None, None]


def test_a_local_preparation_that_nobody_completed_leaves_nothing(room: Room) -> None:
    document = room.document()
    with room.ports.store.work() as work:
        work.documents.save(replace(document, available_until=room.clock.now() + UNSIGNED_LIFETIME))
    preparation = prepared(room, None, document.id)
    room.clock.advance(days=1, hours=2)

    assert purge_documents(room.ports) == 1
    assert delete_expired_preparations(room.ports) == 1

    assert not room.has(document.original.blob_key)
    with pytest.raises(DocumentNotFound):
        room.read(document)
    with pytest.raises(PreparationNotFound), room.ports.store.read() as work:
        work.preparations.of_any_tenant(preparation.id)
    assert room.told() == []


def test_retention_is_written_into_documents_that_are_completed_from_then_on(room: Room) -> None:
    before = room.caller.application
    set_retention(room.ports, room.caller, 10)

    with room.ports.store.read() as work:
        subscription = work.subscriptions.get(before.subscription_id)
    assert subscription.available_until(room.clock.now()) == room.clock.now() + timedelta(days=10)
    set_retention(room.ports, room.caller, None)
    with room.ports.store.read() as work:
        assert work.subscriptions.get(before.subscription_id).available_until(room.clock.now()) is None


# -- uploads -----------------------------------------------------------------------------------------


def test_uploads_that_nothing_has_used_go_with_all_their_files(room: Room) -> None:
    ports, caller = room.ports, room.caller
    whole = asyncio.run(upload_plain(ports, caller, "a.pdf", "application/pdf", some(b"%PDF")))
    begun = begin_upload(ports, caller)
    asyncio.run(upload_part(ports, caller, begun.token, 0, some(b"part"), md5=None))
    used = asyncio.run(upload_plain(ports, caller, "b.pdf", "application/pdf", some(b"%PDF")))
    with ports.store.work() as work:
        work.uploads.save(replace(used.upload, used=True))
        parts = work.uploads.parts(begun.upload.id)
    room.clock.advance(days=1, minutes=1)
    assert purge_uploads(ports) == 0
    room.clock.advance(hours=1)

    assert at_once(purge_uploads, ports) >= 2
    assert purge_uploads(ports) == 0

    gone = [whole.upload.require_file().blob_key, parts[0].blob_key]
    assert [room.has(key) for key in gone] == [False, False]
    assert room.has(used.upload.require_file().blob_key)
    with ports.store.read() as work:
        assert work.uploads.of_any_tenant(used.upload.id).used
        with pytest.raises(UploadNotFound):
            work.uploads.of_any_tenant(begun.upload.id)


def test_what_a_killed_process_has_left_of_an_upload_goes_with_it(room: Room) -> None:
    """Half a part, and one that no row points to: only who looks into the folder finds them."""
    begun = begin_upload(room.ports, room.caller)
    folder = UploadFolder(begun.upload.id)
    half, whole = (room.files / room.file(folder.part(number, uuid4())).blob_key for number in range(2))
    half = half.rename(half.with_name(f"{half.name}#1"))
    of_another = room.files / room.file(UploadFolder(uuid4()).part(0, uuid4())).blob_key
    room.clock.advance(days=1, hours=1, minutes=1)

    assert purge_uploads(room.ports) == 1

    assert [file.exists() for file in (half, whole, of_another)] == [False, False, True]


@dataclass
class StuckUploads:
    """Of one upload the storage deletes nothing, of another one it lists nothing."""

    blobs: Blobs
    not_deleted: Upload
    not_listed: Upload

    def beginning_with(self, *beginnings: str) -> list[str]:
        if blobs_of_upload(self.not_listed.id) in beginnings:
            raise StorageUnavailable
        return self.blobs.beginning_with(*beginnings)

    def delete(self, key: str) -> None:
        if upload_of(key) == self.not_deleted.id:
            raise StorageUnavailable
        self.blobs.delete(key)


def test_an_upload_that_cannot_be_deleted_holds_up_only_itself(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest come first, in each run: two are stuck, and more of the others than one look takes wait behind."""
    monkeypatch.setattr(upload_files, "_PURGED_AT_ONCE", 2)
    uploads = []
    for _ in range(5):
        sent = asyncio.run(upload_plain(room.ports, room.caller, "a.pdf", "application/pdf", some(b"%PDF")))
        uploads.append(sent.upload)
        room.clock.advance(seconds=1)
    room.clock.advance(days=1, hours=1)
    keys = [upload.require_file().blob_key for upload in uploads]
    broken = replace(room.ports, blobs=StuckUploads(room.ports.blobs, *uploads[:2]))  # type: ignore[arg-type]

    with pytest.raises(StorageUnavailable, match="2 uploads"):
        purge_uploads(broken)

    assert [room.has(key) for key in keys] == [True, True, False, False, False]
    with room.ports.store.read() as work:
        left = work.uploads.abandoned(room.clock.now(), None, 9)
    assert left == uploads[:2]
    assert (purge_uploads(room.ports), [room.has(key) for key in keys]) == (2, [False] * 5)


@dataclass
class APartComes:
    """While the files of an upload are deleted, a part of it is written down."""

    room: Room
    upload: Upload
    part: UploadPart

    def beginning_with(self, *beginnings: str) -> list[str]:
        return self.room.ports.blobs.beginning_with(*beginnings)

    def delete(self, key: str) -> None:
        self.room.ports.blobs.delete(key)
        with self.room.ports.store.work() as work:
            work.uploads.put_part(self.upload.id, self.part)


def test_an_upload_that_gets_a_part_while_it_is_deleted_is_for_the_next_run(room: Room) -> None:
    upload = begin_upload(room.ports, room.caller).upload
    room.file(UploadFolder(upload.id).part(0, uuid4()))
    late = room.file(UploadFolder(upload.id).part(1, uuid4())).blob_key
    away = room.files / late
    held_back = away.rename(room.files / "held-back")
    room.clock.advance(days=1, hours=2)
    coming = APartComes(room, upload, UploadPart(1, "e" * 32, 7, late))

    assert purge_uploads(replace(room.ports, blobs=coming)) == 0  # type: ignore[arg-type]
    held_back.rename(away)
    assert (purge_uploads(room.ports), room.has(late)) == (1, False)


# -- rows that were needed for a while ---------------------------------------------------------------


def test_preparations_go_a_day_after_their_sessions_end(room: Room) -> None:
    over, open_, failed = room.session(), room.session(), room.session()
    preparations = [prepared(room, s.id, room.document(s).id) for s in (over, open_, failed)]
    with room.ports.store.work() as work:
        work.sessions.save(replace(over, status=SessionStatus.COMPLETED))
        work.sessions.save(replace(failed, status=SessionStatus.PROCESSING_ERROR))
    assert delete_expired_preparations(room.ports) == 0
    room.clock.advance(days=1, seconds=1)

    assert at_once(delete_expired_preparations, room.ports) >= 1

    with room.ports.store.read() as work:
        with pytest.raises(PreparationNotFound):
            work.preparations.of_any_tenant(preparations[0].id)
        assert [work.preparations.of_any_tenant(p.id).id for p in preparations[1:]] == [p.id for p in preparations[1:]]


def test_a_local_signature_that_is_being_made_keeps_its_preparation(room: Room) -> None:
    document = room.document()
    prepared(room, None, document.id)
    with room.ports.store.work() as work:
        work.documents.save(replace(document, status=DocumentStatus.PROCESSING))
    room.clock.advance(days=3)

    assert delete_expired_preparations(room.ports) == 0


def test_idempotency_keys_and_nonces_go_when_they_mean_nothing_any_more(room: Room) -> None:
    owner, now = room.caller.application.id, room.clock.now()
    with room.ports.store.work() as work:
        for key in (b"a" * 32, b"b" * 32):
            work.spent.store_result(owner, key, StoredResult(b"r" * 32, uuid4(), now), stale_before=now)
        assert work.spent.spend_nonce(b"n" * 32, now + timedelta(minutes=5))
    room.clock.advance(days=1, minutes=1)
    now = room.clock.now()
    subject = uuid4()
    with room.ports.store.work() as work:  # the key means nothing any more, whether it was forgotten or not
        work.spent.store_result(
            owner, b"a" * 32, StoredResult(b"s" * 32, subject, now), stale_before=now - timedelta(days=1)
        )

    assert (delete_expired_idempotency_keys(room.ports), delete_expired_nonces(room.ports)) == (1, 1)

    with room.ports.store.work() as work:
        found = work.spent.find_result(owner, b"a" * 32)
        assert found is not None
        assert found.subject == subject
        assert work.spent.spend_nonce(b"n" * 32, now)


def test_the_feed_keeps_a_whole_end_and_always_its_newest_event(room: Room) -> None:
    owner = room.caller.subscription_id
    for _ in range(3):
        for _ in range(2):
            tell(room)
        room.clock.advance(days=40)

    assert at_once(delete_expired_events, room.ports) == 2  # 120 and 80 days old; 90 are kept
    with room.ports.store.read() as work:
        kept = work.feed.after(owner, 0, 10)
        assert work.feed.bounds(owner) == FeedBounds(kept[0].position - 1, kept[-1].position)
    assert len(kept) == 4

    room.clock.advance(days=1000)
    assert delete_expired_events(room.ports) == 3
    assert room.told() == ["SessionCreated"]
    tell(room)
    with room.ports.store.read() as work:
        assert work.feed.after(owner, kept[-1].position, 10), "a position is never given twice"


def test_settled_deliveries_go_and_others_stay(room: Room) -> None:
    webhook, old = uuid4(), room.clock.now()
    rows = [delivery(room, webhook, status="Delivered", settled_at=old), delivery(room, webhook, status="Held")]
    with room.service.engine.begin() as connection:
        values = {"id": webhook, "subscription_id": room.caller.subscription_id, "auth": "None", "created_at": old}
        connection.execute(sa.insert(tables.webhooks).values(**values, signing_secret=b"s", event_types=b"[]"))
        connection.execute(sa.insert(tables.deliveries), [{"settled_at": None, **row} for row in rows])
        attempt = {"delivery_id": rows[0]["id"], "number": 1, "at": old, "milliseconds": 1}
        connection.execute(sa.insert(tables.delivery_attempts).values(attempt))
    room.clock.advance(days=89)
    assert delete_expired_deliveries(room.ports) == 0
    room.clock.advance(days=2)

    assert delete_expired_deliveries(room.ports) == 1

    with room.service.engine.connect() as connection:
        assert connection.execute(sa.select(tables.deliveries.c.id)).scalars().all() == [rows[1]["id"]]
        assert connection.execute(sa.select(tables.delivery_attempts)).all() == []


# -- two versions at once ----------------------------------------------------------------------------


def test_events_of_the_version_before_are_told_again_with_their_owners(room: Room) -> None:
    session, local = room.session(), room.document()
    values: list[dict[str, Any]] = [
        {"type": "SessionCreated", "session_id": session.id, "document_id": None, "at": room.clock.now()},
        {"type": "DocumentSignatureCompleted", "session_id": None, "document_id": local.id, "at": room.clock.now()},
    ]
    with room.service.engine.begin() as connection:
        connection.execute(sa.insert(tables.events), values)
    assert (import_legacy_events(room.ports), room.told()) == (0, [])
    room.clock.advance(seconds=11)
    tell(room)

    assert at_once(import_legacy_events, room.ports) == 2

    with room.ports.store.read() as work:
        found = work.feed.after(room.caller.subscription_id, 0, 10)
    assert [e.type for e in found] == ["SessionCreated", "SessionCreated", "DocumentSignatureCompleted"]
    assert [(e.session_id, e.document_id) for e in found[1:]] == [(session.id, None), (None, local.id)]
    assert {e.application_id for e in found} == {room.caller.application.id}
    assert found[1].at == room.clock.now() - timedelta(seconds=11)
    assert import_legacy_events(room.ports) == 0


def tell(room: Room) -> None:
    with room.ports.store.work() as work:
        event = SessionCreated(None, room.clock.now())
        record_event(work, event, room.caller.subscription_id, room.caller.application.id)


def prepared(room: Room, session_id: UUID | None, document_id: UUID) -> Preparation:
    layout = PdfLayout(b"before", 100, b"after")
    item = Prepared(10, DigestAlgorithm.SHA256, b"g" * 32, b"1", CertificateChain(b"leaf"), layout)
    found = Preparation(uuid4(), session_id, item.chain, (PreparedDocument(document_id, item),), room.clock.now())
    with room.ports.store.work() as work:
        work.preparations.add(found)
    return found


def delivery(room: Room, webhook: UUID, **fields: Any) -> dict[str, Any]:
    now = room.clock.now()
    return {
        "id": uuid4(),
        "subscription_id": room.caller.subscription_id,
        "webhook_id": webhook,
        "event_id": uuid4(),
        "event_type": "SessionCreated",
        "stream": uuid4(),
        "tries": 1,
        "created_at": now,
        "due_at": now,
        **fields,
    }
