"""The file of a SQLite database is the same one for as long as the process runs, and for its owner alone."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from signroom.domain.application import Subscription
from signroom.domain.errors import BadInput, DatabaseUnavailable
from signroom.store.engine import answers, keep_to_one_file, open_engine
from signroom.store.schema import migrate
from signroom.store.sql import SqlStore
from signroom.store.sqlite_file import close_database_file
from tests.harness.server import Server


def moved(file: Path) -> None:
    file.rename(file.with_name("elsewhere.db"))


def deleted(file: Path) -> None:
    file.unlink()


def replaced(file: Path) -> None:
    other = file.with_name("other.db")
    shutil.copyfile(file, other)
    other.replace(file)


@pytest.mark.parametrize("happens", [moved, deleted, replaced])
def test_a_file_that_is_another_one_is_not_written_to(tmp_path: Path, happens: Callable[[Path], None]) -> None:
    file = tmp_path / "signroom.db"
    engine = open_engine(f"sqlite:///{file}")
    migrate(engine)
    store = SqlStore(engine)
    with store.work() as work:
        work.subscriptions.add(Subscription(uuid4(), "before"))
    assert answers(engine)

    happens(file)

    assert not answers(engine)
    for _ in range(3):  # connections of the pool, and new ones
        with pytest.raises(DatabaseUnavailable), store.work() as work:
            work.subscriptions.add(Subscription(uuid4(), "lost"))
    with pytest.raises(DatabaseUnavailable), store.read():
        raise AssertionError
    assert file.exists() is (happens is replaced), "SQLite makes no empty one in its place"
    engine.dispose()
    if happens is moved:
        file.with_name("elsewhere.db").rename(file)
        assert answers(engine), "it came back"
        engine.dispose()


def test_another_process_that_ends_takes_nothing_away(tmp_path: Path) -> None:
    """The last one to close a database deletes its write-ahead log. SQLite knows by its lock that we are there."""
    file = tmp_path / "signroom.db"
    engine = open_engine(f"sqlite:///{file}")
    migrate(engine)
    store = SqlStore(engine)
    with store.read():
        pass  # the pool keeps the connection
    keep_to_one_file(f"sqlite:///{file}")  # as each process of the service does
    others = [sa.create_engine(f"sqlite:///{file}"), open_engine(f"sqlite:///{file}")]
    for other in others:
        with other.connect() as connection:
            connection.execute(sa.text("SELECT 1 FROM signroom_subscriptions"))

    another = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT 1 FROM signroom_subscriptions')"
    subprocess.run([sys.executable, "-c", another, str(file)], check=True)

    assert file.with_name("signroom.db-wal").exists()
    with store.work() as work:
        work.subscriptions.add(Subscription(uuid4(), "kept"))
    for one in (engine, *others):
        one.dispose()
    with closing(sqlite3.connect(file)) as after:
        assert after.execute("SELECT count(*) FROM signroom_subscriptions").fetchone() == (1,)


def test_a_service_keeps_its_lock_on_the_database(sqlite_server: Server) -> None:
    """Whatever its parts open and close: the kernel lists the lock that SQLite holds for its connections."""
    file = sqlite_server.data / "signroom.db"
    sqlite_server.open_session()  # it has been at work

    held = [line.split() for line in Path("/proc/locks").read_text().splitlines()]

    inode = str(file.stat().st_ino)
    assert [str(sqlite_server.process.pid)] == list({h[4] for h in held if h[-3].rpartition(":")[2] == inode})


def test_the_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "signroom.db"
    engine = open_engine(f"sqlite:///{file}")
    migrate(engine)
    with SqlStore(engine).work() as work:
        work.subscriptions.add(Subscription(uuid4(), "a"))
        modes = {f.name: stat.S_IMODE(f.stat().st_mode) for f in tmp_path.iterdir()}
    assert modes == {"signroom.db": 0o600, "signroom.db-wal": 0o600, "signroom.db-shm": 0o600}
    engine.dispose()

    file.chmod(0o644)
    again = open_engine(f"sqlite:///{file}")
    close_database_file(again)
    again.dispose()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("odd", ["a\0b", "\0", "a\ud800"])
def test_an_odd_text_is_refused_by_both_databases_alike(database_url: str, odd: str) -> None:
    engine = open_engine(database_url)
    with pytest.raises(BadInput), SqlStore(engine).work() as work:
        work.subscriptions.add(Subscription(uuid4(), odd))
    with SqlStore(engine).work() as work:
        work.subscriptions.add(Subscription(uuid4(), "Ü 合同"))
    engine.dispose()
