"""Bring the database to the schema that this version needs (Alembic; forward only)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection, Engine

from signroom.store.engine import open_engine
from signroom.store.outages import outages_as_ours

if TYPE_CHECKING:
    from alembic.config import Config


def migrate(engine: Engine) -> None:
    """Apply every migration that is missing. Safe to call at each start and from several processes at once.

    A database that a newer version has migrated is left as it is. Raises: DatabaseUnavailable.
    """
    from alembic import command  # 0.5 s to import; only needed here

    config = _config()
    with outages_as_ours(), _without_foreign_keys(engine) as free, free.begin() as connection:
        if connection.dialect.name == "postgresql":
            # Two processes that start together would both run the first migration.
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7301842556)")
        if not _behind(connection):
            return
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if connection.dialect.name == "sqlite":
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
            if broken is not None:
                raise RuntimeError(f"the migration would leave rows of {broken[0]} without what they point to")


@contextmanager
def _without_foreign_keys(engine: Engine) -> Iterator[Engine]:
    """On SQLite a change of a table makes a new one and drops the old: what points to it must not mind.

    The pragma has no effect inside a transaction, so this is an engine of its own.
    """
    if engine.dialect.name != "sqlite":
        yield engine
        return
    free = open_engine(engine.url.render_as_string(hide_password=False), foreign_keys=False)
    try:
        yield free
    finally:
        free.dispose()


def pending(engine: Engine) -> bool:
    """True when the database is behind this version."""
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    return current != ScriptDirectory.from_config(_config()).get_current_head()


def revision_of(connection: Connection) -> str | None:
    """The newest migration that was applied; None: there are no tables."""
    from alembic.runtime.migration import MigrationContext

    return MigrationContext.configure(connection).get_current_revision()


def _behind(connection: Connection) -> bool:
    """False for a database of this version, and of a newer one.

    In a roll-out a newer one came first: its tables are usable by the version before.
    """
    current, known = revision_of(connection), known_revisions()
    return current is None or current in known[1:]


@cache
def known_revisions() -> tuple[str, ...]:
    """What this version can migrate to, newest first. Reading it takes some hundredths of a second."""
    from alembic.script import ScriptDirectory

    return tuple(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def write_revision(connection: Connection, message: str) -> None:
    """Draft the next migration from the difference between `connection` and the tables (for developers)."""
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    command.revision(config, message, autogenerate=True, rev_id=_next_id())


def _next_id() -> str:
    versions = Path(__file__).parent / "migrations" / "versions"
    return f"{len(list(versions.glob('[0-9]*.py'))) + 1:04d}"
