"""The columns that we read of DBOS's one table of workflows, and our table of leases.

Only reads, and only what its client cannot say in one query; every change of a workflow goes through DBOS.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

IN_FLIGHT = ("ENQUEUED", "PENDING", "DELAYED")
DEAD = ("ERROR", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
_INDEXED = (("ENQUEUED", "PENDING"), ("ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"))
"""Statuses that DBOS has one partial index for, in its order."""

leases = sa.table("signroom_executor_leases", sa.column("id", sa.String), sa.column("seen_at", sa.Double))
"""``seen_at``: seconds since 1970 by the database's clock; every process of an installation shares that one."""


def workflows(engine: Engine) -> sa.TableClause:
    """Times are milliseconds since 1970 by the database's clock; of ``created_at`` and ``delay_until_epoch_ms``, by
    that of the process that enqueued."""
    columns: list[sa.ColumnClause[Any]] = [
        *(sa.column(name, sa.Text) for name in ("workflow_uuid", "status", "name", "executor_id", "queue_name")),
        *(
            sa.column(name, sa.BigInteger)
            for name in ("created_at", "started_at_epoch_ms", "completed_at", "delay_until_epoch_ms")
        ),
        sa.column("was_forked_from", sa.Boolean),
    ]
    return sa.table("workflow_status", *columns, schema=None if engine.dialect.name == "sqlite" else "dbos")


def steps(engine: Engine) -> sa.TableClause:
    """What the steps of a workflow came to."""
    names = ("workflow_uuid", "function_name", "error")
    columns: list[sa.ColumnClause[Any]] = [*(sa.column(name, sa.Text) for name in names)]
    columns.append(sa.column("function_id", sa.Integer))
    return sa.table("operation_outputs", *columns, schema=None if engine.dialect.name == "sqlite" else "dbos")


def in_status(table: sa.TableClause, *statuses: str) -> sa.ColumnElement[bool]:
    """In the words in which the partial indexes of the statuses are used, by SQLite as well.

    SQLite takes such an index only where its condition stands word for word in the query. Without one it reads the
    whole table, in which jobs stay for a week after their end.
    """
    asked = _in(table, statuses)
    for indexed in _INDEXED:
        if set(statuses) < set(indexed) and statuses != ("PENDING",):  # that one has an index of its own
            return sa.and_(_in(table, indexed), asked)
    return asked


def _in(table: sa.TableClause, statuses: Sequence[str]) -> sa.ColumnElement[bool]:
    literals: list[sa.ColumnElement[str]] = [sa.literal_column(f"'{status}'") for status in statuses]
    return table.c.status == literals[0] if len(literals) == 1 else table.c.status.in_(literals)


def now(engine: Engine) -> sa.ColumnElement[float]:
    """Seconds since 1970 by the database's clock."""
    if engine.dialect.name == "sqlite":
        return sa.literal_column("((julianday('now') - 2440587.5) * 86400.0)", sa.Double)
    return sa.literal_column("extract(epoch from clock_timestamp())::float8", sa.Double)
