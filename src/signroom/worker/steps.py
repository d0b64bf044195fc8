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
from signroom.ports import Job, Ports, Queue, Schedule
from signroom.service.adopt_events import adopt_events
from signroom.service.announce import DELIVER_WEBHOOK
from signroom.service.deliver_webhook import deliver_webhook, fail_delivery
from signroom.service.end_session import expire_sessions
from signroom.service.finish_signing import PROCESS_DOCUMENT
from signroom.service.forget import (
    forget_deliveries,
    forget_events,
    forget_idempotency_keys,
    forget_nonces,
    forget_preparations,
)
from signroom.service.process_document import fail_document, process_document
from signroom.service.purge_documents import limit_unsigned, purge_documents
from signroom.service.release_deliveries import RELEASE_DELIVERIES, release_deliveries, release_later
from signroom.service.upload_files import purge_uploads

log = structlog.get_logger()


def jobs(ports: Ports) -> dict[str, Job]:
    """Every job of this version by its name."""
    return {
        PROCESS_DOCUMENT: Job(partial(_process, ports), partial(fail_document, ports)),
        DELIVER_WEBHOOK: Job(partial(deliver_webhook, ports), partial(fail_delivery, ports), Queue.DELIVERIES),
        RELEASE_DELIVERIES: Job(partial(release_deliveries, ports), partial(release_later, ports), Queue.DELIVERIES),
    }


def schedules(ports: Ports) -> tuple[Schedule, ...]:
    """What time does; the job engine adds its own housekeeping. Each may run late, twice, and in two places at once."""
    minute, hour, day = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
    timetable: tuple[tuple[str, timedelta, Callable[[Ports], int]], ...] = (
        ("expire-sessions", minute, expire_sessions),
        ("adopt-events", minute, adopt_events),
        ("purge-uploads", hour, purge_uploads),
        ("purge-documents", hour, purge_documents),
        ("limit-unsigned", day, limit_unsigned),
        ("forget-preparations", hour, forget_preparations),
        ("forget-idempotency-keys", hour, forget_idempotency_keys),
        ("forget-nonces", hour, forget_nonces),
        ("forget-events", day, forget_events),
        ("forget-deliveries", day, forget_deliveries),
    )
    return tuple(Schedule(name, every, partial(_scheduled, ports, name, verb)) for name, every, verb in timetable)


def _scheduled(ports: Ports, name: str, verb: Callable[[Ports], int]) -> None:
    changed = verb(ports)
    if changed:
        log.info("schedule.done", schedule=name, changed=changed)


def _process(ports: Ports, document_id: UUID) -> None:
    try:
        process_document(ports, document_id)
    except Refused as error:
        log.warning("document.failed", document_id=str(document_id), code=error.code)
        fail_document(ports, document_id, error.code)
