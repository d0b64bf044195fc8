"""What DBOS runs for a job: the try, and what follows from it.

A job that must wait is not kept: its workflow ends and a delayed one takes its place, so that no thread and no place
in the queue is held. The follower's id is that of the first with a number behind it (``key~1``, ``key~2`` ...):
enqueued twice, after a crash in between, it is still one.

Rows that are under way outlive an upgrade. Their recorded steps are replayed by this code, so the order of the steps
(``run``, then ``later`` or ``give_up``) and the meaning of the arguments change only under a new workflow name or
behind ``DBOS.patch``.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from dbos import DBOS
from dbos import error as dbos_error

from signroom.domain.errors import ProcessingUnavailable, Unavailable
from signroom.jobs.serializer import JobFailed
from signroom.ports.jobs import Job, Schedule

log = structlog.get_logger()

QUICK = (1.0, 2.0, 4.0)
"""Seconds between tries within a step: most outages are shorter."""
BACK_OFF = (15.0, 60.0, 300.0, 900.0, 3600.0)
"""Seconds until the job is tried again; the last for ever."""
_LONGEST_GIVE_UP_WAIT = 60.0
SCHEDULED = "signroom-schedule"
GIVE_UP = "signroom-give-up"
_JITTER = 0.2
_AGAIN = ".again"


@dataclass(frozen=True, slots=True)
class RunHistory:
    """Where in the chain of its runs a workflow stands; an argument of it, so fields are only added, with defaults.

    The last ``tries`` runs found something unavailable, the first of them at ``since`` (seconds since 1970); the last
    ones of them always with ``code``, the first of these at ``code_since``. ``code`` is None for what is waited for as
    long as the job says.
    """

    lane: str | None = None
    number: int = 0
    tries: int = 0
    since: float = 0.0
    code: str | None = None
    code_since: float = 0.0


@dataclass(frozen=True, slots=True)
class Follower:
    """The run after this one, ``delay`` seconds from now."""

    workflow_id: str
    job: str
    subject: str
    delay: float
    link: RunHistory


@dataclass(frozen=True, slots=True)
class RetryWaits:
    """Seconds; as constants above, shorter in tests."""

    quick: Sequence[float] = QUICK
    back_off: Sequence[float] = BACK_OFF


RETRY_WAITS = RetryWaits()


@dataclass(frozen=True, slots=True)
class Runner:
    """What the workflows of one engine share."""

    follow: Callable[[Follower], None]
    stopping: threading.Event
    waits: RetryWaits
    max_recoveries: int
    """A job whose process died so many times is taken off."""


class Done(BaseException):
    """Ends the step of a job that needs nothing more. No error: DBOS records errors, and what a step returns.

    The end of its workflow, which follows at once, says the same. To record both costs a transaction for each job.
    """


class GivenUp(Exception):
    """Ends a workflow as ERROR after ``give_up`` has run: an operator finds it among the dead letters."""


def register_job(name: str, job: Job, runner: Runner) -> None:
    """Make the workflow ``name``, before DBOS is launched."""

    # Steps of their own: the end of each is a checkpoint, so that a finished job is never run again by recovery.
    @DBOS.step(name=f"{name}.run")
    def run(subject: str) -> dict[str, Any] | None:
        """None: as an earlier version has recorded what is done."""
        outcome = _try(job, UUID(subject), runner)
        if outcome is None:
            raise Done
        return outcome

    @DBOS.step(name=f"{name}.later")
    def later(workflow_id: str, subject: str, link: dict[str, Any], outcome: dict[str, Any]) -> bool:
        """RetryWaits are drawn here: a replay reads what was recorded."""
        found = _next(RunHistory(**link), outcome, job, runner)
        if found is None:
            return False
        following, wait = found
        runner.follow(Follower(follower_id(workflow_id, following.number), name, subject, wait, following))
        return True

    @DBOS.step(name=f"{name}.give_up")
    def give_up(subject: str, code: str) -> None:
        _give_up(job, UUID(subject), code, runner)

    def workflow(subject: str, link: dict[str, Any] | None = None) -> None:
        _begin_log_lines()
        try:
            outcome = run(subject)
        except Done:
            return
        except Exception as error:  # whatever it was, the signer must not wait for ever
            if runner.stopping.is_set() and isinstance(error, dbos_error.DBOSException):
                raise  # the engine went away under a job that was cut off: it is run again elsewhere
            log.exception("job.failed", job=name, subject=subject)
            give_up(subject, _code(error))
            raise GivenUp from None
        if outcome is None:
            return
        if not later(DBOS.workflow_id or "", subject, link or {}, outcome):
            log.error("job.patience_over", job=name, subject=subject)
            give_up(subject, ProcessingUnavailable.code)
            raise GivenUp

    @DBOS.workflow(name=name, max_recovery_attempts=runner.max_recoveries)
    def first(subject: str, link: dict[str, Any] | None = None) -> None:
        workflow(subject, link)

    @DBOS.workflow(name=follower_name(name), max_recovery_attempts=runner.max_recoveries)
    def follower(subject: str, link: dict[str, Any]) -> None:
        workflow(subject, link)


def register_give_up(jobs: dict[str, Job], runner: Runner) -> None:
    """Make the workflow that gives up a job whose own workflow cannot: it killed its process again and again."""

    @DBOS.step(name=f"{GIVE_UP}.run")
    def give_up(job: str, subject: str) -> None:
        _give_up(jobs[job], UUID(subject), "InternalError", runner)

    @DBOS.workflow(name=GIVE_UP, max_recovery_attempts=runner.max_recoveries)
    def workflow(job: str, subject: str) -> None:
        _begin_log_lines()
        give_up(job, subject)


def register_schedules(schedules: dict[str, Schedule], runner: Runner) -> None:
    """Make the workflow of all schedules."""

    @DBOS.step(name=f"{SCHEDULED}.run")
    def run(name: str) -> None:
        schedules[name].run()

    @DBOS.workflow(name=SCHEDULED, max_recovery_attempts=runner.max_recoveries)
    def workflow(name: str) -> None:
        _begin_log_lines()
        if name not in schedules:  # of another version
            return
        try:
            run(name)
        except Exception:  # the next run is due soon: a failed one is no dead letter
            log.exception("schedule.failed", schedule=name)


def _begin_log_lines() -> None:
    """The thread has run other jobs: no line of this one is about theirs."""
    structlog.contextvars.clear_contextvars()


def follower_name(job: str) -> str:
    """Of the workflow: another name, since version 0.1.0 would fail on its arguments; what it does not know it leaves
    to whoever takes over its work."""
    return f"{job}{_AGAIN}"


def job_name(workflow_name: str) -> str:
    return workflow_name.removesuffix(_AGAIN)


def follower_id(workflow_id: str, number: int) -> str:
    """``key`` -> ``key~1`` -> ``key~2``; `number` is the follower's."""
    return f"{workflow_id.removesuffix(f'~{number - 1}')}~{number}"


def _next(link: RunHistory, outcome: dict[str, Any], job: Job, runner: Runner) -> tuple[RunHistory, float] | None:
    """The follower's link and the seconds until its run; None when the job's patience is over, or that for what it
    found unavailable. `outcome` as `_try` gives it.
    """
    if outcome["again"] is not None:
        return RunHistory(link.lane, link.number + 1), outcome["again"]
    now, code = time.time(), outcome["code"] if outcome["patience"] is not None else None
    since = link.since or now
    code_since = link.code_since if link.code == code else now
    # A process that is about to end hands the job over at once.
    wait = 0.0 if runner.stopping.is_set() else _back_off(link.tries, runner.waits)
    if now + wait - since > job.patience.total_seconds():
        return None
    if outcome["patience"] is not None and now + wait - code_since > outcome["patience"]:
        return None
    return RunHistory(link.lane, link.number + 1, link.tries + 1, since, code, code_since), wait


def _try(job: Job, subject: UUID, runner: Runner) -> dict[str, Any] | None:
    """None: done. Otherwise ``again``: the wait in seconds that the job asked for, None when something was unavailable:
    then ``code`` says what, and ``patience`` for how many seconds that is worth a wait (None: the job's own).

    A value, not an error: DBOS would record an error as the end of the step.
    """
    outcome: dict[str, Any] = {}
    for wait in (*runner.waits.quick, None):
        try:
            again = job.run(subject)
        except Unavailable as error:
            log.warning("job.unavailable", subject=str(subject), code=error.code)
            patience = None if error.patience is None else error.patience.total_seconds()
            outcome = {"again": None, "code": error.code, "patience": patience}
            if wait is None or runner.stopping.wait(wait):
                break
        else:
            return None if again is None else {"again": again.total_seconds()}
    return outcome


def _give_up(job: Job, subject: UUID, code: str, runner: Runner) -> None:
    """Not giving up on giving up: it needs the database alone, without which nothing else goes on either."""
    wait = 1.0
    while True:
        try:
            return job.give_up(subject, code)
        except Unavailable:
            if runner.stopping.wait(wait):
                raise
            wait = min(2 * wait, _LONGEST_GIVE_UP_WAIT)


def _back_off(tries: int, waits: RetryWaits) -> float:
    wait = waits.back_off[min(tries, len(waits.back_off) - 1)]
    return wait * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311  (spreads load, protects nothing)


def _code(error: Exception) -> str:
    """By name, since an error that was read back from the job table is a `JobFailed`."""
    kind = error.args[0] if isinstance(error, JobFailed) else type(error).__name__
    # Recorded by versions that left the tries to DBOS.
    exhausted = kind == dbos_error.DBOSMaxStepRetriesExceeded.__name__
    return ProcessingUnavailable.code if exhausted else "InternalError"
