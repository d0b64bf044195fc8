"""A database that is away is tried again: whatever it says, it comes as `DatabaseUnavailable`; our mistakes do not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from multiprocessing.synchronize import Barrier
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import ProgrammingError

from signroom.domain.application import Subscription
from signroom.domain.branding import Branding
from signroom.domain.errors import DatabaseUnavailable
from signroom.store import schema
from signroom.store.engine import open_engine
from signroom.store.sql import SqlStore, SqlWork
from tests.harness.postgres import Postgres
from tests.harness.processes import forking
from tests.harness.tools import free_port
from tests.harness.waiting import SECONDS


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    yield from opened(database_url)


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Engine]:
    yield from opened(f"sqlite:///{tmp_path / 'signroom.db'}")


@pytest.fixture
def postgresql(postgres: Postgres) -> Iterator[Engine]:
    yield from opened(postgres.new_database())


def opened(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    schema.migrate(engine)
    yield engine
    engine.dispose()


def add(store: SqlStore, name: str = "Acme") -> Subscription:
    subscription = Subscription(uuid4(), name)
    with store.work() as work:
        work.subscriptions.add(subscription)
    return subscription


def run(engine: Engine, statement: str) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(statement))


def test_mistakes_of_ours_are_no_outages(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE signroom_brandings"))

    with pytest.raises(sa.exc.DBAPIError, match="signroom_brandings"), SqlStore(engine).work() as work:
        work.subscriptions.branding(uuid4())


# -- SQLite ----------------------------------------------------------------------------------------


def pragma(engine: Engine, text: str) -> None:
    """For the one connection of the pool, which the next transaction takes."""
    connection = engine.raw_connection()
    connection.cursor().execute(f"PRAGMA {text}")
    connection.close()


def test_sqlite_on_a_full_disk_goes_on_when_there_is_room(sqlite: Engine) -> None:
    store = SqlStore(sqlite)
    pragma(sqlite, "max_page_count = 1")  # not below what is there: the next page does not fit

    with pytest.raises(DatabaseUnavailable):
        for number in range(10_000):
            add(store, f"Acme {number}")

    pragma(sqlite, "max_page_count = 1000000")
    assert add(store, "After").name == "After"


def test_sqlite_that_another_process_locks_is_asked_again(sqlite: Engine, tmp_path: Path) -> None:
    pragma(sqlite, "busy_timeout = 50")
    other = open_engine(str(sqlite.url))

    with other.begin(), pytest.raises(DatabaseUnavailable):
        add(SqlStore(sqlite))

    other.dispose()
    assert add(SqlStore(sqlite))


def make_files(folder: Path, together: Barrier) -> None:
    """In a process of its own: ends with 0 when each could be opened."""
    for number in range(100):
        engine = open_engine(f"sqlite:///{folder / str(number)}.db")
        together.wait(SECONDS)
        with engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        engine.dispose()


def test_sqlite_that_processes_make_at_the_same_moment_is_made(tmp_path: Path) -> None:
    together = forking().Barrier(3)
    processes = [forking().Process(target=make_files, args=(tmp_path, together)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(SECONDS)

    assert [process.exitcode for process in processes] == [0, 0, 0]


def test_sqlite_on_a_disk_that_became_read_only_is_asked_again(sqlite: Engine) -> None:
    pragma(sqlite, "query_only = ON")

    with pytest.raises(DatabaseUnavailable):
        add(SqlStore(sqlite))

    pragma(sqlite, "query_only = OFF")
    assert add(SqlStore(sqlite))


def test_sqlite_whose_folder_is_gone_is_asked_again(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'nowhere' / 'signroom.db'}")

    with pytest.raises(DatabaseUnavailable):
        add(SqlStore(engine))


# -- PostgreSQL ------------------------------------------------------------------------------------


def test_nobody_listening(postgresql: Engine) -> None:
    nobody = postgresql.url.set(port=free_port())

    for engine in (open_engine(nobody.render_as_string(hide_password=False)), open_engine(NO_SOCKET)):
        with pytest.raises(DatabaseUnavailable):
            add(SqlStore(engine))
        with pytest.raises(DatabaseUnavailable):
            schema.migrate(engine)


NO_SOCKET = "postgresql+psycopg://somebody@/database?host=/nowhere"


def test_a_connection_that_is_cut_in_a_transaction(postgresql: Engine) -> None:
    store = SqlStore(postgresql)
    url = postgresql.url.render_as_string(hide_password=False)

    with pytest.raises(DatabaseUnavailable), store.work() as work:
        assert isinstance(work, SqlWork)
        work.subscriptions.add(Subscription(uuid4(), "Half"))
        other = open_engine(url)
        run(other, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                   "AND pid <> pg_backend_pid()")  # fmt: skip
        other.dispose()
        work.subscriptions.add(Subscription(uuid4(), "Other half"))

    # All pooled connections were cut: the next transaction takes a new one by itself.
    assert add(store, "Half")


def test_connections_that_were_cut_while_nobody_used_them_are_left(postgresql: Engine) -> None:
    store = SqlStore(postgresql)
    with store.read(), store.read(), store.work() as work:
        work.subscriptions.add(Subscription(uuid4(), "Before"))
    other = open_engine(postgresql.url.render_as_string(hide_password=False))
    run(other, "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() "
               "AND pid <> pg_backend_pid()")  # fmt: skip
    other.dispose()

    # Used a moment ago, so that they are looked at only.
    with store.read() as first, store.read() as second:
        assert first.subscriptions.named("Before") == second.subscriptions.named("Before")


def test_a_process_that_freezes_in_a_transaction_lets_the_others_go_on(
    postgresql: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signroom.store.engine._IDLE_IN_TRANSACTION", "300ms")
    frozen = open_engine(postgresql.url.render_as_string(hide_password=False))
    subscription = add(SqlStore(frozen))

    with pytest.raises(DatabaseUnavailable), SqlStore(frozen).work() as work:
        assert isinstance(work, SqlWork)
        work.subscriptions.save_branding(subscription.id, Branding(name="Frozen"), None)
        with SqlStore(postgresql).work() as other:
            assert isinstance(other, SqlWork)  # and waits for the row
            other.subscriptions.save_branding(subscription.id, Branding(name="Others"), None)
        work.subscriptions.add(Subscription(uuid4(), "Woken"))

    assert add(SqlStore(frozen), "Again"), "the pool has noticed"
    with SqlStore(postgresql).read() as work:
        assert work.subscriptions.branding(subscription.id).name == "Others"
    frozen.dispose()


def test_a_database_that_takes_no_more_connections(postgres: Postgres, postgresql: Engine) -> None:
    run(postgresql, "CREATE ROLE crowded LOGIN PASSWORD 'secret' CONNECTION LIMIT 0")
    url = make_url(postgresql.url).set(username="crowded", password="secret")
    engine = open_engine(url.render_as_string(hide_password=False))

    with pytest.raises(DatabaseUnavailable):
        add(SqlStore(engine))

    run(postgresql, "DROP ROLE crowded")


def test_a_standby_that_only_reads(postgresql: Engine) -> None:
    run(postgresql, f'ALTER DATABASE "{postgresql.url.database}" SET default_transaction_read_only = on')
    postgresql.dispose()

    with pytest.raises(DatabaseUnavailable):
        add(SqlStore(postgresql))


def test_of_two_transactions_that_wait_for_each_other_one_is_asked_again(postgresql: Engine) -> None:
    store = SqlStore(postgresql)
    run(postgresql, f"ALTER DATABASE \"{postgresql.url.database}\" SET deadlock_timeout = '50ms'")
    postgresql.dispose()
    first, second = add(store, "First"), add(store, "Second")
    both = threading.Barrier(2)
    outcomes: list[str] = []

    def lock(one: Subscription, other: Subscription) -> None:
        try:
            with store.work() as work:
                assert isinstance(work, SqlWork)
                for number, each in enumerate((one, other)):
                    if number:
                        both.wait(SECONDS)
                    work.subscriptions.save_branding(each.id, Branding(name="A name"), None)
            outcomes.append("done")
        except DatabaseUnavailable:
            outcomes.append("again")

    for each in (first, second):
        with store.work() as work:
            work.subscriptions.save_branding(each.id, Branding(name="Before"), None)
    threads = [threading.Thread(target=lock, args=pair) for pair in ((first, second), (second, first))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)

    assert sorted(outcomes) == ["again", "done"]


def test_an_unknown_column_is_a_mistake_of_ours(postgresql: Engine) -> None:
    run(postgresql, "ALTER TABLE signroom_subscriptions RENAME COLUMN name TO other")

    with pytest.raises(ProgrammingError):
        add(SqlStore(postgresql))
