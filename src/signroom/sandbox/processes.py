"""Spawned, limited processes, and the queue of tasks before them.

A crew (`sandbox.crew`) gets a task only when a process of it is free: what waits, waits in our queue
(`sandbox.queue`), which knows shares and bounds and from which a task can be taken back. Nobody blocks: a task is two
futures.

Where there are several processes, the last one that is free is for signing, and for subscriptions that do not look at
files or pictures yet. One process has the priority of the service itself: it signs, and it looks for subscriptions that
have used little of late (`sandbox.spending`). The system gives the others less of the processors: who lets pictures be
drawn and files be looked at without end takes neither the processor from those who are answered nor all processes from
other subscriptions.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ParamSpec, TypeVar

import structlog

from signroom.domain.errors import ProcessingUnavailable, QueueFull, ShareUsed
from signroom.ports.files import Turn
from signroom.ports.operations import Measured
from signroom.sandbox.crew import Crew
from signroom.sandbox.queue import Bounds, FairQueue, Kind, NoPlace, Place, ShareTaken
from signroom.sandbox.spending import Spending
from signroom.sandbox.worker import prepare_worker

log = structlog.get_logger()

P = ParamSpec("P")
R = TypeVar("R")

_TASKS = 5000
"""After so many a worker is replaced, whatever a library has kept. To start one takes 0.8 s of the processor: after 500
tasks that was more than what most of these took.
"""
_STANDSTILL_SECONDS = 90.0
"""Without any task that begins or ends. It is longer than the longest deadline of a task and a start of its process."""
_LOWER = 10
"""By how much the priority of all processes but one is lower, as `nice` counts. It is a tenth of the weight."""
_MOST_BUSY = 6.0
"""Deadlines on the wall become so many times longer at most."""


def bounds_for(workers: int) -> Bounds:
    """A session may let its processes work for some seconds of usual files, an application for four sessions."""
    session = 8 + 8 * workers
    return Bounds(session=session, application=4 * session, total=16 * session)


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a task is ended, in seconds from its start in a process. The time that it waits does not count.

    `processor` ends what computes. `wall` ends what hangs, and is longer where others use the processors as well: an
    honest file must not be refused for its neighbours.
    """

    wall: float
    processor: float


@dataclass(eq=False, slots=True)
class Task:
    """What a process shall do."""

    call: Callable[[], Any]
    wall: float
    begun: Future[None] = field(default_factory=Future)
    """Done when a process gets the task. Cancelled when nobody waits for it any more."""
    ended: Future[Any] = field(default_factory=Future)


@dataclass(eq=False, slots=True)
class _Group:
    """Processes of one priority."""

    crew: Crew
    running: int = 0

    @property
    def free(self) -> bool:
        return self.running < self.crew.size


class Processes:
    """Runs tasks in turn. Safe to call from threads and from any event loop; nothing blocks but `close`."""

    def __init__(self, workers: int, refused: Callable[[Kind], None], bounds: Bounds | None = None) -> None:
        """`refused` is told of each task that finds no place or loses it."""
        self.workers, self._refused = workers, refused
        self._lock = threading.Lock()
        self._closed = False
        # The process with the usual priority is the first group.
        self._groups = [_group(1)] if workers == 1 else [_group(1), _group(workers - 1, lower=_LOWER)]
        # A session leaves one process to the others: uploads of a page come one by one anyway.
        self._queue: FairQueue[Task] = FairQueue(bounds or bounds_for(workers), looks=max(1, workers - 1))
        self._spending = Spending()
        self._running: dict[Place[Task], float] = {}
        """Since when each runs."""
        self._moved = time.monotonic()

    def warm_up(self) -> None:
        """Start the workers, without waiting; each loads the libraries first. Raises: OSError."""
        for group in self._groups:
            group.crew.start()

    def require_place(self, turn: Turn, kind: Kind) -> None:
        """Raises: QueueFull, ShareUsed."""
        with self._lock:
            try:
                self._queue.require_place(turn, kind)
            except (ShareTaken, NoPlace) as error:
                refusal = _refusal(error)
            else:
                return
        self._refused(kind)
        raise refusal

    def submit(self, turn: Turn, kind: Kind, wall: float, call: Callable[[], Any]) -> Place[Task]:
        """Let `call` wait for its turn. Raises: QueueFull, ShareUsed, ProcessingUnavailable."""
        place = Place(Task(call, wall), turn, kind, time.monotonic())
        with self._lock:
            if self._closed:
                raise ProcessingUnavailable
            if not self._queue and not self._running:
                self._moved = place.since
            try:
                displaced = self._queue.add(place)
            except (ShareTaken, NoPlace) as error:
                refusal: type[Exception] | None = _refusal(error)
            else:
                refusal = None
        if refusal is not None:
            self._refused(kind)
            raise refusal
        if displaced is not None:
            self._refused(displaced.kind)
            _fail(displaced.task.begun, QueueFull())
        self._start_next()
        return place

    def withdraw(self, place: Place[Task]) -> None:
        """Nobody waits for the task any more. It goes if it waits; if it runs, its deadline ends it."""
        with self._lock:
            self._queue.remove(place)

    def close(self) -> None:
        """End the processes. Every task that waits or runs ends with ProcessingUnavailable."""
        with self._lock:
            self._closed = True
            waiting = list(self._queue.places())
            for place in waiting:
                self._queue.remove(place)
        for place in waiting:
            _fail(place.task.begun, ProcessingUnavailable())
        for group in self._groups:
            group.crew.stop()

    def standstill(self) -> float | None:
        """For how many seconds the oldest task waits, when nothing moves; None when all is well."""
        with self._lock:
            now = time.monotonic()
            if (not self._queue and not self._running) or now - self._moved < _STANDSTILL_SECONDS * _busy():
                return None
            return now - min(place.since for place in (*self._queue.places(), *self._running))

    def measured(self) -> Iterable[Measured]:
        """How much there is to do: numbers for a `Meter`."""
        with self._lock:
            waiting = list(self._queue.places())
            running = list(self._running)
        yield Measured("pool_workers", self.workers)
        yield Measured("pool_tasks", len(running), (("state", "running"),))
        yield Measured("pool_tasks", len(waiting), (("state", "waiting"),))
        for state, places in (("running", running), ("waiting", waiting)):
            for kind in Kind:
                count = sum(1 for place in places if place.kind is kind)
                yield Measured("sandbox_tasks", count, (("kind", kind.label), ("state", state)))
        oldest = min((place.since for place in waiting), default=None)
        yield Measured("sandbox_oldest_wait_seconds", 0 if oldest is None else time.monotonic() - oldest)

    def _start_next(self) -> None:
        """Give tasks to processes for as long as one is free."""
        while True:
            with self._lock:
                if self._closed:
                    return
                free = [group for group in self._groups if group.free]
                last = sum(group.crew.size - group.running for group in free) == 1 < self.workers
                place = self._queue.next(last=last) if free else None
                if place is None:
                    return
                group = free[0] if self._goes_first(place) else free[-1]
                if not place.task.begun.set_running_or_notify_cancel():
                    self._queue.done(place)
                    continue
                self._moved = self._running[place] = time.monotonic()
                group.running += 1
            place.task.begun.set_result(None)
            try:
                group.crew.schedule(place.task.call, place.task.wall * _busy(), partial(self._ended, group, place))
            except Exception as error:  # noqa: BLE001  (told to the log and to who waits; the place must not get lost)
                log.error("sandbox.not_started", kind=type(error).__name__)
                self._release(group, place)
                _fail(place.task.ended, ProcessingUnavailable())

    def _goes_first(self, place: Place[Task]) -> bool:
        return place.kind is Kind.SIGNING or self._spending.little(place.turn.subscription_id)

    def _ended(self, group: _Group, place: Place[Task], value: Any, error: Exception | None) -> None:
        self._release(group, place)
        if error is None:
            with suppress(InvalidStateError):  # its caller has gone
                place.task.ended.set_result(value)
        else:
            _fail(place.task.ended, error)
        self._start_next()

    def _release(self, group: _Group, place: Place[Task]) -> None:
        with self._lock:
            group.running -= 1
            self._queue.done(place)
            self._moved = time.monotonic()
            self._spending.add(place.turn.subscription_id, self._moved - self._running.pop(place))


def _group(size: int, *, lower: int = 0) -> _Group:
    return _Group(Crew(size, prepare_worker, (os.getpid(), lower), _TASKS))


def _busy() -> float:
    """How many processes share a processor of this machine, at least 1. Ours alone never make it more than 1."""
    return min(_MOST_BUSY, max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)))


def _refusal(error: Exception) -> type[Exception]:
    # Not the error itself: a frame that holds it until it is raised is held by it, and stays until garbage is searched.
    return ShareUsed if isinstance(error, ShareTaken) else QueueFull


def _fail(future: Future[Any], error: BaseException) -> None:
    with suppress(InvalidStateError):  # its caller has gone
        future.set_exception(error)
