"""How a database is, as an operator wants to know it. Nothing is changed or made."""

from __future__ import annotations

import sqlite3
import time
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError

from signroom.domain.errors import DatabaseUnavailable
from signroom.ports.operations import MAX_NAMED, UNUSED_AFTER, DatabaseDiagnosis, Migrations
from signroom.store import tables
from signroom.store.engine import READ_ONLY
from signroom.store.keeping.database import installation_of
from signroom.store.outages import outages_as_ours
from signroom.store.schema import known_revisions


def diagnose(engine: Engine) -> DatabaseDiagnosis:
    """Raises: DatabaseUnavailable, also for a wrong name or password."""
    try:
        with outages_as_ours(), engine.connect().execution_options(**READ_ONLY) as connection:
            return _diagnose(connection)
    except DBAPIError as error:
        raise DatabaseUnavailable from error


def _diagnose(connection: Connection) -> DatabaseDiagnosis:
    before = time.time()
    clock = _seconds(connection)
    ahead = clock - (before + time.time()) / 2
    migrations = _migrations(connection)
    installation = installation_of(connection) if migrations is Migrations.CURRENT else None
    endless, unused = _keys(connection) if migrations is Migrations.CURRENT else ((), ())
    if connection.dialect.name == "sqlite":
        return DatabaseDiagnosis(
            "SQLite",
            sqlite3.sqlite_version,
            ahead,
            migrations,
            endless_keys=endless,
            unused_keys=unused,
            installation=installation,
        )
    standby, version = connection.exec_driver_sql("SELECT pg_is_in_recovery(), current_setting('server_version')").one()
    return DatabaseDiagnosis(
        "PostgreSQL",
        version,
        ahead,
        migrations,
        read_only=standby,
        free_connections=_free(connection),
        endless_keys=endless,
        unused_keys=unused,
        installation=installation,
    )


def _seconds(connection: Connection) -> float:
    """The database's clock, since 1970."""
    postgresql = "SELECT extract(epoch FROM clock_timestamp())"
    sqlite = "SELECT (julianday('now') - 2440587.5) * 86400.0"
    return float(connection.exec_driver_sql(sqlite if connection.dialect.name == "sqlite" else postgresql).scalar_one())


def _migrations(connection: Connection) -> Migrations:
    known = known_revisions()
    current = MigrationContext.configure(connection).get_current_revision()
    if current is None:
        return Migrations.MISSING
    if current not in known:
        return Migrations.NEWER
    # The newest comes first.
    return Migrations.CURRENT if current == known[0] else Migrations.BEHIND


def _keys(connection: Connection) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """API keys that never end, and those that nobody uses."""
    k, a = tables.api_keys, tables.applications
    now = datetime.now(UTC)
    usable = sa.and_(k.c.revoked_at.is_(None), sa.or_(k.c.expires_at.is_(None), k.c.expires_at > now))
    quiet = sa.func.coalesce(k.c.last_used_at, k.c.created_at) < now - UNUSED_AFTER

    def named(condition: sa.ColumnElement[bool]) -> tuple[str, ...]:
        query = sa.select(a.c.name, k.c.id).join_from(k, a).where(usable, condition).order_by(k.c.created_at)
        return tuple(f"{row.name} {row.id}" for row in connection.execute(query.limit(MAX_NAMED)))

    return named(k.c.expires_at.is_(None)), named(quiet)


def _free(connection: Connection) -> int:
    """Connections that the server still gives to others than its administrators."""
    query = """
        SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
               - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')
    """
    return int(connection.exec_driver_sql(query).scalar_one())
