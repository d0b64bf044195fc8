"""A query whose steps are taken once answers as SQLAlchemy does, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import sqlalchemy as sa

from signroom.store.engine import open_engine
from signroom.store.prepared import PreparedQuery
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
