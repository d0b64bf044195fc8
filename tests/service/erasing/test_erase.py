"""Erasures verb by verb, on both databases: what goes, what stays, and that whatever comes in between ends alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import uuid4

import pytest

from signroom.blobs.cache import BytesCache
from signroom.domain.application import Application, ApplicationCaller, Role, Subscription
from signroom.domain.audit import Action
from signroom.domain.blob_key import DocumentFolder, UploadFolder
from signroom.domain.document import Document, DocumentStatus, StoredFile
from signroom.domain.document_key import DocumentKey, new_key
from signroom.domain.erasure import Erasure
from signroom.domain.errors import (
    DocumentErased,
    DocumentInProcessing,
    DocumentNotFound,
    NotAllowed,
    SignatureSessionErased,
    SignatureSessionNotFound,
    StorageUnavailable,
    UploadNotFound,
    WrongState,
)
from signroom.domain.session import Session, SessionStatus
from signroom.domain.signature import CertificateChain, CheckedValue
from signroom.domain.upload import Upload
from signroom.ports import Ports
from signroom.ports.files import Blobs, Turn
from signroom.ports.store import ChangeFilter, Work
from signroom.service.documents.download_file import FileKind, location, open_download
from signroom.service.documents.manage_document_keys import find_key, unused_keys
from signroom.service.documents.preview_document import preview_page
from signroom.service.documents.purge_documents import purge_documents
from signroom.service.documents.read_documents import read_document
from signroom.service.documents.upload_files import begin_upload, end_upload, upload_part
from signroom.service.erasing.erase import continue_erasures, erase_document, erase_session
from signroom.service.erasing.late_files import delete_late_files
from signroom.service.sessions.open_page import renew_page_token
from signroom.service.sessions.read_sessions import list_sessions, read_session, read_session_of_page
from signroom.service.signing.process_document import fail_document
from signroom.service.signing.retry_processing import retry_session
from tests.service.conftest import Room
from tests.service.stores import PassingStore


def signed_session(room: Room, documents: int = 2) -> tuple[Session, list[Document]]:
    """Completed, as the signer leaves it."""
    session = room.session()
    done = [room.completed(room.document(session, position=n), None) for n in range(documents)]
    signed, _ = session.sign(CertificateChain(b"certificate"), room.clock.now())
    settled = signed.settle(done, room.clock.now())
    assert settled is not None
    with room.ports.store.work() as work:
        work.sessions.save(settled[0])
        work.document_keys.add(
            [DocumentKey(d.key, d.subscription_id, d.application_id, d.created_at, document_id=d.id) for d in done]
        )
    return settled[0], done


def kept(room: Room, document: Document) -> Document:
    with room.ports.store.read() as work:
        return work.erasures.document_of_any_tenant(document.id)


def end_states(room: Room, session: Session, documents: list[Document]) -> None:
    """The one state that every erasure of `session` ends in."""
    with room.ports.store.read() as work:
        found = work.erasures.session_of_any_tenant(session.id)
        erasure = work.erasures.find(session.id)
        changes = work.audit_log.find(session.subscription_id, None, 9, ChangeFilter(Action.SESSION_ERASED))
    assert (found.signer_certificate, found.signer_issuers, found.callback_argument) == (None, (), None)
    assert erasure is not None
    assert erasure.files_deleted_at is not None
    for document in documents:
        after = kept(room, document)
        assert after.purged_at is not None
        assert after.original.name == ""
        assert after.signature_value is None
        assert after.signed is not None
        assert document.signed is not None
        assert after.signed.sha256 == document.signed.sha256
        assert not any(room.has(key) for key in document.file_keys)
    assert len(changes) == 1
    assert room.told().count("SessionErased") == 1


def test_a_session_is_erased_and_its_proof_stays(room: Room) -> None:
    session, documents = signed_session(room)

    erasure = erase_session(room.ports, room.caller, session.id)

    end_states(room, session, documents)
    assert (erasure.removed.documents, erasure.removed.files) == (2, 4)
    assert [p.sha256 for p in erasure.proofs] == [d.signed.sha256.hex() for d in documents if d.signed is not None]
    with pytest.raises(SignatureSessionErased):
        read_session(room.ports, room.caller, session.id)
    with pytest.raises(SignatureSessionErased):
        read_session_of_page(room.ports, session.id)
    with pytest.raises(DocumentErased):
        read_document(room.ports, room.caller, documents[0].id)
    with pytest.raises(DocumentErased):
        open_download(room.ports, location(room.ports, documents[0], FileKind.SIGNED).rpartition("/")[2])
    by_key = find_key(room.ports, room.caller, documents[0].key)
    assert by_key is not None
    assert by_key.document == kept(room, documents[0])


def test_content_that_an_inspection_took_out_of_its_files_goes_too(room: Room) -> None:
    _, (first, second) = signed_session(room)
    assert first.signed is not None
    assert second.signed is not None
    of_signed, of_original = extracted(room, b"s" * 32), extracted(room, first.original.sha256)
    of_another, used = extracted(room, b"another"), extracted(room, first.original.sha256, used=True)
    with room.ports.store.work() as work:
        work.documents.save(replace(first, versions=(replace(first.versions[0], file=signed_as(first, b"s" * 32)),)))
    beside = room.document(original=used.file)

    erasure = erase_document(room.ports, room.caller, first.id)

    assert erasure.removed.files == 2 + 2
    assert [room.has(u.require_file().blob_key) for u in (of_signed, of_original)] == [False, False]
    assert [room.has(u.require_file().blob_key) for u in (of_another, used)] == [True, True]
    with room.ports.store.read() as work:
        for gone in (of_signed, of_original):
            with pytest.raises(UploadNotFound):
                work.uploads.of_any_tenant(gone.id)
        assert work.erasures.late_files(None, room.clock.now(), 9) == []
    assert room.read(beside).original == used.file


def test_content_whose_storage_does_not_answer_goes_when_it_does(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    _, (first, _) = signed_session(room)
    content = extracted(room, first.original.sha256).require_file()
    with monkeypatch.context() as away:
        away.setattr(type(room.ports.blobs), "beginning_with", refuse)
        with pytest.raises(StorageUnavailable):
            erase_document(room.ports, room.caller, first.id)
    assert room.has(content.blob_key)

    assert delete_late_files(room.ports) == 1

    assert not room.has(content.blob_key)
    assert delete_late_files(room.ports) == 0


def test_parts_of_an_upload_that_were_left_behind_go_with_its_document(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The storage was away, or the process killed, when one file had been made of them: no row knows them any more."""
    begun = begin_upload(room.ports, room.caller)
    sent = (asyncio.run(upload_part(room.ports, room.caller, begun.token, n, some(b"%PDF"), md5=None)) for n in (0, 1))
    parts = list(sent)
    with monkeypatch.context() as away:
        away.setattr(type(room.ports.blobs), "delete", refuse)
        ended = asyncio.run(end_upload(room.ports, room.caller, begun.token, [part.etag for part in parts], None))
    file = ended.require_file()
    left = room.files / parts[1].blob_key
    half = left.rename(left.with_name(f"{left.name}#1"))
    with room.ports.store.work() as work:
        work.uploads.save(replace(ended, used=True))
    one, other = room.session(), room.session()
    for session in (one, other):
        room.document(session, original=file)

    erase_session(room.ports, room.caller, one.id)

    assert [room.has(parts[0].blob_key), half.exists(), room.has(file.blob_key)] == [False, False, True]
    with room.ports.store.read() as work:
        assert work.uploads.of_any_tenant(ended.id).used, "another document is made of it"
    late = room.file(parts[0].blob_key)
    erase_session(room.ports, room.caller, other.id)
    assert [room.has(late.blob_key), room.has(file.blob_key)] == [False, False]
    with room.ports.store.read() as work, pytest.raises(UploadNotFound):
        work.uploads.of_any_tenant(ended.id)


async def some(content: bytes) -> AsyncIterator[bytes]:
    yield content


def refuse(*_: object) -> list[str]:
    raise StorageUnavailable


def extracted(room: Room, digest: bytes, *, used: bool = False) -> Upload:
    """Content that an inspection has taken out of a file with that digest."""
    owner = room.caller.application
    upload = Upload(uuid4(), uuid4().bytes * 2, owner.subscription_id, owner.id, room.clock.now(), used=used)
    upload = replace(upload, extracted_from=digest, file=room.file(UploadFolder(upload.id).content()))
    with room.ports.store.work() as work:
        work.uploads.add(upload)
    return upload


def signed_as(document: Document, digest: bytes) -> StoredFile:
    assert document.signed is not None
    return replace(document.signed, sha256=digest)


def test_a_session_that_failed_by_an_erased_document_stays_so_until_it_is_retried(room: Room) -> None:
    """A deletion announces nothing as completed. A retry says that the rest is enough."""
    session = room.session()
    done = room.completed(room.document(session), None)
    bad = room.document(session, position=1).accept_signature(uuid4(), CheckedValue(b"value"), room.clock.now())
    signed, _ = session.sign(CertificateChain(b"certificate"), room.clock.now())
    with room.ports.store.work() as work:
        work.documents.save(bad)
        work.sessions.save(signed)
    fail_document(room.ports, bad.id, "InternalError")

    erase_document(room.ports, room.caller, bad.id)

    failed = read_session(room.ports, room.caller, session.id)
    assert (failed.session.status, failed.session.processing_error_code) == (
        SessionStatus.PROCESSING_ERROR,
        "InternalError",
    )
    assert room.told() == ["DocumentFailed", "SessionFailed", "DocumentErased"]
    assert retry_session(room.ports, room.caller, session.id) == 0
    whole = read_session(room.ports, room.caller, session.id)
    assert (whole.session.status, whole.session.processing_error_code) == (SessionStatus.COMPLETED, None)
    assert [d.id for d in whole.documents] == [done.id]
    assert room.told()[3:] == ["SessionRetried", "SessionCompleted"]
    with pytest.raises(WrongState):
        retry_session(room.ports, room.caller, session.id)


def test_a_session_of_which_nothing_is_left_cannot_be_retried(room: Room) -> None:
    session = room.session()
    bad = room.document(session).accept_signature(uuid4(), CheckedValue(b"value"), room.clock.now())
    signed, _ = session.sign(CertificateChain(b"certificate"), room.clock.now())
    with room.ports.store.work() as work:
        work.documents.save(bad)
        work.sessions.save(signed)
    fail_document(room.ports, bad.id, "InternalError")
    erase_document(room.ports, room.caller, bad.id)

    with pytest.raises(WrongState):
        retry_session(room.ports, room.caller, session.id)
    assert read_session(room.ports, room.caller, session.id).session.status is SessionStatus.PROCESSING_ERROR


def test_a_picture_in_the_memory_of_another_process_is_shown_to_nobody(room: Room) -> None:
    session = room.session()
    document = room.document(session)
    here, elsewhere, turn = replace(room.ports, previews=BytesCache(99)), room.ports, Turn.of_document(document)
    for ports in (here, elsewhere):
        ports.previews.put(f"{document.original.blob_key} picture 0 400", b"picture", turn)
    assert asyncio.run(preview_page(here, session.id, document.id, 0, 400)) == b"picture"

    erase_session(elsewhere, room.caller, session.id)

    assert elsewhere.previews.get(f"{document.original.blob_key} picture 0 400") is None
    with pytest.raises(DocumentErased):
        asyncio.run(preview_page(here, session.id, document.id, 0, 400))


def test_once_more_is_the_same_answer(room: Room) -> None:
    session, documents = signed_session(room)
    first = erase_session(room.ports, room.caller, session.id)
    room.clock.advance(minutes=5)

    assert erase_session(room.ports, room.caller, session.id) == first
    assert erase_document(room.ports, room.caller, documents[0].id).id == session.id
    end_states(room, session, documents)


def test_an_erasure_ends_an_hour_later_with_a_second_look(room: Room) -> None:
    session, documents = signed_session(room)
    erasure = erase_session(room.ports, room.caller, session.id)
    # They were on their way: of this version, and of one before.
    own = DocumentFolder(session.id, uuid4()).original_of_request(uuid4())
    strays = [room.file(key).blob_key for key in (own, f"sessions/{session.id}/{uuid4()}/original-{uuid4().hex}")]
    half = (room.files / strays[0]).with_name(f"{own.rpartition('/')[2]}#1")
    half.write_bytes(b"half a file, whose process was killed")

    assert (continue_erasures(room.ports), erasure.ended_at) == (0, None)
    room.clock.advance(hours=1, seconds=1)
    assert continue_erasures(room.ports) == 1

    assert not any(map(room.has, strays))
    assert not half.exists()
    with room.ports.store.read() as work:
        ended = work.erasures.find(session.id)
    assert ended is not None
    assert ended.ended_at == room.clock.now()
    assert continue_erasures(room.ports) == 0
    end_states(room, session, documents)
    assert purge_documents(room.ports) == 0


def test_an_open_session_ends_at_once_and_its_link_with_it(room: Room) -> None:
    session = room.session()
    document = room.document(session)
    name = new_key(lambda letters: letters[3])
    allocated = DocumentKey(name, session.subscription_id, session.application_id, room.clock.now(), (("n", ("x",)),))
    with room.ports.store.work() as work:
        work.document_keys.add([allocated.bind(document.id)])

    erasure = erase_session(room.ports, room.caller, session.id)

    with room.ports.store.read() as work:
        found = work.erasures.session_of_any_tenant(session.id)
        assert (found.status, found.link_hash != session.link_hash) == (SessionStatus.USER_CANCELLED, True)
    assert erasure.proofs[0].sha256 is None
    assert room.told() == ["SessionCancelled", "SessionErased"]
    assert not room.has(document.original.blob_key)
    assert [(k.key, k.metadata) for k in unused_keys(room.ports, room.caller, None, None)] == [(name, ())]
    assert list_sessions(room.ports, room.caller, session_filter(room), 9) == []


def session_filter(room: Room):  # type: ignore[no-untyped-def]
    from signroom.ports.store import SessionFilter

    return SessionFilter(room.caller.subscription_id)


def test_it_is_refused_while_a_document_is_in_processing_and_names_it(room: Room) -> None:
    session = room.session()
    document = room.document(session)
    busy = document.accept_signature(uuid4(), CheckedValue(b"value"), room.clock.now())
    signed, _ = session.sign(CertificateChain(b"certificate"), room.clock.now())
    with room.ports.store.work() as work:
        work.documents.save(busy)
        work.sessions.save(signed)

    for verb, subject in ((erase_session, session.id), (erase_document, document.id)):
        with pytest.raises(DocumentInProcessing, match=str(document.id)):
            verb(room.ports, room.caller, subject)
    assert room.has(document.original.blob_key)

    fail_document(room.ports, document.id, "InternalError")
    erase_session(room.ports, room.caller, session.id)
    fail_document(room.ports, document.id, "InternalError")  # a job that a crash had interrupted: quiet
    assert kept(room, document).status is DocumentStatus.PROCESSING_ERROR
    assert not room.has(document.original.blob_key)


def test_one_document_is_erased_and_the_others_stay(room: Room) -> None:
    session, (first, second) = signed_session(room)

    erasure = erase_document(room.ports, room.caller, first.id)

    assert (erasure.id, erasure.removed.files) == (first.id, 2)
    assert [d.id for d in read_session(room.ports, room.caller, session.id).documents] == [second.id]
    assert not any(room.has(key) for key in first.file_keys)
    assert all(room.has(key) for key in second.file_keys)
    assert erase_document(room.ports, room.caller, first.id) == erasure
    whole = erase_session(room.ports, room.caller, session.id)
    assert [proof.document_id for proof in whole.proofs] == [second.id]
    end_states(room, session, [first, second])


def test_the_list_of_what_was_signed_does_not_say_who_signed_what_was_erased(room: Room) -> None:
    _, (first, second) = signed_session(room)
    erase_document(room.ports, room.caller, first.id)
    since, until = room.clock.now() - timedelta(days=1), room.clock.now() + timedelta(days=1)

    with room.ports.store.read() as work:
        found = work.documents.signed_between(room.caller.subscription_id, since, until, None, 9)

    assert {document.id: signer for document, signer in found} == {first.id: None, second.id: b"certificate"}


def test_a_document_of_an_open_session_goes_with_its_session_only(room: Room) -> None:
    chosen, upload = room.document(room.session()), room.document(room.session(predefined=False))

    with pytest.raises(WrongState, match="erase the session"):
        erase_document(room.ports, room.caller, chosen.id)
    with pytest.raises(DocumentNotFound):
        erase_document(room.ports, room.caller, upload.id)


def test_a_file_that_another_document_is_made_of_stays_for_it(room: Room) -> None:
    session, (first, _) = signed_session(room)
    second = room.completed(room.document(room.session(), original=first.signed), None)
    assert first.signed is not None
    assert second.signed is not None

    erase_session(room.ports, room.caller, session.id)
    assert (room.has(first.original.blob_key), room.has(first.signed.blob_key)) == (False, True)

    room.clock.advance(hours=2)
    assert continue_erasures(room.ports) == 1
    assert room.has(first.signed.blob_key)
    assert second.session_id is not None
    erase_session(room.ports, room.caller, second.session_id)
    assert not any(room.has(key) for key in (first.signed.blob_key, *second.file_keys))


def test_nobody_erases_what_is_another_tenants_or_without_the_role(room: Room) -> None:
    session, documents = signed_session(room)
    other = Subscription(uuid4(), "Other")
    application = Application(uuid4(), other.id, "Portal", frozenset(Role))
    with room.ports.store.work() as work:
        work.subscriptions.add(other)
        work.applications.add(application)
    stranger = ApplicationCaller(application, frozenset(Role))
    worker = replace(room.caller, roles=frozenset({Role.WORKER}))

    for _ in range(2):
        with pytest.raises(SignatureSessionNotFound) as session_refused:
            erase_session(room.ports, stranger, session.id)
        with pytest.raises(DocumentNotFound) as document_refused:
            erase_document(room.ports, stranger, documents[0].id)
        # Erased or not is nothing that a stranger learns.
        assert [type(e.value) for e in (session_refused, document_refused)] == [
            SignatureSessionNotFound,
            DocumentNotFound,
        ]
        with pytest.raises(NotAllowed):
            erase_session(room.ports, worker, session.id)
        erase_session(room.ports, room.caller, session.id)


# -- a process that dies, a storage that does not answer --------------------------------------------------


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Countdown:
    """Dies before the step of that number, and at every one after."""

    steps: int
    reached: int = 0

    def step(self) -> None:
        self.reached += 1
        if self.reached > self.steps:
            raise Killed


@dataclass
class DyingStore(PassingStore):
    countdown: Countdown

    @contextmanager
    def work(self) -> Iterator[Work]:
        with self.store.work() as work:
            self.countdown.step()
            yield work
            self.countdown.step()  # before the commit

    def scrub(self) -> bool:
        self.countdown.step()
        return self.store.scrub()


@dataclass
class DyingBlobs:
    blobs: Blobs
    countdown: Countdown

    def beginning_with(self, *beginnings: str) -> list[str]:
        self.countdown.step()
        return self.blobs.beginning_with(*beginnings)

    def delete(self, key: str) -> None:
        self.countdown.step()
        self.blobs.delete(key)


def dying(ports: Ports, countdown: Countdown) -> Ports:
    return replace(
        ports,
        store=DyingStore(ports.store, countdown),
        blobs=DyingBlobs(ports.blobs, countdown),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("again", ["schedule", "caller"])
def test_killed_at_every_step_it_ends_in_one_state(room: Room, again: str) -> None:
    def go_on(session: Session) -> Erasure | int:
        if again == "schedule":
            return continue_erasures(room.ports)
        return erase_session(room.ports, room.caller, session.id)

    steps, dead = 0, True
    while dead:
        session, documents = signed_session(room)
        before = room.told().count("SessionErased")
        try:
            erase_session(dying(room.ports, Countdown(steps)), room.caller, session.id)
            dead = False
        except Killed:
            with room.ports.store.read() as work:
                marked = work.erasures.find(session.id) is not None
            if marked:  # from the first commit on nobody reads it
                with pytest.raises(SignatureSessionErased):
                    read_session(room.ports, room.caller, session.id)
                go_on(session)
            else:
                assert all(room.has(key) for d in documents for key in d.file_keys)
                erase_session(room.ports, room.caller, session.id)
        assert room.told().count("SessionErased") == before + 1
        with room.ports.store.read() as work:
            erasure = work.erasures.find(session.id)
        assert erasure is not None
        assert erasure.files_deleted_at is not None
        assert not any(room.has(key) for d in documents for key in d.file_keys)
        assert all(kept(room, d).purged_at is not None for d in documents)
        steps += 1
    assert steps > 10  # two commits, a list, four files, a scrub, another commit


def test_a_storage_that_is_away_is_asked_again(room: Room) -> None:
    session, documents = signed_session(room)

    class Away:
        def beginning_with(self, *beginnings: str) -> list[str]:
            raise StorageUnavailable

    with pytest.raises(StorageUnavailable):
        erase_session(replace(room.ports, blobs=Away()), room.caller, session.id)  # type: ignore[arg-type]
    with pytest.raises(SignatureSessionErased):
        read_session(room.ports, room.caller, session.id)

    assert continue_erasures(room.ports) == 1
    end_states(room, session, documents)


def test_the_link_of_an_erased_session_leads_nowhere(room: Room) -> None:
    from signroom.domain.errors import BadToken
    from signroom.domain.secret import hash_secret
    from signroom.service.access.page_tokens import page_link

    session = room.session()
    link = page_link(room.ports, session.id)
    with room.ports.store.work() as work:
        work.sessions.save(replace(session, link_hash=hash_secret(link)))
    renew_page_token(room.ports, link)

    erase_session(room.ports, room.caller, session.id)

    with pytest.raises(BadToken):
        renew_page_token(room.ports, link)
