"""All rows of one database into another, whatever the two are: some at a time, in one transaction, and compared.

Our own tables are known by their metadata, those of the job engine by what each database says of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from signroom.domain.errors import BackupDamaged
from signroom.store import tables

_AT_ONCE = 500
"""Rows in memory."""
_VERSIONS = ("alembic_version", "dbos_migrations")
"""Both databases are of one version already."""
_OF_ENGINE = "dbos"
"""The schema of the job engine's tables on PostgreSQL."""
_SEQUENCES = {table.name: "position" for table in (tables.events, tables.audit_log)}
"""Tables whose numbers are given once and never again, and the column."""
_NO_DIGEST = (1 << 256) - 1


@dataclass(frozen=True, slots=True)
class Content:
    """What a table holds, whatever the order: the number of its rows, and the sum of their digests."""

    rows: int
    sum: int


def kept_tables(connection: Connection) -> dict[str, sa.Table]:
    """Every table by its name; what is pointed to comes first."""
    found = {table.name: table for table in tables.metadata.sorted_tables}
    schema = None if connection.dialect.name == "sqlite" else _OF_ENGINE
    others = sa.MetaData()

    def of_engine(name: str, _kind: object) -> bool:
        return name not in found and name not in _VERSIONS and not name.startswith(("sqlite_", "signroom_"))

    others.reflect(connection, schema=schema, only=of_engine)
    for table in others.tables.values():
        for column in table.columns:
            if isinstance(column.type, sa.JSON):
                column.type.none_as_null = True
    return found | {table.name: table for table in others.sorted_tables}


def row_counts(connection: Connection) -> dict[str, int]:
    """By table."""
    counted = sa.select(sa.func.count())
    return {
        name: int(connection.execute(counted.select_from(table)).scalar_one())
        for name, table in kept_tables(connection).items()
    }


def copy_all(source: Connection, target: Connection) -> None:
    """Replace every row of `target` by those of `source`, in its transaction, and compare what came of it.

    Raises: BackupDamaged when the two differ afterwards, or a table of `source` has no place in `target`.
    """
    for connection in (source, target):
        if connection.dialect.name == "postgresql":  # one of the two waits while the other is read
            connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
    theirs, ours = kept_tables(source), kept_tables(target)
    _empty(target, ours)
    told: dict[str, Content] = {}
    for name, table in theirs.items():
        if name not in ours:
            if source.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None:
                raise BackupDamaged(f"The table {name} has no place in this database.")
            continue
        told[name] = _copy(source, table, target, ours[name])
    for name, content in told.items():
        if content_of(target, ours[name]) != content:
            raise BackupDamaged(f"The table {name} is not what it was.")
    _copy_sequences(source, target)


def content_of(connection: Connection, table: sa.Table) -> Content:
    """Reads the whole table."""
    content = Content(0, 0)
    for rows in _pages(connection, table):
        content = _added(content, rows)
    return content


def last_position(connection: Connection, table: str) -> int:
    """The highest number that was ever given in `table`; 0: none."""
    if connection.dialect.name == "sqlite":
        query = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        return int(connection.execute(query, {"name": table}).scalar() or 0)
    name = connection.execute(sa.select(sa.func.pg_get_serial_sequence(table, _SEQUENCES[table]))).scalar_one()
    query = sa.text("SELECT pg_sequence_last_value(CAST(:name AS regclass))")
    return int(connection.execute(query, {"name": name}).scalar() or 0)


def go_on_after(connection: Connection, table: str, position: int) -> None:
    """The next number that is given in `table` is higher than `position`."""
    if position <= 0:
        return
    if connection.dialect.name == "sqlite":
        connection.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": table})
        insert = sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)")
        connection.execute(insert, {"name": table, "seq": position})
        return
    name = connection.execute(sa.select(sa.func.pg_get_serial_sequence(table, _SEQUENCES[table]))).scalar_one()
    connection.execute(sa.select(sa.func.setval(sa.cast(name, sa.Text).op("::")(sa.text("regclass")), position)))


def _copy_sequences(source: Connection, target: Connection) -> None:
    for table in _SEQUENCES:
        go_on_after(target, table, last_position(source, table))


def _empty(target: Connection, ours: Mapping[str, sa.Table]) -> None:
    if target.dialect.name == "sqlite":
        for table in reversed(list(ours.values())):
            target.execute(sa.delete(table))
        return
    names = ", ".join(target.dialect.identifier_preparer.format_table(table) for table in ours.values())
    target.exec_driver_sql(f"TRUNCATE {names}")


def _copy(source: Connection, theirs: sa.Table, target: Connection, ours: sa.Table) -> Content:
    """Returns what `ours` should hold afterwards. Raises: BackupDamaged."""
    missing = [column.key for column in theirs.columns if column.key not in ours.c]
    content = Content(0, 0)
    for page in _pages(source, theirs):
        if any(row[name] is not None for name in missing for row in page):
            raise BackupDamaged(f"The table {ours.name} has no column {missing[0]} in this database.")
        rows = [{name: _as(ours.c[name].type, value) for name, value in row.items() if name in ours.c} for row in page]
        target.execute(sa.insert(ours), rows)
        content = _added(content, rows)
    return content


def _pages(connection: Connection, table: sa.Table) -> Iterator[list[dict[str, Any]]]:
    result = connection.execute(sa.select(table), execution_options={"yield_per": _AT_ONCE})
    for page in result.mappings().partitions():
        yield [dict(row) for row in page]


def _as(kind: sa.types.TypeEngine[Any], value: Any) -> Any:
    """A value of one database as a column of the other takes it: JSON is a text in SQLite."""
    if isinstance(kind, sa.JSON) and isinstance(value, str):
        return json.loads(value)
    if isinstance(kind, sa.String) and isinstance(value, dict | list):
        return json.dumps(value)
    return value


def _added(content: Content, rows: list[dict[str, Any]]) -> Content:
    total = content.sum
    for row in rows:
        text = repr([(name, _plain(row[name])) for name in sorted(row)])
        total += int.from_bytes(hashlib.sha256(text.encode()).digest())
    return Content(content.rows + len(rows), total & _NO_DIGEST)


def _plain(value: Any) -> object:
    """The same for the same value on both databases."""
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat()
        case UUID():
            return value.hex
        case bytes() | memoryview() | bytearray():
            return bytes(value).hex()
        case Decimal():
            return float(value)
        case dict() | list():
            return json.dumps(value, sort_keys=True)
    return value
