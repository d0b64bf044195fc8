"""Questions that are asked so often that each step on the way to their answer is taken once.

SQLAlchemy makes a statement, finds it in its cache, and looks at each column of the answer anew with each question:
that costs several times as much as the database's own work. Here all of it is done once for each database.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect

from signroom.store.outages import driver_outages_as_ours

_Process = Callable[[Any], Any]


class PreparedQuery:
    """A query with one parameter, whose answer is a row for each thing that it finds."""

    def __init__(self, query: sa.Select[Any]) -> None:
        self._query = query
        self._compiled = cache(self._compile)

    def all(self, connection: Connection, value: Any) -> list[tuple[Any, ...]]:
        """The rows, as SQLAlchemy reads them. Raises: DatabaseUnavailable."""
        statement, bind, parameters_of, processors = self._compiled(connection.dialect)
        parameters = parameters_of(value if bind is None else bind(value))
        driver = connection.connection.dbapi_connection
        if driver is None:
            raise RuntimeError("the connection is closed")
        cursor = driver.cursor()
        try:
            with driver_outages_as_ours(connection):
                connection.dispatch.before_cursor_execute(connection, cursor, statement, parameters, None, False)
                cursor.execute(statement, parameters)
                rows = cursor.fetchall()
        finally:
            cursor.close()
        return [_processed(row, processors) for row in rows]

    def _compile(
        self, dialect: Dialect
    ) -> tuple[str, _Process | None, Callable[[Any], Any], Sequence[tuple[int, _Process]]]:
        compiled = self._query.compile(dialect=dialect)
        (name,) = compiled.params
        bind = compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect)
        positional = dialect.positional
        types = (column.type.dialect_impl(dialect) for column in self._query.selected_columns)
        processors = [(number, kind.result_processor(dialect, None)) for number, kind in enumerate(types)]
        return (
            str(compiled),
            bind,
            (lambda value: (value,)) if positional else (lambda value: {name: value}),
            [(number, process) for number, process in processors if process is not None],
        )


def _processed(row: Sequence[Any], processors: Sequence[tuple[int, _Process]]) -> tuple[Any, ...]:
    values = list(row)
    for number, process in processors:
        if values[number] is not None:
            values[number] = process(values[number])
    return tuple(values)
