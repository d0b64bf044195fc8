"""The throw-away PostgreSQL that other tests stand on: it is real, private, and leaves nothing running."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from tests.harness import postgres as module
from tests.harness.postgres import Postgres
from tests.harness.waiting import SECONDS

ROOT = Path(__file__).parents[2]

HOLDER = """
import sys
from tests.harness.postgres import running_postgres
with running_postgres() as server:
    print(server.new_database(), flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize(("place", "enough", "taken"), [("", 1, True), ("", 1 << 60, False), ("nowhere", 1, False)])
def test_its_files_are_in_memory_where_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, enough: int, taken: bool
) -> None:
    memory = tmp_path / place
    monkeypatch.setattr(module, "_MEMORY", memory)
    monkeypatch.setattr(module, "_ENOUGH", enough)

    folder = module._folder(module._account())  # noqa: SLF001

    assert (folder.parent == memory) is taken
    assert folder.stat().st_mode & 0o077 == 0
    folder.rmdir()


def test_each_database_is_new_and_keeps_what_is_written_there(empty_database_url: str) -> None:
    engine = create_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE proof (value TEXT)"))
        connection.execute(text("INSERT INTO proof VALUES ('kept')"))

    with engine.connect() as connection:
        found = connection.execute(text("SELECT value FROM proof")).scalar_one()
    tables = inspect(engine).get_table_names()
    engine.dispose()

    assert found == "kept"
    assert tables == ["proof"]


def test_databases_of_one_server_do_not_see_each_other(postgres: Postgres) -> None:
    one, other = (create_engine(postgres.new_database()) for _ in range(2))
    with one.begin() as connection:
        connection.execute(text("CREATE TABLE proof (value TEXT)"))

    tables = inspect(other).get_table_names()
    one.dispose()
    other.dispose()

    assert tables == []


def test_a_database_is_dropped_although_somebody_is_connected(postgres: Postgres) -> None:
    url = postgres.new_database()
    connection = create_engine(url).connect()
    connection.execute(text("SELECT 1"))

    postgres.drop_database(url)

    connection.invalidate()
    with pytest.raises(OperationalError, match="does not exist"):
        create_engine(url).connect()


def test_the_server_asks_for_the_password(postgres: Postgres) -> None:
    url = make_url(postgres.new_database()).set(password="guessed")

    with pytest.raises(OperationalError, match="password authentication failed"):
        create_engine(url).connect()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.usefixtures("postgres")  # skips where PostgreSQL is missing
def test_the_server_ends_with_the_process_that_started_it(number: signal.Signals) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    engine = create_engine(holder.stdout.readline().strip())
    engine.connect().close()

    os.kill(holder.pid, number)
    holder.communicate()

    assert _refuses(engine.url.port or 0, seconds=SECONDS)
    engine.dispose()


def _refuses(port: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return True
        time.sleep(0.05)
    return False
