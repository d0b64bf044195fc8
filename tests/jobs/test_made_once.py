"""Statements that are made once do what DBOS does: each is compared with DBOS's own on the same rows."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from dbos import DBOSClient
from dbos._queue import _INTERNAL_QUEUE_CONSTRUCTION as _TOKEN
from dbos._queue import Queue
from dbos._sys_db import SystemDatabase
from sqlalchemy.engine import Engine

from signroom.jobs.durable import APPLICATION, migrate_job_tables
from signroom.jobs.made_once import make_enqueueing_once, make_once
from signroom.jobs.serializer import JsonSerializer
from signroom.store.engine import open_engine
from tests.harness.databases import copy_new_database

QUEUE, VERSION = "of-the-test", "1"
_BY_THE_CLOCK = {"created_at", "updated_at", "started_at_epoch_ms", "completed_at", "retention_timestamp"}
_BY_CHANCE = {"creator_xid"}


def _client(engine: Engine) -> tuple[DBOSClient, Any]:
    client = DBOSClient(system_database_engine=engine, application_name=APPLICATION, serializer=JsonSerializer())
    return client, client._sys_db  # noqa: SLF001


@contextmanager
def _sqlite(file: Path) -> Iterator[tuple[DBOSClient, Any]]:
    engine = open_engine(f"sqlite:///{file}")
    try:
        yield _client(engine)
    finally:
        engine.dispose()


def _enqueue(client: DBOSClient, key: str, **options: Any) -> str:
    told: Any = {"workflow_name": "job", "queue_name": QUEUE, "workflow_id": key, **options}
    client.enqueue(told, key)
    return key


def _change(database: Any, workflow_id: str, **values: Any) -> None:
    status = database.tables.workflow_status
    with database.engine.begin() as connection:
        connection.execute(sa.update(status).where(status.c.workflow_uuid == workflow_id).values(**values))


def _record_step(database: Any, workflow_id: str) -> None:
    step = {"workflow_uuid": workflow_id, "function_id": 1, "function_name": "job.run", "output": '{"again": 1.0}'}
    with database.engine.begin() as connection:
        connection.execute(sa.insert(database.tables.operation_outputs), {**step, "retention_timestamp": 0})


def _rows(database: Any) -> list[dict[str, Any]]:
    """All that DBOS keeps of workflows, but for what differs from run to run. What was a time is told as one.

    Arguments and results are told as DBOS reads them: those that stand beside the row come first.
    """
    tables = database.tables
    w, given, result = tables.workflow_status, tables.workflow_input, tables.workflow_output
    query = sa.select(
        w, given.c.inputs.label("_inputs"), result.c.output.label("_output"), result.c.error.label("_error")
    )
    joined = w.outerjoin(given, given.c.workflow_uuid == w.c.workflow_uuid)
    query = query.select_from(joined.outerjoin(result, result.c.workflow_uuid == w.c.workflow_uuid))
    with database.engine.connect() as connection:
        found = [dict(row) for row in connection.execute(query.order_by(w.c.workflow_uuid)).mappings()]
    for row in found:
        for name in ("inputs", "output", "error"):
            beside = row.pop(f"_{name}")
            row[name] = row[name] if beside is None else beside
    return [
        {
            name: "a time" if name in _BY_THE_CLOCK and value is not None else value
            for name, value in row.items()
            if name not in _BY_CHANCE
        }
        for row in found
    ]


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[tuple[DBOSClient, Any], tuple[DBOSClient, Any]]]:
    """Two SQLite files with the same rows: one is left to DBOS, the other has our statements."""
    first, second = tmp_path / "theirs.db", tmp_path / "ours.db"
    copy_new_database(first)
    shutil.copy(first, second)
    with _sqlite(first) as theirs, _sqlite(second) as ours:
        make_once(ours[1])
        yield theirs, ours


def _backlog(client: DBOSClient, database: Any) -> None:
    """Jobs in each state in which a claim may meet one."""
    jobs: dict[str, dict[str, Any]] = {
        "plain": {},
        "second": {},
        "urgent": {"priority": 1},
        "less-urgent": {"priority": 7},
        "elsewhere": {"queue_name": "another"},
        "later": {"delay_seconds": 600.0},
        "in-time": {"workflow_timeout": 60.0},
        "in-any-time": {"workflow_timeout": 60.0},
        "named-version": {"app_version": VERSION},
        "other-version": {"app_version": "0"},
        "unnamed": {},
        "of-others": {},
        "withdrawn": {},
        "running": {},
    }
    for number, (key, options) in enumerate(jobs.items()):
        _enqueue(client, key, **options)
        _change(database, key, created_at=1000 - number)
    _change(database, "later", delay_until_epoch_ms=2**40)
    _change(database, "in-any-time", workflow_timeout_ms=2**63 - 1)
    _change(database, "unnamed", application_name=None)
    _change(database, "of-others", application_name="another application")
    _change(database, "withdrawn", status="CANCELLED")
    _change(database, "running", status="PENDING", owner_xid="somebody", recovery_attempts=1)


@pytest.mark.parametrize("latest", [True, False], ids=["newest version", "older version"])
@pytest.mark.parametrize(("places", "running"), [(100, 0), (5, 2), (2, 2), (2, 3)])
def test_a_claim_takes_what_dbos_would_take(both: Any, places: int, running: int, latest: bool) -> None:
    claimed = []
    for client, database in both:
        _backlog(client, database)
        queue = Queue(QUEUE, worker_concurrency=places, token=_TOKEN)
        took = database.start_queued_workflows(
            queue, "executor", VERSION, None, running, owner_xid="owner", is_latest_version=latest
        )
        deadlines = database.get_workflow_statuses(["in-time"])
        _change(database, "in-time", workflow_deadline_epoch_ms=None)
        claimed.append((took, deadlines[0]["workflow_deadline_epoch_ms"] or 0))

    assert claimed[0][0] == claimed[1][0]
    assert abs(claimed[0][1] - claimed[1][1]) < 50_000, "a minute after the claim, and one claim follows the other"
    assert _rows(both[0][1]) == _rows(both[1][1])
    assert len(claimed[1][0][0]) == min(max(places - running, 0), 8 if latest else 1)


@pytest.mark.parametrize(
    "limits", [{"global_concurrency": 9}, {"partition_concurrency": 4}, {"worker_concurrency": None}]
)
def test_a_queue_with_other_limits_is_left_to_dbos(both: Any, limits: dict[str, Any]) -> None:
    _, (client, database) = both
    asked: list[str] = []
    _enqueue(client, "one", **({"queue_partition_key": "lane"} if "partition_concurrency" in limits else {}))
    names = {"global_concurrency": "concurrency"}
    settings = {names.get(name, name): value for name, value in limits.items()}
    queue = Queue(QUEUE, **{"worker_concurrency": 5, **settings}, token=_TOKEN)

    def heard(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    sa.event.listen(database.engine, "before_cursor_execute", heard)
    lane = "lane" if "partition_concurrency" in limits else None
    took, _ = database.start_queued_workflows(
        queue, "executor", VERSION, lane, owner_xid="owner", is_latest_version=True
    )

    assert took == ["one"]
    assert [statement.partition(" ")[0] for statement in asked][-2:] == ["SELECT", "UPDATE"], "ours is one statement"


@pytest.mark.parametrize("status", ["PENDING", "CANCELLED", "SUCCESS", "ENQUEUED"])
@pytest.mark.parametrize(("owner", "writer"), [("me", "me"), ("another", "me"), (None, "me"), ("another", None)])
@pytest.mark.parametrize("result", [{"status": "SUCCESS", "output": "null"}, {"status": "ERROR", "error": "{}"}])
def test_an_end_is_written_where_dbos_would_write_it(
    both: Any, status: str, owner: str | None, writer: str | None, result: dict[str, str]
) -> None:
    written = []
    for client, database in both:
        _enqueue(client, "job")
        _enqueue(client, "beside")
        _change(database, "job", status=status, owner_xid=owner, deduplication_id="once")
        written.append(database.update_workflow_outcome("job", owner_xid=writer, **result))
        written.append(database.update_workflow_outcome("nowhere", owner_xid=writer, **result))

    assert written == [status == "PENDING" and writer in {None, owner}, False] * 2
    assert _rows(both[0][1]) == _rows(both[1][1])


def test_what_is_enqueued_is_what_dbos_would_enqueue(both: Any) -> None:
    make_enqueueing_once(both[1][1])
    for client, database in both:
        for _ in range(2):  # the second finds the first
            _enqueue(client, "plain")
            _enqueue(client, "in-lane", queue_partition_key="lane", delay_seconds=5.0)
            _enqueue(client, "more", priority=3, attributes={"a": [1, None]}, app_version="7")
        with database.engine.begin() as connection:
            client.enqueue_in_transaction(
                connection, {"workflow_name": "job", "queue_name": QUEUE, "workflow_id": "in"}
            )
        due = database.tables.workflow_status
        with database.engine.begin() as connection:
            connection.execute(sa.update(due).values(delay_until_epoch_ms=None))

    assert _rows(both[0][1]) == _rows(both[1][1])


@pytest.fixture
def pair(database_url: str) -> Iterator[tuple[DBOSClient, Any, Any]]:
    """A client, DBOS's own system database, and one with our statements, of one database."""
    engine = open_engine(database_url)
    migrate_job_tables(engine)
    client, theirs = _client(engine)
    _, ours = _client(engine)
    make_once(ours)
    yield client, theirs, ours
    engine.dispose()


def test_the_row_of_a_claimed_job_is_read_as_dbos_reads_it(pair: tuple[DBOSClient, Any, Any]) -> None:
    client, theirs, ours = pair
    options: list[dict[str, Any]] = [
        {},
        {"priority": 3, "delay_seconds": 60.0, "attributes": {"a": [1, None]}},
        {"queue_partition_key": "lane", "workflow_timeout": 5.0},
        {"deduplication_id": "once", "app_version": "7"},
    ]
    keys = [_enqueue(client, f"job-{number}", **some) for number, some in enumerate(options)]
    _change(theirs, "job-0", status="PENDING", executor_id="e", owner_xid="o", forked_from="x", is_debounced=True)

    for key in keys:
        assert ours.get_workflow_statuses([key]) == theirs.get_workflow_statuses([key])
    assert ours.get_workflow_statuses(keys) == theirs.get_workflow_statuses(keys)
    assert ours.get_workflow_statuses(["nowhere"]) == []


def test_a_job_is_one_row_and_its_arguments_are_those_of_its_own_thread(pair: tuple[DBOSClient, Any, Any]) -> None:
    """Also where DBOS reads them: to list jobs, and to run one again."""
    client, theirs, ours = pair
    make_enqueueing_once(client._sys_db)  # noqa: SLF001
    keys = [f"job-{number}" for number in range(40)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda key: _enqueue(client, key), keys))
    _enqueue(client, keys[0])
    client.fork_workflow(keys[1], 1, queue_name=QUEUE)
    plain, _ = _client(theirs.engine)

    found: dict[str, Any] = {row.workflow_id: row.input for row in plain.list_workflows()}
    assert all(found[key] == {"args": [key], "kwargs": {}} for key in keys)
    assert list(found.values()).count({"args": [keys[1]], "kwargs": {}}) == 2, "it was forked"
    assert all(ours.get_workflow_statuses([key]) == theirs.get_workflow_statuses([key]) for key in keys)
    with theirs.engine.connect() as connection:
        beside = connection.scalar(sa.select(sa.func.count()).select_from(theirs.tables.workflow_input))
    assert beside == 1, "DBOS forks as it does"


def test_on_sqlite_a_job_from_its_enqueueing_to_its_end_is_three_statements(both: Any) -> None:
    """Each in a transaction of its own, but for the first, which goes along with what it is about."""
    _, (client, database) = both
    asked: list[str] = []
    sa.event.listen(database.engine, "before_cursor_execute", lambda _c, _cursor, text, *_rest: asked.append(text))
    begun: list[object] = []
    sa.event.listen(database.engine, "begin", begun.append)
    queue = Queue(QUEUE, worker_concurrency=1, token=_TOKEN)

    _enqueue(client, "job")
    took, _ = database.start_queued_workflows(queue, "e", VERSION, None, owner_xid="o", is_latest_version=True)
    database.get_workflow_statuses(took)
    assert database.check_operation_execution("job", 1, "job.run") is None
    assert database.update_workflow_outcome("job", "SUCCESS", output="null", owner_xid="o")

    assert [text.partition(" ")[0] for text in asked] == ["INSERT", "UPDATE", "UPDATE"]
    assert len(begun) == 3


@pytest.mark.parametrize("beside", [False, True], ids=["in its row", "beside it, as DBOS enqueues"])
def test_a_claim_answers_with_the_rows_that_dbos_reads_after_it(both: Any, beside: bool) -> None:
    (_, theirs), (_, ours) = both
    clients = [_client(database.engine)[0] if beside else client for client, database in both]
    queue = Queue(QUEUE, worker_concurrency=5, token=_TOKEN)
    asked: list[str] = []
    sa.event.listen(ours.engine, "before_cursor_execute", lambda _c, _cursor, text, *_rest: asked.append(text))
    for client, database in zip(clients, (theirs, ours), strict=True):
        for number, key in enumerate(("one", "two", "three")):
            _enqueue(client, key, priority=3 - number, attributes={"a": [1, None]})
            _change(database, key, created_at=number)
        _record_step(database, "two")
    found = []
    for database in (theirs, ours):
        asked.clear()
        took, _ = database.start_queued_workflows(queue, "e", VERSION, None, owner_xid="o", is_latest_version=True)
        read = database.get_workflow_statuses(took)
        found.append([{k: "a time" if k in _BY_THE_CLOCK else v for k, v in row.items()} for row in read])

    assert [json.loads(row["inputs"])["args"] for row in found[1]] == [["three"], ["two"], ["one"]]
    assert found[0] == found[1]
    assert len(asked) - asked.count("BEGIN IMMEDIATE") == 1, asked
    steps = [ours.check_operation_execution(key, 1, "job.run") for key in ("one", "two")]
    assert [step and step["output"] for step in steps] == [None, '{"again": 1.0}']
    assert ours.get_workflow_statuses(["one"]) == _client(ours.engine)[1].get_workflow_statuses(["one"]), "read anew"


def test_a_first_step_asks_only_where_one_may_be_recorded(pair: tuple[DBOSClient, Any, Any]) -> None:
    """A retried job brings recorded steps along, and one that a crash has interrupted may have some."""
    client, theirs, ours = pair
    for key in ("new", "resumed", "waiting"):
        _enqueue(client, key)
    _change(theirs, "new", status="PENDING")
    _change(theirs, "resumed", status="PENDING")
    _record_step(theirs, "resumed")
    asked: list[str] = []

    def ask(key: str, step: int) -> Any:
        before = len(asked)
        found = ours.check_operation_execution(key, step, "job.run" if step == 1 else "job.later")
        return found and found["output"], len(asked) > before

    def heard(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    sa.event.listen(ours.engine, "before_cursor_execute", heard)
    for key in ("new", "resumed", "waiting"):
        ours.get_workflow_statuses([key])

    assert ask("new", 2) == (None, True), "another step"
    assert ask("new", 1) == (None, False)
    assert ask("new", 1) == (None, True), "the second time"
    assert ask("resumed", 1) == ('{"again": 1.0}', True)
    assert ask("waiting", 1) == (None, True), "nobody has claimed it"

    ours.get_workflow_statuses(["new"])
    _record_step(theirs, "new")
    ours.get_workflow_statuses(["new", "resumed"])
    assert ask("new", 1) == ('{"again": 1.0}', True), "it was claimed anew, with others"


def test_dbos_still_has_what_these_statements_take_the_place_of() -> None:
    """A new version of the library may rename it. Then DBOS would go on as before, and nothing would say so."""
    names = ("get_workflow_statuses", "check_operation_execution", "start_queued_workflows")
    more = (
        "_execute_prepared",
        "_insert_workflow_status",
        "_update_workflow_outcome_in_transaction",
        "_now_ms_sql",
        "_in_flight_status_prover",
    )
    assert [name for name in (*names, *more) if not callable(getattr(SystemDatabase, name, None))] == []


def test_a_process_that_stood_still_behind_its_claim_asks_again(both: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one may have recovered the job meanwhile, and run its first step."""
    _, (client, database) = both
    queue = Queue(QUEUE, worker_concurrency=1, token=_TOKEN)
    _enqueue(client, "job")
    took, _ = database.start_queued_workflows(queue, "e", VERSION, None, owner_xid="o", is_latest_version=True)
    _record_step(database, "job")
    later = time.time() + 600
    monkeypatch.setattr(time, "time", lambda: later)

    database.get_workflow_statuses(took)

    assert database.check_operation_execution("job", 1, "job.run") is not None
