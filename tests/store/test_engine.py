"""How often the server is asked: each time costs the process that asks more than its answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest
from sqlalchemy.engine import Engine

from signroom.domain.application import Subscription
from signroom.domain.errors import SignatureSessionNotFound
from signroom.ports.store import Work
from signroom.store import schema
from signroom.store.engine import open_engine
from signroom.store.sql import SqlStore
from tests.harness.postgres import Postgres

EXECUTE, QUERY = "Execute", "Query"
"""What libpq sends: a statement with parameters, and one without, as BEGIN and COMMIT are."""


@pytest.fixture
def postgresql(postgres: Postgres) -> Iterator[Engine]:
    engine = open_engine(postgres.new_database())
    schema.migrate(engine)
    yield engine
    engine.dispose()


def sent(engine: Engine, ask: Callable[[], object], folder: Path) -> list[str]:
    """The statements that `ask` sends on the one connection of the pool."""
    with engine.connect() as connection:
        pgconn = connection.connection.dbapi_connection.pgconn  # type: ignore[union-attr]
    with (folder / "trace").open("w+") as file:
        pgconn.trace(file.fileno())
        ask()
        pgconn.untrace()
        file.seek(0)
        # A line of the trace is a time, F (from us) or B, a length and what it is. The lines of a statement follow.
        fields = [line.split("\t") for line in file]
    return [line[3] for line in fields if len(line) > 3 and line[1] == "F" and line[3] in {EXECUTE, QUERY}]


def missing(store: SqlStore, read: Callable[[Work], object]) -> Callable[[], None]:
    def ask() -> None:
        with suppress(SignatureSessionNotFound), store.ask() as work:
            read(work)

    return ask


def test_one_question_is_one_statement_to_postgresql(postgresql: Engine, tmp_path: Path) -> None:
    """Before: the connection was tried, a transaction begun, three statements sent, and the transaction ended."""
    store, somebody = SqlStore(postgresql), Subscription(uuid4(), "Acme")
    tenant = type("Tenant", (), {"subscription_id": somebody.id})()
    questions: list[Callable[[], object]] = [
        lambda: store.key(b"h" * 32),
        lambda: store.closed(uuid4()),
        missing(store, lambda work: work.of(tenant).session_with_documents(uuid4())),
        missing(store, lambda work: work.sessions.of_page_of_any_tenant(uuid4())),
        missing(store, lambda work: work.sessions.by_link(b"l" * 32)),
    ]

    for ask in questions:
        assert sent(postgresql, ask, tmp_path) == [EXECUTE]


def test_a_transaction_is_begun_and_ended_and_its_connection_not_tried(postgresql: Engine, tmp_path: Path) -> None:
    store = SqlStore(postgresql)

    def add() -> None:
        with store.work() as work:
            work.subscriptions.add(Subscription(uuid4(), "Acme"))

    assert sent(postgresql, add, tmp_path) == [QUERY, EXECUTE, QUERY]


def test_one_that_need_not_be_flushed_says_so_as_it_begins(postgresql: Engine, tmp_path: Path) -> None:
    store = SqlStore(postgresql)
    with postgresql.connect() as connection:  # the server of the tests has it off
        connection.exec_driver_sql("SET synchronous_commit TO on")
        connection.commit()

    def waits_for_the_disk(transaction: AbstractContextManager[Work]) -> str:
        with transaction as work:
            return str(work.connection.exec_driver_sql("SHOW synchronous_commit").scalar_one())  # type: ignore[attr-defined]

    def add() -> None:
        with store.unflushed_work() as work:
            work.subscriptions.add(Subscription(uuid4(), "Acme"))

    assert sent(postgresql, add, tmp_path) == [QUERY, EXECUTE, QUERY]
    with store.read() as work:
        assert len(work.subscriptions.summaries()) == 1
    assert [waits_for_the_disk(one()) for one in (store.work, store.unflushed_work, store.work)] == ["on", "off", "on"]


def test_sqlite_flushes_all_that_does_not_say_so(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'signroom.db'}")
    schema.migrate(engine)
    store, full, normal = SqlStore(engine), 2, 1

    def level(transaction: AbstractContextManager[Work]) -> int:
        with transaction as work:
            return int(work.connection.exec_driver_sql("PRAGMA synchronous").scalar_one())  # type: ignore[attr-defined]

    found = [level(one()) for one in (store.work, store.unflushed_work, store.ask, store.work, store.unflushed_work)]

    assert found[:2] == [full, normal]
    assert found[3:] == [full, normal]


def test_what_may_be_taken_back_records_no_event(postgresql: Engine) -> None:
    store = SqlStore(postgresql)
    somebody = Subscription(uuid4(), "Acme")

    with pytest.raises(ValueError, match="taken back"), store.unflushed_work() as work:
        work.subscriptions.add(somebody)
        work.feed.append(SimpleNamespace())  # type: ignore[arg-type]

    with store.read() as work:
        assert work.subscriptions.summaries() == []


def test_a_connection_that_nobody_used_for_long_is_tried(
    postgresql: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqlStore(postgresql)
    monkeypatch.setattr("signroom.store.engine._UNUSED_SECONDS", 0.0)

    assert len(sent(postgresql, lambda: store.key(b"h" * 32), tmp_path)) == 2
