"""Which errors of the database drivers mean that the database is away, and not that we are wrong.

They are tried again: a restart, a failover, a full disk, a lock that was waited for too long, too many connections.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import structlog
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from signroom.domain.errors import DatabaseDamaged, DatabaseUnavailable

log = structlog.get_logger()

_SQLITE = frozenset({
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
})  # fmt: skip
"""Primary result codes (sqlite.org/rescode.html)."""

_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

# PostgreSQL's documentation, appendix A: a whole class by its two letters, or one code.
_POSTGRESQL = (
    "08",  # connection exception
    "40",  # transaction rollback: serialization, deadlock
    "53",  # insufficient resources: disk full, out of memory, too many connections
    "57P",  # operator intervention: shutdown, crash, not yet started, database dropped
    "58",  # system error: I/O
    "25006",  # read-only: a standby that is not promoted yet
    "25P03",  # idle in transaction for too long
    "55P03",  # a lock is not available
    "57014",  # cancelled: statement_timeout
)


@contextmanager
def outages_as_ours() -> Iterator[None]:
    """Raises: DatabaseUnavailable in place of what a driver says when the database is away."""
    try:
        yield
    except DBAPIError as error:
        if not (error.connection_invalidated or _is_outage(error.orig)):
            raise
        raise _unavailable(error.orig or error) from error
    except PoolExhausted as error:
        raise _unavailable(error) from error


def error_of_driver(connection: Connection, statement: str, error: Exception) -> Exception:
    """What to raise for what a driver says that was asked directly: `DatabaseUnavailable` when the database is away,
    otherwise what SQLAlchemy raises. `connection` is not used again once it is lost.
    """
    dialect = connection.dialect
    lost = isinstance(error, psycopg.OperationalError) and error.sqlstate is None
    if lost or dialect.is_disconnect(error, connection.connection.dbapi_connection, None):  # type: ignore[arg-type]
        connection.invalidate(error)
    elif not _is_outage(error):
        return as_sqlalchemy_says(connection, statement, error)
    return _unavailable(error)


def as_sqlalchemy_says(connection: Connection, statement: str, error: Exception) -> Exception:
    """What SQLAlchemy raises for what a driver says of a statement."""
    dialect = connection.dialect
    base = dialect.loaded_dbapi.Error
    return DBAPIError.instance(statement, None, error, base, hide_parameters=True, dialect=dialect)


@contextmanager
def damage_as_ours() -> Iterator[None]:
    """Raises: DatabaseDamaged in place of what SQLite says of a file that it cannot read."""
    try:
        yield
    except (sqlite3.DatabaseError, DBAPIError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        if getattr(cause, "sqlite_errorcode", 0) & 0xFF not in _DAMAGED:
            raise
        raise DatabaseDamaged(
            "Put a backup in its place: `signroom restore PLACE --overwrite` keeps the damaged file beside."
        ) from error


def _is_outage(error: BaseException | None) -> bool:
    if isinstance(error, sqlite3.Error):
        # The low byte is the primary code. Errors that Python's module makes by itself have none.
        code = getattr(error, "sqlite_errorcode", None)
        return code is not None and code & 0xFF in _SQLITE
    if isinstance(error, psycopg.Error):
        if error.sqlstate is None:  # there was no server to give one
            return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        return error.sqlstate.startswith(_POSTGRESQL)
    return False


def _unavailable(error: BaseException) -> DatabaseUnavailable:
    # Neither statement nor parameters: they hold what people have written.
    reason = getattr(error, "sqlstate", None) or getattr(error, "sqlite_errorname", None)
    log.warning("database.failed", kind=type(error).__name__, reason=reason)
    return DatabaseUnavailable()
