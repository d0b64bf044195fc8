"""The file of a SQLite database: for its owner alone, and the same one for as long as the process runs."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy import event
from sqlalchemy.engine import Dialect, Engine

log = structlog.get_logger()

_BESIDE = ("", "-wal", "-shm", "-journal")

_MAKING = threading.Lock()
"""Until it is closed, no other engine of this process opens the new file."""


class DatabaseFile:
    """Watches the file of one engine.

    SQLite goes on with a file that was moved away or deleted, and nobody would ever read what it writes there. So each
    transaction begins with a look at the path. Where another file is, or none, the database counts as away until the
    process starts again: nobody knows which of the two files is the right one.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._path = os.fspath(file)
        self._lock = threading.Lock()
        self._known: tuple[int, int] | None = None
        self._told = False

    def watch(self, engine: Engine) -> None:
        """Look before each connection of `engine`. Who begins a transaction calls `require_same`."""

        def connect(_dialect: Any, _record: Any, _arguments: Any, _parameters: Any) -> None:
            self._open()

        event.listen(engine, "do_connect", connect)

    def watch_others(self) -> None:
        """Look before each connection of any engine of this process to the same file: no other makes an empty one.

        The job engine has an engine of its own.
        """

        def connect(dialect: Dialect, _record: Any, arguments: Any, _parameters: Any) -> None:
            if dialect.name == "sqlite" and arguments and arguments[0] == str(self._file):
                self._open()

        event.listen(Engine, "do_connect", connect)

    def require_same(self) -> None:
        """Raises: OperationalError when the file is not the one that was opened."""
        if self._known is not None and _identity(self._path) != self._known:
            if not self._told:
                self._told = True
                log.critical("database.file_moved", file=self._file.name)
            moved = sqlite3.OperationalError("the database file was moved away or replaced")
            moved.sqlite_errorcode = sqlite3.SQLITE_READONLY_DBMOVED
            moved.sqlite_errorname = "SQLITE_READONLY_DBMOVED"
            raise sa.exc.OperationalError("BEGIN", None, moved, hide_parameters=True)

    def _open(self) -> None:
        """Make the file for its owner alone before SQLite would make it for everybody; the others take its mode."""
        with self._lock:
            if self._known is not None:
                self.require_same()
                return
            _make(self._file)
            self._known = _identity(self._path)


def close_database_file(engine: Engine) -> None:
    """Take from others what they may do with the files of a SQLite database, wherever it lies."""
    path = engine.url.database
    if engine.dialect.name == "sqlite" and path:
        for end in _BESIDE:
            _mend(Path(path + end))


def _make(file: Path) -> None:
    """Make a file that is not there, for its owner alone.

    One that is there is never opened: a process that closes a file gives back every lock that it holds on it, SQLite's
    among them. Another process would then take itself for the last one and delete the write-ahead log, and with it what
    this one commits from then on (SQLite, "How To Corrupt", 2.2).
    """
    with _MAKING, suppress(OSError):  # it is there, or SQLite says what is wrong
        os.close(os.open(os.path.realpath(file), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # no `Path`: this is before each transaction
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _mend(file: Path) -> None:
    """Take from others what they may do with `file`."""
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & 0o077:
            file.chmod(0o600)
            log.warning("data.mode_mended", file=file.name, was=f"{mode:04o}", now="0600")
    except FileNotFoundError:
        return
    except OSError as error:
        log.warning("data.mode_open", file=file.name, kind=type(error).__name__)
