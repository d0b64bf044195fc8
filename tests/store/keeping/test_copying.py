"""All rows go from SQLite to PostgreSQL and back, and are the same afterwards, whatever they hold."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
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
from tests.harness.postgres import Postgres

TEXT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=20)
MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))
VALUES: list[tuple[type[sa.types.TypeEngine[Any]], st.SearchStrategy[Any]]] = [
    (tables.UtcDateTime, MOMENTS),
    (sa.Boolean, st.booleans()),
    (sa.Uuid, st.uuids()),
    (sa.LargeBinary, st.binary(max_size=40)),
    (sa.JSON, st.dictionaries(TEXT, st.one_of(st.none(), st.booleans(), st.integers(-9, 9), TEXT), max_size=3)),
    (sa.BigInteger, st.integers(-(1 << 62), 1 << 62)),
    (sa.Integer, st.integers(-(1 << 31), (1 << 31) - 1)),
    (sa.Float, st.floats(allow_nan=False, allow_infinity=False, width=64)),
    (sa.String, TEXT),
]


@pytest.fixture(scope="module")
def engines(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Any]:
    """An SQLite database, a PostgreSQL one, and one more of SQLite."""
    folder = tmp_path_factory.mktemp("copying")
    made = []
    for name in ("one.db", "back.db"):
        shutil.copyfile(sqlite_template, folder / name)
        made.append(open_engine(f"sqlite:///{folder / name}", foreign_keys=False))
    # Of its own: the template may have no connection when it is copied.
    url = postgres.new_database()
    from tests.conftest import migrated

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


def value_of(column: sa.Column[Any], draw: Any) -> Any:
    kind = next(strategy for types, strategy in VALUES if isinstance(column.type, types))
    value = draw(st.one_of(st.none(), kind) if column.nullable else kind)
    length = getattr(column.type, "length", None)
    return value[:length] if isinstance(value, str | bytes) and length else value


@st.composite
def rows(draw: Any, table: sa.Table) -> dict[str, Any]:
    return {column.name: value_of(column, draw) for column in table.columns}


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_rows_of_every_column_are_the_same_after_the_way_there_and_back(engines: Any, data: st.DataObject) -> None:
    one, other, back = engines
    with rolled_back(one) as first, rolled_back(other) as second, rolled_back(back) as third:
        second.exec_driver_sql("SET session_replication_role = replica")  # random rows point nowhere
        found = kept_tables(first)
        # What PostgreSQL's columns are counts: it is the stricter of the two.
        for name, table in kept_tables(second).items():
            if name in found:
                first.execute(sa.delete(found[name]))
                narrow = sa.Table(name, sa.MetaData(), *(table.c[c.name]._copy() for c in found[name].columns))
                row = data.draw(rows(narrow), label=name)
                first.execute(sa.insert(found[name]), [_texts_of_json(found[name], row)])
        go_on_after(first, "signroom_events", 4711)

        copy_all(first, second)
        copy_all(second, third)

        for name, table in found.items():
            assert content_of(third, table) == content_of(first, table), name
        assert {name: count for name, count in row_counts(second).items() if count} == dict.fromkeys(found, 1)
        assert [last_position(c, "signroom_events") for c in (first, second, third)] == [4711] * 3


def _texts_of_json(table: sa.Table, row: dict[str, Any]) -> dict[str, Any]:
    import json

    return {
        name: json.dumps(value) if isinstance(value, dict) and not isinstance(table.c[name].type, sa.JSON) else value
        for name, value in row.items()
    }
