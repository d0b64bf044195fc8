"""A job's run as it is seen from outside: timed, and with its log lines under its name and its subject's id."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

import structlog

from signroom.ports.operations import Meter

T = TypeVar("T")

_SUBJECTS = {
    "process-document": "document_id",
    "process-documents": "session_id",
    "archive-document": "document_id",
    "deliver-webhook": "delivery_id",
}
"""What the subject of a job is the id of."""


def observed(meter: Meter, job: str, run: Callable[[UUID], T]) -> Callable[[UUID], T]:
    """`run`, for the job engine."""

    def go(subject: UUID) -> T:
        structlog.contextvars.clear_contextvars()  # the thread has run other jobs
        structlog.contextvars.bind_contextvars(job=job)
        with meter.timed("job", job):
            meter.about(**{_SUBJECTS.get(job, "subject"): subject})
            return run(subject)

    return go
