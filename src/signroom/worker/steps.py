"""Job name -> verb: the worker's table from errors to outcomes.

`Refused` can never succeed: the document ends with that code. `Unavailable` goes back to the engine, which tries
again. Anything else is a bug: the engine gives up with ``InternalError``, and the log has the rest.
"""

from __future__ import annotations

from functools import partial
from uuid import UUID

import structlog

from signroom.domain.errors import Refused
from signroom.ports import Job, Ports, Queue, Schedule
from signroom.service.announce import DELIVER_WEBHOOK
from signroom.service.deliver_webhook import deliver_webhook, fail_delivery
from signroom.service.finish_signing import PROCESS_DOCUMENT
from signroom.service.process_document import fail_document, process_document
from signroom.service.release_deliveries import RELEASE_DELIVERIES, release_deliveries, release_later

log = structlog.get_logger()


def jobs(ports: Ports) -> dict[str, Job]:
    """Every job of this version by its name."""
    return {
        PROCESS_DOCUMENT: Job(partial(_process, ports), partial(fail_document, ports)),
        DELIVER_WEBHOOK: Job(partial(deliver_webhook, ports), partial(fail_delivery, ports), Queue.DELIVERIES),
        RELEASE_DELIVERIES: Job(partial(release_deliveries, ports), partial(release_later, ports), Queue.DELIVERIES),
    }


def jobs_of_others() -> dict[str, Job]:
    """The same for processes that only ask for them: no one of them is run here."""
    return {
        PROCESS_DOCUMENT: Job(_nobody, _nobody),
        DELIVER_WEBHOOK: Job(_nobody, _nobody, Queue.DELIVERIES),
        RELEASE_DELIVERIES: Job(_nobody, _nobody, Queue.DELIVERIES),
    }


def schedules(_ports: Ports) -> tuple[Schedule, ...]:
    """What is done again and again; the job engine adds its own housekeeping."""
    return ()


def _nobody(_subject: UUID, _code: str = "") -> None:
    raise RuntimeError("this process runs no jobs")


def _process(ports: Ports, document_id: UUID) -> None:
    try:
        process_document(ports, document_id)
    except Refused as error:
        log.warning("document.failed", document_id=str(document_id), code=error.code)
        fail_document(ports, document_id, error.code)
