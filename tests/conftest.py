"""Fixtures for all tests: databases, and servers that run for real."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import Postgres, binaries, running_postgres

pytest_plugins = ["tests.server_fixtures"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server. Where none is installed its tests are skipped, in CI they fail."""
    folder = binaries()
    if folder is None:
        message = "PostgreSQL is not installed (apt-get install postgresql)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with running_postgres(folder) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh database on each of the two."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'signroom.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database()
