"""The job engine on both databases: a committed job runs to its end, a rolled-back one never existed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from signroom.domain.errors import StorageUnavailable
from signroom.jobs.durable import DurableJobs, Job
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

    def run(self, subject: UUID) -> None:
        self.ran.append(subject)
        error = self.fail(len(self.ran))
        if error is not None:
            raise error

    def give_up(self, subject: UUID, code: str) -> None:
        self.given_up.append((subject, code))


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def store(database_url: str, tmp_path: Path, recorder: Recorder) -> Iterator[SqlStore]:
    engine = open_engine(database_url)
    migrate(engine)
    jobs = DurableJobs(engine, tmp_path, concurrency=2)
    jobs.start({"job": Job(recorder.run, recorder.give_up)})
    yield SqlStore(engine, jobs.enqueue)
    jobs.stop(timeout=5)
    engine.dispose()


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
from signroom.jobs.durable import DurableJobs, Job
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
    web.start({}, execute=False)
    subject = uuid4()

    with SqlStore(engine, web.enqueue).work() as work:
        work.enqueue("job", "from-the-web", subject)

    assert until(lambda: recorder.ran == [subject])
    web.stop()
    engine.dispose()
