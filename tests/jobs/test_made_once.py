"""Statements that are made once do what DBOS does: each is compared with DBOS's own on the same rows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
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


def _rows(database: Any) -> dict[str, list[dict[str, Any]]]:
    """All that DBOS keeps of workflows, but for what differs from run to run. What was a time is told as one."""
    tables = database.tables
    kept = {}
    for table in (tables.workflow_status, tables.workflow_input, tables.workflow_output):
        with database.engine.connect() as connection:
            found = connection.execute(sa.select(table).order_by(table.c.workflow_uuid)).mappings().all()
        kept[table.name] = [
            {
                name: "a time" if name in _BY_THE_CLOCK and value is not None else value
                for name, value in row.items()
                if name not in _BY_CHANCE
            }
            for row in found
        ]
    return kept


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
    more = ("_execute_prepared", "_update_workflow_outcome_in_transaction", "_now_ms_sql", "_in_flight_status_prover")
    assert [name for name in (*names, *more) if not callable(getattr(SystemDatabase, name, None))] == []
