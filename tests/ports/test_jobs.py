"""The job engine on both databases: a committed job runs to its end, a rolled-back one never existed."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from dbos._dbos import _get_dbos_instance as dbos_instance
from sqlalchemy.engine import Engine

from signroom.domain.errors import (
    DatabaseUnavailable,
    DeadJobNotFound,
    ProcessingUnavailable,
    QueueFull,
    StorageUnavailable,
    Unavailable,
)
from signroom.jobs import alarms
from signroom.jobs.dead_letters import delete_finished
from signroom.jobs.durable import LANE_PLACES, DurableJobs
from signroom.jobs.heartbeat import Timing
from signroom.jobs.workflows import RetryWaits, follower_id
from signroom.ports.jobs import Job, Queue, Schedule
from signroom.store.engine import open_engine
from signroom.store.schema import migrate
from signroom.store.sql import SqlStore
from tests.harness.postgres import Postgres
from tests.harness.waiting import eventually


class Recorder:
    """What ran, in order; `fail` decides what a try raises."""

    def __init__(self) -> None:
        self.ran: list[UUID] = []
        self.given_up: list[tuple[UUID, str]] = []
        self.fail: Callable[[int], Exception | None] = lambda _tries: None
        self.again: Callable[[int], timedelta | None] = lambda _tries: None
        self.hold: set[UUID] = set()
        self.free = threading.Event()

    def run(self, subject: UUID) -> timedelta | None:
        self.ran.append(subject)
        if subject in self.hold:
            self.free.wait(60)
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
        self.error: Exception | None = None

    def run(self, subject: UUID) -> None:
        self.ran.append(subject)
        if self.error is not None:
            raise self.error
        self.open.wait(20)


class Ticks:
    def __init__(self) -> None:
        self.count = 0

    def tick(self) -> None:
        self.count += 1


@dataclass
class Running:
    """One engine for all tests of a database: starting it takes seconds."""

    engine: Engine
    jobs: DurableJobs
    recorder: Recorder = field(default_factory=Recorder)
    deliveries: Deliveries = field(default_factory=Deliveries)
    ticks: Ticks = field(default_factory=Ticks)

    @property
    def url(self) -> str:
        return self.engine.url.render_as_string(hide_password=False)

    def table(self, name: str) -> str:
        return name if self.engine.dialect.name == "sqlite" else f"dbos.{name}"

    def statuses(self, key: str) -> dict[str, str]:
        """Of a job and its followers, by id."""
        query = f"SELECT workflow_uuid, status FROM {self.table('workflow_status')} WHERE workflow_uuid LIKE :key"
        with self.engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(sa.text(query), {"key": f"{key}%"})}

    def began_earlier(self, workflow_id: str, by: timedelta) -> None:
        """To wait."""
        table = self.table("workflow_status")
        change = f"UPDATE {table} SET created_at = created_at - :by WHERE workflow_uuid = :id"
        with self.engine.begin() as connection:
            connection.execute(sa.text(change), {"by": by // timedelta(milliseconds=1), "id": workflow_id})


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("jobs")
    url = f"sqlite:///{folder / 'signroom.db'}"
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        url = server.new_database()
    engine = open_engine(url)
    migrate(engine)
    waits, timing = RetryWaits(quick=(0.05,), back_off=(0.1, 0.2)), Timing(beat=0.3)
    made = Running(engine, DurableJobs(engine, folder, concurrency=2, waits=waits, timing=timing))

    def run(subject: UUID) -> timedelta | None:
        return made.recorder.run(subject)

    def give_up(subject: UUID, code: str) -> None:
        made.recorder.give_up(subject, code)

    def deliver(subject: UUID) -> None:
        made.deliveries.run(subject)  # of the test that runs now

    # What runs here was rung for: nobody waits ten minutes for the next look.
    patched = pytest.MonkeyPatch()
    patched.setattr(alarms, "SAFETY_SECONDS", 600.0)
    patched.setattr(alarms, "_AT_START_SECONDS", 0.0)
    made.jobs.start(
        {
            "job": Job(run, give_up),
            "impatient": Job(run, give_up, patience=timedelta(seconds=0.15)),
            "delivery": Job(deliver, give_up, Queue.DELIVERIES),
        },
        schedules=[Schedule("ticking", timedelta(seconds=2), made.ticks.tick)],
    )
    yield made
    made.jobs.stop(timeout=1)
    patched.undo()
    engine.dispose()
    if request.param == "postgresql":
        server.drop_database(url)


@pytest.fixture
def recorder(running: Running) -> Recorder:
    running.recorder = Recorder()
    return running.recorder


@pytest.fixture
def deliveries(running: Running) -> Deliveries:
    running.deliveries = Deliveries()
    return running.deliveries


@pytest.fixture
def ticks(running: Running) -> Ticks:
    return running.ticks


@pytest.fixture
def store(running: Running, recorder: Recorder) -> SqlStore:
    assert recorder is running.recorder
    return SqlStore(running.engine, running.jobs.enqueue)


OK = "SUCCESS"


def test_a_committed_job_runs_once_even_when_it_was_asked_for_twice(store: SqlStore, recorder: Recorder) -> None:
    subject = uuid4()
    for _ in range(2):
        with store.work() as work:
            work.enqueue("job", "the-key", subject)

    eventually(lambda: recorder.ran == [subject])
    # A second run of it would come before this one.
    last = uuid4()
    with store.work() as work:
        work.enqueue("job", "after-the-key", last)
    eventually(lambda: last in recorder.ran)
    assert recorder.ran == [subject, last]
    assert recorder.given_up == []


def test_that_a_job_is_done_is_written_once(store: SqlStore, running: Running) -> None:
    """By the end of its workflow, not by a step as well: a step is a transaction of its own."""
    with store.work() as work:
        work.enqueue("job", "written-once", uuid4())

    eventually(lambda: running.statuses("written-once") == {"written-once": OK})
    steps = f"SELECT count(*) FROM {running.table('operation_outputs')} WHERE workflow_uuid = 'written-once'"
    with running.engine.connect() as connection:
        assert connection.execute(sa.text(steps)).scalar() == 0


def test_a_job_costs_the_engine_no_more_than_this(store: SqlStore, running: Running) -> None:
    """Two rows when it is enqueued, its claim, a look at its row, its end. No step is looked up."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_rest: object) -> None:
        if "'counted'" in repr(parameters):
            asked.append(statement)

    sa.event.listen(sa.engine.Engine, "before_cursor_execute", note)
    try:
        with store.work() as work:
            work.enqueue("job", "counted", uuid4())
        eventually(lambda: running.statuses("counted") == {"counted": OK})
    finally:
        sa.event.remove(sa.engine.Engine, "before_cursor_execute", note)
    assert len(asked) <= 5, "\n".join(asked)
    assert not any("function_id" in statement for statement in asked)


def test_a_question_says_whether_a_queue_has_something_to_claim(running: Running) -> None:
    heard = running.jobs._alarms  # noqa: SLF001
    unserved = "nobodys"
    assert heard._something_waits(unserved) is False  # noqa: SLF001
    client = running.jobs._connected  # noqa: SLF001
    client.enqueue({"workflow_name": "job", "queue_name": unserved, "workflow_id": "of-nobody"}, str(uuid4()))

    assert heard._something_waits(unserved) is True  # noqa: SLF001
    assert heard._something_waits(Queue.ARCHIVES.value) is False  # noqa: SLF001
    running.jobs.withdraw(["of-nobody"])


def test_only_what_dbos_writes_to_sqlite_itself_is_not_flushed(running: Running) -> None:
    if running.engine.dialect.name == "postgresql":
        return
    own: sa.Engine = dbos_instance()._sys_db.engine  # noqa: SLF001
    found = []
    for engine in (running.engine, own):
        with engine.connect() as connection:
            found.append(connection.exec_driver_sql("PRAGMA synchronous").scalar())

    full, normal = 2, 1
    assert found == [full, normal]


def test_a_queue_of_which_nothing_is_heard_is_left_alone(running: Running) -> None:
    """DBOS looks at it five times a second."""
    looks: list[object] = []

    def look(_connection: object, _cursor: object, statement: str, parameters: object, *_rest: object) -> None:
        if "queues" in statement and Queue.DOCUMENTS.value in str(parameters):
            looks.append(parameters)

    def silent() -> bool:
        looks.clear()
        return not threading.Event().wait(1.0) and not looks

    sa.event.listen(sa.engine.Engine, "before_cursor_execute", look)
    try:
        assert eventually(silent)
    finally:
        sa.event.remove(sa.engine.Engine, "before_cursor_execute", look)


def test_a_rolled_back_job_never_existed(store: SqlStore, recorder: Recorder) -> None:
    with pytest.raises(RuntimeError), store.work() as work:
        work.enqueue("job", "never", uuid4())
        raise RuntimeError
    last = uuid4()
    with store.work() as work:
        work.enqueue("job", "afterwards", last)

    eventually(lambda: bool(recorder.ran))
    assert recorder.ran == [last]


def test_what_is_unavailable_is_tried_again(store: SqlStore, recorder: Recorder) -> None:
    recorder.fail = lambda tries: StorageUnavailable() if tries < 3 else None
    subject = uuid4()
    with store.work() as work:
        work.enqueue("job", "retried", subject)

    eventually(lambda: len(recorder.ran) == 3)
    assert recorder.given_up == []


def test_what_stays_unavailable_comes_back_as_a_delayed_job_until_it_succeeds(
    store: SqlStore, recorder: Recorder, running: Running
) -> None:
    recorder.fail = lambda tries: StorageUnavailable() if tries < 7 else None
    with store.work() as work:
        work.enqueue("job", "long", uuid4())

    eventually(lambda: len(recorder.ran) == 7)
    assert recorder.given_up == []
    # Two tries in each run; the runs are a chain of four jobs.
    eventually(lambda: running.statuses("long") == dict.fromkeys(["long", "long~1", "long~2", "long~3"], OK))


def test_patience_ends_in_giving_up_and_a_dead_letter(store: SqlStore, recorder: Recorder, running: Running) -> None:
    recorder.fail = lambda _tries: StorageUnavailable()
    subject = uuid4()
    with store.work() as work:
        work.enqueue("impatient", "short", subject)

    eventually(lambda: bool(recorder.given_up))
    assert recorder.given_up == [(subject, "ProcessingUnavailable")]
    eventually(lambda: "ERROR" in running.statuses("short").values())


class Busy(Unavailable):
    code = "Busy"
    patience = timedelta(seconds=0.15)


def test_what_is_worth_a_short_wait_ends_a_patient_job(store: SqlStore, recorder: Recorder) -> None:
    recorder.fail = lambda tries: StorageUnavailable() if tries < 5 else Busy()
    subject = uuid4()
    with store.work() as work:
        work.enqueue("job", "short of breath", subject)

    eventually(lambda: bool(recorder.given_up))
    assert recorder.given_up == [(subject, "ProcessingUnavailable")]
    # Counted from the first time that it was that: the outage before was waited out.
    assert len(recorder.ran) > 5


def test_a_full_queue_is_waited_out(store: SqlStore, recorder: Recorder) -> None:
    """It has the code of something that is worth half an hour only: the two are not counted together."""

    class Broken(ProcessingUnavailable):
        patience = timedelta(seconds=0.3)

    recorder.fail = lambda tries: QueueFull() if tries < 12 else Broken() if tries < 14 else None
    with store.work() as work:
        work.enqueue("job", "pushed out", uuid4())

    eventually(lambda: len(recorder.ran) == 14)
    assert recorder.given_up == []


def test_of_jobs_that_wait_the_one_with_the_lowest_order_goes_first(store: SqlStore, recorder: Recorder) -> None:
    held, many, first, last = [uuid4(), uuid4()], [uuid4() for _ in range(4)], uuid4(), uuid4()
    recorder.hold = set(held)
    with store.work() as work:
        for subject in held:
            work.enqueue("job", f"held {subject}", subject)
    eventually(lambda: set(recorder.ran) >= set(held))  # both places are taken
    with store.work() as work:
        for order, subject in enumerate(many, 1):
            work.enqueue("job", f"many {subject}", subject, order=order)
        work.enqueue("job", "last", last, order=5)
        work.enqueue("job", "first", first)

    recorder.free.set()

    eventually(lambda: len(recorder.ran) == 8)
    began = recorder.ran[2:]
    assert began.index(first) <= 1
    assert began.index(last) >= 4


def test_a_job_may_ask_for_its_next_run(store: SqlStore, recorder: Recorder, running: Running) -> None:
    recorder.again = lambda tries: timedelta(seconds=0.1) if tries < 3 else None
    subject = uuid4()
    with store.work() as work:
        work.enqueue("job", "asking", subject, delay=timedelta(seconds=0.1))

    eventually(lambda: running.statuses("asking") == dict.fromkeys(["asking", "asking~1", "asking~2"], OK))
    assert recorder.ran == [subject] * 3


def test_those_that_are_due_next_are_hastened(store: SqlStore, recorder: Recorder, running: Running) -> None:
    recorder.again = lambda tries: timedelta(hours=2 + tries) if tries <= 4 else None
    subjects = [uuid4() for _ in range(4)]
    for number, subject in enumerate(subjects):
        with store.work() as work:
            work.enqueue("job", f"hasty-{number}", subject)
        eventually(partial(running.statuses, f"hasty-{number}~1"))

    running.began_earlier("hasty-1~1", timedelta(hours=1))
    running.began_earlier("hasty-2~1", timedelta(hours=1))
    running.began_earlier("hasty-3~1", timedelta(hours=1))

    assert [running.jobs.hasten("job", 2), running.jobs.hasten("job", 2)] == [2, 0]  # once a second

    eventually(lambda: sorted(map(str, recorder.ran[4:])) == sorted(map(str, subjects[1:3])))
    # The first one ran a moment ago, and is not tried again and again.
    assert running.statuses("hasty-0~") | running.statuses("hasty-3~") == dict.fromkeys(
        ["hasty-0~1", "hasty-3~1"], "DELAYED"
    )


def test_one_lane_that_is_slow_does_not_hold_up_another(store: SqlStore, deliveries: Deliveries) -> None:
    slow, fast = [uuid4() for _ in range(LANE_PLACES + 2)], uuid4()
    with store.work() as work:
        for number, subject in enumerate(slow):
            work.enqueue("delivery", f"slow-{number}", subject, lane="slow")
    eventually(lambda: len(deliveries.ran) == LANE_PLACES)
    with store.work() as work:
        work.enqueue("delivery", "fast", fast, lane="fast")

    eventually(lambda: fast in deliveries.ran)
    assert len(deliveries.ran) == LANE_PLACES + 1
    deliveries.open.set()
    eventually(lambda: Counter(deliveries.ran) == Counter([*slow, fast]))


def test_what_waits_is_taken_back_and_what_runs_is_not(
    store: SqlStore, running: Running, deliveries: Deliveries
) -> None:
    keys = [f"taken-{number}" for number in range(LANE_PLACES + 2)]
    with store.work() as work:
        for key in keys:
            work.enqueue("delivery", key, uuid4(), lane="taken")
    eventually(lambda: len(deliveries.ran) == LANE_PLACES)

    running.jobs.withdraw([*keys[:-1], "unknown"])

    deliveries.open.set()
    eventually(lambda: Counter(running.statuses("taken").values()) == Counter({OK: LANE_PLACES + 1, "CANCELLED": 1}))
    assert running.statuses("taken")[keys[-1]] == OK, "nobody took that one back"
    assert len(deliveries.ran) == LANE_PLACES + 1
    running.jobs.withdraw(keys)
    assert running.statuses("taken")[keys[0]] == OK


@pytest.mark.parametrize(("job", "lane"), [("job", "a lane"), ("delivery", None), ("unknown", None)])
def test_a_lane_goes_with_deliveries_and_with_nothing_else(store: SqlStore, job: str, lane: str | None) -> None:
    with pytest.raises(RuntimeError), store.work() as work:
        work.enqueue(job, "wrong", uuid4(), lane=lane)


def test_a_schedule_runs_again_and_again(store: SqlStore, ticks: Ticks) -> None:
    eventually(lambda: ticks.count >= 2)


def test_a_follower_is_named_after_the_first() -> None:
    assert [follower_id("key", 1), follower_id("key~1", 2), follower_id("key~9", 10)] == ["key~1", "key~2", "key~10"]


def test_a_bug_is_given_up_at_once_so_that_nobody_waits(store: SqlStore, recorder: Recorder) -> None:
    recorder.fail = lambda _tries: ValueError("a bug that quotes the content of a file")
    subject = uuid4()
    with store.work() as work:
        work.enqueue("job", "broken", subject)

    eventually(lambda: bool(recorder.given_up))
    assert recorder.given_up == [(subject, "InternalError")]
    assert len(recorder.ran) == 1


def test_job_tables_hold_ids_and_neither_pickles_nor_texts_of_errors(
    store: SqlStore, recorder: Recorder, running: Running
) -> None:
    recorder.fail = lambda _tries: ValueError("a bug that quotes the content of a file")
    subject = uuid4()
    with store.work() as work:
        work.enqueue("job", "looked-at", subject)
    eventually(lambda: bool(recorder.given_up))
    eventually(lambda: running.statuses("looked-at") == {"looked-at": "ERROR"})

    stored = {
        "workflow_status": "inputs, output, error",
        "workflow_input": "inputs",
        "workflow_output": "output, error",
        "operation_outputs": "output, error",
    }
    with running.engine.connect() as connection:
        rows = [
            row
            for table, columns in stored.items()
            for row in connection.execute(sa.text(f"SELECT {columns} FROM {running.table(table)}"))
        ]
    texts = [str(value) for row in rows for value in row if value is not None]
    assert any(str(subject) in text for text in texts)
    assert all("content of a file" not in text for text in texts)
    for text in texts:
        json.loads(text)  # and not a pickle


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
    running: Running, recorder: Recorder, tmp_path: Path
) -> None:
    engine = open_engine(running.url)
    web = DurableJobs(engine, tmp_path, concurrency=1)
    web.start({"job": Job(recorder.run, recorder.give_up)}, execute=False)
    subject = uuid4()

    with SqlStore(engine, web.enqueue).work() as work:
        work.enqueue("job", "from-the-web", subject)

    eventually(lambda: recorder.ran == [subject])
    web.stop()
    engine.dispose()


def test_a_dead_job_is_listed_and_retried_once(store: SqlStore, recorder: Recorder, running: Running) -> None:
    recorder.fail = lambda tries: ValueError() if tries == 1 else None
    subject = uuid4()
    with store.work() as work:
        work.enqueue("job", "dead", subject)
    eventually(lambda: running.statuses("dead") == {"dead": "ERROR"})
    (letter,) = (found for found in running.jobs.dead(100) if found.id == "dead")
    assert (letter.job, letter.subject, letter.failed_step) == ("job", subject, "job.run")

    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(running.jobs.retry, "dead") for _ in range(4)]
    done = [answer.result() for answer in answers if answer.exception() is None]

    assert done == ["dead+1"]
    assert {type(answer.exception()) for answer in answers} == {type(None), DeadJobNotFound}
    eventually(lambda: running.statuses("dead") == {"dead": "ERROR", "dead+1": OK})
    assert recorder.ran == [subject] * 2
    assert all(found.id != "dead" for found in running.jobs.dead(100))
    with pytest.raises(DeadJobNotFound):
        running.jobs.retry("dead")


def test_a_dead_delivery_is_retried_in_its_lane(store: SqlStore, deliveries: Deliveries, running: Running) -> None:
    subject = uuid4()
    deliveries.error = ValueError()
    with store.work() as work:
        work.enqueue("delivery", "undelivered", subject, lane="an endpoint")
    eventually(lambda: running.statuses("undelivered") == {"undelivered": "ERROR"})
    deliveries.error = None
    deliveries.open.set()

    running.jobs.retry("undelivered")

    eventually(lambda: running.statuses("undelivered").get("undelivered+1") == OK)
    assert deliveries.ran == [subject] * 2


@pytest.mark.parametrize("job_id", ["no such job", "alive"])
def test_only_a_dead_job_is_retried(store: SqlStore, running: Running, job_id: str) -> None:
    with store.work() as work:
        work.enqueue("job", "alive", uuid4(), delay=timedelta(hours=1))

    with pytest.raises(DeadJobNotFound):
        running.jobs.retry(job_id)


def test_the_state_counts_what_waits_and_who_works(store: SqlStore, running: Running, deliveries: Deliveries) -> None:
    with store.work() as work:
        work.enqueue("job", "waiting", uuid4(), delay=timedelta(hours=1))
        for number in range(LANE_PLACES + 2):
            work.enqueue("delivery", f"counted-{number}", uuid4(), lane="counted")
    eventually(lambda: len(deliveries.ran) == LANE_PLACES)

    queues = [Queue.DELIVERIES, Queue.SESSIONS]
    assert [running.jobs.waiting(queues, most) for most in (1, 2, 9)] == [1, 2, 2]
    assert running.jobs.waiting([Queue.SESSIONS], 9) == 0
    state = running.jobs.state()

    assert state.jobs[Queue.DOCUMENTS, "DELAYED"] >= 1
    assert state.jobs[Queue.DELIVERIES, "PENDING"] == LANE_PLACES
    assert state.jobs[Queue.DELIVERIES, "ENQUEUED"] == 2
    assert state.executors == 1
    assert state.oldest_due is not None
    assert datetime.now(UTC) - timedelta(minutes=5) < state.oldest_due <= datetime.now(UTC)
    deliveries.open.set()
    eventually(lambda: len(deliveries.ran) == LANE_PLACES + 2)


def test_what_ended_long_ago_is_forgotten_and_what_waits_is_not(
    store: SqlStore, running: Running, recorder: Recorder
) -> None:
    recorder.fail = lambda tries: ValueError() if tries == 1 else None
    with store.work() as work:
        work.enqueue("job", "old-dead", uuid4())
    eventually(lambda: running.statuses("old") == {"old-dead": "ERROR"})
    with store.work() as work:
        work.enqueue("job", "old-done", uuid4())
        work.enqueue("job", "old-waiting", uuid4(), delay=timedelta(hours=1))
    eventually(lambda: running.statuses("old-done") == {"old-done": OK})
    client = running.jobs._connected  # noqa: SLF001
    now = datetime.now(UTC)

    delete_finished(client, running.engine, now)
    assert len(running.statuses("old")) == 3
    delete_finished(client, running.engine, now + timedelta(days=8))
    assert running.statuses("old") == {"old-dead": "ERROR", "old-waiting": "DELAYED"}
    delete_finished(client, running.engine, now + timedelta(days=31))
    assert running.statuses("old") == {"old-waiting": "DELAYED"}


def test_a_job_that_an_earlier_version_left_half_done_ends_as_that_version_meant(
    store: SqlStore, running: Running, recorder: Recorder
) -> None:
    """Version 0.1.0 recorded exhausted tries as an error of the step; the step is not run again."""
    subject = uuid4()
    steps = sa.text(
        f"INSERT INTO {running.table('operation_outputs')} "
        "(workflow_uuid, function_id, function_name, error, serialization, retention_timestamp) "
        "VALUES ('of-before', 1, 'job.run', :error, 'signroom_json', 0)"
    )
    with store.work() as work:
        work.enqueue("job", "of-before", subject)
        work.connection.execute(  # type: ignore[attr-defined]
            steps, {"error": '{"$error": "DBOSMaxStepRetriesExceeded"}'}
        )

    eventually(lambda: recorder.given_up == [(subject, "ProcessingUnavailable")])
    assert recorder.ran == []


def test_jobs_go_on_after_every_connection_was_cut(store: SqlStore, running: Running, recorder: Recorder) -> None:
    if running.engine.dialect.name == "postgresql":
        with running.engine.connect() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    subject = uuid4()

    def enqueued() -> bool:
        try:
            with store.work() as work:
                work.enqueue("job", "after-the-cut", subject)
        except DatabaseUnavailable:
            return False
        return True

    eventually(enqueued)
    eventually(lambda: recorder.ran == [subject])
    eventually(lambda: running.statuses("after-the-cut") == {"after-the-cut": OK})
