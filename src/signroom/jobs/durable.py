"""Durable jobs on DBOS: a job that was committed runs to its end, whatever is killed in between.

The guards (docs/decisions/0004) are here and nowhere else:

1. ``application_version`` is a constant: by default it is a hash of the code, and an upgrade would strand every
   job that is under way. Change the meaning of a job under a new name.
2. The executor id is fixed only for the one process that holds the lock of its data folder: it finds its own
   work again at once after a crash. Any other process gets an id of its own.
3. Lost connections look like lost connections (``store.engine.mark_lost_connections``).
4. Arguments are ids and the serializer is JSON: nothing personal, and nothing executable, lies in the job tables.

Taking over the work of a machine that never comes back (the lease reaper) is not here yet.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import socket
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import structlog
from dbos import DBOS, DBOSClient, DBOSConfig, Serializer, run_dbos_database_migrations
from dbos import error as dbos_error
from sqlalchemy.engine import Connection, Engine

from signroom.domain.errors import ProcessingUnavailable, Unavailable

log = structlog.get_logger()

APPLICATION = "signroom"
APPLICATION_VERSION = "1"
QUEUE = "signroom-documents"
_POLL_SECONDS = 0.1

# Waits of 1, 2, 4 ... s between tries: some four minutes for a storage or a worker pool to come back.
_TRIES = 9


@dataclass(frozen=True, slots=True)
class Job:
    """What a job does. Both may run twice."""

    run: Callable[[UUID], None]
    """Runs to its end; `Unavailable` is tried again, any other error is final."""
    give_up: Callable[[UUID, str], None]
    """Called with an error code when `run` failed for good: nobody may wait for ever."""


class JobFailed(Exception):
    """A job that ended with an error, as read back from the job table."""


class JsonSerializer(Serializer):
    """JSON instead of DBOS's pickle: write access to the database must not mean execution of code."""

    def serialize(self, data: Any) -> str:
        return json.dumps(data, default=_plain)

    def deserialize(self, serialized_data: str) -> Any:
        return json.loads(serialized_data, object_hook=_lively)

    def name(self) -> str:
        return "signroom_json"


def _plain(value: Any) -> Any:
    if isinstance(value, BaseException):
        # Only the kind: the text of a foreign error may quote what it was working on.
        return {"$error": type(value).__name__}
    raise TypeError(f"{type(value).__name__} does not belong in a job table")


def _lively(found: dict[str, Any]) -> Any:
    return JobFailed(found["$error"]) if "$error" in found else found


class DurableJobs:
    """The job engine of one process. `start` before the first enqueue, `stop` at the end."""

    def __init__(self, engine: Engine, data: Path, *, concurrency: int) -> None:
        self._engine = engine
        self._data = data
        self._concurrency = concurrency
        self._lock: IO[str] | None = None
        self._client: DBOSClient | None = None
        self._running = False

    def start(self, jobs: Mapping[str, Job], *, execute: bool = True) -> None:
        """Connect; with `execute`, also run jobs, beginning with those that a crash interrupted."""
        if execute:
            self._launch(jobs)
        else:
            migrate_job_tables(self._engine)
        self._client = DBOSClient(
            system_database_engine=self._engine, application_name=APPLICATION, serializer=JsonSerializer()
        )

    def _launch(self, jobs: Mapping[str, Job]) -> None:
        DBOS(config=self._config(self._executor_id()))
        _quiet(logging.WARNING)
        for name, job in jobs.items():
            _register(name, job)
        DBOS.launch()
        self._running = True
        DBOS.register_queue(
            QUEUE,
            worker_concurrency=self._concurrency,
            polling_interval_sec=_POLL_SECONDS,
            on_conflict="always_update",
        )

    def enqueue(self, connection: Connection, job: str, key: str, subject: UUID) -> None:
        """Put a job row into the open transaction of `connection`; a key that exists already is left alone."""
        if self._client is None:
            raise RuntimeError("the job engine is not started")
        options = {"workflow_name": job, "queue_name": QUEUE, "workflow_id": key}
        self._client.enqueue_in_transaction(connection, options, str(subject))  # type: ignore[arg-type]

    @property
    def running(self) -> bool:
        """True between `start` with ``execute`` and `stop`."""
        return self._running

    def stop(self, *, timeout: int = 10) -> None:
        """Let running jobs end for up to `timeout` seconds; what does not end is run again at the next start."""
        if self._running:
            DBOS.destroy(workflow_completion_timeout_sec=timeout)
            self._running = False
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _config(self, executor: str) -> DBOSConfig:
        config = DBOSConfig(
            name=APPLICATION,
            application_version=APPLICATION_VERSION,
            executor_id=executor,
            enable_otlp=False,
            serializer=JsonSerializer(),
            max_executor_threads=self._concurrency + 2,
            sys_db_pool_size=self._concurrency + 4,
            log_level="WARNING",
        )
        if self._engine.dialect.name == "sqlite":
            # Its own engine: DBOS's migrations cannot run inside our BEGIN IMMEDIATE.
            config["system_database_url"] = self._engine.url.render_as_string(hide_password=False)
        else:
            config["system_database_engine"] = self._engine
        return config

    def _executor_id(self) -> str:
        """Guard 2. The lock lives as long as this process: the kernel drops it at a crash."""
        lock = (self._data / "executor.lock").open("a+")
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


def _register(name: str, job: Job) -> None:
    # Steps of their own: the end of each is a checkpoint, so that a finished job is never run again by recovery.
    @DBOS.step(
        name=f"{name}.run",
        retries_allowed=True,
        max_attempts=_TRIES,
        should_retry=lambda error: isinstance(error, Unavailable),
    )
    def run(subject: str) -> None:
        job.run(UUID(subject))

    @DBOS.step(name=f"{name}.give_up")
    def give_up(subject: str, code: str) -> None:
        job.give_up(UUID(subject), code)

    @DBOS.workflow(name=name)
    def workflow(subject: str) -> None:
        try:
            run(subject)
        except Exception as error:  # whatever it was, the signer must not wait for ever
            log.exception("job.failed", job=name, subject=subject)
            give_up(subject, _code(error))


def _code(error: Exception) -> str:
    """By name, since an error that was read back from the job table is a `JobFailed`."""
    kind = error.args[0] if isinstance(error, JobFailed) else type(error).__name__
    exhausted = kind == dbos_error.DBOSMaxStepRetriesExceeded.__name__
    return ProcessingUnavailable.code if exhausted else "InternalError"


def _quiet(level: int) -> None:
    """DBOS writes to a handler of its own; hand its records to ours instead."""
    logger = logging.getLogger("dbos")
    logger.handlers.clear()
    logger.propagate = True
    logger.setLevel(level)
