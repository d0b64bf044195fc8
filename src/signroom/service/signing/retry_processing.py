"""Failed documents once more, with the values that the signer has given: for outages that outlasted our patience, and
for mended bugs."""

from __future__ import annotations

from uuid import UUID, uuid4

from signroom.domain.application import MANAGERS, Caller
from signroom.domain.audit import Action
from signroom.domain.document import DocumentStatus
from signroom.domain.errors import WrongState
from signroom.ports import Ports
from signroom.service.events.record_change import record_change
from signroom.service.events.record_event import record_event
from signroom.service.signing.finish_signing import PROCESS_DOCUMENT


def retry_session(ports: Ports, caller: Caller, session_id: UUID) -> int:
    """Returns the number of documents that are processed again.

    The session is locked meanwhile: a caller who asks at the same time finds it in processing.

    Documents that could not be prepared are left alone: nobody has signed them.

    Raises: NotAllowed, SignatureSessionNotFound, WrongState unless it is ``ProcessingError`` and the signer has given a
    value for a failed document.
    """
    caller.require(MANAGERS)
    with ports.store.work() as work:
        session = work.of(caller).locked_session(session_id)
        now = ports.clock.now()
        moved, event = session.retry(now)
        documents = work.documents.of_session(session.id)
        failed = [d for d in documents if d.status is DocumentStatus.PROCESSING_ERROR and not d.left_out]
        if not failed:
            raise WrongState("No failed document has a signature: they could not be prepared.")
        before = work.documents.in_processing(session.subscription_id)
        for order, document in enumerate(failed, before):
            work.documents.save(document.process_again())
            # A key of its own: that of the first try was used up.
            key = f"{PROCESS_DOCUMENT}:{document.id}:{document.preparation_id}:{uuid4()}"
            work.enqueue(PROCESS_DOCUMENT, key, document.id, order=order)
        work.sessions.save(moved)
        record_event(work, event, moved.subscription_id, moved.application_id)
        record_change(work, caller, Action.SESSION_RETRIED, session_id, now, after={"documents": len(failed)})
    return len(failed)
