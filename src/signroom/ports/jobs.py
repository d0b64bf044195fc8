"""The job engine: what a job promises, and what a verb may ask about jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID


class Queue(StrEnum):
    """Where a job waits; each has its own places in every process that runs jobs."""

    DOCUMENTS = "signroom-documents"
    SESSIONS = "signroom-sessions"
    """Documents of a session together. Processes of releases that do not know such jobs do not look into it."""
    DELIVERIES = "signroom-deliveries"
    """With lanes: a few at a time per lane, over all processes."""
    ARCHIVES = "signroom-archives"
    """What nobody waits for: signed files are raised to higher levels. They take no place of a signer's document."""
    MAINTENANCE = "signroom-maintenance"
    """One at a time in each process."""


PATIENCE = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Job:
    """What a job does. Both functions may run twice, even at the same time."""

    run: Callable[[UUID], timedelta | None]
    """Runs to its end. A time instead of None: run me again after that; the caller of the port has its own back-off.

    `Unavailable` is tried again with growing waits, without a place or a thread being held, for `patience`; any
    other error is final.
    """
    give_up: Callable[[UUID, str], None]
    """Called with an error code when `run` failed for good: nobody may wait for ever."""
    queue: Queue = Queue.DOCUMENTS
    patience: timedelta = PATIENCE


@dataclass(frozen=True, slots=True)
class Schedule:
    """Something that is done again and again: once per `every`, whatever the number of processes.

    A run that fails is logged and not repeated: the next one is due anyway. Rarely two may run at the same time.
    """

    name: str
    every: timedelta
    run: Callable[[], None]


@dataclass(frozen=True, slots=True)
class DeadJob:
    """A job that failed for good. ``since`` in UTC; ``failed_step`` is the engine's name of it."""

    id: str
    job: str
    subject: UUID
    since: datetime
    failed_step: str


@dataclass(frozen=True, slots=True)
class JobsState:
    """All processes together."""

    jobs: Mapping[tuple[Queue, str], int]
    """Unfinished jobs by queue and the engine's status: ``ENQUEUED`` (due), ``PENDING`` (running), ``DELAYED``."""
    oldest_due: datetime | None
    """Since when the oldest job waits that could run, in UTC."""
    dead: int
    executors: int
    """Processes that execute jobs at this moment."""


class Jobs(Protocol):
    """What is asked of the job engine beside `Work.enqueue`. Each raises DatabaseUnavailable."""

    def dead(self, limit: int) -> list[DeadJob]:
        """Jobs that failed for good and were not retried since, newest first."""

    def retry(self, job_id: str) -> str:
        """Run a dead job again from the step that failed, once; returns the new run's id. Raises: DeadJobNotFound."""

    def state(self) -> JobsState: ...

    def waiting(self, queues: Sequence[Queue], most: int) -> int:
        """How many jobs of these queues wait for a place now, and `most` where it is more."""

    def hasten(self, job: str, most: int) -> int:
        """Let `most` jobs of this name that wait to be run again run now, those that are due next. Returns how many.

        One that has only just begun to wait is left alone: it ran a moment ago. A process that asks again within a
        second hastens nothing.
        """

    def withdraw(self, keys: Sequence[str]) -> None:
        """Take back jobs that wait in their queue and that nobody needs any more; all others are left alone."""
