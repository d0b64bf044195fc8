"""The job engine on both databases: a committed job runs to its end, a rolled-back one never existed."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from signroom.domain.errors import StorageUnavailable
from signroom.jobs.durable import LANE_PLACES, DurableJobs
from signroom.jobs.workflows import Waits, follower_id
from signroom.ports import Job, Queue, Schedule
from signroom.store.engine import open_engine
from signroom.store.schema import migrate
from signroom.store.sql import SqlStore

ROOT = Path(__file__).parents[2]


class Recorder:
    """What ran, in order; `fail` decides what a try raises."""

    def __init__(self) -> None:
        self.ran: list[UUID] = []
        self.given_up: list[tuple[UUID, str]] = []
        self.fail: Callable[[int], Exception | None] = lambda _tries: None
        self.again: Callable[[int], timedelta | None] = lambda _tries: None

    def run(self, subject: UUID) -> timedelta | None:
        self.ran.append(subject)
        error = self.fail(len(self.ran))
        if error is not None:
            raise error
        return self.again(len(self.ran))

    def give_up(self, subject: UUID, code: str) -> None:
        self.given_up.append((subject, code))


class Deliveries:
    """Jobs that run until they are let go."""

    def __init__(self) -> None:
        self.ran: list[UUID] = []
        self.open = threading.Event()

    def run(self, subject: UUID) -> None:
        self.ran.append(subject)
        self.open.wait(20)


class Ticks:
    def __init__(self) -> None:
        self.count = 0

    def tick(self) -> None:
        self.count += 1


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def deliveries() -> Deliveries:
    return Deliveries()


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def store(
    database_url: str, tmp_path: Path, recorder: Recorder, deliveries: Deliveries, ticks: Ticks
) -> Iterator[SqlStore]:
    engine = open_engine(database_url)
    migrate(engine)
    jobs = DurableJobs(engine, tmp_path, concurrency=2, waits=Waits(quick=(0.05,), back_off=(0.1, 0.2)))
    jobs.start(
        {
            "job": Job(recorder.run, recorder.give_up),
            "impatient": Job(recorder.run, recorder.give_up, patience=timedelta(seconds=0.15)),
            "delivery": Job(deliveries.run, recorder.give_up, Queue.DELIVERIES),
        },
        schedules=[Schedule("ticking", timedelta(seconds=2), ticks.tick)],
    )
    yield SqlStore(engine, jobs.enqueue)
    jobs.stop(timeout=5)
    engine.dispose()


OK = "SUCCESS"


def statuses(database_url: str, key: str) -> dict[str, str]:
    """Of a job and its followers, by id."""
    engine = open_engine(database_url)
    table = "workflow_status" if engine.dialect.name == "sqlite" else "dbos.workflow_status"
    query = sa.text(f"SELECT workflow_uuid, status FROM {table} WHERE workflow_uuid LIKE :key")
    with engine.connect() as connection:
        found = {row[0]: row[1] for row in connection.execute(query, {"key": f"{key}%"})}
    engine.dispose()
    return found


def until(condition: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def test_a_committed_job_runs_once_even_when_it_was_asked_for_twice(store: SqlStore, recorder: Recorder) -> None:
    subject = uuid4()
    for _ in range(2):
        with store.work() as work:
            work.enqueue("job", "the-key", subject)

    assert until(lambda: recorder.ran == [subject])
    time.sleep(0.5)
    assert recorder.ran == [subject]
    assert recorder.given_up == []


def test_a_rolled_back_job_never_existed(store: SqlStore, recorder: Recorder) -> None:
    with pytest.raises(RuntimeError), store.work() as work:
        work.enqueue("job", "never", uuid4())
        raise RuntimeError
    last = uuid4()
    with store.work() as work:
        work.enqueue("job", "afterwards", last)

    assert until(lambda: bool(recorder.ran))
    assert recorder.ran == [last]


def test_what_is_unavailable_is_tried_again(store: SqlStore, recorder: Recorder) -> None:
    recorder.fail = lambda tries: StorageUnavailable() if tries < 3 else None
    subject = uuid4()
    with store.work() as work:
        work.enqueue("job", "retried", subject)

    assert until(lambda: len(recorder.ran) == 3)
    assert recorder.given_up == []


def test_what_stays_unavailable_comes_back_as_a_delayed_job_until_it_succeeds(
    store: SqlStore, recorder: Recorder, database_url: str
) -> None:
    recorder.fail = lambda tries: StorageUnavailable() if tries < 7 else None
    with store.work() as work:
        work.enqueue("job", "long", uuid4())

    assert until(lambda: len(recorder.ran) == 7)
    assert recorder.given_up == []
    # Two tries in each run; the runs are a chain of four jobs.
    assert until(lambda: statuses(database_url, "long") == dict.fromkeys(["long", "long~1", "long~2", "long~3"], OK))


def test_patience_ends_in_giving_up_and_a_dead_letter(store: SqlStore, recorder: Recorder, database_url: str) -> None:
    recorder.fail = lambda _tries: StorageUnavailable()
    subject = uuid4()
    with store.work() as work:
        work.enqueue("impatient", "short", subject)

    assert until(lambda: bool(recorder.given_up))
    assert recorder.given_up == [(subject, "ProcessingUnavailable")]
    assert until(lambda: "ERROR" in statuses(database_url, "short").values())


def test_a_job_may_ask_for_its_next_run(store: SqlStore, recorder: Recorder, database_url: str) -> None:
    recorder.again = lambda tries: timedelta(seconds=0.1) if tries < 3 else None
    subject = uuid4()
    with store.work() as work:
        work.enqueue("job", "asking", subject, delay=timedelta(seconds=0.1))

    assert until(lambda: statuses(database_url, "asking") == dict.fromkeys(["asking", "asking~1", "asking~2"], OK))
    assert recorder.ran == [subject] * 3


def test_one_lane_that_is_slow_does_not_hold_up_another(store: SqlStore, deliveries: Deliveries) -> None:
    slow, fast = [uuid4() for _ in range(LANE_PLACES + 2)], uuid4()
    with store.work() as work:
        for number, subject in enumerate(slow):
            work.enqueue("delivery", f"slow-{number}", subject, lane="slow")
    assert until(lambda: len(deliveries.ran) == LANE_PLACES)
    with store.work() as work:
        work.enqueue("delivery", "fast", fast, lane="fast")

    assert until(lambda: fast in deliveries.ran)
    assert len(deliveries.ran) == LANE_PLACES + 1
    deliveries.open.set()
    assert until(lambda: Counter(deliveries.ran) == Counter([*slow, fast]))


@pytest.mark.parametrize(("job", "lane"), [("job", "a lane"), ("delivery", None), ("unknown", None)])
def test_a_lane_goes_with_deliveries_and_with_nothing_else(store: SqlStore, job: str, lane: str | None) -> None:
    with pytest.raises(RuntimeError), store.work() as work:
        work.enqueue(job, "wrong", uuid4(), lane=lane)


def test_a_schedule_runs_again_and_again(store: SqlStore, ticks: Ticks) -> None:
    assert until(lambda: ticks.count >= 2)


def test_a_follower_is_named_after_the_first() -> None:
    assert [follower_id("key", 1), follower_id("key~1", 2), follower_id("key~9", 10)] == ["key~1", "key~2", "key~10"]


def test_a_bug_is_given_up_at_once_so_that_nobody_waits(store: SqlStore, recorder: Recorder) -> None:
    recorder.fail = lambda _tries: ValueError("a bug that quotes the content of a file")
    subject = uuid4()
    with store.work() as work:
        work.enqueue("job", "broken", subject)

    assert until(lambda: bool(recorder.given_up))
    assert recorder.given_up == [(subject, "InternalError")]
    assert len(recorder.ran) == 1


def test_job_tables_hold_ids_and_neither_pickles_nor_texts_of_errors(
    store: SqlStore, recorder: Recorder, database_url: str
) -> None:
    recorder.fail = lambda _tries: ValueError("a bug that quotes the content of a file")
    subject = uuid4()
    with store.work() as work:
        work.enqueue("job", "looked-at", subject)
    assert until(lambda: bool(recorder.given_up))
    time.sleep(0.3)

    engine = open_engine(database_url)
    prefix = "" if engine.dialect.name == "sqlite" else "dbos."
    stored = {"workflow_input": "inputs", "workflow_output": "output, error", "operation_outputs": "output, error"}
    with engine.connect() as connection:
        rows = [
            row
            for table, columns in stored.items()
            for row in connection.execute(sa.text(f"SELECT {columns} FROM {prefix}{table}"))
        ]
    engine.dispose()
    texts = [str(value) for row in rows for value in row if value is not None]
    assert any(str(subject) in text for text in texts)
    assert all("content of a file" not in text for text in texts)
    assert all(text.startswith(("{", "[", "null", '"')) for text in texts)


CRASHING = """
import sys, time, uuid
from pathlib import Path
from signroom.jobs.durable import DurableJobs
from signroom.ports import Job
from signroom.store.engine import open_engine
from signroom.store.schema import migrate
from signroom.store.sql import SqlStore

url, folder, mode = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
engine = open_engine(url)
migrate(engine)
jobs = DurableJobs(engine, folder, concurrency=2)

def run(subject):
    with (folder / "journal").open("a") as journal:
        journal.write(f"{mode} {subject}\\n")
    if mode == "first":
        time.sleep(60)

jobs.start({"job": Job(run, lambda subject, code: None)})
if mode == "first":
    with SqlStore(engine, jobs.enqueue).work() as work:
        work.enqueue("job", "survivor", uuid.uuid4())
time.sleep(60)
"""


def test_a_job_whose_process_was_killed_runs_again_at_the_next_start(database_url: str, tmp_path: Path) -> None:
    journal = tmp_path / "journal"

    def start(mode: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", CRASHING, database_url, str(tmp_path), mode], cwd=ROOT)

    first = start("first")
    try:
        assert until(journal.exists)
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()
    second = start("second")
    try:
        assert until(lambda: len(journal.read_text().splitlines()) == 2)
    finally:
        second.kill()
        second.wait()

    (mode, subject), (mode_again, subject_again) = (line.split() for line in journal.read_text().splitlines())
    assert (mode, mode_again) == ("first", "second")
    assert subject == subject_again


def test_a_second_process_on_the_same_folder_gets_an_id_of_its_own(database_url: str, tmp_path: Path) -> None:
    """It must not take the running process's work for its own after a crash."""
    engine = open_engine(database_url)
    one, other, later = (DurableJobs(engine, tmp_path, concurrency=1) for _ in range(3))

    ids = [one._executor_id(), other._executor_id()]  # noqa: SLF001

    assert ids[0].startswith("folder-")
    assert ids[0] != ids[1]
    one.stop()
    assert later._executor_id() == ids[0]  # noqa: SLF001
    later.stop()
    engine.dispose()


def test_a_process_that_runs_no_jobs_hands_them_to_one_that_does(
    store: SqlStore, recorder: Recorder, database_url: str, tmp_path: Path
) -> None:
    engine = open_engine(database_url)
    web = DurableJobs(engine, tmp_path, concurrency=1)
    web.start({"job": Job(recorder.run, recorder.give_up)}, execute=False)
    subject = uuid4()

    with SqlStore(engine, web.enqueue).work() as work:
        work.enqueue("job", "from-the-web", subject)

    assert until(lambda: recorder.ran == [subject])
    web.stop()
    engine.dispose()
