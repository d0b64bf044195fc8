"""Commits wake the queues, of this process and of all others. Polls are what is left where nothing can be heard.

DBOS looks for work again and again, also where there is none. Here each of its queue threads waits on a `Bell` instead:

- What a transaction of this process has enqueued rings when its connection goes back to the pool, so after its commit.
- On SQLite a thread asks for the file's data version, which every commit changes, and asks which queues have work only
  when it did. The date of the write-ahead log would not do: it changes before its flush, and nobody can read the
  commit until after it.
- On PostgreSQL each statement that enqueues sends a notification (``pg_notify``), which comes with its commit. A
  process that does not hear its own, behind a pooler of transactions for example, polls as DBOS does.
- A queue in which something runs here is polled as often as DBOS does: places become free without any commit that
  enqueues. A job that leaves a full queue or a full lane rings it, since others wait for its place.
- Every queue is looked at four times a minute in any case.

A look costs some milliseconds of the processor. So a poll asks one small question first, and looks when something
waits (docs/decisions/0069).

Two threads of DBOS are replaced (docs/decisions/0058): the one that starts a thread for each queue, and the one
that looks for delayed jobs that are due.
"""

from __future__ import annotations

import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import sqlalchemy as sa
import structlog
from dbos import DBOS
from dbos import _dbos as launching
from dbos._core import ActiveWorkflowById
from dbos._queue import queue_worker_thread
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from signroom.jobs.made_once import make_once
from signroom.jobs.tables import in_status, workflows

log = structlog.get_logger()

SAFETY_SECONDS = 15.0
"""Between two looks at a queue of which nothing was heard."""
_RESTLESS_SECONDS = 2.0
"""A queue is polled for so long after it was rung or had something running: what was claimed counts as running a moment
later."""
_AT_START_SECONDS = 30.0
"""The same after the start: what a crash has interrupted is put back meanwhile."""
_GAP_SECONDS = 0.1
"""Between two looks at a queue of which the first has found no place for what waits, or another process was faster.
Without it each commit of anybody would be followed by a look as long as a queue is full."""
_TICK_SECONDS = 0.025
"""Between two questions for the data version, which cost five microseconds each."""
_DELAYS_SECONDS = 1.0
"""Between two looks at delayed jobs while others commit."""
WAITING = (
    "SELECT DISTINCT queue_name FROM workflow_status WHERE status IN ('ENQUEUED', 'PENDING') AND status = 'ENQUEUED'"
)
NEXT_DUE = "SELECT min(delay_until_epoch_ms) FROM workflow_status WHERE status = 'DELAYED'"
"""Both are asked after each commit, in each process: in words by which SQLite takes its indexes (`in_status`)."""
_CHANNEL = "signroom_jobs"
_DELAYED = "delayed"
_TO_RING = "signroom_to_ring"
"""Where a connection remembers the queues of what was enqueued in its transaction."""
_REGISTERED_SECONDS = 0.05
"""Until it is asked again whether the queues are registered, which happens at the start."""
_PROVE_SECONDS = 30.0
_PATIENCE_SECONDS = 5.0


_Claimed = tuple[list[str], Any]
"""The ids of workflows, and why there are no more."""


@dataclass(frozen=True, slots=True)
class _Registered:
    """What this process wants of a queue."""

    places: int
    lane_places: int | None
    poll_seconds: float


class Bell(threading.Event):
    """What a queue thread of DBOS takes for its stop event, and waits on between two looks.

    A ring leads to a look at once, also just after another look. One that comes during a look is remembered, and all
    that come until the next look are one. Looks in vain are kept apart: see `_GAP_SECONDS`.
    """

    def __init__(
        self, pause: Callable[[float | None], float | None], something_waits: Callable[[], bool] | None = None
    ) -> None:
        super().__init__()
        self._pause = pause
        self._something_waits = something_waits
        self._rung = threading.Event()
        self._hurry = threading.Event()
        """A place became free, or the thread is to end: nothing is waited for between two looks."""
        self._restless_until = time.monotonic() + _AT_START_SECONDS
        self._looked = -math.inf
        self._was_rung = False
        """The last look was for a ring."""
        self._claimed = False
        """The last look has taken a job."""

    def wait(self, timeout: float | None = None) -> bool:
        """Until it is rung, set, or the pause is over and something waits.

        Returns True when it is set: the thread ends.
        """
        # Other processes, and a late word of what was taken already, ring for what is gone. Nothing is full then.
        in_vain = self._was_rung and not self._claimed and self._asked() is not False
        while True:
            restless = time.monotonic() < self._restless_until
            pause = timeout if restless else self._pause(timeout)
            if pause != timeout and self._asked():
                # More than this process had places for. What it has claimed does not count as running yet.
                pause = timeout
            self._was_rung = self._rung.wait(pause)
            if self._was_rung:
                if self._wants_look(in_vain):
                    break
                continue
            # A poll. Whatever the answer is, nothing waits for a look for longer than without a poll.
            if pause != timeout or time.monotonic() - self._looked > SAFETY_SECONDS or self._asked() is not False:
                break
        # What is committed from here on rings for another look.
        self._rung.clear()
        self._hurry.clear()
        self._claimed, self._looked = False, time.monotonic()
        return self.is_set()

    def _wants_look(self, in_vain: bool) -> bool:
        """After a ring. It comes after its commit, so that a question finds what it is about."""
        gap = self._looked + _GAP_SECONDS - time.monotonic()
        if gap > 0.0 and in_vain:
            self._hurry.wait(gap)
        elif gap > 0.0:
            self._rung.clear()
            if not self.is_set() and self._asked() is False:
                return False  # the last look has taken it
        self.stay_restless()
        return True

    def _asked(self) -> bool | None:
        """Whether something waits; None when there is nobody to ask."""
        return None if self._something_waits is None else self._something_waits()

    def set(self) -> None:
        super().set()
        self._hurry.set()
        self._rung.set()

    def ring(self) -> None:
        """Let the thread look at once, from any thread."""
        self._rung.set()

    def freed(self) -> None:
        """Let the thread look at once, also when it has just looked in vain: a place has become free since."""
        self._hurry.set()
        self._rung.set()

    def claimed(self) -> None:
        """The look that is under way has taken a job. In the thread that looks."""
        self._claimed = True

    def stay_restless(self) -> None:
        self._restless_until = max(self._restless_until, time.monotonic() + _RESTLESS_SECONDS)


class Places(ActiveWorkflowById):
    """The jobs that run here. One that leaves a full queue or lane says so: others may wait for its place.

    DBOS counts by it how many more it may claim, so nothing earlier than this would do.
    """

    def __init__(self, is_full: Callable[[str, int, int], bool], freed: Callable[[str], None]) -> None:
        """`is_full` is asked with a queue, its jobs, and those of them in the lane."""
        super().__init__()
        self._is_full = is_full
        self._freed = freed

    def _remove(self, key: str, bucket: tuple[str, str | None] | None) -> None:
        full = bucket is not None and self._is_full(
            bucket[0], self.count_for_queue(bucket[0]), self.count_for_partition(*bucket)
        )
        super()._remove(key, bucket)
        if full and bucket is not None:
            self._freed(bucket[0])


class Alarms:
    """The bells of the queues of one process, and who rings them."""

    def __init__(self, engine: Engine, queues: Sequence[str], *, listening: Engine | None = None) -> None:
        """`listening`: where one connection is kept to be told; `engine` unless given. A pooler keeps none."""
        self._engine = engine
        self._listening = listening or engine
        self._reader = engine.execution_options(signroom_read_only=True)
        self._queues = tuple(queues)
        self._registered: dict[str, _Registered] = {}
        """By the name of a queue."""
        self._bells: dict[str, Bell] = {}
        self._delays = Bell(lambda timeout: timeout)
        self._hears = False
        self._is_sqlite = engine.dialect.name == "sqlite"
        alone = {"signroom_each_alone": True} if self._is_sqlite else {"isolation_level": "AUTOCOMMIT"}
        self._asker = self._reader.execution_options(**alone)
        sa.event.listen(engine, "checkin", self._given_back)
        w = workflows(engine)
        waiting = in_status(w, "ENQUEUED"), w.c.queue_name == sa.bindparam("queue")
        self._waiting: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(w).where(*waiting).limit(1)

    def install(self, dbos: DBOS) -> None:
        """Take the place of two threads of DBOS and of its list of what runs here, before it is launched."""
        self._bells = {}
        self._registered = {}
        self._delays = Bell(lambda timeout: timeout)
        launching.queue_thread = self._run_queues  # type: ignore[attr-defined]
        launching.background_jobs_thread = self._run_delays  # type: ignore[attr-defined]
        dbos._active_workflows_set = Places(self._is_full, self._freed)  # noqa: SLF001

    def registered(self, queue: str, *, places: int, lane_places: int | None, poll_seconds: float) -> None:
        """DBOS knows the queue: its thread may begin, with as many places and polls as this process wants.

        `lane_places`: of one lane, over all processes.
        """
        self._registered[queue] = _Registered(places, lane_places, poll_seconds)

    def _freed(self, queue: str) -> None:
        """A place is free for what waits. A ring for nothing would cost a look."""
        bell = self._bells.get(queue)
        if bell is not None and self._something_waits(queue):
            bell.freed()

    def _is_full(self, queue: str, running: int, running_in_lane: int) -> bool:
        found = self._registered.get(queue)
        if found is None:
            return False
        return running >= found.places or (found.lane_places is not None and running_in_lane >= found.lane_places)

    # -- ringing ---------------------------------------------------------------------------------

    @staticmethod
    def notice(row: Any) -> sa.ColumnElement[Any]:
        """For the statement on PostgreSQL that enqueues `row` of DBOS's table: its commit rings, in every process.

        The server sends once what a transaction says several times.
        """
        what = sa.case((row.c.status == "DELAYED", _DELAYED), else_=row.c.queue_name)
        return sa.func.pg_notify(_CHANNEL, what)

    def enqueuing(self, connection: Connection, queue: str, *, delayed: bool = False) -> None:
        """A job was put into the open transaction of `connection`: its queue is rung once that has ended.

        Where a notification comes with the commit, it rings, and one ring is enough.
        """
        if self._is_sqlite or not self._hears:
            connection.info.setdefault(_TO_RING, set()).add(_DELAYED if delayed else queue)

    def _given_back(self, _connection: object, record: Any) -> None:
        """Its transaction has ended: the connection is given back to the pool. After a rollback a ring does no harm."""
        for what in record.info.pop(_TO_RING, ()):
            self._ring(what)

    def enqueued(self, queue: str, *, delayed: bool = False) -> None:
        """A job was enqueued by a statement with `notice`, and that is committed. Nobody waits for the notification."""
        self._ring(_DELAYED if delayed else queue)

    def committed(self, queue: str, *, delayed: bool = False) -> None:
        """A job was put into a queue by a statement of DBOS, which tells nobody."""
        what = _DELAYED if delayed else queue
        self._ring(what)
        if not self._is_sqlite:
            try:
                with self._engine.begin() as connection:
                    connection.execute(_NOTIFY, {"channel": _CHANNEL, "what": what})
            except SQLAlchemyError as error:  # the others look by themselves before long
                log.warning("jobs.not_told", queue=queue, error=type(error).__name__)

    def ring_all(self) -> None:
        """Something may have been missed."""
        for bell in (*list(self._bells.values()), self._delays):
            bell.ring()

    def _ring(self, what: str) -> None:
        bell = self._delays if what == _DELAYED else self._bells.get(what)
        if bell is not None:
            bell.ring()

    # -- in place of DBOS's threads --------------------------------------------------------------

    def _run_queues(self, stop_event: threading.Event, dbos: DBOS) -> None:
        """Start a thread of DBOS for each queue, and end them when `stop_event` is set."""
        internal = dbos._registry.get_internal_queue()  # noqa: SLF001
        database: Any = dbos._sys_db  # noqa: SLF001
        database._is_latest_version = _kept(database._is_latest_version)  # noqa: SLF001  (asked at each look)
        make_once(database)
        database.start_queued_workflows = self._claiming(database.start_queued_workflows)
        waiting, threads = {internal.name: internal, **dict.fromkeys(self._queues)}, []
        listener = threading.Thread(target=self._listen, args=(stop_event,), name="jobs-alarm", daemon=True)
        listener.start()
        while waiting and not stop_event.is_set():
            for name, queue in list(waiting.items()):
                found = queue or (_registered(dbos, name) if name in self._registered else None)
                if found is None:
                    continue
                # Otherwise the thread would read it anew for each look. Nobody changes it while the process runs.
                found.database_backed_queue = False
                if name in self._registered:
                    # Another process may have written its own over ours before this one has read it.
                    ours = self._registered[name]
                    found._worker_concurrency, found._polling_interval_sec = ours.places, ours.poll_seconds  # noqa: SLF001
                bell = self._bells[name] = Bell(self._pause_of(dbos, name), partial(self._something_waits, name))
                bell.ring()  # what was committed before there was a bell has rung nobody
                thread = threading.Thread(
                    target=queue_worker_thread, args=(bell, dbos, found), name=f"queue-{name}", daemon=True
                )
                thread.start()
                threads.append(thread)
                del waiting[name]
            stop_event.wait(_REGISTERED_SECONDS if waiting else None)
        for bell in self._bells.values():
            bell.set()
        for thread in (*threads, listener):
            thread.join(10.0)

    def _claiming(self, claim: Callable[..., _Claimed]) -> Callable[..., _Claimed]:
        """`claim`, which says to the bell of its queue when it has taken something."""

        def noted(queue: Any, *arguments: Any, **options: Any) -> _Claimed:
            claimed = claim(queue, *arguments, **options)
            if claimed[0]:
                self._bells[queue.name].claimed()
            return claimed

        return noted

    def _pause_of(self, dbos: DBOS, queue: str) -> Callable[[float | None], float | None]:
        def pause(timeout: float | None) -> float | None:
            if dbos._active_workflows_set.count_for_queue(queue) > 0:  # noqa: SLF001
                self._bells[queue].stay_restless()
                return timeout
            return SAFETY_SECONDS if self._hears else timeout

        return pause

    def _something_waits(self, queue: str) -> bool:
        """True when DBOS has something to claim, and when nobody can say."""
        try:
            with self._asker.connect() as connection:
                return connection.execute(self._waiting, {"queue": queue}).first() is not None
        except SQLAlchemyError:
            return True  # DBOS finds out itself, and says so

    def _run_delays(self, stop_event: threading.Event, dbos: DBOS) -> None:
        """Put delayed jobs into their queues when they are due."""
        threading.Thread(target=self._end_delays, args=(stop_event,), daemon=True).start()
        lost = False
        while not stop_event.is_set():
            wait = _DELAYS_SECONDS
            try:
                due = self._next_due()
                if due is not None and due <= time.time():
                    dbos._sys_db.transition_delayed_workflows()  # noqa: SLF001
                    for bell in list(self._bells.values()):
                        bell.ring()
                elif self._hears:
                    wait = SAFETY_SECONDS if due is None else min(SAFETY_SECONDS, due - time.time())
                lost = False
            except SQLAlchemyError as error:
                if not lost:
                    log.warning("jobs.delays_unread", error=type(error).__name__)
                lost = True
            except Exception:  # without this thread nothing delayed ever runs
                log.exception("jobs.delays_failed")
            if stop_event.wait(min(_DELAYS_SECONDS, max(wait, 0.01))):
                break
            self._delays.wait(max(0.0, wait - _DELAYS_SECONDS))

    def _end_delays(self, stop_event: threading.Event) -> None:
        stop_event.wait()
        self._delays.set()

    def _next_due(self) -> float | None:
        """Seconds since 1970."""
        w = workflows(self._engine)
        query = sa.select(sa.func.min(w.c.delay_until_epoch_ms)).where(in_status(w, "DELAYED"))
        with self._reader.connect() as connection:
            found = connection.scalar(query)
        return None if found is None else int(found) / 1000

    # -- hearing ---------------------------------------------------------------------------------

    def _listen(self, stop_event: threading.Event) -> None:
        """Ring for what other threads and processes commit, until the end."""
        listen = self._watch_file if self._is_sqlite else self._hear_notifications
        told = False
        while not stop_event.is_set():
            try:
                listen(stop_event)
            except (OSError, sqlite3.Error, psycopg.Error, SQLAlchemyError) as error:
                if self._hears or not told:
                    log.warning("jobs.alarm_lost", error=type(error).__name__)
                told = True
            except Exception:  # polls go on without it
                log.exception("jobs.alarm_failed")
            self._hears = False
            self.ring_all()
            stop_event.wait(1.0)

    def _watch_file(self, stop_event: threading.Event) -> None:
        due = None
        with closing(_reader(Path(self._engine.url.database or ""))) as connection:
            self._hears = True
            for _ in _changes(connection, stop_event):
                for (queue,) in connection.execute(WAITING):
                    self._ring(queue)
                before, due = due, connection.execute(NEXT_DUE).fetchone()
                if due != before:
                    self._delays.ring()

    def _hear_notifications(self, stop_event: threading.Event) -> None:
        """Raises: psycopg.Error, SQLAlchemyError when the connection is lost, TimeoutError when nothing is heard."""
        pooled = self._listening.raw_connection()
        connection: Any = pooled.driver_connection
        pooled.detach()  # it is this thread's from now on
        with closing(connection):
            connection.rollback()
            connection.autocommit = True
            connection.execute(f"LISTEN {_CHANNEL}")
            proof, sent, heard = "", 0.0, 0.0
            while not stop_event.is_set():
                now = time.monotonic()
                if proof and now - sent > _PATIENCE_SECONDS:
                    raise TimeoutError
                if not proof and now - heard > _PROVE_SECONDS - _PATIENCE_SECONDS * (not self._hears):
                    proof, sent = uuid4().hex, now
                    self._notify(proof)
                for notification in connection.notifies(timeout=1.0, stop_after=1):
                    if notification.payload == proof:
                        proof, heard = "", time.monotonic()
                        if not self._hears:
                            self._hears = True
                            self.ring_all()
                    else:
                        self._ring(notification.payload)

    def _notify(self, what: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(_NOTIFY, {"channel": _CHANNEL, "what": what})


_NOTIFY = sa.text("SELECT pg_notify(:channel, :what)")


def _kept(is_latest: Callable[..., bool]) -> Callable[..., bool]:
    """`is_latest`, asked again when its answer is `SAFETY_SECONDS` old.

    Which version of the application is the newest changes when a newer one starts. Until a process of the older one
    has heard of it, that one takes what no version is named for, as it did before.
    """
    known: tuple[float, bool] | None = None

    def ask(version: str, connection: Connection | None = None) -> bool:
        nonlocal known
        now = time.monotonic()
        if known is None or now - known[0] > SAFETY_SECONDS:
            known = now, is_latest(version, connection)
        return known[1]

    return ask


def _registered(dbos: DBOS, name: str) -> Any:
    try:
        return dbos._sys_db.get_queue(name)  # noqa: SLF001
    except SQLAlchemyError:
        return None


def _reader(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{file}?mode=ro", uri=True, isolation_level=None)


def _changes(connection: sqlite3.Connection, stop_event: threading.Event) -> Iterator[None]:
    """One at once, and one after the commits of others: then `connection` can read them.

    ``PRAGMA data_version`` says so (https://sqlite.org/pragma.html#pragma_data_version).
    """
    before: int | None = None
    while not stop_event.wait(_TICK_SECONDS):
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if version != before:
            before = version
            yield
