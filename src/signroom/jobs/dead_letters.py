"""What waits, what died, once more from the step that failed, and what need not run any more."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from dbos import DBOSClient, SetWorkflowID, WorkflowStatus
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from signroom.domain.errors import DatabaseUnavailable, DeadJobNotFound
from signroom.jobs.leases import LEASE_SECONDS, living
from signroom.jobs.tables import DEAD, IN_FLIGHT, in_status, steps, workflows
from signroom.jobs.workflows import follower_name, job_name
from signroom.ports.jobs import DeadJob, JobsState, Queue

KEEP_DONE = timedelta(days=7)
KEEP_DEAD = timedelta(days=30)
HASTENED_AFTER = 8
"""A job is hastened when this part of its wait is over. One that is never done is tried so many times as often, and no
more, however many others are done."""
_BATCH = 200
"""Workflows deleted in one transaction: some milliseconds, for which SQLite's other writers wait."""
_DONE = ("SUCCESS", "CANCELLED")
_FIRST = (1, "")
"""A job whose patience was over, or that killed its process, has no step with an error: it failed in its first."""


def dead(client: DBOSClient, engine: Engine, queues: Mapping[str, Queue], limit: int) -> list[DeadJob]:
    """Newest first; what was retried already is not among them. Raises: DatabaseUnavailable."""
    names = [name for job in queues for name in (job, follower_name(job))]
    try:
        found = client.list_workflows(
            status=list(DEAD), name=names, was_forked_from=False, load_output=False, sort_desc=True, limit=limit
        )
        failed = _failed_steps(engine, [status.workflow_id for status in found])
    except SQLAlchemyError as error:
        raise DatabaseUnavailable from error
    return [_letter(status, failed) for status in found]


def retry(client: DBOSClient, engine: Engine, queues: Mapping[str, Queue], job_id: str) -> tuple[str, Queue]:
    """Run a dead job again from the step that failed; returns the id of the new run, and its queue.

    Once only, whoever asks at the same time: the id follows from the old one. Raises: DeadJobNotFound,
    DatabaseUnavailable.
    """
    again = _retried_id(job_id)
    try:
        found = client.list_workflows(
            workflow_ids=[job_id], status=list(DEAD), was_forked_from=False, load_output=False
        )
        queue = queues.get(job_name(found[0].name)) if found else None
        if queue is None:
            raise DeadJobNotFound
        step, _ = _failed_steps(engine, [job_id]).get(job_id, _FIRST)
        with SetWorkflowID(again):
            client.fork_workflow(job_id, step, queue_name=queue.value, queue_partition_key=found[0].queue_partition_key)
    except IntegrityError as error:
        raise DeadJobNotFound from error
    except SQLAlchemyError as error:
        raise DatabaseUnavailable from error
    return again, queue


def state(engine: Engine) -> JobsState:
    """Raises: DatabaseUnavailable."""
    w = workflows(engine)
    of_ours = w.c.queue_name.in_([queue.value for queue in Queue])
    # One after the other: there is no index for all three.
    parts = (sa.select(w.c.queue_name, w.c.status).where(in_status(w, status), of_ours) for status in IN_FLIGHT)
    found = sa.union_all(*parts).subquery()
    counts = sa.select(found.c.queue_name, found.c.status, sa.func.count().label("jobs")).group_by(
        found.c.queue_name, found.c.status
    )
    # Not from when it was enqueued, where it was to wait.
    due = sa.select(sa.func.min(sa.func.coalesce(w.c.delay_until_epoch_ms, w.c.created_at))).where(
        in_status(w, "ENQUEUED"), of_ours
    )
    lost = sa.select(sa.func.count()).select_from(w).where(in_status(w, *DEAD), w.c.was_forked_from.is_(sa.false()))
    try:
        with engine.execution_options(signroom_read_only=True).connect() as connection:
            counted = {(Queue(row.queue_name), str(row.status)): int(row.jobs) for row in connection.execute(counts)}
            oldest = connection.scalar(due)
            letters = int(connection.scalar(lost) or 0)
        executors = living(engine, LEASE_SECONDS)
    except SQLAlchemyError as error:
        raise DatabaseUnavailable from error
    return JobsState(counted, None if oldest is None else _time(int(oldest)), letters, executors)


def hasten(client: DBOSClient, engine: Engine, job: str, most: int) -> int:
    """Make those due that are due next, of those that have waited for a part of their wait since they ran last.

    One that runs meanwhile is left alone. Raises: DatabaseUnavailable.
    """
    w, now = workflows(engine), int(time.time() * 1000)
    since, wait = now - w.c.created_at, w.c.delay_until_epoch_ms - w.c.created_at
    waiting = (
        sa.select(w.c.workflow_uuid)
        .where(in_status(w, "DELAYED"), w.c.name == follower_name(job))
        .where(w.c.delay_until_epoch_ms > now, since * HASTENED_AFTER >= wait)
        .order_by(w.c.delay_until_epoch_ms)
        .limit(most)
    )
    try:
        with engine.execution_options(signroom_read_only=True).connect() as connection:
            ids = list(connection.scalars(waiting))
        for workflow_id in ids:
            client.set_workflow_delay(workflow_id, delay_seconds=0)
    except SQLAlchemyError as error:
        raise DatabaseUnavailable from error
    return len(ids)


def waiting(engine: Engine, queues: Sequence[Queue], most: int) -> int:
    """How many jobs are enqueued there, and `most` where it is more. Raises: DatabaseUnavailable."""
    w = workflows(engine)
    conditions = in_status(w, "ENQUEUED"), w.c.queue_name.in_([queue.value for queue in queues])
    some = sa.select(sa.literal_column("1")).select_from(w).where(*conditions).limit(most).subquery()
    try:
        with engine.execution_options(signroom_read_only=True).connect() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(some)) or 0
    except SQLAlchemyError as error:
        raise DatabaseUnavailable from error


def withdraw(client: DBOSClient, engine: Engine, keys: Sequence[str]) -> None:
    """Cancel those that are enqueued. One that is claimed meanwhile may run once, and ends as a cancelled one.

    Raises: DatabaseUnavailable.
    """
    w = workflows(engine)
    waiting = sa.select(w.c.workflow_uuid).where(w.c.workflow_uuid.in_(keys), in_status(w, "ENQUEUED"))
    try:
        with engine.execution_options(signroom_read_only=True).connect() as connection:
            ids = list(connection.scalars(waiting))
        if ids:
            client.cancel_workflows(ids)
    except SQLAlchemyError as error:
        raise DatabaseUnavailable from error


def delete_finished(client: DBOSClient, engine: Engine, now: datetime) -> int:
    """Forget jobs that ended long ago, in small transactions; returns how many. Raises: SQLAlchemyError."""
    deleted = 0
    for statuses, keep in ((_DONE, KEEP_DONE), (DEAD, KEEP_DEAD)):
        while ids := _ended(engine, statuses, now - keep):
            client.delete_workflows(ids)
            deleted += len(ids)
    return deleted


def _ended(engine: Engine, statuses: tuple[str, ...], before: datetime) -> list[str]:
    w = workflows(engine)
    query = sa.select(w.c.workflow_uuid).where(
        in_status(w, *statuses), w.c.completed_at < int(before.timestamp() * 1000)
    )
    with engine.execution_options(signroom_read_only=True).connect() as connection:
        return list(connection.scalars(query.limit(_BATCH)))


def _letter(status: WorkflowStatus, failed: Mapping[str, tuple[int, str]]) -> DeadJob:
    job = job_name(status.name)
    _, step = failed.get(status.workflow_id, _FIRST)
    ended = status.completed_at or status.updated_at or 0
    return DeadJob(status.workflow_id, job, subject_of(status), _time(ended), step or f"{job}.run")


def _failed_steps(engine: Engine, ids: Sequence[str]) -> dict[str, tuple[int, str]]:
    """Number and name of the first step with an error, for those that have one."""
    s = steps(engine)
    query = (
        sa.select(s.c.workflow_uuid, s.c.function_id, s.c.function_name)
        .where(s.c.workflow_uuid.in_(ids), s.c.error.is_not(None))
        .order_by(s.c.function_id.desc())
    )
    with engine.execution_options(signroom_read_only=True).connect() as connection:
        return {row.workflow_uuid: (row.function_id, row.function_name) for row in connection.execute(query)}


def subject_of(status: WorkflowStatus) -> UUID:
    """Its first argument."""
    return UUID((status.input or {"args": [""]})["args"][0])


def _retried_id(job_id: str) -> str:
    """``key`` -> ``key+1`` -> ``key+2``."""
    first, plus, number = job_id.rpartition("+")
    return f"{first}+{int(number) + 1}" if plus and number.isdecimal() else f"{job_id}+1"


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
