"""Erase a session or a document for good: its files, and everything personal that is kept of it.

The comments in the code have the same numbers:

1. Lock the session, then the documents. Answer as before when it was erased before. Refuse while a document is in
   processing.
2. End a session that is still open: its link stops at once.
3. Remove what hangs on it: preparations, deliveries with the endpoints' answers, metadata, what requests said.
4. Overwrite the rows. What stays confirms the signed file that somebody else holds: its digest, the document key, the
   level, the times, whether its signatures were good.
5. Write down the erasure, the entry of the audit log and the event.
6. Delete the files, those included that no row points to any more, and content that an inspection took out of them.
7. Take what was overwritten out of the files of the database.
8. An hour later look again: a request that was under way may have stored a file meanwhile.

Steps 1 to 5 are one transaction. From then on nothing of it is handed out. A process that dies afterwards leaves the
rest to `continue_erasures`, which a schedule calls. So does a caller whose storage does not answer: asking again goes
on where it stopped.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from signroom.domain.application import MANAGERS, Caller
from signroom.domain.audit import Action, erasure_facts
from signroom.domain.blob_key import blobs_of_session
from signroom.domain.document import PURGE_GRACE, Document, DocumentStatus
from signroom.domain.erasure import ErasedKind, Erasure, proof_of
from signroom.domain.errors import DocumentInProcessing, DocumentNotFound, StorageUnavailable, WrongState
from signroom.domain.event import DocumentErased, Event, SessionErased
from signroom.domain.session import Session, SessionStatus
from signroom.ports import Ports
from signroom.ports.store import Work
from signroom.service.documents.delete_files import delete_files
from signroom.service.erasing.late_files import delete_late_files
from signroom.service.events.record_change import record_change
from signroom.service.events.record_event import record_event
from signroom.service.sessions.end_session import end_unsigned

_AT_ONCE = 50
_LINK_BYTES = 32


def erase_session(ports: Ports, caller: Caller, session_id: UUID) -> Erasure:
    """Erase a session with all its documents. Once more: the same answer.

    Raises: NotAllowed, SignatureSessionNotFound, DocumentInProcessing, StorageUnavailable when its files could not be
    deleted yet.
    """
    caller.require(MANAGERS)
    with ports.store.work() as work:
        erasure = erase_session_rows(work, caller, session_id, ports.clock.now())
    return delete_erased_files(ports, erasure)


def erase_document(ports: Ports, caller: Caller, document_id: UUID) -> Erasure:
    """Erase one document. Its session stays, without it. Once more: the same answer.

    Raises: NotAllowed, DocumentNotFound, also for what is not shown yet, DocumentInProcessing, WrongState while its
    session is open, StorageUnavailable when its files could not be deleted yet.
    """
    caller.require(MANAGERS)
    with ports.store.work() as work:
        erasure = erase_document_rows(work, caller, document_id, ports.clock.now())
    return delete_erased_files(ports, erasure)


def erase_session_rows(work: Work, caller: Caller, session_id: UUID, now: datetime) -> Erasure:
    """Steps 1 to 5, in the caller's transaction. Raises: SignatureSessionNotFound, DocumentInProcessing."""
    # 1. Lock the session, then the documents.
    session = work.of(caller).locked_session_or_erased(session_id)
    before = work.erasures.find(session_id)
    if before is not None:
        return before
    documents = [
        work.of(caller).locked_document_or_erased(document.id)
        for document in work.erasures.documents_of_session(session_id)
    ]
    _require_not_in_processing(documents)
    # 3. Remove what hangs on it. It comes before 2: the end of a session gives its keys back.
    removed = work.erasures.remove_traces(session.subscription_id, session_id, documents, now)
    # 2. End a session that is still open.
    session = _ended(work, session, now)
    # 4. Overwrite the rows.
    documents = [work.of(caller).locked_document_or_erased(document.id) for document in documents]
    erased = _overwrite(work, documents, now)
    work.sessions.save(session.erase(secrets.token_bytes(_LINK_BYTES), now))
    # 5. Write down the erasure.
    return _recorded(
        work,
        caller,
        Erasure(
            id=session.id,
            kind=ErasedKind.SESSION,
            subscription_id=session.subscription_id,
            application_id=session.application_id,
            erased_at=now,
            removed=replace(removed, files=removed.files + _files(work, documents)),
            proofs=tuple(proof_of(document) for document in erased),
        ),
        SessionErased(session.id, now),
    )


def erase_document_rows(
    work: Work, caller: Caller, document_id: UUID, now: datetime, *, shown_only: bool = True
) -> Erasure:
    """The same of one document. With `shown_only` what applications cannot read yet is not found.

    Raises: DocumentNotFound, DocumentInProcessing, WrongState.
    """
    # 1. Lock the session, then the document.
    document = work.of(caller).document_or_erased(document_id)
    session = None
    if document.session_id is not None:
        session = work.of(caller).locked_session_or_erased(document.session_id)
    document = work.of(caller).locked_document_or_erased(document_id)
    before = work.erasures.find(document_id)
    if before is not None:
        return before
    if document.erased_at is not None and session is not None:  # with its session
        return _erasure_of_session(work, session)
    if shown_only:
        _require_shown(document, session)
    _require_not_in_processing([document])
    if session is not None and session.status is SessionStatus.PENDING:
        raise WrongState("The session is open: erase the session, or cancel it first.")
    # 3. Remove what hangs on it.
    removed = work.erasures.remove_traces(document.subscription_id, None, [document], now)
    # 4. Overwrite the row.
    (erased,) = _overwrite(work, [document], now)
    # 5. Write down the erasure.
    return _recorded(
        work,
        caller,
        Erasure(
            id=document.id,
            kind=ErasedKind.DOCUMENT,
            subscription_id=document.subscription_id,
            application_id=document.application_id,
            erased_at=now,
            removed=replace(removed, files=removed.files + _files(work, [document])),
            proofs=(proof_of(erased),),
        ),
        DocumentErased(document.session_id, now, document.id),
    )


def continue_erasures(ports: Ports) -> int:
    """Go on with erasures that were interrupted, and look once more for files of those that are an hour old.

    Returns how many went on. May run late, twice, and in several places at once.

    Raises: StorageUnavailable when some files could not be deleted, after all others were.
    """
    now = ports.clock.now()
    with ports.store.read() as work:
        found = [*work.erasures.files_not_deleted(_AT_ONCE), *work.erasures.not_ended(now - PURGE_GRACE, _AT_ONCE)]
    failed = 0
    for erasure in {one.id: one for one in found}.values():
        try:
            delete_erased_files(ports, erasure)
        except StorageUnavailable:
            failed += 1
        except DocumentNotFound:  # its application was deleted at this moment, with all that belongs to it
            continue
    if failed:
        raise StorageUnavailable(f"Files of {failed} erasures could not be deleted.")
    return len(found)


def _require_not_in_processing(documents: Sequence[Document]) -> None:
    """Raises: DocumentInProcessing, which names them."""
    busy = [str(d.id) for d in documents if d.status is DocumentStatus.PROCESSING and d.erased_at is None]
    if busy:
        raise DocumentInProcessing(", ".join(busy))


def _require_shown(document: Document, session: Session | None) -> None:
    """An upload that its signer has not signed is nobody else's to see; the session can be erased.

    Raises: DocumentNotFound.
    """
    if document.status is DocumentStatus.PENDING_SIGNATURE and (session is None or not session.predefined):
        raise DocumentNotFound


def _ended(work: Work, session: Session, now: datetime) -> Session:
    """Nobody has signed it yet, and nobody will: its end is recorded as every end without signatures."""
    if session.status is not SessionStatus.PENDING:
        return session
    ended, event = session.expire(now) if session.expired(now) else session.cancel(now)
    end_unsigned(work, ended, event)
    return ended


def _overwrite(work: Work, documents: Sequence[Document], now: datetime) -> list[Document]:
    """Those that were not erased before, as they are now."""
    erased = [document.erase(now) for document in documents if document.erased_at is None]
    for document in erased:
        work.documents.save(document)
    return erased


def _files(work: Work, documents: Sequence[Document]) -> int:
    """How many of their files no other document needs."""
    keys = sorted({key for d in documents if d.purged_at is None for key in d.file_keys})
    return len(keys) - len(work.documents.files_in_use(keys, [d.id for d in documents]))


def _recorded(work: Work, caller: Caller, erasure: Erasure, event: Event) -> Erasure:
    work.erasures.add(erasure)
    action = Action.SESSION_ERASED if erasure.kind is ErasedKind.SESSION else Action.DOCUMENT_ERASED
    record_change(work, caller, action, erasure.id, erasure.erased_at, after=erasure_facts(erasure))
    record_event(work, event, erasure.subscription_id, erasure.application_id)
    return erasure


def _erasure_of_session(work: Work, session: Session) -> Erasure:
    found = work.erasures.find(session.id)
    if found is None:
        raise LookupError("an erased document of a session without an erasure")
    return found


def delete_erased_files(ports: Ports, erasure: Erasure) -> Erasure:
    """Steps 6 to 8; it may be called again. Returns how far it has come. Raises: StorageUnavailable."""
    now = ports.clock.now()
    if erasure.ended_at is not None:
        return erasure
    with ports.store.read() as work:
        documents = _documents(work, erasure)
    # 6. Delete the files.
    stray = ports.blobs.beginning_with(*_beginnings(erasure, documents))
    delete_late_files(ports, erasure.erased_at)
    gone = delete_files(ports, documents, stray)
    if len(gone) < len(documents):
        raise StorageUnavailable
    # 7. Take what was overwritten out of the files of the database.
    clean = ports.store.scrub()
    reached = erasure.with_files_deleted(now)
    if not clean:
        reached = replace(reached, ended_at=None)
    with ports.store.work() as work:
        work.documents.mark_purged([document.id for document in documents], now)
        work.erasures.save(reached)
    return reached


def _documents(work: Work, erasure: Erasure) -> list[Document]:
    if erasure.kind is ErasedKind.SESSION:
        return work.erasures.documents_of_session(erasure.id)
    return [work.of(erasure).document_or_erased(erasure.id)]


def _beginnings(erasure: Erasure, documents: Sequence[Document]) -> list[str]:
    if erasure.kind is ErasedKind.SESSION:
        return [*blobs_of_session(erasure.id)]
    return [beginning for document in documents for beginning in document.blob_folder.every()]
