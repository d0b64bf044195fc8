"""Spawned processes of one kind that take one task each at a time, and the thread that watches them.

A task goes to a process that is free by that process's own pipe, from whatever thread asks. One thread waits for what
comes back, for processes that end, and for deadlines. Nothing else wakes up for a task, and nothing at all while there
is none.

A process that dies or takes too long is replaced, and only its own task fails. One that is old works on until the next
one is ready: to load the libraries takes a second.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import selectors
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

import structlog

from signroom.domain.errors import ProcessingUnavailable
from signroom.sandbox.worker import work

log = structlog.get_logger()

Ended = Callable[[Any, Exception | None], None]
"""Is told of the result of a task, or of what went wrong. It is called by the watching thread, and must not block."""

_LOOK_SECONDS = 0.2
"""How often deadlines are looked at while a task runs."""
_AT_ONCE = 32 << 10
"""Bytes of a task that the pipe of a process takes without waiting for its reader."""
_AGAIN_SECONDS = 1.0
"""After a fault of ours in the watching thread."""
_END_SECONDS = 5.0
"""For a process that has closed its pipe. Then it is killed."""


class WorkerDied(Exception):
    """The process of a task ended before the task did. `exitcode` is negative after a signal."""

    def __init__(self, exitcode: int | None) -> None:
        super().__init__(f"exit code {exitcode}")
        self.exitcode = exitcode


class _InWorker(Exception):
    """The frames of an error in its process, as a text."""


@dataclass(eq=False, slots=True)
class _Run:
    call: bytes
    seconds: float
    ended: Ended


@dataclass(eq=False, slots=True)
class _Worker:
    process: SpawnProcess
    connection: Connection
    ready: bool = False
    """Its libraries are loaded."""
    runs: int = 0
    """How many tasks it has had."""
    running: _Run | None = None
    until: float = 0.0
    """When its task is ended."""
    old: bool = False
    """Another one is started in its place."""

    @property
    def free(self) -> bool:
        return self.ready and self.running is None


@dataclass(eq=False)
class Crew:
    """Safe to call from several threads. Only `start` of a process takes long, and the watching thread does it."""

    size: int
    prepare: Callable[..., None]
    """Called by each process with `arguments` before its first task."""
    arguments: tuple[Any, ...]
    most_runs: int
    """After so many tasks a process is replaced, or when it says that it is worn."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _workers: list[_Worker] = field(default_factory=list)
    _waiting: deque[_Run] = field(default_factory=deque)
    """Tasks for processes that are not ready, and large ones."""
    _watching: threading.Thread | None = None
    _asleep: bool = False
    _closed: bool = False
    _discouraged: bool = False
    """No process could be started. It is tried again for the next task."""

    def start(self) -> None:
        """Start the processes, without waiting. Raises: OSError."""
        with self._lock:
            self._watch()

    def schedule(self, call: Callable[[], Any], seconds: float, ended: Ended) -> None:
        """Run `call` in a process for at most `seconds`. There must be no more tasks than `size` at any time.

        `ended` hears of what the call returns or raises, of WorkerDied, TimeoutError or ProcessingUnavailable.
        Raises: ProcessingUnavailable, OSError, and what pickling raises: then nothing was begun.
        """
        run = _Run(pickle.dumps(call, pickle.HIGHEST_PROTOCOL), seconds, ended)
        with self._lock:
            if self._closed:
                raise ProcessingUnavailable
            self._watch()
            self._discouraged = False
            worker = self._free()
            if worker is None or len(run.call) > _AT_ONCE:
                worker = None
                self._waiting.append(run)
            else:
                _begin(worker, run)
            if worker is None or self._asleep:
                self._wake()
        if worker is not None:
            _send(worker, run)

    def stop(self) -> None:
        """End the processes, and each task with ProcessingUnavailable. It waits for that."""
        with self._lock:
            self._closed = True
            watching = self._watching
            if watching is not None:
                self._wake()
        if watching is not None and watching is not threading.current_thread():
            watching.join()

    def _free(self) -> _Worker | None:
        free = (worker for worker in self._workers if worker.free)
        return min(free, key=lambda worker: worker.old, default=None)

    def _watch(self) -> None:
        if self._watching is None and not self._closed:
            self._bell, self._rope = os.pipe()
            os.set_blocking(self._rope, False)
            watching = threading.Thread(target=self._run, name="sandbox", daemon=True)
            watching.start()
            self._watching = watching

    def _wake(self) -> None:
        self._asleep = False
        with suppress(BlockingIOError):  # it rings already
            os.write(self._rope, b"x")

    def _run(self) -> None:
        with selectors.DefaultSelector() as self._selector:
            self._selector.register(self._bell, selectors.EVENT_READ, None)
            while not self._closed:
                try:
                    self._look_once()
                except Exception:
                    # A fault of ours. Without this thread no task would ever end, and nobody would hear of it.
                    log.exception("sandbox.watching_failed")
                    self._end_all()
                    time.sleep(_AGAIN_SECONDS)
            self._end_all()
        os.close(self._bell)
        with self._lock:  # whoever rings holds it
            os.close(self._rope)
            self._watching = None

    def _look_once(self) -> None:
        self._start_missing()
        self._begin_waiting()
        for key, _ in self._selector.select(self._patience()):
            self._look_at(key.data)
        self._end_late()

    def _start_missing(self) -> None:
        while sum(not worker.old for worker in self._workers) < self.size and not (self._discouraged or self._closed):
            try:
                worker = self._new_worker()
            except OSError as error:
                self._give_up(error)
                return
            with self._lock:
                self._workers.append(worker)

    def _new_worker(self) -> _Worker:
        """Raises: OSError."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        try:
            process = context.Process(target=work, args=(theirs, self.prepare, self.arguments), daemon=True)
            process.start()
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        worker = _Worker(process, ours)
        self._selector.register(ours, selectors.EVENT_READ, worker)
        return worker

    def _give_up(self, error: BaseException) -> None:
        """No process can be started now: who waits is told, and the next task tries again."""
        log.error("sandbox.not_started", kind=type(error).__name__)
        with self._lock:
            self._discouraged = True
            lost, self._waiting = self._waiting, deque()
        for run in lost:
            run.ended(None, ProcessingUnavailable())

    def _begin_waiting(self) -> None:
        begun = list[tuple[_Worker, _Run]]()
        with self._lock:
            while self._waiting and (worker := self._free()) is not None:
                run = self._waiting.popleft()
                _begin(worker, run)
                begun.append((worker, run))
        for worker, run in begun:
            _send(worker, run)

    def _patience(self) -> float | None:
        """For how long nothing needs to be looked at, in seconds; None: until somebody rings."""
        with self._lock:
            if self._closed:
                return 0
            self._asleep = not any(worker.running for worker in self._workers)
            return None if self._asleep else _LOOK_SECONDS

    def _look_at(self, worker: _Worker | None) -> None:
        if worker is None:
            os.read(self._bell, 4096)
            return
        if worker not in self._workers:
            return  # it was old, and has left since this was heard of it
        try:
            said = worker.connection.recv_bytes()
        except (EOFError, OSError):
            self._bury(worker)
            return
        if not worker.ready:
            worker.ready = True
            self._retire()
            return
        with self._lock:
            run, worker.running = worker.running, None
        worn = run is not None and _tell(run, said)
        worker.old = worker.old or worn or worker.runs >= self.most_runs
        if worker.old:
            self._retire()

    def _retire(self) -> None:
        """End old processes that are free, as many as there are others in their place."""
        with self._lock:
            spare = sum(worker.ready for worker in self._workers) - self.size
            leaving = [worker for worker in self._workers if worker.old and worker.running is None][: max(0, spare)]
            for worker in leaving:
                worker.ready = False
        for worker in leaving:
            self._bury(worker, ProcessingUnavailable())

    def _bury(self, worker: _Worker, error: Exception | None = None) -> None:
        """`worker` has ended, or shall: whoever waits for it hears `error`, or that it has died."""
        with self._lock:
            self._workers.remove(worker)
            run, worker.running = worker.running, None
        self._selector.unregister(worker.connection)
        worker.connection.close()
        if error is not None:
            worker.process.kill()
        worker.process.join(_END_SECONDS)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        died = WorkerDied(worker.process.exitcode)
        worker.process.close()
        if run is not None:
            run.ended(None, error or died)
        if not worker.ready and error is None:
            self._give_up(died)

    def _end_late(self) -> None:
        now = time.monotonic()
        with self._lock:
            late = [worker for worker in self._workers if worker.running is not None and worker.until < now]
        for worker in late:
            # What has come meanwhile is there to be read, and it is not too late.
            if not worker.connection.poll():
                self._bury(worker, TimeoutError())

    def _end_all(self) -> None:
        with self._lock:
            workers, waiting = list(self._workers), list(self._waiting)
            self._waiting.clear()
        for worker in workers:
            worker.process.kill()
        for worker in workers:
            self._bury(worker, ProcessingUnavailable())
        for run in waiting:
            run.ended(None, ProcessingUnavailable())


def _begin(worker: _Worker, run: _Run) -> None:
    worker.running, worker.until = run, time.monotonic() + run.seconds
    worker.runs += 1


def _send(worker: _Worker, run: _Run) -> None:
    with suppress(OSError):  # it has ended, and the watching thread will see that
        worker.connection.send_bytes(run.call)


def _tell(run: _Run, said: bytes) -> bool:
    """Hand on what a process says. True when it is worn."""
    try:
        value, error, frames, worn = pickle.loads(said)  # noqa: S301  (of a process of ours)
    except Exception as failure:  # noqa: BLE001  (an error whose class cannot be made again; its caller waits)
        run.ended(None, failure)
        return False
    if error is not None:
        error.__cause__ = _InWorker(frames)
    run.ended(value, error)
    return bool(worn)
