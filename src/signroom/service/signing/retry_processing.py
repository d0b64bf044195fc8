"""Failed documents once more, with the values that the signer has given: for outages that outlasted our patience, and
for mended bugs."""

from __future__ import annotations

from uuid import UUID, uuid4

from signroom.domain.application import MANAGERS, Caller
from signroom.domain.document import DocumentStatus
from signroom.domain.errors import SignatureSessionNotFound
from signroom.domain.session import Session
from signroom.ports import Ports
from signroom.ports.store import Work
from signroom.service.events.record_event import record_event
from signroom.service.signing.finish_signing import PROCESS_DOCUMENT


def retry_session(ports: Ports, caller: Caller, session_id: UUID) -> None:
    """For an application. Raises: NotAllowed, SignatureSessionNotFound, WrongState unless it is ``ProcessingError``."""
    caller.require(MANAGERS)
    with ports.store.work() as work:
        session = work.sessions.locked(session_id)
        if session.subscription_id != caller.subscription_id:
            raise SignatureSessionNotFound
        _retry(ports, work, session)


def retry_any_session(ports: Ports, session_id: UUID) -> int:
    """For the operator; returns the number of documents. Raises: SignatureSessionNotFound, WrongState."""
    with ports.store.work() as work:
        return _retry(ports, work, work.sessions.locked(session_id))


def _retry(ports: Ports, work: Work, session: Session) -> int:
    """The session's lock is held: who asks at the same time finds it in processing."""
    moved, event = session.retry(ports.clock.now())
    failed = [d for d in work.documents.of_session(session.id) if d.status is DocumentStatus.PROCESSING_ERROR]
    for document in failed:
        work.documents.save(document.process_again())
        # A key of its own: that of the first try was used up.
        key = f"{PROCESS_DOCUMENT}:{document.id}:{document.preparation_id}:{uuid4()}"
        work.enqueue(PROCESS_DOCUMENT, key, document.id)
    work.sessions.save(moved)
    record_event(work, event, moved.subscription_id, moved.application_id)
    return len(failed)
