"""The thread of every executing process that keeps its lease, takes over from the dead, and starts what is due.

Every beat is one round of small queries. A database that is away costs one line in the log; the beats go on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
import structlog
from dbos import DBOS
from sqlalchemy.engine import Engine

from signroom.jobs.leases import LEASE_SECONDS, Leases
from signroom.jobs.tables import in_status, now, workflows
from signroom.ports.jobs import Schedule

log = structlog.get_logger()

BEAT_SECONDS = 5.0
STUCK_SECONDS = 15 * 60.0
"""Longer than any step may take."""
_STEADY = 3
"""Beats in a row before the others are judged: after an outage of the database all leases are old, and each living
process renews its own within a beat."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds; as constants, shorter in tests."""

    beat: float = BEAT_SECONDS
    lease: float = LEASE_SECONDS
    stuck: float = STUCK_SECONDS


TIMING = Timing()


class Heartbeat:
    """Beats from `start` until `stop`, as `executor_id`."""

    def __init__(
        self,
        engine: Engine,
        executor_id: str,
        schedules: Sequence[Schedule],
        *,
        enqueue: Callable[[str, str], None],
        give_up: Callable[[Sequence[str]], None],
        taken: Callable[[], None],
        timing: Timing = TIMING,
    ) -> None:
        self._engine = engine
        self._executor_id = executor_id
        self._schedules = schedules
        self._enqueue = enqueue
        self._give_up = give_up
        self._taken = taken
        self._timing = timing
        self._leases = Leases(engine, executor_id, lease=timing.lease)
        self._done: dict[str, int] = {}
        self._stuck: set[str] = set()
        self._steady = 0
        self._last = 0.0
        self._ended = threading.Event()
        self._lost = False
        self._thread = threading.Thread(target=self._run, name="signroom-pulse", daemon=True)

    def start(self) -> None:
        """The first lease is written before anything runs: nobody must take this process for dead.

        Raises: SQLAlchemyError.
        """
        self._leases.renew()
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(timeout=self._timing.lease)
        try:
            self._leases.release()
        except sa.exc.SQLAlchemyError as error:  # it will end by itself
            log.warning("jobs.lease_kept", error=type(error).__name__)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._once()
            except sa.exc.SQLAlchemyError as error:
                self._steady = 0
                if not self._lost:
                    log.error("jobs.database_lost", error=type(error).__name__)
                self._lost = True
            except Exception:  # this thread must outlive whatever a beat met: without it nobody takes over
                log.exception("jobs.beat_failed")
            else:
                if self._lost:
                    log.warning("jobs.database_back")
                self._lost = False
            self._ended.wait(self._timing.beat)

    def _once(self) -> None:
        self._leases.renew()
        if self._in_time() >= _STEADY:
            self._take_over()
        self._give_up(self._exhausted())
        self._report_stuck()
        self._start_what_is_due()

    def _in_time(self) -> int:
        """Beats in a row without a gap; after one (SIGSTOP, a suspended machine) it begins again."""
        at, before = time.monotonic(), self._last
        self._last = at
        self._steady = self._steady + 1 if at - before < self._timing.lease / 2 else 1
        return self._steady

    def _take_over(self) -> None:
        dead = self._leases.dead()
        if dead:
            taken = DBOS._recover_pending_workflows(dead)  # noqa: SLF001  (the one private call: decision 0018)
            self._taken()
            log.warning("jobs.taken_over", executors=dead, jobs=[handle.get_workflow_id() for handle in taken])
        elif self._steady % 100 == 0:
            self._leases.forget()

    def _exhausted(self) -> list[str]:
        """Jobs that DBOS took off because their process died each time, and that nobody has given up yet."""
        w = workflows(self._engine)
        done = w.alias()
        given_up = sa.select(done.c.workflow_uuid).where(done.c.workflow_uuid == w.c.workflow_uuid + GIVEN_UP)
        query = sa.select(w.c.workflow_uuid).where(in_status(w, "MAX_RECOVERY_ATTEMPTS_EXCEEDED"), ~given_up.exists())
        with self._engine.execution_options(signroom_read_only=True).connect() as connection:
            return list(connection.scalars(query.limit(100)))

    def _report_stuck(self) -> None:
        w = workflows(self._engine)
        since = (now(self._engine) - self._timing.stuck) * 1000
        query = sa.select(w.c.workflow_uuid, w.c.name).where(
            in_status(w, "PENDING"), w.c.executor_id == self._executor_id, w.c.started_at_epoch_ms < since
        )
        with self._engine.execution_options(signroom_read_only=True).connect() as connection:
            found = {row.workflow_uuid: row.name for row in connection.execute(query)}
        for workflow_id in found.keys() - self._stuck:
            log.error("job.no_progress", id=workflow_id, job=found[workflow_id], seconds=self._timing.stuck)
        self._stuck = set(found)

    def _start_what_is_due(self) -> None:
        for schedule in self._schedules:
            # The same number in every process, whatever its clock says by a second or two; the key makes it one run.
            due = int(time.time() // schedule.every.total_seconds())
            if self._done.get(schedule.name) != due:
                self._enqueue(schedule.name, f"{schedule.name}@{due}")
                self._done[schedule.name] = due


GIVEN_UP = "!given-up"
"""Behind the id of a job: the id of the workflow that gives it up, so that there is only one."""
