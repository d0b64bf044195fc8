"""Questions about jobs: what they cost does not grow with the jobs that have ended."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from signroom.jobs.alarms import NEXT_DUE, WAITING
from signroom.jobs.tables import DEAD, in_status, workflows
from signroom.store.engine import open_engine
from tests.harness.databases import copy_new_database


def test_sqlite_finds_the_jobs_of_a_status_by_an_index(tmp_path: Path) -> None:
    file = tmp_path / "signroom.db"
    copy_new_database(file)
    engine = open_engine(f"sqlite:///{file}")
    w = workflows(engine)
    asked = [("ENQUEUED",), ("PENDING",), ("DELAYED",), ("MAX_RECOVERY_ATTEMPTS_EXCEEDED",), DEAD]
    queries = [str(sa.select(w.c.name).where(in_status(w, *statuses)).compile(engine)) for statuses in asked]
    engine.dispose()
    with closing(sqlite3.connect(file)) as connection:
        plans = [connection.execute(f"EXPLAIN QUERY PLAN {q}").fetchall() for q in (*queries, WAITING, NEXT_DUE)]
    assert [plan for plan in plans if "INDEX" not in plan[0][3]] == []
