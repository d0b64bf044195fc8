"""The ``KeptDatabase`` port: the database of this installation, copied and replaced as a whole."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError

from signroom.domain.audit import Action, Change
from signroom.domain.backup import Installation
from signroom.domain.errors import (
    BackupUnderWay,
    DatabaseDamaged,
    DatabaseNotCurrent,
    DatabaseUnavailable,
    InstallationInUse,
)
from signroom.store import rows, tables
from signroom.store.engine import READ_ONLY
from signroom.store.keeping.copying import copy_all
from signroom.store.keeping.snapshot import (
    MigrateJobs,
    SqliteSnapshot,
    copy_postgresql,
    copy_sqlite,
    open_snapshot,
)
from signroom.store.outages import damage_as_ours, outages_as_ours
from signroom.store.schema import known_revisions, migrate, revision_of
from signroom.store.work.statements import insert

_LOCK = 7301842558
"""Of PostgreSQL's advisory locks, beside those of `schema.migrate` and of the feed."""
_LOCK_FILE = "keeping.lock"
_LONGEST_PLACE = 500
_CLOSING_SECONDS, _AGAIN_SECONDS = 3, 0.05
"""The server takes a moment to end the connections of a process that has just ended."""
_BESIDE = "-wal", "-shm", "-journal"
_LOCK_BYTES = 0x40000000, 512
"""Where SQLite locks its file, and how many bytes (sqlite.org/src/file/src/os.h: ``PENDING_BYTE`` and what follows)."""


class SqlDatabase:
    """`engine` is this command's own. `data` is the data folder; it exists."""

    def __init__(self, engine: Engine, data: Path, migrate_jobs: MigrateJobs) -> None:
        self._engine, self._data, self._migrate_jobs = engine, data, migrate_jobs
        self._held: Connection | None = None
        # Where a link leads: the file is replaced, not the link.
        self._file = Path(engine.url.database or "").resolve() if engine.dialect.name == "sqlite" else None

    @contextmanager
    def keeping(self) -> Iterator[None]:
        with ExitStack() as held:
            self._hold_folder(held)
            if self._file is None:
                self._hold_database(held)
            yield

    def _hold_folder(self, held: ExitStack) -> None:
        """Raises: BackupUnderWay. The kernel gives it back when the process dies."""
        lock = os.open(self._data / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        held.callback(os.close, lock)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BackupUnderWay from error

    def _hold_database(self, held: ExitStack) -> None:
        """The same for commands on other machines. Raises: BackupUnderWay, DatabaseUnavailable."""
        with outages_as_ours():
            connection = held.enter_context(self._engine.connect().execution_options(isolation_level="AUTOCOMMIT"))
            if not connection.execute(sa.select(sa.func.pg_try_advisory_lock(_LOCK))).scalar_one():
                raise BackupUnderWay
            connection.detach()  # it is closed at the end, whatever becomes of the pool
        self._held = connection
        held.callback(self._release)

    def _release(self) -> None:
        held, self._held = self._held, None
        if held is None:
            return
        try:
            held.execute(sa.select(sa.func.pg_advisory_unlock(_LOCK)))
        except DBAPIError:
            held.invalidate()  # the lock went with its connection

    def require_kept(self) -> None:
        if self._held is not None:
            with outages_as_ours():
                self._held.execute(sa.select(1))

    def installation(self) -> Installation:
        if self._file is not None and not self._file.is_file():
            raise DatabaseNotCurrent("There is no database yet.")
        with outages_as_ours(), self._reading() as connection:
            self._require_current(connection)
            found = installation_of(connection)
            log = tables.audit_log
            backups = sa.select(log).where(log.c.subscription_id.is_(None), log.c.action == Action.BACKED_UP.value)
            changes = [rows.change_of(row) for row in connection.execute(backups).mappings()]
        return replace(found, backup_places=frozenset(str(change.after["place"]) for change in changes))

    def record_backup(self, change: Change, place: str) -> None:
        t = tables.installation
        with outages_as_ours(), self._engine.begin() as connection:
            connection.execute(sa.update(t).values(backed_up_at=change.at, backup_place=place[:_LONGEST_PLACE]))
            insert(connection, tables.audit_log, rows.change_row(change))

    def size(self) -> int:
        if self._file is not None:
            beside = (Path(f"{self._file}-wal"), self._file)
            return sum(file.stat().st_size for file in beside if file.is_file())
        with outages_as_ours(), self._reading() as connection:
            return int(connection.execute(sa.select(sa.func.pg_database_size(sa.func.current_database()))).scalar_one())

    def snapshot(self, file: Path) -> None:
        with outages_as_ours(), damage_as_ours():
            with self._reading() as connection:
                self._require_current(connection)
            try:
                if self._file is not None:
                    copy_sqlite(self._file, file)
                else:
                    copy_postgresql(self._engine, file, self._migrate_jobs)
            except sqlite3.OperationalError as error:
                raise DatabaseUnavailable("It could not be copied.") from error

    def open(self, file: Path) -> AbstractContextManager[SqliteSnapshot]:
        return open_snapshot(file, self._migrate_jobs)

    def knows(self, schema: str) -> bool:
        return schema in known_revisions()

    def require_unused(self) -> None:
        self._engine.dispose()  # what lies in its pool is not somebody else's
        if self._file is None:
            with outages_as_ours(), self._engine.connect() as connection:
                self._require_alone(connection)
        elif self._file.is_file():
            with suppress(DatabaseDamaged), self._alone(self._file):
                return
            self._require_unlocked(self._file)

    def is_empty(self) -> bool:
        if self._file is not None and not self._file.is_file():
            return True
        with outages_as_ours(), self._reading() as connection:
            if revision_of(connection) is None:
                return True
            used = sa.select(sa.literal(1)).select_from(tables.subscriptions).limit(1)
            return connection.execute(used).first() is None

    def install(self, snapshot: Path) -> Path | None:
        if self._file is None:
            self._fill(snapshot)
            return None
        return self._replace(snapshot, self._file)

    def _fill(self, snapshot: Path) -> None:
        """One transaction on PostgreSQL: when it is interrupted, nothing has happened."""
        with outages_as_ours():
            migrate(self._engine)
            self._migrate_jobs(self._engine)
            self._engine.dispose()
            with open_snapshot(snapshot, self._migrate_jobs) as source, self._engine.begin() as target:
                self._require_current(target)  # a newer version may have migrated it
                self._require_alone(target)
                with source.reading() as connection:
                    copy_all(connection, target)

    def _replace(self, snapshot: Path, file: Path) -> Path | None:
        """A rename: when it is interrupted, the old file or the new one is there.

        One with content is kept beside, under the name that is returned.
        """
        replaced: Path | None = None
        beside = file.with_name(f".{file.name}.restoring")
        beside.unlink(missing_ok=True)
        shutil.copyfile(snapshot, beside)
        beside.chmod(0o600)
        _flush(beside)
        try:
            empty = self.is_empty()
            self._engine.dispose()
            if file.exists():
                replaced = self._exchange(file, beside, empty=empty)
        except DatabaseDamaged:
            self._engine.dispose()
            replaced = self._put_aside(file)
        if beside.exists():  # nothing is in its place yet
            for end in _BESIDE:  # of a file that is gone: SQLite would take them for the new one's
                Path(f"{file}{end}").unlink(missing_ok=True)
            try:
                os.link(beside, file)  # unlike a rename it fails where a service has just made one
            except FileExistsError as error:
                beside.unlink()
                raise InstallationInUse from error
            beside.unlink()
        _flush(file.parent)
        return replaced

    def _exchange(self, file: Path, beside: Path, *, empty: bool) -> Path | None:
        """Returns where the old file is now, unless it was empty. Raises: InstallationInUse, DatabaseDamaged."""
        replaced: Path | None = None
        with self._alone(file) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("PRAGMA journal_mode=DELETE")
            if not empty:
                replaced = _name_beside(file)
                os.link(file, replaced)
            beside.replace(file)
        return replaced

    def _put_aside(self, file: Path) -> Path:
        """A file that SQLite cannot read, with what it has written beside it. Raises: InstallationInUse."""
        self._require_unlocked(file)
        replaced = _name_beside(file)
        for end in (*_BESIDE, ""):  # the file itself comes last: until then a restore finds it, and begins again
            with suppress(FileNotFoundError):
                Path(f"{file}{end}").rename(f"{replaced}{end}")
        return replaced

    @staticmethod
    def _require_unlocked(file: Path) -> None:
        """What SQLite does not open for us another process may still have open. Raises: InstallationInUse."""
        start, length = _LOCK_BYTES
        with file.open("r+b") as opened:
            try:
                fcntl.lockf(opened, fcntl.LOCK_EX | fcntl.LOCK_NB, length, start)
            except BlockingIOError as error:
                raise InstallationInUse("Stop every process of it first.") from error

    @contextmanager
    def _alone(self, file: Path) -> Iterator[sqlite3.Connection]:
        """A connection that excludes all others. Raises: InstallationInUse, DatabaseDamaged.

        In the mode WAL each open connection holds a lock on the file, whether it does anything or not.
        """
        with damage_as_ours(), closing(sqlite3.connect(file, isolation_level=None, timeout=0)) as connection:
            try:
                connection.execute("PRAGMA locking_mode=EXCLUSIVE")
                connection.execute("BEGIN EXCLUSIVE")
                connection.execute("COMMIT")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                    raise DatabaseUnavailable from error
                raise InstallationInUse("Stop every process of it first.") from error
            yield connection

    def _require_alone(self, connection: Connection) -> None:
        """Raises: InstallationInUse."""
        own = [self._pid(c) for c in (connection, self._held) if c is not None]
        query = sa.text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND pid <> ALL(:own)"
        )
        until = time.monotonic() + _CLOSING_SECONDS
        while others := int(connection.execute(query, {"own": own}).scalar_one()):
            if time.monotonic() < until:
                # The statistics of a transaction stand still otherwise.
                connection.execute(sa.select(sa.func.pg_stat_clear_snapshot()))
                time.sleep(_AGAIN_SECONDS)
                continue
            raise InstallationInUse(f"{others} other connections to it are open: stop every process of it first.")

    @staticmethod
    def _pid(connection: Connection) -> int:
        return int(connection.execute(sa.select(sa.func.pg_backend_pid())).scalar_one())

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """Raises: DatabaseDamaged."""
        with damage_as_ours(), self._engine.connect().execution_options(**READ_ONLY) as connection:
            yield connection

    @staticmethod
    def _require_current(connection: Connection) -> None:
        """Raises: DatabaseNotCurrent."""
        found = revision_of(connection)
        known = known_revisions()
        if found == known[0]:
            return
        if found is None:
            raise DatabaseNotCurrent("There are none yet.")
        raise DatabaseNotCurrent(
            "Run `signroom migrate` first." if found in known else "Use the newer version that has made them."
        )


def installation_of(connection: Connection) -> Installation:
    """What the installation knows of itself, in tables of this version."""
    row = connection.execute(sa.select(tables.installation)).one()
    return Installation(row.installation_id, row.backed_up_at, row.backup_place, row.restored_at, row.restored_from)


def _name_beside(file: Path) -> Path:
    """For what is replaced: nothing has that name. The one that was replaced before stays."""
    first = file.with_name(f"{file.name}.replaced-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    numbered = (first.with_name(f"{first.name}-{number}") for number in count(2))
    return next(name for name in chain([first], numbered) if not name.exists())


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
