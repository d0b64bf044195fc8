"""Running servers for tests: one per database for the whole run, others with settings of their own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa

from signroom.store import tables
from signroom.store.engine import open_engine
from tests.harness.postgres import Postgres
from tests.harness.resting import shared
from tests.harness.server import Server, listening_ports, running_server
from tests.harness.tls import tls_in_front
from tests.harness.tools import free_port

SHORT_SECONDS = 4
HOOKS = {"SIGNROOM_WEBHOOK_SCHEDULE": "0, 200 ms, 200 ms, 2 s", "SIGNROOM_WEBHOOK_TIMEOUT": "2 s"}


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest) -> Server:
    """The demo on each database. Only picked here: pytest ends a fixture with its parameter, at every second file."""
    found: Server = request.getfixturevalue(f"{request.param}_server")
    return found


@pytest.fixture(scope="session")
def sqlite_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The demo as it comes, for what does not depend on the database."""
    with running_server(tmp_path_factory.mktemp("server")) as server, shared("sqlite_server", server):
        yield server


@pytest.fixture(scope="session")
def postgresql_server(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, postgres_template: str
) -> Iterator[Server]:
    environment = {"SIGNROOM_DATABASE_URL": postgres.new_database(like=postgres_template)}
    folder = tmp_path_factory.mktemp("server")
    with running_server(folder, environment) as server, shared("postgresql_server", server):
        yield server


@pytest.fixture(scope="session")
def small_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that takes files of up to 200 KB."""
    folder = tmp_path_factory.mktemp("small")
    with running_server(folder, {"SIGNROOM_MAX_FILE": "200 KB"}) as server, shared("small_server", server):
        yield server


@pytest.fixture
def short_server(tmp_path: Path) -> Iterator[Server]:
    """A server whose sessions live for `SHORT_SECONDS`."""
    with running_server(tmp_path / "short", {"SIGNROOM_SESSION_LIFETIME": f"{SHORT_SECONDS} s"}) as server:
        yield server


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def hooks_server(request: pytest.FixtureRequest) -> Server:
    """The demo on each database; deliveries are tried four times in some three seconds. Only picked here, as above."""
    found: Server = request.getfixturevalue(f"{request.param}_hooks_server")
    return found


@pytest.fixture(scope="session")
def sqlite_hooks_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("hooks")
    with running_server(folder, HOOKS) as server, shared("sqlite_hooks_server", server):
        yield server


@pytest.fixture(scope="session")
def postgresql_hooks_server(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, postgres_template: str
) -> Iterator[Server]:
    environment = {**HOOKS, "SIGNROOM_DATABASE_URL": postgres.new_database(like=postgres_template)}
    folder = tmp_path_factory.mktemp("hooks")
    with running_server(folder, environment) as server, shared("postgresql_hooks_server", server):
        yield server


def end_time_of(server: Server, session_id: str, left: timedelta = timedelta(seconds=-1)) -> None:
    """Let the time of a session be over after `left`, or at once: its row says that it ended a second ago."""
    engine = open_engine(server.database_url)
    rows = sa.update(tables.sessions).where(tables.sessions.c.id == UUID(session_id))
    with engine.begin() as connection:
        changed = connection.execute(rows.values(expires_at=datetime.now(UTC) + left))
    engine.dispose()
    assert changed.rowcount == 1


@pytest.fixture(scope="session")
def tls_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """A server behind a proxy that ends TLS, and the certificate to trust."""
    folder = tmp_path_factory.mktemp("tls")
    port = free_port()
    with running_server(folder / "data", {"SIGNROOM_PUBLIC_URL": f"https://127.0.0.1:{port}"}) as server:
        # The example application listens too.
        (inner,) = listening_ports(server.process.pid) - {int(server.app_url.rpartition(":")[2])}
        with tls_in_front(port, inner, folder) as authority, shared("tls_server", server):
            yield server, authority
