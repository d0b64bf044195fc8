"""What a test says of the two databases, and new ones that are there in no time."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import pytest

from signroom.jobs.durable import migrate_job_tables
from signroom.store.engine import open_engine
from signroom.store.schema import migrate

database_does_not_matter = pytest.mark.parametrize("server", ["sqlite"], indirect=True, scope="session")
"""For a test that asks for `server`, itself or through its fixtures, where what it asserts is decided before any row is
written: the same refusal on PostgreSQL would prove nothing more. Other tests read and write what it uses on both.
"""


def migrated(url: str) -> str:
    """Bring a database to this version, tables of the job engine included."""
    engine = open_engine(url)
    migrate(engine)
    migrate_job_tables(engine)
    engine.dispose()
    return url


def copy_new_database(file: Path) -> None:
    """Let `file` be a SQLite database of this version: to migrate one takes a third of a second of the processor."""
    with file.open("xb") as target:
        file.chmod(0o600)
        target.write(_new_database())


@cache
def _new_database() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "signroom.db"
        migrated(f"sqlite:///{file}")
        return file.read_bytes()
