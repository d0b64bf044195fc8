"""What is under way, counted on both databases, and never by reading what is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from signroom.domain.application import Application, Subscription
from signroom.domain.document import DocumentStatus
from signroom.domain.errors import Unavailable
from signroom.domain.session import SessionStatus
from signroom.store import tables
from signroom.store.backlog import backlog
from signroom.store.engine import open_engine
from signroom.store.schema import migrate
from signroom.store.sql import SqlStore
from tests.ports.test_store import NOW, a_document, a_session


def test_what_is_under_way_is_counted_by_state(database_url: str) -> None:
    engine = open_engine(database_url)
    migrate(engine)
    subscription = Subscription(uuid4(), "Acme")
    application = Application(uuid4(), subscription.id, "Portal")
    states = [SessionStatus.PENDING, SessionStatus.PENDING, SessionStatus.PROCESSING, *SessionStatus]
    with SqlStore(engine).work() as work:
        work.subscriptions.add(subscription)
        work.applications.add(application)
        for number, state in enumerate(states):
            session = replace(a_session(application, number.to_bytes(32, "big")), status=state)
            if number == 0:
                session = replace(session, expires_at=NOW - timedelta(seconds=1))
            work.sessions.add(session)
            document = a_document(session)
            work.documents.add(replace(document, status=DocumentStatus.PROCESSING))
    webhook = uuid4()
    with engine.begin() as connection:
        add_deliveries(connection, application, webhook, {"Pending": 2, "Held": 1, "Delivered": 4})

    found = {(m.name, *(value for _, value in m.labels)): m.value for m in backlog(engine, NOW)}
    engine.dispose()

    assert found == {
        ("sessions", "Pending"): 2,
        ("sessions", "Expiring"): 1,
        ("sessions", "Processing"): 2,
        ("sessions", "ProcessingError"): 1,
        ("documents_processing",): 2,
        ("deliveries", "Pending"): 2,
        ("deliveries", "Held"): 1,
        ("deliveries", "Failed"): 0,
        ("delivery_lag_seconds",): 90,
    }


def add_deliveries(connection: Connection, application: Application, webhook: object, states: dict[str, int]) -> None:
    """The oldest of each state is due since 90 seconds, the others in an hour."""
    connection.execute(
        tables.webhooks.insert(),
        {
            "id": webhook,
            "subscription_id": application.subscription_id,
            "auth": "None",
            "signing_secret": b"sealed",
            "event_types": b"[]",
            "created_at": NOW,
        },
    )
    rows = [
        {
            "id": uuid4(),
            "subscription_id": application.subscription_id,
            "webhook_id": webhook,
            "event_id": uuid4(),
            "event_type": "SessionCompleted",
            "stream": uuid4(),
            "status": state,
            "tries": 0,
            "created_at": NOW,
            "due_at": NOW - timedelta(seconds=90) if number == 0 else NOW + timedelta(hours=1),
        }
        for state, count in states.items()
        for number in range(count)
    ]
    connection.execute(tables.deliveries.insert(), rows)


def test_no_table_is_read_as_a_whole(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'signroom.db'}")
    migrate(engine)
    plans: list[str] = []

    def explain(connection: Connection, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith("SELECT") and "signroom_" in statement:
            rows = connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
            plans.extend(row[3] for row in rows)

    sa.event.listen(engine, "before_cursor_execute", explain)
    list(backlog(engine, datetime.now(UTC)))
    engine.dispose()

    assert len(plans) >= 4
    assert [plan for plan in plans if plan.startswith("SCAN") and "USING" not in plan] == []


def test_a_database_that_is_away_says_so(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'no' / 'folder' / 'signroom.db'}")

    with pytest.raises(Unavailable):
        list(backlog(engine, NOW))
