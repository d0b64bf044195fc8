"""Failed documents once more, with the values that the signer has given: for outages that outlasted our patience, and
for mended bugs.

A session whose failed documents were all erased stays in the state that was told to its application: a deletion never
announces a session as completed. Whoever retries it says that the rest is enough, and it completes.
"""

from __future__ import annotations

from uuid import UUID, uuid4

from signroom.domain.application import MANAGERS, Caller
from signroom.domain.audit import Action
from signroom.domain.document import DocumentStatus
from signroom.domain.errors import WrongState
from signroom.ports import Ports
from signroom.service.events.record_change import record_change
from signroom.service.events.record_event import record_event
from signroom.service.signing.enqueue_processing import PROCESS_DOCUMENT


def retry_session(ports: Ports, caller: Caller, session_id: UUID) -> int:
    """Returns the number of documents that are processed again.

    The session is locked meanwhile: a caller who asks at the same time finds it in processing.

    Documents that could not be prepared are left alone: nobody has signed them. When every failed document was erased
    and the others are completed, nothing is processed, and the session completes.

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
        rest = [d for d in documents if d.erased_at is None]
        settled = None
        if rest and all(d.status is DocumentStatus.COMPLETED for d in rest):
            settled = moved.settle(documents, now)
        if not failed and settled is None:
            raise WrongState("No failed document has a signature: they could not be prepared.")
        before = work.documents.in_processing(session.subscription_id)
        for order, document in enumerate(failed, before):
            work.documents.save(document.process_again())
            # A key of its own: that of the first try was used up.
            key = f"{PROCESS_DOCUMENT}:{document.id}:{document.preparation_id}:{uuid4()}"
            work.enqueue(PROCESS_DOCUMENT, key, document.id, order=order)
        work.sessions.save(moved if settled is None else settled[0])
        for told in (event,) if settled is None else (event, settled[1]):
            record_event(work, told, moved.subscription_id, moved.application_id)
        record_change(work, caller, Action.SESSION_RETRIED, session_id, now, after={"documents": len(failed)})
    return len(failed)
