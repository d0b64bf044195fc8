"""What a queue's thread waits for between two looks."""

from __future__ import annotations

import inspect
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from dbos import DBOS
from dbos._core import ActiveWorkflowById
from dbos._queue import _INTERNAL_QUEUE_CONSTRUCTION as _TOKEN
from dbos._queue import Queue

from signroom.jobs import alarms
from signroom.jobs.alarms import Alarms, Bell
from signroom.store.engine import open_engine
from tests.harness.tools import require_tools
from tests.harness.waiting import eventually

LONG = 600.0


@pytest.fixture(autouse=True)
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarms, "_AT_START_SECONDS", 0.0)


def test_a_ring_ends_the_wait_and_is_never_lost() -> None:
    bell = Bell(lambda _timeout: LONG)
    bell.ring()

    assert bell.wait(LONG) is False
    ended = threading.Thread(target=bell.wait, args=(LONG,))
    ended.start()
    bell.ring()
    ended.join(60)
    assert not ended.is_alive()


def test_it_looks_once_for_many_rings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is enqueued in the gap is taken by the look after it, and none after that is needed."""
    pauses: list[float | None] = []
    monkeypatch.setattr(alarms, "_RESTLESS_SECONDS", 0.0)
    bell = Bell(lambda timeout: pauses.append(timeout) or 0.0)  # type: ignore[func-returns-value]
    bell.ring()
    bell.wait(LONG)
    gap = threading.Thread(target=bell.wait, args=(LONG,))
    bell.ring()
    gap.start()
    for _ in range(100):
        bell.ring()
    gap.join(60)
    assert bell.wait(LONG) is False
    assert len(pauses) == 3


def test_a_bell_that_is_set_ends_the_thread() -> None:
    bell = Bell(lambda _timeout: LONG)
    bell.set()

    assert bell.is_set()
    assert bell.wait(LONG) is True


def test_after_a_ring_it_looks_as_often_as_dbos_would_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float | None] = []

    def pause(timeout: float | None) -> float:
        asked.append(timeout)
        return 0.0

    monkeypatch.setattr(alarms, "_RESTLESS_SECONDS", LONG)
    bell = Bell(pause)
    bell.wait(0.5)
    bell.ring()
    bell.wait(0.5)
    bell.wait(0.0)  # not asked: it is restless

    assert asked == [0.5, 0.5]


@pytest.fixture
def deaf(tmp_path: Path) -> Iterator[Alarms]:
    engine = open_engine(f"sqlite:///{tmp_path / 'signroom.db'}")
    yield Alarms(engine, ["q"])
    engine.dispose()


def test_a_process_that_hears_nothing_polls_as_dbos_does(deaf: Alarms, monkeypatch: pytest.MonkeyPatch) -> None:
    running = 0
    dbos: Any = SimpleNamespace(_active_workflows_set=SimpleNamespace(count_for_queue=lambda _queue: running))
    pause = deaf._pause_of(dbos, "q")  # noqa: SLF001
    deaf._bells["q"] = Bell(pause)  # noqa: SLF001

    assert pause(0.2) == 0.2
    monkeypatch.setattr(deaf, "_hears", True)
    assert pause(0.2) == alarms.SAFETY_SECONDS
    running = 1
    assert pause(0.2) == 0.2, "what runs here frees its place without a commit that enqueues"


def test_a_process_keeps_its_places_though_another_has_registered_the_queue_since(
    deaf: Alarms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row is read a moment after it was written. By then another process may have written other numbers.

    DBOS's own properties are asked: should the library rename what we set, they would say the others' numbers.
    """
    stop, begun = threading.Event(), list[Queue]()
    row = Queue("q", worker_concurrency=9, polling_interval_sec=9.0, database_backed_queue=True, token=_TOKEN)
    internal = Queue("internal", worker_concurrency=7, token=_TOKEN)
    dbos: Any = SimpleNamespace(
        _registry=SimpleNamespace(get_internal_queue=lambda: internal),
        _sys_db=SimpleNamespace(
            get_queue=lambda _name: row, _is_latest_version=lambda *_: True, start_queued_workflows=None
        ),
    )

    def begin(_bell: Bell, _dbos: object, queue: Queue) -> None:
        begun.append(queue)
        if queue is row:
            stop.set()

    monkeypatch.setattr(alarms, "queue_worker_thread", begin)
    monkeypatch.setattr(alarms, "make_once", lambda _database: None)  # there is no database
    monkeypatch.setattr(deaf, "_listen", lambda _stop: None)
    deaf.registered("q", places=2, lane_places=None, poll_seconds=0.5)
    deaf._run_queues(stop, dbos)  # noqa: SLF001

    assert begun == [internal, row]
    assert (row.worker_concurrency, row.polling_interval_sec, internal.worker_concurrency) == (2, 0.5, 7)


def test_a_commit_is_told_when_it_can_be_read(tmp_path: Path) -> None:
    """A slow disk flushes for longer than one waits between two looks. The log has changed by then, the answer has not.

    The date of the log was asked once: two looks too early, and none when the commit was there. Documents waited for
    the next commit of anybody, up to fifteen seconds.
    """
    require_tools("cc")
    library = tmp_path / "slow_flush.so"
    source = Path(__file__).with_name("slow_flush.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    file, stop, seen = tmp_path / "a.db", threading.Event(), threading.Event()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE jobs (id)")
        told = []

        def listen() -> None:
            with closing(alarms._reader(file)) as reader:  # noqa: SLF001
                for _ in alarms._changes(reader, stop):  # noqa: SLF001
                    told.append(reader.execute("SELECT count(*) FROM jobs").fetchone()[0])
                    seen.set()

        listener = threading.Thread(target=listen)
        listener.start()
        try:
            assert seen.wait(60)
            subprocess.run([sys.executable, "-c", _COMMIT, str(file)], env={"LD_PRELOAD": str(library)}, check=True)
            eventually(lambda: told[-1] == 1)
        finally:
            stop.set()
            listener.join(60)
    assert told == [0, 1]


_COMMIT = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA synchronous=FULL")
connection.execute("INSERT INTO jobs VALUES (1)")
"""


@pytest.mark.parametrize(
    ("places", "lane_places", "lanes", "waiting", "rings"),
    [
        pytest.param(3, None, ["", "", ""], True, True, id="full"),
        pytest.param(3, None, ["", "", ""], False, False, id="full, and nothing waits"),
        pytest.param(3, None, ["", ""], True, False, id="not full"),
        pytest.param(9, 2, ["a", "a"], True, True, id="a full lane"),
        pytest.param(9, 2, ["b", "a"], True, False, id="two lanes, none full"),
    ],
)
def test_a_job_that_leaves_a_full_queue_rings_it(
    deaf: Alarms,
    monkeypatch: pytest.MonkeyPatch,
    places: int,
    lane_places: int | None,
    lanes: list[str],
    waiting: bool,
    rings: bool,
) -> None:
    """On PostgreSQL an end rings nobody else. A backlog went on by polls."""
    dbos: Any = SimpleNamespace()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("dbos._dbos.queue_thread", None)
        patched.setattr("dbos._dbos.background_jobs_thread", None)
        deaf.install(dbos)
    deaf.registered("q", places=places, lane_places=lane_places, poll_seconds=1.0)
    bell = deaf._bells["q"] = Bell(lambda _timeout: 0.0, lambda: pytest.fail("asked"))  # noqa: SLF001
    waits = [waiting]
    monkeypatch.setattr(deaf, "_something_waits", lambda _queue: waits.pop())
    running = [dbos._active_workflows_set.add(f"job {n}", "q", lane or None) for n, lane in enumerate(lanes)]  # noqa: SLF001

    running[-1].release()

    assert bell._rung.is_set() is rings  # noqa: SLF001
    assert dbos._active_workflows_set.count_for_queue("q") == len(lanes) - 1  # noqa: SLF001


def test_dbos_still_has_what_is_replaced() -> None:
    """A new version of the library may rename it; then nothing would be rung, and nothing would say so."""
    from dbos import _dbos as launching
    from dbos._sys_db import SystemDatabase

    assert callable(launching.queue_thread)  # type: ignore[attr-defined]
    assert callable(launching.background_jobs_thread)  # type: ignore[attr-defined]
    assert callable(SystemDatabase._is_latest_version)  # noqa: SLF001
    assert callable(SystemDatabase.start_queued_workflows)
    assert callable(ActiveWorkflowById._remove)  # noqa: SLF001
    assert "self._active_workflows_set: ActiveWorkflowById" in inspect.getsource(DBOS.__init__)


def test_a_poll_looks_only_when_something_waits() -> None:
    """A look costs some milliseconds, a question a tenth of that."""
    answers = iter([False, False, True])
    asked: list[bool] = []

    def something_waits() -> bool:
        asked.append(next(answers))
        return asked[-1]

    bell = Bell(lambda timeout: timeout, something_waits)
    bell.wait(0.0)  # not looked at before: it looks

    assert bell.wait(0.0) is False
    assert asked == [False, False, True]


def test_what_was_not_looked_at_for_long_is_looked_at_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarms, "SAFETY_SECONDS", -1.0)
    bell = Bell(lambda timeout: timeout, lambda: pytest.fail("asked"))

    assert bell.wait(0.0) is False


def test_a_queue_of_which_nobody_can_say_anything_is_looked_at(deaf: Alarms) -> None:
    """The database of this test has no table of jobs. DBOS finds out itself."""
    assert deaf._something_waits("q") is True  # noqa: SLF001


def test_whether_this_version_is_the_newest_is_not_asked_at_each_look(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def is_latest(version: str, _connection: object) -> bool:
        asked.append(version)
        return True

    kept = alarms._kept(is_latest)  # noqa: SLF001
    for _ in range(3):
        assert kept("1") is True
    assert asked == ["1"]

    monkeypatch.setattr(alarms, "SAFETY_SECONDS", -1.0)
    kept("1")
    assert asked == ["1", "1"]


def test_a_queue_with_more_than_was_claimed_is_looked_at_again_soon() -> None:
    """What was claimed does not count as running at once. Two documents were archived in fifteen seconds."""
    asked = []

    def something_waits() -> bool:
        asked.append(1)
        return True

    bell = Bell(lambda _timeout: LONG, something_waits)
    bell._restless_until = 0.0  # noqa: SLF001

    assert not bell.wait(0.01)
    assert asked


class _Remembered(threading.Event):
    """Waits for nothing, and remembers for how long it would have waited."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout)
        return True


class _Asked:
    """Answers whether something waits, and remembers how often it was asked."""

    def __init__(self, *answers: bool) -> None:
        self.left = list(answers)

    def __call__(self) -> bool:
        return self.left.pop(0)


def _bell(*answers: bool) -> tuple[Bell, _Remembered, _Asked]:
    """A bell that was never looked for, whose gaps last for ever and are not waited for."""
    asked = _Asked(*answers)
    bell = Bell(lambda timeout: timeout, asked)
    gaps = bell._hurry = _Remembered()  # noqa: SLF001
    return bell, gaps, asked


@pytest.fixture
def endless_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarms, "_GAP_SECONDS", LONG)


@pytest.mark.usefixtures("endless_gaps")
def test_a_ring_during_a_look_or_just_after_it_leads_to_a_look_at_once() -> None:
    """Sessions one after the other waited a tenth of a second each."""
    bell, gaps, asked = _bell(True, True)
    bell.ring()
    bell.wait(LONG)
    for _ in range(2):
        bell.claimed()
        bell.ring()

        assert bell.wait(LONG) is False
    assert gaps.waits == []
    assert asked.left == []


@pytest.mark.usefixtures("endless_gaps")
def test_rings_for_what_was_taken_lead_to_no_look() -> None:
    """The commit of a job rings, and so does whoever sees the file change a moment later."""
    bell, gaps, asked = _bell(False)
    bell.ring()
    bell.wait(LONG)
    bell.claimed()
    for _ in range(100):
        bell.ring()
    looked = threading.Event()

    def look() -> None:
        if not bell.wait(LONG):
            looked.set()

    thread = threading.Thread(target=look)
    thread.start()
    eventually(lambda: not asked.left)
    bell.set()
    thread.join(60)

    assert not looked.is_set()
    assert gaps.waits == []


@pytest.mark.usefixtures("endless_gaps")
def test_after_a_look_in_vain_the_next_one_keeps_its_distance() -> None:
    """A queue is full: every commit rings for what waits, and no look can take it."""
    bell, gaps, _ = _bell(True, True)
    bell.ring()
    bell.wait(LONG)
    for looks in (1, 2):
        bell.ring()

        assert bell.wait(LONG) is False
        assert len(gaps.waits) == looks


@pytest.mark.usefixtures("endless_gaps")
def test_a_look_in_vain_for_what_another_process_took_holds_nothing_up() -> None:
    bell, gaps, asked = _bell(False, True)
    bell.ring()
    bell.wait(LONG)
    bell.ring()

    assert bell.wait(LONG) is False
    assert gaps.waits == []
    assert asked.left == []


@pytest.mark.usefixtures("endless_gaps")
def test_a_place_that_becomes_free_ends_the_distance() -> None:
    """With an event that does wait: this test would last for ten minutes."""
    bell = Bell(lambda timeout: timeout, lambda: True)
    bell.ring()
    bell.wait(LONG)
    bell.ring()
    thread = threading.Thread(target=bell.wait, args=(LONG,))
    thread.start()
    bell.freed()
    thread.join(60)

    assert not thread.is_alive()


def test_what_a_transaction_enqueues_rings_when_it_has_ended(deaf: Alarms) -> None:
    bells = {queue: Bell(lambda timeout: timeout) for queue in ("q", "other")}
    deaf._bells = bells  # noqa: SLF001
    rung = [bells[queue]._rung for queue in ("q", "other")]  # noqa: SLF001
    with deaf._engine.begin() as connection:  # noqa: SLF001
        deaf.enqueuing(connection, "q")
        deaf.enqueuing(connection, "q", delayed=True)

        assert [ring.is_set() for ring in (*rung, deaf._delays._rung)] == [False, False, False]  # noqa: SLF001
    assert [ring.is_set() for ring in (*rung, deaf._delays._rung)] == [True, False, True]  # noqa: SLF001

    rung[0].clear()
    with deaf._engine.begin():  # noqa: SLF001
        pass
    assert not rung[0].is_set(), "the next one who has the connection has enqueued nothing"


def test_a_claim_says_whether_it_has_taken_something(deaf: Alarms) -> None:
    bell = deaf._bells["q"] = Bell(lambda timeout: timeout)  # noqa: SLF001
    answers = [([], "worker_concurrency"), (["a job"], None)]
    claim = deaf._claiming(lambda *_arguments, **_options: answers.pop(0))  # noqa: SLF001
    queue = SimpleNamespace(name="q")

    assert claim(queue, "executor", owner_xid="x") == ([], "worker_concurrency")
    assert not bell._claimed  # noqa: SLF001
    assert claim(queue, "executor", owner_xid="x") == (["a job"], None)
    assert bell._claimed  # noqa: SLF001
