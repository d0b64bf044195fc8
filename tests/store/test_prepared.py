"""A statement whose steps are taken once does what SQLAlchemy does with it, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from signroom.domain.errors import BadInput
from signroom.store.engine import open_engine
from signroom.store.prepared import PreparedChange, PreparedQuery
from signroom.store.tables import UtcDateTime


def test_parameters_are_given_by_their_names_and_values_are_read_as_sqlalchemy_reads_them(database_url: str) -> None:
    """Two parameters, the first of them twice, and a value of the query's own."""
    table = sa.Table(
        "t", sa.MetaData(), sa.Column("id", sa.Uuid), sa.Column("at", UtcDateTime), sa.Column("n", sa.Text)
    )
    mine, at = uuid4(), datetime(2026, 11, 23, 12, tzinfo=UTC)
    same = (table.c.n == sa.bindparam("n")).label("same")
    query = sa.select(table, same).where(table.c.n == sa.bindparam("n"), table.c.id == sa.bindparam("id"))
    prepared = PreparedQuery(query.where(table.c.at < datetime(2027, 1, 1, tzinfo=UTC)))
    engine = open_engine(database_url)
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(sa.insert(table), [{"id": mine, "at": at, "n": "a"}, {"id": uuid4(), "at": at, "n": "b"}])

        assert prepared.mappings(connection, id=mine, n="a") == [{"id": mine, "at": at, "n": "a", "same": True}]
        assert prepared.all(connection, n="a", id=mine) == [(mine, at, "a", True)]
        assert prepared.all(connection, n="b", id=mine) == []
    engine.dispose()


def _table() -> sa.Table:
    columns = (sa.Column("at", UtcDateTime), sa.Column("content", sa.LargeBinary), sa.Column("done", sa.Boolean))
    return sa.Table("t", sa.MetaData(), sa.Column("id", sa.Uuid, primary_key=True), *columns, sa.Column("n", sa.Text))


def test_changes_write_what_sqlalchemy_writes(database_url: str) -> None:
    """Of columns of each kind, NULL among them; several rows at once; columns that the values do not name stay."""
    table, engine = _table(), open_engine(database_url)
    at = datetime(2026, 11, 23, 12, tzinfo=UTC)
    first, second, third = (
        {"id": uuid4(), "at": at, "content": b"\0a", "done": True, "n": "a"},
        {"id": uuid4(), "at": None, "content": None, "done": None, "n": None},
        {"id": uuid4(), "at": at, "content": b"", "done": False, "n": "ä"},
    )
    add = PreparedChange(sa.insert(table))
    change = PreparedChange(sa.update(table).where(table.c.id == sa.bindparam("of"), table.c.done.is_(True)))
    told = PreparedChange(
        sa.update(table).where(table.c.id == sa.bindparam("of")).values(n="told").returning(table.c.at, table.c.done)
    )
    with engine.begin() as connection:
        table.create(connection)
        add.one(connection, first)
        add.all(connection, [second, third])
        add.all(connection, [])
        change.all(connection, [{"of": first["id"], "n": "b"}, {"of": third["id"], "n": "never"}])
        change.one(connection, {"of": first["id"], "at": None})

        assert told.one(connection, {"of": third["id"]}) == [(at, False)]
        assert told.one(connection, {"of": uuid4()}) == []
        found = {row["id"]: dict(row) for row in connection.execute(sa.select(table)).mappings()}
    engine.dispose()

    expected = ({**first, "n": "b", "at": None}, second, {**third, "n": "told"})
    assert found == {row["id"]: row for row in expected}


def test_a_row_that_may_not_be_there_is_an_error_of_sqlalchemy_without_its_values(database_url: str) -> None:
    table, engine = _table(), open_engine(database_url)
    add, row = PreparedChange(sa.insert(table)), {"id": uuid4(), "n": "what a person has written"}
    with engine.begin() as connection:
        table.create(connection)
        add.one(connection, row)
    with engine.connect() as connection:
        for rows in ([row], [row, {**row, "id": uuid4()}]):
            with pytest.raises(IntegrityError) as raised:
                add.all(connection, rows)
            assert "what a person has written" not in str(raised.value)
            connection.rollback()
    engine.dispose()


def test_an_odd_text_is_refused_in_one_row_and_in_several(database_url: str) -> None:
    table, engine = _table(), open_engine(database_url)
    add = PreparedChange(sa.insert(table))
    good, odd = ({"id": uuid4(), "n": text} for text in ("a", "a\0b"))
    with engine.begin() as connection:
        table.create(connection)
        for rows in ([odd], [good, odd]):
            with pytest.raises(BadInput):
                add.all(connection, rows)
        assert connection.execute(sa.select(table)).all() == []
    engine.dispose()


def test_a_change_without_a_transaction_begins_one(database_url: str) -> None:
    """A row that is not committed is not there, as with every statement."""
    table, engine = _table(), open_engine(database_url)
    with engine.begin() as connection:
        table.create(connection)
    with engine.connect() as connection:
        PreparedChange(sa.insert(table)).one(connection, {"id": uuid4()})
        assert connection.in_transaction()
    with engine.connect() as connection:
        assert PreparedQuery(sa.select(table)).all(connection) == []
    engine.dispose()
