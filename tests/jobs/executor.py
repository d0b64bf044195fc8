"""A process of its own that executes jobs, for tests that kill, stop and continue it.

`main` writes a line per run to ``FOLDER/journal``. What a job does is the beginning of its key, so that whoever takes
it over does the same:

    sleep     sleeps for a minute, unless FOLDER/wake exists
    again     the same, and then asks once for another run
    poison    kills its process
"""

from __future__ import annotations

import os
import signal
import threading
import time
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

from signroom.jobs.durable import DurableJobs
from signroom.jobs.heartbeat import Timing
from signroom.ports.jobs import Job, Schedule
from signroom.store.engine import open_engine
from signroom.store.schema import migrate

BEAT = 0.3
MAX_RECOVERIES = 2


def note(folder: Path, *words: object) -> None:
    with (folder / "journal").open("a") as journal:
        journal.write(" ".join(map(str, words)) + "\n")
        journal.flush()
        os.fsync(journal.fileno())


def sleep(folder: Path, name: str, subject: UUID) -> None:
    note(folder, "run", name, subject)
    for _ in range(600):
        if (folder / "wake").exists():
            break
        time.sleep(0.1)
    note(folder, "end", name, subject)


def again(folder: Path, name: str, subject: UUID) -> timedelta | None:
    if (folder / f"asked-{subject}").exists() and f"end {name} {subject}" in (folder / "journal").read_text():
        note(folder, "follower", name, subject)
        return None
    sleep(folder, name, subject)
    (folder / f"asked-{subject}").touch()
    return timedelta(seconds=0.1)


def poison(folder: Path, name: str, subject: UUID) -> None:
    note(folder, "run", name, subject)
    os.kill(os.getpid(), signal.SIGKILL)


def main(url: str, folder: Path, name: str, lease: float) -> None:
    engine = open_engine(url)
    migrate(engine)
    data = folder / name
    data.mkdir(exist_ok=True)
    timing = Timing(beat=BEAT, lease=lease)
    jobs = DurableJobs(engine, data, concurrency=4, timing=timing, max_recoveries=MAX_RECOVERIES)

    def give_up(subject: UUID, code: str) -> None:
        note(folder, "given-up", name, subject, code)

    runs = {"sleep": sleep, "again": again, "poison": poison}
    jobs.start(
        {job: Job(partial(run, folder, name), give_up) for job, run in runs.items()},
        schedules=[Schedule("tick", timedelta(seconds=1), lambda: note(folder, "tick", name))],
    )
    note(folder, "up", name)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: ended.set())
    # The kernel may give the signal to any thread, and Python's handler runs in this one when it wakes.
    while not ended.wait(BEAT):
        pass
    jobs.stop(timeout=1)
    # As a service that is stopped: what still runs is cut off.
    os._exit(0)
