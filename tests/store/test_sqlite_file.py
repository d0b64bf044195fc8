"""The file of a SQLite database is the same one for as long as the process runs, and for its owner alone."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from signroom.domain.application import Subscription
from signroom.domain.errors import BadInput, DatabaseUnavailable
from signroom.store.engine import answers, open_engine
from signroom.store.schema import migrate
from signroom.store.sql import SqlStore
from signroom.store.sqlite_file import close_database_file


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
