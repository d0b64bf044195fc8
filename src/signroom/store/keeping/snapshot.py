"""The ``Snapshot`` port: a whole database as an SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DatabaseError

from signroom.domain.audit import Change
from signroom.domain.backup import KeptFile
from signroom.domain.errors import BackupDamaged
from signroom.store import rows, tables
from signroom.store.engine import READ_ONLY, open_engine
from signroom.store.keeping.copying import copy_all, go_on_after, last_position, row_counts
from signroom.store.keeping.files import files_of
from signroom.store.schema import migrate, revision_of
from signroom.store.work.statements import insert

MigrateJobs = Callable[[Engine], None]
"""Makes or upgrades the job engine's tables."""


def copy_sqlite(source: Path, file: Path) -> None:
    """As one reading transaction sees it: writers of the service neither hold it up nor are held up.

    ``VACUUM INTO`` rather than SQLite's backup: what was deleted is not copied, and the backup has nothing of what was
    erased. Raises: sqlite3.Error.
    """
    with closing(sqlite3.connect(source, isolation_level=None)) as live:
        live.execute("VACUUM INTO ?", [str(file)])
    _close(file)


def copy_postgresql(engine: Engine, file: Path, migrate_jobs: MigrateJobs) -> None:
    """Every row as one transaction sees it. Writers are not held up."""
    target = _engine(file)
    migrate(target)
    migrate_jobs(target)
    with (
        engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True) as live,
        target.begin() as copy,
    ):
        copy_all(live, copy)
    target.dispose()
    _close(file)


@contextmanager
def open_snapshot(file: Path, migrate_jobs: MigrateJobs) -> Iterator[SqliteSnapshot]:
    """Raises: BackupDamaged when SQLite finds no database in it."""
    engine = _engine(file)
    try:
        yield SqliteSnapshot(engine, migrate_jobs)
    except (sqlite3.DatabaseError, DatabaseError) as error:
        raise BackupDamaged("Its database cannot be read.") from error
    finally:
        engine.dispose()
        with closing(sqlite3.connect(file)) as connection:
            if _is_database(connection):
                connection.execute("PRAGMA journal_mode=DELETE")


class SqliteSnapshot:
    """Make it with `open_snapshot`."""

    def __init__(self, engine: Engine, migrate_jobs: MigrateJobs) -> None:
        self._engine, self._migrate_jobs = engine, migrate_jobs
        self._reader = engine.execution_options(**READ_ONLY)

    def reading(self) -> AbstractContextManager[Connection]:
        """A transaction that only reads."""
        return self._reader.connect()

    @property
    def schema(self) -> str:
        with self._reader.connect() as connection:
            return revision_of(connection) or ""

    def rows(self) -> Mapping[str, int]:
        with self._reader.connect() as connection:
            return row_counts(connection)

    def files(self, now: datetime) -> Iterator[KeptFile]:
        with self._reader.connect() as connection:
            yield from files_of(connection, now)

    def make_current(self) -> None:
        with self._reader.connect() as connection:
            if connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one() != "ok":
                raise BackupDamaged("Its database cannot be read.")
        migrate(self._engine)
        self._migrate_jobs(self._engine)

    def prepare(self, change: Change, *, made_at: datetime, jump: int) -> None:
        t = tables.installation
        with self._engine.begin() as connection:
            connection.execute(sa.delete(tables.executor_leases))
            insert(connection, tables.audit_log, rows.change_row(change))
            if jump > 0:
                connection.execute(sa.update(t).values(restored_at=change.at, restored_from=made_at))
                for table in (tables.events.name, tables.audit_log.name):
                    go_on_after(connection, table, last_position(connection, table) + jump)
            # What it was copied from may have been broken in a way that only shows here.
            if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
                raise BackupDamaged("Rows of its database point to rows that are not there.")


def _engine(file: Path) -> Engine:
    return open_engine(f"sqlite:///{file}", foreign_keys=False)


def _close(file: Path) -> None:
    """One file, for its owner alone, without another beside it."""
    file.chmod(0o600)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


def _is_database(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError:
        return False
    return True
