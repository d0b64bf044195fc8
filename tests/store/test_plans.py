"""SQLite without statistics of its tables: what is asked of a few rows reads a few rows."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from signroom.domain.errors import SignatureSessionNotFound
from signroom.store.engine import open_engine
from signroom.store.schema import migrate
from signroom.store.sql import SqlStore
from signroom.store.work.statistics.statistics import count_documents, count_sessions

IDS = [uuid4() for _ in range(200)]
KEYS = [f"sessions/{one}/original" for one in IDS]
NOW = datetime(2026, 11, 23, tzinfo=UTC)
MANY = {
    "ix_signroom_documents_purged_at_available_until (purged_at=?)",
    "ix_signroom_sessions_status_expires_at (status=?)",
}
"""Look-ups that find nearly all rows of a large installation."""


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """How SQLite finds what the store asks for when files are deleted, compared and counted."""
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('plans') / 'signroom.db'}")
    migrate(engine)
    asked: list[tuple[str, Any]] = []

    def keep(_c: object, _cursor: object, statement: str, parameters: Any, _context: object, _many: bool) -> None:
        asked.append((statement, parameters))

    sa.event.listen(engine, "before_cursor_execute", keep)
    with SqlStore(engine).work() as work:
        for some in (1, 2, 10, 200):
            work.documents.files_in_use(KEYS[:some], IDS[:some])
            work.documents.mark_purged(IDS[:some], NOW)
        work.documents.with_files_after(IDS[0], NOW, 50)
        work.statistics.count_rest(500)
    with engine.begin() as connection:
        for some in (1, 2, 10, 200):
            count_documents(connection, IDS[:some])
            count_sessions(connection, IDS[:some])
    sa.event.remove(engine, "before_cursor_execute", keep)
    with engine.connect() as connection:
        found = [line for statement, values in asked for line in plan(connection, statement, values)]
    engine.dispose()
    return found


def plan(connection: Connection, statement: str, values: Any) -> list[str]:
    if not statement.startswith(("SELECT", "UPDATE", "DELETE")):
        return []
    return [str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]


def test_a_few_rows_are_not_looked_for_among_all(plans: list[str]) -> None:
    assert any("ix_signroom_documents_original_key" in line for line in plans)
    assert [
        line
        for line in plans
        if line.partition(" INDEX ")[2] in MANY or (line.startswith("SCAN signroom_") and "_to_count" not in line)
    ] == []
    assert [line for line in plans if "TEMP B-TREE" in line] == []


def test_the_backlog_is_counted_once_for_all_documents_that_are_signed(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'signroom.db'}")
    migrate(engine)
    asked: list[tuple[str, Any]] = []
    sa.event.listen(engine, "before_cursor_execute", lambda _c, _cursor, *what: asked.append(what[:2]))

    with SqlStore(engine).work() as work, pytest.raises(SignatureSessionNotFound):
        work.sessions.locked_to_sign_of_any_tenant(uuid4())

    with engine.connect() as connection:
        (lines,) = [plan(connection, *what) for what in list(asked) if "in_processing" in what[0]]
    # One for each document: whether the subscription has webhooks.
    assert [line.partition(" ")[0] for line in lines if "SUBQUERY" in line] == ["SCALAR", "SCALAR", "CORRELATED"]
    engine.dispose()
