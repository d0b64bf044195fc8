"""Remove the files of documents whose time is over: signed ones past `availableUntil`, and what nobody will sign.

From its time on a document's files count as gone (`Document.require_files`), whether they are or not. So the order is:
the time in the row, then the files, then `purged_at` and the event. A crash in between repeats a step; none is lost.
What was begun before the end of that time is given an hour (`PURGE_GRACE`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from signroom.domain.document import PURGE_GRACE, UNSIGNED_LIFETIME, Document, DocumentStatus
from signroom.domain.errors import StorageUnavailable
from signroom.domain.event import DocumentPurged
from signroom.ports import Ports
from signroom.ports.store import Position, Work
from signroom.service.documents.delete_files import delete_files
from signroom.service.events.record_event import record_event

_AT_ONCE = 200


def limit_unsigned(ports: Ports) -> int:
    """Give a time to files that have none and that nobody will sign: of sessions that a process of the version before
    has ended. Returns how many.
    """
    found, now = 0, ports.clock.now()
    while True:
        with ports.store.work() as work:
            limited = work.documents.limit_unsigned(now - UNSIGNED_LIFETIME, now + UNSIGNED_LIFETIME, _AT_ONCE)
        found += limited
        if limited < _AT_ONCE:
            return found


def purge_documents(ports: Ports) -> int:
    """Returns how many were purged. May run late, twice, and in several places at once.

    Raises: StorageUnavailable when some files could not be removed, after all others were.
    """
    purged, failed = 0, 0
    before = ports.clock.now() - PURGE_GRACE
    after: Position | None = None
    while True:
        with ports.store.read() as work:
            due = work.documents.due_for_purge(before, after, _AT_ONCE)
        if due:
            gone = delete_files(ports, due)
            failed += len(due) - len(gone)
            purged += _mark(ports, gone, ports.clock.now())
            after = _position(due[-1])
        if len(due) < _AT_ONCE:
            break
    if failed:
        raise StorageUnavailable(f"Files of {failed} documents could not be removed.")
    return purged


def _mark(ports: Ports, gone: Sequence[Document], now: datetime) -> int:
    local = [d for d in gone if d.session_id is None and d.status is DocumentStatus.PENDING_SIGNATURE]
    others = [d for d in gone if d not in local]
    with ports.store.work() as work:
        # Nobody has ever seen it: a local signature that was prepared and not made.
        work.documents.remove(*(d.id for d in local))
        marked = work.documents.mark_purged([d.id for d in others], now)
        # A run that raises a signed file, and is killed now, leaves its file later.
        late = [beginning for d in others if d.was_raised for beginning in d.blob_folder.every()]
        work.erasures.expect_late_files(late, now + PURGE_GRACE)
        known = _known(work, others)
        for document in others:
            if document.id in marked and document.id in known:
                event = DocumentPurged(document.session_id, now, document.id)
                record_event(work, event, document.subscription_id, document.application_id)
    return len(local) + len(marked)


def _known(work: Work, documents: Sequence[Document]) -> set[UUID]:
    """Those that an application can read: a signer's uploads that he has not signed are not among them."""
    unsigned = {d.session_id for d in documents if d.status is DocumentStatus.PENDING_SIGNATURE}
    chosen = work.sessions.predefined([session_id for session_id in unsigned if session_id is not None])
    return {d.id for d in documents if d.status is DocumentStatus.COMPLETED or d.session_id in chosen}


def _position(document: Document) -> Position:
    if document.available_until is None:
        raise LookupError("a document without a limit is not due")
    return Position(document.available_until, document.id)
