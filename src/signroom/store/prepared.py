"""Statements that are executed so often that each step on the way to the driver is taken once.

SQLAlchemy makes a statement, finds it in its cache, and looks at each column of the answer anew with each execution:
that costs several times as much as the database's own work. Here all of it is done once for each database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect

from signroom.store.outages import error_of_driver
from signroom.store.rows import Row

_Process = Callable[[Any], Any]


class PreparedQuery:
    """A query whose answer is a row for each thing that it finds. Of a list of parameters it knows nothing."""

    def __init__(self, query: sa.Select[Any]) -> None:
        columns = tuple(query.selected_columns)
        self.names = tuple(column.name for column in columns)
        """Of the columns, in their order. They are those of a mapping when no name is there twice."""
        self._compiled = cache(lambda dialect: _compile(query, columns, dialect, None))

    def all(self, connection: Connection, **values: Any) -> list[tuple[Any, ...]]:
        """The rows, as SQLAlchemy reads them. Raises: DatabaseUnavailable."""
        return _execute(connection, self._compiled(connection.dialect), values)

    def mappings(self, connection: Connection, **values: Any) -> list[Row]:
        """The same, by the names of the columns. Raises: DatabaseUnavailable."""
        return [dict(zip(self.names, row, strict=True)) for row in self.all(connection, **values)]


class PreparedChange:
    """An INSERT or UPDATE. Of a list of parameters it knows nothing, too.

    Which columns it writes is said by the names of the values, as SQLAlchemy has it.

    Raises: DatabaseUnavailable, IntegrityError.
    """

    def __init__(self, change: sa.Insert | sa.Update) -> None:
        columns = tuple(change.exported_columns)
        # What the database gives a row by itself, nobody asks for.
        plain = change if columns or not isinstance(change, sa.Insert) else change.inline()
        self._compiled = cache(lambda dialect, names: _compile(plain, columns, dialect, names))

    def one(self, connection: Connection, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Execute it once. Returns the rows that it returns."""
        return _execute(connection, self._compiled(connection.dialect, tuple(values)), values)

    def all(self, connection: Connection, values: Sequence[Mapping[str, Any]]) -> None:
        """Execute it for each of some values, which have the same names. Not at all when there are none."""
        if len(values) == 1:
            self.one(connection, values[0])
        elif values:
            _execute_for_each(connection, self._compiled(connection.dialect, tuple(values[0])), values)


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement as a driver takes it."""

    statement: str
    fixed: Mapping[str, Any]
    """What the statement itself compares with, as a driver takes it."""
    binds: Sequence[tuple[str, _Process]]
    """The parameters that a driver does not take as they are."""
    order: Sequence[str] | None
    """Of the parameters; None for a driver that takes them by their names."""
    returns_rows: bool
    processors: Sequence[tuple[int, _Process]]

    def parameters(self, values: Mapping[str, Any]) -> Any:
        given = {**values, **self.fixed}
        for name, process in self.binds:
            given[name] = process(given[name])
        return given if self.order is None else tuple([given[name] for name in self.order])


def _compile(
    statement: sa.Select[Any] | sa.Insert | sa.Update,
    columns: Sequence[sa.ColumnElement[Any]],
    dialect: Dialect,
    names: Sequence[str] | None,
) -> _Compiled:
    compiled: Any = statement.compile(dialect=dialect, column_keys=None if names is None else list(names))
    given = {name: compiled.binds[name] for name in compiled.params}
    binds = {name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in given.items()}
    # What the statement itself compares with is the same each time.
    fixed = {name: value for name, value in compiled.params.items() if not given[name].required}
    types = (column.type.dialect_impl(dialect) for column in columns)
    processors = [(number, kind.result_processor(dialect, None)) for number, kind in enumerate(types)]
    return _Compiled(
        str(compiled),
        {name: value if (process := binds[name]) is None else process(value) for name, value in fixed.items()},
        [(name, process) for name, process in binds.items() if process is not None and name not in fixed],
        compiled.positiontup if dialect.positional else None,
        bool(columns),
        [(number, process) for number, process in processors if process is not None],
    )


def _execute(connection: Connection, compiled: _Compiled, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    cursor = _cursor(connection)
    parameters = compiled.parameters(values)
    try:
        connection.dispatch.before_cursor_execute(connection, cursor, compiled.statement, parameters, None, False)
        try:
            cursor.execute(compiled.statement, parameters)
            rows = cursor.fetchall() if compiled.returns_rows else ()
        except connection.dialect.loaded_dbapi.Error as error:
            raise error_of_driver(connection, compiled.statement, error) from error
    finally:
        cursor.close()
    processors = compiled.processors
    return [_processed(row, processors) for row in rows]


def _execute_for_each(connection: Connection, compiled: _Compiled, values: Sequence[Mapping[str, Any]]) -> None:
    cursor = _cursor(connection)
    parameters = [compiled.parameters(one) for one in values]
    try:
        connection.dispatch.before_cursor_execute(connection, cursor, compiled.statement, parameters, None, True)
        try:
            cursor.executemany(compiled.statement, parameters)
        except connection.dialect.loaded_dbapi.Error as error:
            raise error_of_driver(connection, compiled.statement, error) from error
    finally:
        cursor.close()


def _cursor(connection: Connection) -> Any:
    """In a transaction, which SQLAlchemy begins with the first statement unless somebody has begun it."""
    if not connection.in_transaction():
        connection.begin()
    driver = connection.connection.dbapi_connection
    if driver is None:
        raise RuntimeError("the connection is closed")
    return driver.cursor()


def _processed(row: Sequence[Any], processors: Sequence[tuple[int, _Process]]) -> tuple[Any, ...]:
    values = list(row)
    for number, process in processors:
        if values[number] is not None:
            values[number] = process(values[number])
    return tuple(values)
