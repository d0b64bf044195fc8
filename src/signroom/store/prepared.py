"""Questions that are asked so often that each step on the way to their answer is taken once.

SQLAlchemy makes a statement, finds it in its cache, and looks at each column of the answer anew with each question:
that costs several times as much as the database's own work. Here all of it is done once for each database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect

from signroom.store.outages import driver_outages_as_ours
from signroom.store.rows import Row

_Process = Callable[[Any], Any]


class PreparedQuery:
    """A query whose answer is a row for each thing that it finds. Of a list of parameters it knows nothing."""

    def __init__(self, query: sa.Select[Any]) -> None:
        self.names = tuple(column.name for column in query.selected_columns)
        """Of the columns, in their order. They are those of a mapping when no name is there twice."""
        self._query = query
        self._compiled = cache(self._compile)

    def all(self, connection: Connection, **values: Any) -> list[tuple[Any, ...]]:
        """The rows, as SQLAlchemy reads them. Raises: DatabaseUnavailable."""
        compiled = self._compiled(connection.dialect)
        parameters = compiled.parameters(values)
        driver = connection.connection.dbapi_connection
        if driver is None:
            raise RuntimeError("the connection is closed")
        cursor = driver.cursor()
        try:
            with driver_outages_as_ours(connection):
                connection.dispatch.before_cursor_execute(
                    connection, cursor, compiled.statement, parameters, None, False
                )
                cursor.execute(compiled.statement, parameters)
                rows = cursor.fetchall()
        finally:
            cursor.close()
        return [_processed(row, compiled.processors) for row in rows]

    def mappings(self, connection: Connection, **values: Any) -> list[Row]:
        """The same, by the names of the columns. Raises: DatabaseUnavailable."""
        return [dict(zip(self.names, row, strict=True)) for row in self.all(connection, **values)]

    def _compile(self, dialect: Dialect) -> _Compiled:
        compiled = self._query.compile(dialect=dialect)
        binds = {name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in compiled.binds.items()}
        # What the query itself compares with is the same each time.
        fixed = {name: value for name, value in compiled.params.items() if not compiled.binds[name].required}
        types = (column.type.dialect_impl(dialect) for column in self._query.selected_columns)
        processors = [(number, kind.result_processor(dialect, None)) for number, kind in enumerate(types)]
        return _Compiled(
            str(compiled),
            {name: process for name, process in binds.items() if process is not None},
            {name: value if (process := binds[name]) is None else process(value) for name, value in fixed.items()},
            compiled.positiontup if dialect.positional else None,
            [(number, process) for number, process in processors if process is not None],
        )


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A query as a driver takes it."""

    statement: str
    binds: Mapping[str, _Process]
    fixed: Mapping[str, Any]
    order: Sequence[str] | None
    """Of the parameters; None for a driver that takes them by their names."""
    processors: Sequence[tuple[int, _Process]]

    def parameters(self, values: Mapping[str, Any]) -> Any:
        binds = self.binds
        given = {name: binds[name](value) if name in binds else value for name, value in values.items()}
        given.update(self.fixed)
        return given if self.order is None else tuple(given[name] for name in self.order)


def _processed(row: Sequence[Any], processors: Sequence[tuple[int, _Process]]) -> tuple[Any, ...]:
    values = list(row)
    for number, process in processors:
        if values[number] is not None:
            values[number] = process(values[number])
    return tuple(values)
