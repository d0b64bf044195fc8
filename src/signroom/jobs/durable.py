"""Durable jobs on DBOS: a job that was committed runs to its end, whatever is killed in between.

The guards (docs/decisions/0004, 0018) are in this room and nowhere else:

1. ``application_version`` is a constant: by default it is a hash of the code, and an upgrade would strand every
   job that is under way. Change the meaning of a job under a new name.
2. The executor id is fixed only for the one process that holds the lock of its data folder: it finds its own
   work again at once after a crash. Any other process gets an id of its own.
3. Lost connections look like lost connections (``store.engine.mark_lost_connections``).
4. Arguments are ids and the serializer is JSON: nothing personal, and nothing executable, lies in the job tables.
5. The work of a process that never comes back is taken over by another (``leases``).
"""

from __future__ import annotations

import fcntl
import logging
import os
import socket
import sqlite3
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import structlog
from dbos import DBOS, DBOSClient, DBOSConfig, run_dbos_database_migrations
from sqlalchemy.engine import Connection, Engine

from signroom.jobs import dead_letters
from signroom.jobs.alarms import Alarms
from signroom.jobs.heartbeat import GIVEN_UP, TIMING, Heartbeat, Timing
from signroom.jobs.made_once import make_enqueueing_once
from signroom.jobs.serializer import JsonSerializer
from signroom.jobs.workflows import (
    GIVE_UP,
    RETRY_WAITS,
    SCHEDULED,
    Follower,
    RetryWaits,
    RunHistory,
    Runner,
    follower_name,
    job_name,
    register_give_up,
    register_job,
    register_schedules,
)
from signroom.ports.jobs import DeadJob, Job, JobsState, Queue, Schedule

log = structlog.get_logger()

APPLICATION = "signroom"
APPLICATION_VERSION = "1"
LANE_PLACES = 4
"""Jobs of one lane at the same time, over all processes."""
DELIVERY_PLACES = 16
"""In each process. The verb gives each subscription its share of them."""
ARCHIVE_PLACES = 2
"""In each process. A run may wait a minute for others, and works on files as a signature does."""
# A poll costs some milliseconds, in an idle process too; what is claimed at once makes up for a longer one.
_POLL_SECONDS = {
    Queue.DOCUMENTS: 0.2,
    Queue.SESSIONS: 0.2,
    Queue.DELIVERIES: 0.5,
    Queue.ARCHIVES: 1.0,
    Queue.MAINTENANCE: 1.0,
}
MAX_RECOVERIES = 20
"""Whoever was there at 20 deaths of his process caused them."""
_HASTEN_SECONDS = 1.0
_RETENTION_EVERY = timedelta(hours=1)


class NotFlushed(sqlite3.Connection):
    """What DBOS writes to SQLite itself: which process has claimed a job, and how the job has ended.

    Its commits are not flushed to the disk. A loss of power takes the last of them back, together and in order, as if
    it had come a moment earlier: the job runs again. Whatever a job has changed was flushed before by our own
    transaction, and jobs are enqueued in those (docs/decisions/0069).
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.execute("PRAGMA synchronous=NORMAL")


class DurableJobs:
    """The job engine of one process. `start` before the first enqueue, `stop` at the end."""

    def __init__(
        self,
        engine: Engine,
        data: Path,
        *,
        concurrency: int,
        waits: RetryWaits = RETRY_WAITS,
        timing: Timing = TIMING,
        max_recoveries: int = MAX_RECOVERIES,
        direct: Engine | None = None,
    ) -> None:
        """`direct`: the same database without a pooler, where `engine` goes through one."""
        self._engine = engine
        self._data = data
        self._places = {
            Queue.DOCUMENTS: concurrency,
            Queue.SESSIONS: concurrency,
            Queue.DELIVERIES: DELIVERY_PLACES,
            Queue.ARCHIVES: ARCHIVE_PLACES,
            Queue.MAINTENANCE: 1,
        }
        self._stopping = threading.Event()
        self._timing = timing
        self._runner = Runner(self._follow, self._stopping, waits, max_recoveries)
        self._queues: dict[str, Queue] = {}
        self._hastened: dict[str, float] = {}
        """When jobs of a name were hastened last, by the monotonic clock."""
        self._lock: IO[str] | None = None
        self._client: DBOSClient | None = None
        self._heartbeat: Heartbeat | None = None
        self._alarms = Alarms(engine, [queue.value for queue in Queue], listening=direct)
        self._running = False

    def start(self, jobs: Mapping[str, Job], *, schedules: Sequence[Schedule] = (), execute: bool = True) -> None:
        """Connect; with `execute`, also run jobs and schedules, beginning with what a crash interrupted."""
        self._queues = {name: job.queue for name, job in jobs.items()}
        if not execute:
            migrate_job_tables(self._engine)
            self._client = self._connect()
            return
        executor, own = self._executor_id(), Schedule("job-retention", _RETENTION_EVERY, self._delete_finished)
        self._heartbeat = Heartbeat(
            self._engine,
            executor,
            [*schedules, own],
            enqueue=self._enqueue_schedule,
            give_up=self._give_up,
            taken=self._alarms.ring_all,
            timing=self._timing,
        )
        self._stopping.clear()
        self._launch(executor, jobs, [*schedules, own])

    def _launch(self, executor: str, jobs: Mapping[str, Job], schedules: Sequence[Schedule]) -> None:
        dbos = DBOS(config=self._config(executor))
        _quiet(logging.WARNING)
        for name, job in jobs.items():
            register_job(name, job, self._runner)
        register_give_up(dict(jobs), self._runner)
        register_schedules({schedule.name: schedule for schedule in schedules}, self._runner)
        migrate_job_tables(self._engine)
        # Both before anything runs: a job may have to enqueue, and nobody may take us for dead.
        self._client = self._connect()
        if self._heartbeat is not None:
            self._heartbeat.start()
        self._alarms.install(dbos)
        DBOS.launch()
        self._running = True
        for queue in Queue:
            places, poll = self._places[queue], _POLL_SECONDS[queue]
            lane_places = LANE_PLACES if queue is Queue.DELIVERIES else None
            DBOS.register_queue(
                queue.value,
                worker_concurrency=places,
                partition_concurrency=lane_places,
                polling_interval_sec=poll,
                on_conflict="always_update",
            )
            self._alarms.registered(queue.value, places=places, lane_places=lane_places, poll_seconds=poll)

    def _connect(self) -> DBOSClient:
        client = DBOSClient(
            system_database_engine=self._engine, application_name=APPLICATION, serializer=JsonSerializer()
        )
        make_enqueueing_once(client._sys_db, self._alarms.notice)  # noqa: SLF001
        return client

    def enqueue(
        self,
        connection: Connection,
        job: str,
        key: str,
        subject: UUID,
        *,
        delay: timedelta,
        lane: str | None,
        order: int = 0,
    ) -> None:
        """Put a job row into the open transaction of `connection`; a key that exists already is left alone."""
        options = self._options(job, key, delay.total_seconds(), lane)
        if order > 0:
            options["priority"] = order  # 0, which the engine does not let us say, goes first
        # Version 0.1.0, which may still run beside us, knows only jobs without a lane, and their subject.
        arguments = (str(subject),) if lane is None else (str(subject), asdict(RunHistory(lane)))
        self._connected.enqueue_in_transaction(connection, options, *arguments)  # type: ignore[arg-type]
        self._alarms.enqueuing(connection, self._queues[job].value, delayed=delay > timedelta())

    @property
    def running(self) -> bool:
        """True between `start` with ``execute`` and `stop`."""
        return self._running

    def stop(self, *, timeout: int = 10) -> None:
        """Let running jobs end for up to `timeout` seconds; what does not end is run again, here or elsewhere."""
        self._stopping.set()
        if self._running:
            DBOS.destroy(workflow_completion_timeout_sec=timeout)
            self._running = False
        if self._heartbeat is not None:
            # Last: until here we were alive, from here the others take over what is left.
            self._heartbeat.stop()
            self._heartbeat = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def dead(self, limit: int) -> list[DeadJob]:
        return dead_letters.dead(self._connected, self._engine, self._queues, limit)

    def retry(self, job_id: str) -> str:
        again, queue = dead_letters.retry(self._connected, self._engine, self._queues, job_id)
        self._alarms.committed(queue.value)
        return again

    def waiting(self, queues: Sequence[Queue], most: int) -> int:
        return dead_letters.waiting(self._engine, queues, most)

    def hasten(self, job: str, most: int) -> int:
        now = time.monotonic()
        if now - self._hastened.get(job, -_HASTEN_SECONDS) < _HASTEN_SECONDS:
            return 0
        self._hastened[job] = now
        hastened = dead_letters.hasten(self._connected, self._engine, job, most)
        if hastened:
            self._alarms.committed(self._queues[job].value, delayed=True)
        return hastened

    def withdraw(self, keys: Sequence[str]) -> None:
        dead_letters.withdraw(self._connected, self._engine, keys)

    def state(self) -> JobsState:
        return dead_letters.state(self._engine)

    @property
    def _connected(self) -> DBOSClient:
        if self._client is None:
            raise RuntimeError("the job engine is not started")
        return self._client

    def _follow(self, follower: Follower) -> None:
        options = self._options(follower.job, follower.workflow_id, follower.delay, follower.link.lane)
        options["workflow_name"] = follower_name(follower.job)
        self._connected.enqueue(options, follower.subject, asdict(follower.link))  # type: ignore[arg-type]
        self._alarms.enqueued(self._queues[follower.job].value, delayed=follower.delay > 0)

    def _enqueue_schedule(self, name: str, key: str) -> None:
        options = {"workflow_name": SCHEDULED, "queue_name": Queue.MAINTENANCE.value, "workflow_id": key}
        self._connected.enqueue(options, name)  # type: ignore[arg-type]
        self._alarms.enqueued(Queue.MAINTENANCE.value)

    def _give_up(self, ids: Sequence[str]) -> None:
        """Give up jobs that were taken off, each once."""
        if not ids:
            return
        for found in self._connected.list_workflows(workflow_ids=list(ids), load_output=False):
            name = job_name(found.name)
            if name in self._queues:
                log.error("job.killed_its_process", job=name, id=found.workflow_id)
                options = {
                    "workflow_name": GIVE_UP,
                    "queue_name": Queue.MAINTENANCE.value,
                    "workflow_id": found.workflow_id + GIVEN_UP,
                }
                self._connected.enqueue(options, name, str(dead_letters.subject_of(found)))  # type: ignore[arg-type]
                self._alarms.enqueued(Queue.MAINTENANCE.value)

    def _delete_finished(self) -> None:
        deleted = dead_letters.delete_finished(self._connected, self._engine, datetime.now(UTC))
        log.info("jobs.forgotten", jobs=deleted)

    def _options(self, job: str, key: str, delay: float, lane: str | None) -> dict[str, object]:
        queue = self._queues.get(job)
        if queue is None:
            raise RuntimeError(f"there is no job {job!r}")
        if (lane is not None) is not (queue is Queue.DELIVERIES):
            raise RuntimeError(f"a job of {queue} with lane {lane!r}")
        options: dict[str, object] = {"workflow_name": job, "queue_name": queue.value, "workflow_id": key}
        if delay > 0:
            options["delay_seconds"] = delay
        if lane is not None:
            options["queue_partition_key"] = lane
        return options

    def _config(self, executor: str) -> DBOSConfig:
        threads = sum(self._places.values()) + 2
        config = DBOSConfig(
            name=APPLICATION,
            application_version=APPLICATION_VERSION,
            executor_id=executor,
            enable_otlp=False,
            serializer=JsonSerializer(),
            max_executor_threads=threads,
            sys_db_pool_size=threads + 2,
            db_engine_kwargs={"hide_parameters": True},
            log_level="WARNING",
            scheduler_polling_interval_sec=3600.0,  # schedules are ours (`heartbeat`)
        )
        if self._engine.dialect.name == "sqlite":
            # Its own engine: DBOS's migrations cannot run inside our BEGIN IMMEDIATE.
            config["system_database_url"] = self._engine.url.render_as_string(hide_password=False)
            # A connection to a file is not lost: nobody asks it for that each time. See `NotFlushed`.
            # And the one that was used last is used next: it has the statements of DBOS prepared.
            own = {"pool_pre_ping": False, "pool_use_lifo": True, "connect_args": {"factory": NotFlushed}}
            config["db_engine_kwargs"] = {**(config["db_engine_kwargs"] or {}), **own}
        else:
            config["system_database_engine"] = self._engine
        return config

    def _executor_id(self) -> str:
        """Guard 2. The lock lives as long as this process: the kernel drops it at a crash."""
        file = self._data / "executor.lock"
        lock = os.fdopen(os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._lock = lock
        lock.seek(0)
        known = lock.read().strip()
        if not known:
            known = f"folder-{uuid.uuid4().hex}"
            lock.write(known)
            lock.flush()
            os.fsync(lock.fileno())
        return known


def migrate_job_tables(engine: Engine) -> None:
    """Make or upgrade DBOS's own tables, for processes that never execute jobs (`signroom migrate`)."""
    run_dbos_database_migrations(engine.url.render_as_string(hide_password=False))


def _quiet(level: int) -> None:
    """DBOS writes to a handler of its own; hand its records to ours instead."""
    logger = logging.getLogger("dbos")
    logger.handlers.clear()
    logger.propagate = True
    logger.setLevel(level)
