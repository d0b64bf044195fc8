"""Statements that the parts of a transaction have in common.

Those that each signature needs are made once for each table: to make a statement costs the process as much as to ask
it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID

import psycopg
import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from signroom.domain.errors import ApplicationDisabled, NameTaken, NotFound
from signroom.domain.metadata import MAX_NAME, fold
from signroom.ports.store import MetadataSearch
from signroom.store.prepared import PreparedChange, PreparedQuery
from signroom.store.rows import Row


class by_no_index(FunctionElement[Any]):  # noqa: N801  (reads like the functions of SQLAlchemy)
    """A column that no index is to be chosen for, in a condition beside one that finds the rows.

    SQLite has no statistics of its tables, and takes every condition to leave ten rows. So of "these ids, not purged
    yet" it may read all that are not purged: a million rows for two ids. PostgreSQL knows better by itself.
    """

    inherit_cache = True
    name = "by_no_index"

    def __init__(self, column: sa.ColumnElement[Any]) -> None:
        super().__init__(column)
        self.type = column.type


@compiles(by_no_index)
def _as_it_is(element: by_no_index, compiler: SQLCompiler, **more: Any) -> str:
    return compiler.process(element.clauses, **more)


@compiles(by_no_index, "sqlite")
def _with_plus(element: by_no_index, compiler: SQLCompiler, **more: Any) -> str:
    # sqlite.org/optoverview.html, "Disqualifying WHERE Clause Terms Using Unary-+".
    return f"+{compiler.process(element.clauses, **more)}"


def one(connection: Connection, query: sa.Select[Any], missing: type[NotFound]) -> RowMapping:
    """The only row that the query finds. Raises: `missing` when there is none."""
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise missing
    return row


def row_of(connection: Connection, table: sa.Table, row_id: UUID, missing: type[NotFound]) -> Row:
    """The row with that id. Raises: `missing`, DatabaseUnavailable."""
    return _first(_by_id(table).mappings(connection, **{_ID: row_id}), missing)


def locked_row_of(connection: Connection, table: sa.Table, row_id: UUID, missing: type[NotFound]) -> Row:
    """The same, locked. SQLite ignores FOR UPDATE: its writers are alone since BEGIN IMMEDIATE.

    Raises: `missing`, DatabaseUnavailable.
    """
    return _first(_locked_by_id(table).mappings(connection, **{_ID: row_id}), missing)


def _first(found: Sequence[Row], missing: type[NotFound]) -> Row:
    if not found:
        raise missing
    return found[0]


_ID = "id_of_row"
"""A parameter. No column has its name."""


@cache
def _by_id(table: sa.Table) -> PreparedQuery:
    return PreparedQuery(sa.select(table).where(table.c.id == sa.bindparam(_ID)))


@cache
def _locked_by_id(table: sa.Table) -> PreparedQuery:
    return PreparedQuery(sa.select(table).where(table.c.id == sa.bindparam(_ID)).with_for_update())


@cache
def insert_into(table: sa.Table) -> PreparedChange:
    return PreparedChange(sa.insert(table))


@cache
def _update(table: sa.Table) -> PreparedChange:
    return PreparedChange(sa.update(table).where(table.c.id == sa.bindparam(_ID)))


def insert(connection: Connection, table: sa.Table, row: Row) -> None:
    """Add one row."""
    insert_into(table).one(connection, row)


def insert_owned(connection: Connection, change: PreparedChange, row: Row) -> list[tuple[Any, ...]]:
    """Add one row of an application, whose other values are new. Raises: ApplicationDisabled when it was deleted."""
    try:
        return change.one(connection, row)
    except IntegrityError as error:
        if not _misses_its_owner(error):
            raise
        raise ApplicationDisabled("It was deleted.") from error


def _misses_its_owner(error: IntegrityError) -> bool:
    """Whether a foreign key is what was broken. Any other constraint that is broken is a fault of ours."""
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        return cause.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
    return isinstance(cause, psycopg.errors.ForeignKeyViolation)


def insert_all(connection: Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Add some rows in one statement; no statement when there are none."""
    insert_into(table).all(connection, rows)


def insert_named(connection: Connection, table: sa.Table, row: Row) -> None:
    """Add one row whose name must be free. Raises: NameTaken."""
    try:
        insert(connection, table, row)
    except IntegrityError as error:
        raise NameTaken(f"'{row['name']}'.") from error


def update(connection: Connection, table: sa.Table, row: Row) -> None:
    """Overwrite the row that has the same id."""
    _update(table).one(connection, _by_their_id(row))


class ReadRows:
    """Rows of one table as this transaction has read them: it writes only what has changed of a row that it saves.

    Each column that is written costs, and so does each index on it, changed or not.
    """

    def __init__(self) -> None:
        self._rows: dict[UUID, Row] = {}

    def note(self, row: Row) -> None:
        """A row with all columns that are ever saved, as it was read. Its values are not changed afterwards."""
        self._rows[row["id"]] = row

    def changed(self, rows: Sequence[Row]) -> list[Row]:
        """The rows without the columns that none of them has changed. Their ids and what is due for a job stay: another
        transaction may have said since the read that it is done.
        """
        known = self._rows
        columns = {name for row in rows for name, value in row.items() if not _is(known.get(row["id"]), name, value)}
        for row in rows:
            known[row["id"]] = {**known.get(row["id"], {}), **row}
        columns |= {"id", "person_due"} if columns else set()
        return [{name: value for name, value in row.items() if name in columns} for row in rows] if columns else []


def _is(row: Row | None, name: str, value: object) -> bool:
    if name in {"id", "person_due"}:
        return True
    return row is not None and name in row and row[name] == value


def update_all(connection: Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Overwrite the rows that have the same ids, in one statement. No statement when there are none."""
    _update(table).all(connection, [_by_their_id(row) for row in rows])


def _by_their_id(row: Row) -> Row:
    return {_ID if name == "id" else name: value for name, value in row.items()}


def update_named(connection: Connection, table: sa.Table, row: Row) -> None:
    """Overwrite the row that has the same id. Its name must be its own or free. Raises: NameTaken."""
    try:
        update(connection, table, row)
    except IntegrityError as error:
        raise NameTaken(f"'{row['name']}'.") from error


def matches(table: sa.Table, wanted: MetadataSearch) -> tuple[sa.ColumnElement[bool], ...]:
    """The conditions that find a value of metadata in `table`."""
    return (
        table.c.subscription_id == wanted.subscription_id,
        table.c.name == fold(wanted.name)[:MAX_NAME],
        table.c.value == wanted.value,
    )
