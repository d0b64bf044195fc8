"""One engine per database, with the settings that keep what was committed.

SQLite: WAL, ``BEGIN IMMEDIATE`` for every transaction that may write (a deferred one loses updates or fails on
the snapshot upgrade), ``synchronous=FULL`` because a signature is evidence. PostgreSQL: psycopg 3.

Errors never quote the parameters of a statement: they hold what people have written.
"""

from __future__ import annotations

import select
import sqlite3
import time
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Dialect, Engine, ExceptionContext, make_url
from sqlalchemy.exc import InvalidatePoolError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from signroom.store.outages import as_sqlalchemy_says, error_of_driver
from signroom.store.sqlite_file import DatabaseFile
from signroom.store.texts import refuse_odd_texts

READ_ONLY = {"signroom_read_only": True}
EACH_ALONE = {"signroom_each_alone": True}
"""For connections to SQLite on which each statement is a transaction of its own, and no begin or end is sent."""
UNFLUSHED = {"signroom_unflushed": True}
"""For transactions that a loss of power may take back. Nobody was told anything that rests on them alone."""
_FLUSHES = "signroom_flushes"
"""Where a connection to SQLite says whether its commits are flushed now."""
_USED = "signroom_used"
"""Where a connection's record says when it was given back, in seconds of the monotonic clock."""
_BUSY_TIMEOUT_MS = 30_000
_AGAIN_SECONDS = 0.01
_UNUSED_SECONDS = 10.0
"""A connection that was not used for so long is asked whether it works. On the way there are routers that forget it."""
_IDLE_IN_TRANSACTION = "60s"
"""A process that freezes in a transaction (a paused machine) may hold the lock of the feed: not for ever."""


def open_engine(url: str, *, foreign_keys: bool = True, pooled: bool = False) -> Engine:
    """An engine for `url` (``sqlite:///file`` or ``postgresql+psycopg://...``); connects on first use.

    `foreign_keys` off is for migrations on SQLite. `pooled`: behind `url` is a pooler, and each transaction may get
    another process of the server. Nothing is kept there from one transaction to the next: no prepared statement, no
    setting.
    """
    if make_url(url).get_backend_name() == "sqlite":
        return _open_sqlite(url, foreign_keys=foreign_keys)
    # The connection that was used last is used next: the server's process behind it has our statements prepared.
    arguments: dict[str, Any] = {**_patience(url), **({"prepare_threshold": None} if pooled else {})}
    engine = sa.create_engine(
        url, pool_size=16, max_overflow=16, pool_use_lifo=True, connect_args=arguments, hide_parameters=True
    )
    _leave_lost_connections(engine)
    mark_lost_connections(engine)
    refuse_odd_texts(engine)
    event.listen(engine, "begin", _begin_unflushed)
    if not pooled:
        event.listen(engine, "connect", _end_idle_transactions)
    return engine


def _leave_lost_connections(engine: Engine) -> None:
    """Let nobody get a connection that the server has ended. Most are only looked at: to ask costs a way to the server.

    The server says that it ends a connection, and by that there is something to read on it.
    """
    dialect: Dialect = engine.dialect

    def taken(connection: psycopg.Connection[Any], record: ConnectionPoolEntry, _proxy: Any) -> None:
        unused = time.monotonic() - record.info.get(_USED, -_UNUSED_SECONDS)
        if unused < _UNUSED_SECONDS and not _says_something(connection):
            return
        try:
            dialect.do_ping(connection)  # type: ignore[arg-type]
        except psycopg.Error as error:
            raise InvalidatePoolError from error

    def given_back(_connection: psycopg.Connection[Any] | None, record: ConnectionPoolEntry) -> None:
        record.info[_USED] = time.monotonic()

    event.listen(engine, "checkout", taken)
    event.listen(engine, "checkin", given_back)


def _says_something(connection: psycopg.Connection[Any]) -> bool:
    """True when the server has sent what nobody asked for, or has closed the connection."""
    if connection.closed:
        return True
    poller = select.poll()
    poller.register(connection.fileno(), select.POLLIN)
    return bool(poller.poll(0))


def _end_idle_transactions(connection: psycopg.Connection[Any], _record: Any) -> None:
    # Not in the URL's ``options``: a pooler like PgBouncer refuses what it does not know there.
    connection.autocommit = True
    name = "idle_in_transaction_session_timeout"
    # What the operator has set (``ALTER ROLE``, ``options``) stays.
    ours = f"SELECT set_config('{name}', %s, false) WHERE current_setting('{name}') = '0'"
    connection.execute(ours, [_IDLE_IN_TRANSACTION])
    connection.autocommit = False


def _patience(url: str) -> dict[str, int]:
    """Seconds after which a machine that says nothing (pulled cable, dropped packets) counts as away; what the
    operator has put into the URL wins. Statements may take as long as they take."""
    ours = {
        "connect_timeout": 10,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 30_000,  # milliseconds
    }
    given = make_url(url).query
    return {name: value for name, value in ours.items() if name not in given}


def are_the_same(one: Engine, other: Engine) -> bool:
    """True when both lead to one database of one PostgreSQL server.

    Raises: SQLAlchemyError when one does not answer.
    """
    # Everybody may ask these. A copy has the same rows; it has not been started at the same microsecond.
    question = sa.text(
        "SELECT pg_postmaster_start_time(), (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    found = []
    for engine in (one, other):
        with engine.connect().execution_options(**READ_ONLY) as connection:
            found.append(tuple(connection.execute(question).one()))
    return found[0] == found[1]


def reading(engine: Engine, *, each_alone: bool = False) -> Engine:
    """`engine`, for transactions that only read. All statements of one see the database at one moment.

    With `each_alone` each statement is a transaction of its own, and nothing is sent for its begin and its end.
    """
    if engine.dialect.name == "postgresql":
        isolation = "AUTOCOMMIT" if each_alone else "REPEATABLE READ"
        return engine.execution_options(**READ_ONLY, isolation_level=isolation)
    return engine.execution_options(**READ_ONLY, **(EACH_ALONE if each_alone else {}))


def unflushed(engine: Engine) -> Engine:
    """`engine`, for transactions whose commit does not wait for the disk.

    A loss of power, or of the PostgreSQL server, takes the last of them back, as if they had come a moment earlier. It
    takes back none whose later, flushed commit was answered: both databases write their log in order.
    """
    if engine.dialect.name == "postgresql":
        # The driver sends no BEGIN of its own then: `_begin_unflushed` sends it together with the setting.
        return engine.execution_options(**UNFLUSHED, isolation_level="AUTOCOMMIT")
    return engine.execution_options(**UNFLUSHED)


def _begin_unflushed(connection: Connection) -> None:
    """One way to the server. The setting ends with the transaction, so it holds behind a pooler, too."""
    if connection.get_execution_options().get("signroom_unflushed", False):
        statement = "BEGIN; SET LOCAL synchronous_commit TO off"
        try:
            connection.connection.dbapi_connection.execute(statement)  # type: ignore[union-attr]
        except psycopg.Error as error:
            raise error_of_driver(connection, statement, error) from error


def answers(engine: Engine) -> bool:
    """True when the database answers a query."""
    try:
        with engine.connect().execution_options(**READ_ONLY) as connection:
            connection.exec_driver_sql("SELECT 1")
    except SQLAlchemyError:
        return False
    return True


def mark_lost_connections(target: Engine | type[Engine]) -> None:
    """Make every lost PostgreSQL connection look like one to SQLAlchemy and DBOS.

    DBOS decides by the text of the error and misses a vanished socket and a failed look-up:
    its workflows would stay PENDING for ever on a live worker.
    """

    def handle_error(context: ExceptionContext) -> None:
        error = context.original_exception
        if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
            context.is_disconnect = True

    event.listen(target, "handle_error", handle_error)


def keep_to_one_file(url: str) -> None:
    """Let no engine of this process connect to another SQLite file at `url` than the one that is there now."""
    parts = make_url(url)
    if parts.get_backend_name() == "sqlite" and parts.database:
        DatabaseFile(Path(parts.database)).watch_others()


def _open_sqlite(url: str, *, foreign_keys: bool) -> Engine:
    # The connection that was used last is used next: it has our statements prepared, and most pages in its cache.
    engine = sa.create_engine(
        url,
        pool_size=16,
        max_overflow=16,
        pool_use_lifo=True,
        connect_args={"check_same_thread": False},
        hide_parameters=True,
    )

    def connect(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # we send BEGIN ourselves; pysqlite's own rules lose updates
        # What is erased leaves no bytes in free pages: they are overwritten with zeros.
        pragmas = (f"busy_timeout={_BUSY_TIMEOUT_MS}", "synchronous=FULL", "secure_delete=ON")
        for pragma in (*pragmas, f"foreign_keys={'ON' if foreign_keys else 'OFF'}"):
            connection.execute(f"PRAGMA {pragma}")
        _write_ahead(connection)

    path = make_url(url).database
    file = DatabaseFile(Path(path)) if path and path != ":memory:" else None
    if file is not None:
        file.watch(engine)

    def begin(connection: Connection) -> None:
        if file is not None:
            file.require_same()
        options = connection.get_execution_options()
        if options.get("signroom_each_alone", False):
            return
        if options.get("signroom_read_only", False):
            _send(connection, "BEGIN")
            return
        _flush_on_commit(connection, not options.get("signroom_unflushed", False))
        _send(connection, "BEGIN IMMEDIATE")

    event.listen(engine, "connect", connect)
    event.listen(engine, "begin", begin)
    refuse_odd_texts(engine)
    return engine


def _flush_on_commit(connection: Connection, wanted: bool) -> None:
    """SQLite keeps the setting with the connection, and changes it between two transactions only."""
    info = connection.connection.info
    if info.get(_FLUSHES, True) != wanted:
        _send(connection, f"PRAGMA synchronous={'FULL' if wanted else 'NORMAL'}")
        info[_FLUSHES] = wanted


def _send(connection: Connection, statement: str) -> None:
    """Execute a statement that has no parameters and no rows. Raises: DBAPIError."""
    try:
        connection.connection.dbapi_connection.execute(statement)  # type: ignore[union-attr]
    except sqlite3.Error as error:
        raise as_sqlalchemy_says(connection, statement, error) from error


def scrubbed(engine: Engine) -> bool:
    """Take what was deleted out of the log of SQLite, too; its pages were overwritten when they were freed.

    PostgreSQL does that itself: ``VACUUM`` overwrites dead rows, and the server uses its log again.
    False when a reader holds the log. Waits a second for that, not longer.
    """
    if engine.dialect.name != "sqlite":
        return True
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("PRAGMA busy_timeout=1000")
        busy, _, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        cursor.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
        return not busy
    finally:
        connection.close()


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Of processes that make a file together each may hold what the other needs: SQLite fails one of them at once,
    whatever its patience. The mode is the file's, so that one finds it set."""
    until = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_AGAIN_SECONDS)
