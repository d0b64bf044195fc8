"""The job engine's state as numbers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from signroom.ports.jobs import JobsState, Queue
from signroom.ports.operations import Measured

_STATES = {"ENQUEUED": "waiting", "PENDING": "running", "DELAYED": "later"}


def jobs_measured(state: JobsState, now: datetime) -> Iterable[Measured]:
    """Every queue and state is there, also where nothing is in it: an alert must see the 0."""
    for queue in Queue:
        for status, name in _STATES.items():
            yield Measured("jobs", state.jobs.get((queue, status), 0), (("queue", queue.value), ("state", name)))
    yield Measured("dead_jobs", state.dead)
    late = 0.0 if state.oldest_due is None else max(0.0, (now - state.oldest_due).total_seconds())
    yield Measured("oldest_job_seconds", late)
    yield Measured("executors", state.executors)
