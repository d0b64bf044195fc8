"""What DBOS asks and writes for each job, in statements that are made once.

DBOS makes each of its statements anew for each call. That costs the processor several times as much as the database's
own work. These say the same, and `tests/jobs/test_made_once.py` compares what they do with what DBOS does. What they do
not know, DBOS does itself:

- The row of a job that is enqueued. Its arguments stand in it, where DBOS writes a second row for them. DBOS reads
  both, and so do earlier versions of ours (docs/decisions/0072).
- On SQLite: the claim of jobs, which answers with their rows, and the end of one, whose result stands in the row, too.
  On PostgreSQL DBOS ends a job in one statement. A claim is nothing to meddle with there: many processes lock rows.
- On PostgreSQL: the look at the row of what was claimed. With the row comes whether the workflow has a recorded step.
  When it has none, its first step does not ask once more: only the owner of a workflow records steps, and that is this
  process, for less than the lease at least.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa
from dbos._schemas import SCHEMA_PLACEHOLDER
from dbos._sys_db import _MAX_BIGINT, WorkflowStatusInternal, db_retry
from sqlalchemy.engine import Connection

_FIRST_STEP = 1
_FRESH_SECONDS = 5.0
"""Between the look at a row and the first step. Who was held up for longer may have lost the workflow to another."""
_MOST_FRESH = 1000
"""Workflows that were claimed and whose first step has not begun: more than run at once in any process."""
_COLUMN_OF = {"app_version": "application_version", "app_id": "application_id"}
"""Where DBOS calls a part of the status by another name than its column."""
_OF_NO_COLUMN = {"inputs", "shard_key"}


def make_once(database: Any) -> None:
    """Let the system database of DBOS use these statements, from now on."""
    rows = _ClaimedRows(database)
    database.get_workflow_statuses = rows.statuses
    database.check_operation_execution = rows.recorded
    make_enqueueing_once(database)
    if database.engine.dialect.name == "sqlite":
        claims = _Claims(database, rows)
        database.start_queued_workflows = claims.claim
        database._update_workflow_outcome_in_transaction = claims.end  # noqa: SLF001


def make_enqueueing_once(database: Any, notice: Callable[[Any], sa.ColumnElement[Any]] | None = None) -> None:
    """Let a system database of DBOS write one row for a job, by a statement that it keeps.

    `notice`: what is called in that statement on PostgreSQL, of the table's row.
    """
    enqueued = _Enqueued(database, notice)
    database._insert_workflow_status = enqueued.insert  # noqa: SLF001
    database._execute_prepared = enqueued.execute  # noqa: SLF001


class _Enqueued:
    """In place of methods of DBOS's system database. The second is called by the first, in its thread."""

    def __init__(self, database: Any, notice: Callable[[Any], sa.ColumnElement[Any]] | None) -> None:
        self._dbos_insert: Callable[..., Any] = database._insert_workflow_status  # noqa: SLF001
        self._execute: Callable[..., Any] = database._execute_prepared  # noqa: SLF001
        self._notice = None
        if database.engine.dialect.name == "sqlite":
            self._execute = _Kept().execute
        elif notice is not None:
            self._notice = notice(database.tables.workflow_status)
        self._of_thread = threading.local()

    def insert(self, status: WorkflowStatusInternal, connection: Connection, **more: Any) -> Any:
        """What DBOS answers. A row that is there already keeps its arguments."""
        self._of_thread.arguments = status["inputs"]
        return self._dbos_insert(status, connection, **more)

    def execute(
        self,
        connection: Connection,
        name: str,
        values: Mapping[str, Any],
        build: Callable[[], Any],
        *,
        insert_columns: bool = True,
    ) -> Any:
        """The arguments go into the row of the job. Then there is no other row to insert."""
        if name == "insert_workflow_input":
            return None
        if name == "insert_workflow_status":
            values = {**values, "inputs": self._of_thread.arguments}
            if self._notice is not None:
                return self._execute(connection, name, values, lambda: build().returning(self._notice))
        return self._execute(connection, name, values, build, insert_columns=insert_columns)


@dataclass(frozen=True, slots=True)
class _Compiled:
    statement: str
    fixed: Mapping[str, Any]
    """What the statement itself compares with."""
    binds: Mapping[str, Callable[[Any], Any]]
    order: Sequence[str]


class _Kept:
    """Statements for SQLite, each compiled once for the names of its values."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, tuple[str, ...]], _Compiled] = {}

    def execute(
        self,
        connection: Connection,
        name: str,
        values: Mapping[str, Any],
        build: Callable[[], Any],
        *,
        insert_columns: bool = True,
    ) -> sa.CursorResult[Any]:
        """Execute what `build` returns, which is the same for each `name`. As DBOS does on PostgreSQL."""
        key = name, tuple(values)
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = _compiled(connection, build(), list(values) if insert_columns else None)
        given = {**made.fixed, **values}
        for column, process in made.binds.items():
            given[column] = process(given[column])
        return connection.exec_driver_sql(made.statement, tuple(given[column] for column in made.order))


def _compiled(connection: Connection, statement: Any, columns: list[str] | None) -> _Compiled:
    dialect = connection.dialect
    found = statement.compile(
        dialect=dialect,
        column_keys=columns,
        schema_translate_map={SCHEMA_PLACEHOLDER: None},
        render_schema_translate=True,
    )
    processors = {name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in found.binds.items()}
    return _Compiled(
        str(found),
        {name: bind.value for name, bind in found.binds.items() if not bind.required},
        {name: process for name, process in processors.items() if process is not None},
        found.positiontup,
    )


class _ClaimedRows:
    """In place of methods of DBOS's system database, with their names for the arguments."""

    def __init__(self, database: Any) -> None:
        self._database = database
        self._dbos_statuses: Callable[[list[str]], list[WorkflowStatusInternal]] = database.get_workflow_statuses
        self._dbos_recorded: Callable[..., Any] = database.check_operation_execution
        self._is_sqlite = database.engine.dialect.name == "sqlite"
        self._question = self._statuses_of()
        self._read = db_retry(sys_db=database)(self._read_one)
        dialect = database.engine.dialect
        kinds = {column.name: column.type.dialect_impl(dialect) for column in self.columns()}
        found = {name: kind.result_processor(dialect, None) for name, kind in kinds.items()}
        self._processors = {name: process for name, process in found.items() if process is not None}
        self._answered: dict[str, tuple[Mapping[str, Any], float]] = {}
        """Rows that their claim has answered with, until they are asked for, and when it was asked, as in `_fresh`."""
        self._fresh: dict[str, float] = {}
        """When workflows had no recorded step and had not begun their first: in seconds since 1970, since the monotonic
        clock stands still while a machine sleeps."""

    def claimed(self, claimed: Iterable[Mapping[str, Any]], asked_at: float) -> None:
        """Rows with the columns of `columns`, as the driver answers a claim with them. DBOS asks for them at once."""
        if len(self._answered) >= _MOST_FRESH:
            self._answered.clear()
        for row in claimed:
            read = {name: process(row[name]) for name, process in self._processors.items()}
            self._answered[row["workflow_uuid"]] = {**row, **read}, asked_at

    def statuses(self, workflow_ids: list[str]) -> list[WorkflowStatusInternal]:
        """The rows, in this order. Most are claimed alone."""
        for workflow_id in workflow_ids:  # what was said of an earlier claim does not hold any more
            self._fresh.pop(workflow_id, None)
        now = time.time()
        known = (self._answered.pop(workflow_id, None) for workflow_id in workflow_ids)
        # After a longer pause of this process another one may have recovered the workflow.
        answered = [one for one in known if one is not None and abs(now - one[1]) < _FRESH_SECONDS]
        if len(answered) == len(workflow_ids):
            return [self._status_of(row, asked_at) for row, asked_at in answered]
        if len(workflow_ids) != 1:
            return self._dbos_statuses(workflow_ids)
        found = self._read(workflow_ids[0])
        return [] if found is None else [self._status_of(dict(found), now)]

    def _status_of(self, row: Mapping[str, Any], asked_at: float) -> WorkflowStatusInternal:
        values: dict[str, Any] = {name: row[name] for name in WorkflowStatusInternal.__annotations__}
        if row["status"] == "PENDING" and not row["has_steps"]:
            if len(self._fresh) >= _MOST_FRESH:  # they never began: those that may still do so ask
                self._fresh.clear()
            self._fresh[row["workflow_uuid"]] = asked_at
        return WorkflowStatusInternal(**{**values, "is_debounced": bool(values["is_debounced"])})  # type: ignore[typeddict-item]

    def _read_one(self, workflow_id: str) -> sa.RowMapping | None:
        with self._database.engine.connect() as connection:
            if not self._is_sqlite:
                connection.execution_options(isolation_level="AUTOCOMMIT")
            found: sa.RowMapping | None = connection.execute(self._question, {"id": workflow_id}).mappings().first()
        return found

    def columns(self) -> list[sa.ColumnElement[Any]]:
        """Of a row, and whether the workflow has a recorded step. The arguments of some rows stand beside them."""
        tables = self._database.tables
        w, given, steps = tables.workflow_status, tables.workflow_input, tables.operation_outputs
        names = (name for name in WorkflowStatusInternal.__annotations__ if name not in _OF_NO_COLUMN)
        # In words: what is returned of a change has no table for SQLAlchemy to correlate with.
        its_id = sa.literal_column("workflow_status.workflow_uuid", sa.Text)
        beside = sa.select(given.c.inputs).where(given.c.workflow_uuid == its_id)
        return [
            *(w.c[_COLUMN_OF.get(name, name)].label(name) for name in names),
            sa.func.coalesce(beside.scalar_subquery(), w.c.inputs).label("inputs"),
            sa.null().label("shard_key"),
            sa.exists().where(steps.c.workflow_uuid == its_id).label("has_steps"),
        ]

    def _statuses_of(self) -> sa.Select[Any]:
        w = self._database.tables.workflow_status
        return sa.select(*self.columns()).select_from(w).where(w.c.workflow_uuid == sa.bindparam("id"))

    def recorded(self, workflow_id: str, function_id: int, function_name: str, *, owner_key: str | None = None) -> Any:
        """What a step has come to; None when it has not run."""
        if function_id == _FIRST_STEP and abs(time.time() - self._fresh.pop(workflow_id, 0.0)) < _FRESH_SECONDS:
            return None
        return self._dbos_recorded(workflow_id, function_id, function_name, owner_key=owner_key)


class _Claims:
    """The same for the claim of jobs and the end of one, on SQLite."""

    def __init__(self, database: Any, rows: _ClaimedRows) -> None:
        self._database = database
        self._rows = rows
        self._dbos_claim: Callable[..., tuple[list[str], Any]] = database.start_queued_workflows
        self._kept = _Kept()

    def claim(  # noqa: PLR0917  (as DBOS calls it)
        self,
        queue: Any,
        executor_id: str,
        app_version: str,
        lane: str | None,
        running: int = 0,
        running_in_lane: int = 0,
        *,
        owner_xid: str | None = None,
        is_latest_version: bool | None = None,
    ) -> tuple[list[str], Any]:
        """The next jobs of a queue that has places in this process, and no other limit.

        `running`: how many jobs of the queue run here, and of these in the lane.
        """
        places = queue._worker_concurrency  # noqa: SLF001
        limits = (queue._concurrency, queue._limiter, lane)  # noqa: SLF001
        if places is None or queue._has_partition_limits() or any(one is not None for one in limits):  # noqa: SLF001
            return self._dbos_claim(
                queue,
                executor_id,
                app_version,
                lane,
                running,
                running_in_lane,
                owner_xid=owner_xid,
                is_latest_version=is_latest_version,
            )
        free = places - running
        if free <= 0:
            return [], "worker_concurrency"
        values = {
            "of_queue": queue.name,
            "executor": executor_id,
            "version": app_version,
            "owner": owner_xid,
            "free": free,
            "begun": int(time.time() * 1000),
        }
        asked_at = time.time()
        with self._database.engine.begin() as connection:
            latest = is_latest_version
            if latest is None:
                latest = self._database._is_latest_version(app_version, connection)  # noqa: SLF001
            name, build = f"claim {latest}", partial(self._claim_of, latest=latest)
            answer = self._kept.execute(connection, name, values, build, insert_columns=False)
            claimed = [dict(row) for row in answer.mappings()]
        self._rows.claimed(claimed, asked_at)
        order = sorted(claimed, key=lambda row: (row["priority"], row["created_at"]))
        return [row["workflow_uuid"] for row in order], None

    def _claim_of(self, *, latest: bool) -> sa.Update:
        """One statement, which SQLite runs alone: nobody else claims what it has found."""
        w, now = self._database.tables.workflow_status, self._database._now_ms_sql()  # noqa: SLF001
        version, begun = sa.bindparam("version", type_=sa.Text), sa.bindparam("begun", type_=sa.BigInteger)
        of_version = w.c.application_version == version
        application = self._database.app_name
        ours = sa.or_(w.c.application_name == application, w.c.application_name.is_(None)) if application else sa.true()
        waiting = (
            sa.select(w.c.workflow_uuid)
            .where(w.c.queue_name == sa.bindparam("of_queue"), w.c.status == "ENQUEUED")
            .where(self._database._in_flight_status_prover())  # noqa: SLF001
            .where(sa.or_(of_version, w.c.application_version.is_(None)) if latest else of_version, ours)
            .order_by(w.c.priority, w.c.created_at)
            .limit(sa.bindparam("free", type_=sa.Integer))
        )
        has_timeout = sa.and_(w.c.workflow_timeout_ms.is_not(None), w.c.workflow_deadline_epoch_ms.is_(None))
        too_late = w.c.workflow_timeout_ms > _MAX_BIGINT - begun
        deadline = sa.case((too_late, _MAX_BIGINT), else_=begun + w.c.workflow_timeout_ms)
        claim = sa.update(w).where(w.c.workflow_uuid.in_(waiting), w.c.status == "ENQUEUED", ours)
        return claim.values(
            status="PENDING",
            owner_xid=sa.bindparam("owner", type_=sa.Text),
            application_version=version,
            executor_id=sa.bindparam("executor", type_=sa.Text),
            application_name=application,
            started_at_epoch_ms=now,
            rate_limited=False,
            recovery_attempts=w.c.recovery_attempts + 1,
            updated_at=now,
            workflow_deadline_epoch_ms=sa.case((has_timeout, deadline), else_=w.c.workflow_deadline_epoch_ms),
        ).returning(*self._rows.columns())

    def end(
        self, workflow_id: str, status: str, *, output: str | None, error: str | None, owner_xid: str | None
    ) -> bool:
        """False when the workflow is not this run's any more: then nothing is written."""
        values = {"id": workflow_id, "new_status": status, "result": output, "failure": error}
        if owner_xid is not None:
            values["owner"] = owner_xid
        with self._database.engine.begin() as connection:
            build = partial(self._end_of, owned=owner_xid is not None)
            return bool(self._kept.execute(connection, "end", values, build, insert_columns=False).rowcount)

    def _end_of(self, *, owned: bool) -> sa.Update:
        w, now = self._database.tables.workflow_status, self._database._now_ms_sql()  # noqa: SLF001
        conditions = [w.c.workflow_uuid == sa.bindparam("id"), w.c.status == "PENDING"]
        if owned:
            conditions.append(w.c.owner_xid == sa.bindparam("owner"))
        end = sa.update(w).where(*conditions)
        return end.values(
            status=sa.bindparam("new_status"),
            output=sa.bindparam("result", type_=sa.Text),
            error=sa.bindparam("failure", type_=sa.Text),
            deduplication_id=None,
            owner_xid=None,
            updated_at=now,
            completed_at=now,
        )
