"""Job name -> verb: the worker's table from errors to outcomes.

`Refused` can never succeed: the document ends with that code. `Unavailable` goes back to the engine, which tries
again. Anything else is a bug: the engine gives up with ``InternalError``, and the log has the rest.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import structlog

from signroom.domain.errors import Refused
from signroom.ports import Ports
from signroom.ports.jobs import Job, Queue, Schedule
from signroom.service.documents.manage_document_keys import give_document_keys
from signroom.service.documents.purge_documents import limit_unsigned, purge_documents
from signroom.service.documents.upload_files import purge_uploads
from signroom.service.erasing.delete_tenants import finish_deletions
from signroom.service.erasing.erase import continue_erasures
from signroom.service.erasing.index_persons import index_persons
from signroom.service.erasing.late_files import delete_late_files
from signroom.service.events.import_legacy_events import import_legacy_events
from signroom.service.events.record_event import DELIVER_WEBHOOK
from signroom.service.levels.archive_document import (
    ARCHIVE_DOCUMENT,
    TRIED_FOR,
    archive_document,
    give_up_archiving,
)
from signroom.service.levels.learn_archive_ends import learn_archive_ends
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
from signroom.service.signing.process_document import fail_document, process_document
from signroom.service.signing.process_session import give_up_session, process_session
from signroom.service.signing.sign_locally import continue_local_signatures
from signroom.service.webhooks.deliver_webhook import deliver_webhook, fail_delivery
from signroom.service.webhooks.release_deliveries import RELEASE_DELIVERIES, release_deliveries, release_later

log = structlog.get_logger()

T = TypeVar("T")


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
        ("delete-late-files", minute, delete_late_files),
        ("learn-archive-ends", minute, learn_archive_ends),
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
    _on_own_loop(_processed(ports, document_id))


def _process_session(ports: Ports, session_id: UUID) -> None:
    alone = _on_own_loop(process_session(ports, session_id))
    if alone:
        log.warning("session.documents_alone", session_id=str(session_id), documents=alone)


def _archive(ports: Ports, document_id: UUID) -> timedelta | None:
    wait = _on_own_loop(archive_document(ports, document_id))
    if wait is not None:
        log.info("document.not_archived", document_id=str(document_id), again_in=wait.total_seconds())
    return wait


def _on_own_loop(work: Coroutine[Any, Any, T]) -> T:
    """The thread of a job is nobody else's."""
    context = contextvars.copy_context()
    try:
        with asyncio.Runner() as runner:
            return runner.run(work, context=context)
    finally:
        # What the verb has bound is for the lines about its failure, too: they are written outside of the loop.
        for variable, value in context.items():
            variable.set(value)


async def _processed(ports: Ports, document_id: UUID) -> None:
    try:
        await process_document(ports, document_id)
    except Refused as error:
        log.warning("document.failed", document_id=str(document_id), code=error.code)
        await asyncio.to_thread(fail_document, ports, document_id, error.code, error.detail)
