"""Job name -> verb: the worker's table from errors to outcomes.

`Refused` can never succeed: the document ends with that code. `Unavailable` goes back to the engine, which tries
again. Anything else is a bug: the engine gives up with ``InternalError``, and the log has the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from uuid import UUID

import structlog

from signroom.domain.errors import Refused
from signroom.domain.level import Level
from signroom.ports import Ports
from signroom.ports.jobs import Job, Queue, Schedule
from signroom.service.documents.manage_document_keys import give_document_keys
from signroom.service.documents.purge_documents import limit_unsigned, purge_documents
from signroom.service.documents.upload_files import purge_uploads
from signroom.service.erasing.delete_tenants import finish_deletions
from signroom.service.erasing.erase import continue_erasures
from signroom.service.erasing.index_persons import index_persons
from signroom.service.erasing.late_files import Stuck, delete_late_files
from signroom.service.events.import_legacy_events import import_legacy_events
from signroom.service.events.record_event import DELIVER_WEBHOOK
from signroom.service.levels.archive_document import (
    ARCHIVE_DOCUMENT,
    TRIED_FOR,
    archive_document,
    give_up_archiving,
    try_an_archive,
)
from signroom.service.levels.learn_archive_ends import Reached, learn_archive_ends
from signroom.service.levels.renew_archives import renew_archives
from signroom.service.maintenance.compare_files import EVERY, compare_files
from signroom.service.maintenance.count_statistics import count_statistics
from signroom.service.maintenance.delete_expired import (
    delete_expired_answers,
    delete_expired_audit_entries,
    delete_expired_deliveries,
    delete_expired_events,
    delete_expired_idempotency_keys,
    delete_expired_nonces,
    delete_expired_preparations,
)
from signroom.service.sessions.end_session import expire_sessions
from signroom.service.signing.enqueue_processing import PROCESS_DOCUMENT, PROCESS_SESSION
from signroom.service.signing.process_document import fail_document, find_in_processing, process_found
from signroom.service.signing.process_session import give_up_session, process_session
from signroom.service.signing.sign_locally import continue_local_signatures
from signroom.service.webhooks.deliver_webhook import deliver_webhook, fail_delivery
from signroom.service.webhooks.release_deliveries import RELEASE_DELIVERIES, release_deliveries, release_later
from signroom.worker.own_loop import on_own_loop

log = structlog.get_logger()


def jobs(ports: Ports) -> dict[str, Job]:
    """Every job of this version by its name."""
    return {
        PROCESS_DOCUMENT: Job(partial(_process, ports), partial(fail_document, ports)),
        PROCESS_SESSION: Job(partial(_process_session, ports), partial(give_up_session, ports), Queue.SESSIONS),
        ARCHIVE_DOCUMENT: Job(
            partial(_archive, ports), partial(give_up_archiving, ports), Queue.ARCHIVES, patience=TRIED_FOR
        ),
        DELIVER_WEBHOOK: Job(partial(deliver_webhook, ports), partial(fail_delivery, ports), Queue.DELIVERIES),
        RELEASE_DELIVERIES: Job(partial(release_deliveries, ports), partial(release_later, ports), Queue.DELIVERIES),
    }


def schedules(ports: Ports) -> tuple[Schedule, ...]:
    """What time does; the job engine adds its own housekeeping. Each may run late, twice, and in two places at once."""
    minute, hour, day = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
    timetable: tuple[tuple[str, timedelta, Callable[[Ports], int]], ...] = (
        ("expire-sessions", minute, expire_sessions),
        ("adopt-events", minute, import_legacy_events),
        ("give-document-keys", minute, give_document_keys),
        ("continue-erasures", minute, continue_erasures),
        ("continue-local-signatures", minute, continue_local_signatures),
        ("index-persons", minute, index_persons),
        ("count-statistics", minute, count_statistics),
        ("finish-deletions", minute, finish_deletions),
        ("delete-late-files", minute, partial(delete_late_files, stuck=Stuck())),
        ("learn-archive-ends", minute, partial(learn_archive_ends, reached=Reached())),
        ("try-an-archive", timedelta(minutes=5), try_an_archive),
        ("purge-uploads", hour, purge_uploads),
        ("purge-documents", hour, purge_documents),
        ("renew-archives", hour, renew_archives),
        ("limit-unsigned", day, limit_unsigned),
        ("forget-preparations", hour, delete_expired_preparations),
        ("forget-idempotency-keys", hour, delete_expired_idempotency_keys),
        ("forget-nonces", hour, delete_expired_nonces),
        ("forget-answers", hour, delete_expired_answers),
        ("forget-events", day, delete_expired_events),
        ("forget-audit-entries", day, delete_expired_audit_entries),
        ("forget-deliveries", day, delete_expired_deliveries),
        ("compare-files", EVERY, compare_files),
    )
    return tuple(Schedule(name, every, partial(_scheduled, ports, name, verb)) for name, every, verb in timetable)


def _scheduled(ports: Ports, name: str, verb: Callable[[Ports], int]) -> None:
    changed = verb(ports)
    if changed:
        log.info("schedule.done", schedule=name, changed=changed)


def _process(ports: Ports, document_id: UUID) -> None:
    try:
        found = find_in_processing(ports, document_id)
        if found is not None:
            # A timestamp is waited for with a deadline.
            simple = found.document.level_wanted is Level.B_B
            on_own_loop(process_found(ports, found), in_one_thread=simple)
    except Refused as error:
        log.warning("document.failed", document_id=str(document_id), code=error.code)
        fail_document(ports, document_id, error.code, error.detail)


def _process_session(ports: Ports, session_id: UUID) -> None:
    alone = on_own_loop(process_session(ports, session_id), in_one_thread=True)
    if alone:
        log.warning("session.documents_alone", session_id=str(session_id), documents=alone)


def _archive(ports: Ports, document_id: UUID) -> timedelta | None:
    wait = on_own_loop(archive_document(ports, document_id))
    if wait is not None:
        log.info("document.not_archived", document_id=str(document_id), again_in=wait.total_seconds())
    return wait
