"""All rows go from SQLite to PostgreSQL and back, and are the same afterwards, whatever they hold."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from signroom.domain.errors import BackupDamaged
from signroom.store import tables
from signroom.store.engine import open_engine
from signroom.store.keeping.copying import (
    content_of,
    copy_all,
    go_on_after,
    kept_tables,
    last_position,
    row_counts,
)
from signroom.store.keeping.files import FILE_COLUMNS
from tests.harness.databases import copy_new_database, migrated
from tests.harness.postgres import Postgres

VALUES: list[tuple[type[sa.types.TypeEngine[Any]], Sequence[Any]]] = [
    (tables.UtcDateTime, [datetime(1970, 1, 2, tzinfo=UTC), datetime(2199, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)]),
    (sa.Boolean, [True, False]),
    (sa.Uuid, [UUID(int=1), UUID("f" * 32)]),
    (sa.LargeBinary, [b"", b"\0", bytes(range(256)), b"{}"]),
    (sa.JSON, [{}, {"a": None, "b": [True, 1, "\u00e9"]}, [1, {"\U0001f58b": "x"}]]),
    (sa.BigInteger, [0, -(1 << 62), (1 << 63) - 1]),
    (sa.SmallInteger, [0, -(1 << 15), (1 << 15) - 1]),
    (sa.Date, [date(1970, 1, 1), date(2199, 12, 31)]),
    (sa.Integer, [0, -(1 << 31), (1 << 31) - 1]),
    (sa.Float, [0.0, -0.1, 1e308, 1_700_000_000.123456]),
    (sa.String, ["", " ", "a'\"\\b\n", "\u00e9\u0301\U0001f58b", "0", "null", "true"]),
]
"""The odd ones of each type; random ones come beside them. What is nullable is NULL at times. The first row
of a table has odd ones only: the others must not be the same where a column is unique."""
ANY: list[tuple[type[sa.types.TypeEngine[Any]], Callable[[random.Random], Any]]] = [
    (tables.UtcDateTime, lambda chance: datetime.fromtimestamp(chance.uniform(1e5, 7e9), UTC)),
    (sa.Boolean, lambda chance: chance.random() < 0.5),
    (sa.Uuid, lambda chance: UUID(int=chance.getrandbits(128))),
    (sa.LargeBinary, lambda chance: chance.randbytes(32)),
    (sa.JSON, lambda chance: {"number": chance.random()}),
    (sa.SmallInteger, lambda chance: chance.getrandbits(15)),
    (sa.Date, lambda chance: date.fromordinal(chance.randrange(700_000, 800_000))),
    (sa.Integer, lambda chance: chance.getrandbits(31)),
    (sa.Float, lambda chance: chance.random() * 1e9),
    (sa.String, lambda chance: "".join(chance.choices("abc \u00e9\U0001f58b", k=12))),
]
_ROWS = 3


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Any]:
    """An SQLite database, a PostgreSQL one, and one more of SQLite."""
    folder = tmp_path_factory.mktemp("copying")
    made = []
    for name in ("one.db", "back.db"):
        copy_new_database(folder / name)
        made.append(open_engine(f"sqlite:///{folder / name}", foreign_keys=False))
    # Of its own: the template may have no connection when it is copied.
    url = postgres.new_database()
    made.append(open_engine(migrated(url)))
    yield made[0], made[2], made[1]
    for engine in made:
        engine.dispose()
    postgres.drop_database(url)


@contextmanager
def rolled_back(engine: Engine) -> Iterator[Connection]:
    """A transaction that leaves nothing behind."""
    with engine.connect() as connection:
        yield connection
        connection.rollback()


def value_of(column: sa.Column[Any], chance: random.Random, *, odd: bool) -> Any:
    if column.nullable and chance.random() < 0.3:
        return None
    if odd:
        values = next(values for kind, values in VALUES if isinstance(column.type, kind))
        return _short(column, chance.choice(values))
    value = next(make(chance) for kind, make in ANY if isinstance(column.type, kind))
    return _short(column, value)


def _short(column: sa.Column[Any], value: Any) -> Any:
    length = getattr(column.type, "length", None)
    return value[:length] if isinstance(value, str | bytes) and length else value


@pytest.mark.parametrize("seed", range(3))
def test_rows_of_every_column_are_the_same_after_the_way_there_and_back(engines: Any, seed: int) -> None:
    chance = random.Random(seed)
    one, other, back = engines
    with rolled_back(one) as first, rolled_back(other) as second, rolled_back(back) as third:
        second.exec_driver_sql("SET session_replication_role = replica")  # random rows point nowhere
        found, stricter = kept_tables(first), kept_tables(second)
        for name, table in found.items():
            first.execute(sa.delete(table))
            for number in range(_ROWS):
                columns = [stricter[name].c[column.name] for column in table.columns]
                row = {column.name: value_of(column, chance, odd=number == 0) for column in columns}
                first.execute(sa.insert(table).values(_as_texts(table, row)))
        go_on_after(first, "signroom_events", 4711)

        copy_all(first, second)
        copy_all(second, third)

        for name, table in found.items():
            assert content_of(third, table) == content_of(first, table), name
        assert sum(row_counts(second).values()) == sum(row_counts(first).values()) > len(found)
        assert [last_position(c, "signroom_events") for c in (first, second, third)] == [4711] * 3


def _as_texts(table: sa.Table, row: dict[str, Any]) -> dict[str, Any]:
    """JSON as SQLite has it."""
    as_text = {name for name in row if not isinstance(table.c[name].type, sa.JSON)}
    return {n: json.dumps(v) if n in as_text and isinstance(v, dict | list) else v for n, v in row.items()}


def test_what_does_not_arrive_as_it_was_is_noticed(engines: Any) -> None:
    one, _, back = engines
    with rolled_back(one) as first, rolled_back(back) as second:
        second.exec_driver_sql(
            "CREATE TRIGGER wrong AFTER INSERT ON signroom_subscriptions"
            " BEGIN UPDATE signroom_subscriptions SET name = 'Other'; END"
        )
        first.execute(sa.insert(tables.subscriptions), {"id": UUID(int=7), "name": "Acme"})

        with pytest.raises(BackupDamaged, match="signroom_subscriptions"):
            copy_all(first, second)


def test_every_column_that_holds_the_key_of_a_file_is_known() -> None:
    looks_like_one = {
        column
        for table in tables.metadata.sorted_tables
        for column in table.columns
        if column.name.endswith("_key") and isinstance(column.type, sa.String) and column.type.length == 200
    }

    # What authorities have answered is fetched again where its file is missing.
    assert {key for key, _, _ in FILE_COLUMNS} == looks_like_one - {tables.answers.c.blob_key}
