"""Processes that are killed, stopped and continued: their work is taken over, and has its effect once."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from signroom.jobs.durable import DurableJobs
from signroom.jobs.leases import Leases
from signroom.ports.jobs import Job
from signroom.store.engine import open_engine
from signroom.store.schema import migrate
from signroom.store.sql import SqlStore
from tests.harness.processes import forking
from tests.harness.waiting import SECONDS, eventually
from tests.jobs import executor
from tests.jobs.executor import MAX_RECOVERIES

LEASE = 1.5
FOR_EVER = 600.0


class Installation:
    """One database, a web process without jobs (this one), and executors of their own."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.engine = open_engine(url)
        migrate(self.engine)
        self.processes: list[ForkServerProcess] = []
        self.jobs = DurableJobs(self.engine, folder, concurrency=1)
        nothing = Job(lambda _subject: None, lambda _subject, _code: None)
        self.jobs.start(dict.fromkeys(("sleep", "again", "poison"), nothing), execute=False)
        self.store = SqlStore(self.engine, self.jobs.enqueue)

    def start(self, name: str, lease: float = LEASE) -> ForkServerProcess:
        process = forking().Process(target=executor.main, args=(self.url, self.folder, name, lease))
        process.start()
        self.processes.append(process)
        return process

    def enqueue(self, job: str) -> UUID:
        subject = uuid4()
        with self.store.work() as work:
            work.enqueue(job, f"{job}:{subject}", subject)
        return subject

    def lines(self) -> list[str]:
        journal = self.folder / "journal"
        return journal.read_text().splitlines() if journal.exists() else []

    def wait_for(self, *lines: str) -> None:
        eventually(lambda: set(lines) <= set(self.lines()), why=lambda: f"{lines} not in {self.lines()}")

    def wake(self) -> None:
        (self.folder / "wake").touch()

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.join()
        self.jobs.stop()
        self.engine.dispose()


def exit_code(process: ForkServerProcess) -> int | None:
    """Of a process that ends by itself; None when it does not."""
    process.join(SECONDS)
    return process.exitcode


def send(process: ForkServerProcess, number: signal.Signals) -> None:
    assert process.pid is not None
    os.kill(process.pid, number)


def stop(process: ForkServerProcess, installation: Installation) -> None:
    """SIGSTOP, and not while it writes: SQLite has one lock, with which nobody else could go on."""
    send(process, signal.SIGSTOP)
    while installation.engine.dialect.name == "sqlite" and not writable(installation.engine.url.database or ""):
        send(process, signal.SIGCONT)
        time.sleep(0.05)
        send(process, signal.SIGSTOP)


def writable(file: str) -> bool:
    with closing(sqlite3.connect(file, timeout=0.5, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        return True


@pytest.fixture
def installation(database_url: str, tmp_path: Path) -> Iterator[Installation]:
    made = Installation(database_url, tmp_path)
    yield made
    made.end()


def test_a_job_whose_process_was_killed_runs_again_at_the_next_start(installation: Installation) -> None:
    """By the same executor, long before its lease is over."""
    one = installation.start("one", FOR_EVER)
    subject = installation.enqueue("sleep")
    installation.wait_for(f"run one {subject}")
    one.kill()
    one.join()

    installation.start("one", FOR_EVER)

    eventually(lambda: installation.lines().count(f"run one {subject}") == 2)


def test_the_work_of_a_killed_process_is_taken_over_by_another(installation: Installation) -> None:
    one = installation.start("one")
    subject = installation.enqueue("sleep")
    installation.wait_for(f"run one {subject}")
    installation.start("other")
    installation.wait_for("up other")
    one.kill()

    installation.wait_for(f"run other {subject}")
    installation.wake()
    installation.wait_for(f"end other {subject}")
    # Whoever is left keeps the timetable, too.
    eventually(lambda: sum(line.startswith("tick") for line in installation.lines()) > 1)


def test_a_process_that_was_stopped_for_longer_than_its_lease_changes_nothing_any_more(
    installation: Installation,
) -> None:
    one = installation.start("one")
    subject = installation.enqueue("again")
    installation.wait_for(f"run one {subject}")
    installation.start("other")
    installation.wait_for("up other")
    stop(one, installation)
    installation.wait_for(f"run other {subject}")
    send(one, signal.SIGCONT)
    installation.wake()

    # Both come to the end of the step; one alone may say what follows.
    installation.wait_for(f"end one {subject}", f"end other {subject}")
    eventually(lambda: any(line.startswith("follower") for line in installation.lines()))
    last = installation.enqueue("sleep")
    eventually(lambda: any(line.startswith("end") and str(last) in line for line in installation.lines()))
    assert sum(line.startswith("follower") for line in installation.lines()) == 1
    assert not any(line.startswith("given-up") for line in installation.lines())


def test_a_process_that_ends_in_order_hands_over_at_once(installation: Installation) -> None:
    """Long before its lease is over: that would be in ten minutes."""
    one = installation.start("one", FOR_EVER)
    subject = installation.enqueue("sleep")
    installation.wait_for(f"run one {subject}")
    installation.start("other", FOR_EVER)
    installation.wait_for("up other")

    one.terminate()

    installation.wait_for(f"run other {subject}")
    assert exit_code(one) == 0


def test_a_job_that_kills_its_process_each_time_is_given_up_once(installation: Installation) -> None:
    subject = installation.enqueue("poison")
    for _ in range(MAX_RECOVERIES + 1):
        assert exit_code(installation.start("one")) == -signal.SIGKILL
    last_one = installation.start("one")
    installation.start("other")

    eventually(lambda: any("given-up" in line for line in installation.lines()))
    installation.wake()
    last = installation.enqueue("sleep")
    eventually(lambda: any(line.startswith("end") and str(last) in line for line in installation.lines()))
    given_up = [line for line in installation.lines() if line.startswith("given-up")]
    assert len(given_up) == 1
    assert given_up[0].endswith(f"{subject} InternalError")
    assert sum(line.startswith("run") and str(subject) in line for line in installation.lines()) == MAX_RECOVERIES + 1
    (letter,) = installation.jobs.dead(10)
    assert (letter.job, letter.subject, letter.failed_step) == ("poison", subject, "poison.run")
    last_one.kill()


def test_nobody_takes_over_from_himself_nor_from_the_living(installation: Installation) -> None:
    one = installation.start("one")
    subject = installation.enqueue("sleep")
    installation.wait_for(f"run one {subject}")
    living = running_executor(installation)

    assert Leases(installation.engine, "somebody else", lease=FOR_EVER).dead() == []
    assert Leases(installation.engine, living, lease=0).dead() == []
    one.kill()
    eventually(lambda: Leases(installation.engine, "somebody else", lease=0.5).dead() == [living])


def test_a_version_without_leases_counts_as_dead_once_it_starts_nothing_any_more(installation: Installation) -> None:
    one = installation.start("one")
    subject = installation.enqueue("sleep")
    installation.wait_for(f"run one {subject}")
    one.kill()
    one.join()
    with installation.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM signroom_executor_leases"))

    assert Leases(installation.engine, "somebody else", lease=FOR_EVER).dead() == []
    eventually(lambda: len(Leases(installation.engine, "somebody else", lease=0.5).dead()) == 1)


def running_executor(installation: Installation) -> str:
    table = "workflow_status" if installation.engine.dialect.name == "sqlite" else "dbos.workflow_status"
    query = sa.text(f"SELECT executor_id FROM {table} WHERE status = 'PENDING' AND name = 'sleep'")
    with installation.engine.connect() as connection:
        return str(connection.execute(query).scalar_one())


def test_old_leases_are_forgotten(installation: Installation) -> None:
    leases = Leases(installation.engine, "mine")
    leases.renew()
    with installation.engine.begin() as connection:
        connection.execute(sa.text("INSERT INTO signroom_executor_leases (id, seen_at) VALUES ('old', 1)"))

    leases.forget()

    with installation.engine.connect() as connection:
        found = connection.execute(sa.text("SELECT id FROM signroom_executor_leases")).scalars().all()
    assert found == ["mine"]
