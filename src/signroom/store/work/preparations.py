"""Statements about preparations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection
from sqlalchemy.sql.dml import ReturningInsert

from signroom.domain.document import DocumentStatus
from signroom.domain.errors import PreparationNotFound
from signroom.domain.preparation import Preparation
from signroom.domain.session import MOVES, Session, SessionStatus
from signroom.domain.signature import Prepared
from signroom.store import rows, tables
from signroom.store.prepared import PreparedChange, PreparedQuery
from signroom.store.tables import UtcDateTime
from signroom.store.work.sessions import lock_session
from signroom.store.work.statements import by_no_index, insert, insert_all

_ENDED = [status.value for status, moves in MOVES.items() if not moves]
_AWAITING = [DocumentStatus.PENDING_SIGNATURE.value, DocumentStatus.PROCESSING_ERROR.value]
_UNDER_WAY = [DocumentStatus.PENDING_SIGNATURE.value, DocumentStatus.PROCESSING.value]


class SqlPreparations:
    """The part `preparations` of a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of_any_tenant(self, preparation_id: UUID) -> Preparation:
        return _preparation(_with_items().mappings(self._connection, preparation=preparation_id))

    def to_finish_of_any_tenant(self, preparation_id: UUID, session_id: UUID) -> tuple[Preparation, Session]:
        found = _to_finish().mappings(self._connection, preparation=preparation_id, session=session_id)
        preparation = _preparation(found)
        session = rows.session_of({column.name: found[0][_OF_SESSION + column.name] for column in tables.sessions.c})
        return preparation, session.require_not_erased()

    def prepared(self, preparation_id: UUID, document_id: UUID) -> Prepared:
        asked = {"preparation": preparation_id, "document": document_id}
        row = self._connection.execute(_item(), asked).mappings().one_or_none()
        if row is None:
            raise PreparationNotFound
        return rows.prepared_of(row, rows.chain_of(row["chain"]))

    def add(self, preparation: Preparation) -> None:
        insert(self._connection, tables.preparations, rows.preparation_row(preparation))
        self._add_items(preparation)

    def add_to_signable(self, preparation: Preparation, now: datetime) -> bool:
        if preparation.session_id is None:
            raise ValueError("a preparation without a session")
        lock_session(self._connection, preparation.session_id)
        ids = sorted(preparation.document_ids)
        row = {f"{_NEW}{name}": value for name, value in rows.preparation_row(preparation).items()}
        asked = {**row, "count": len(ids), "now": now, "session": preparation.session_id}
        items, one = _rows_of(preparation), len(ids) == 1  # most are alone
        if items and self._connection.dialect.name == "postgresql":
            in_columns = {column.name: [item[column.name] for item in items] for column in _OF_ITEM}
            if one:
                return bool(_add_one_with_items().one(self._connection, {**asked, "document": ids[0], **in_columns}))
            both = {**asked, "documents": ids, **in_columns}
            return bool(self._connection.execute(_add_with_items(), both).all())
        if one:
            added = bool(_add_to_one_signable().one(self._connection, {**asked, "document": ids[0]}))
        else:
            added = self._connection.execute(_add_to_signable(), {**asked, "documents": ids}).one_or_none() is not None
        if added:
            self._add_items(preparation)
        return added

    def _add_items(self, preparation: Preparation) -> None:
        insert_all(self._connection, tables.prepared_documents, _rows_of(preparation))

    def delete_expired(self, before: datetime, limit: int) -> int:
        p, i, s, d = tables.preparations, tables.prepared_documents, tables.sessions, tables.documents
        under_way = (
            sa.select(i.c.preparation_id)
            .join(d, d.c.id == i.c.document_id)
            .where(i.c.preparation_id == p.c.id, d.c.status.in_(_UNDER_WAY))
        )
        over = sa.or_(s.c.status.in_(_ENDED), sa.and_(p.c.session_id.is_(None), sa.not_(under_way.exists())))
        query = sa.select(p.c.id).join_from(p, s, s.c.id == p.c.session_id, isouter=True)
        query = query.where(p.c.created_at < before, over).limit(limit)
        ids = self._connection.execute(query).scalars().all()
        self._connection.execute(sa.delete(i).where(i.c.preparation_id.in_(ids)))
        return self._connection.execute(sa.delete(p).where(p.c.id.in_(ids))).rowcount


# Made once, as in `statements`: each signature asks these.


def _rows_of(preparation: Preparation) -> list[rows.Row]:
    return [rows.prepared_row(preparation.id, n, item) for n, item in enumerate(preparation.items)]


def _preparation(found: Sequence[rows.Row]) -> Preparation:
    """Raises: PreparationNotFound."""
    if not found:
        raise PreparationNotFound
    return rows.preparation_of(found[0], [row for row in found if row["document_id"] is not None])


_OF_SESSION = "of_session_"
"""What the names of a session's columns begin with, beside those of a preparation."""


@cache
def _to_finish() -> PreparedQuery:
    p, s = tables.preparations, tables.sessions
    query = _query(p.join(s, s.c.id == p.c.session_id), [column.label(_OF_SESSION + column.name) for column in s.c])
    return PreparedQuery(query.where(s.c.id == sa.bindparam("session")))


@cache
def _with_items() -> PreparedQuery:
    return PreparedQuery(_query(tables.preparations, []))


def _query(joined: sa.FromClause, more: Sequence[sa.Label[Any]]) -> sa.Select[Any]:
    """A row for each document, or one without a document. Only the first has what all have in common: it is long."""
    i, p = tables.prepared_documents, tables.preparations
    # Not by its position: the first of those that were prepared may have been erased.
    first = sa.func.row_number().over(order_by=i.c.position) == 1
    common = [sa.case((first, column)).label(column.name) for column in (p.c.chain, p.c.refused)]
    common += [sa.case((first, label.element)).label(label.name) for label in more]
    query = sa.select(p.c.id, p.c.session_id, p.c.created_at, *common, *i.c)
    query = query.select_from(joined.outerjoin(i, i.c.preparation_id == p.c.id))
    return query.where(p.c.id == sa.bindparam("preparation")).order_by(i.c.position)


def _value(parameter: sa.BindParameter[Any]) -> sa.ColumnElement[Any]:
    """PostgreSQL takes NULL for a text in a row that is selected."""
    return sa.cast(parameter, parameter.type) if isinstance(parameter.type, sa.LargeBinary) else parameter


_NEW = "new_"
"""What the names of a new row's parameters begin with."""


@cache
def _add_to_signable() -> ReturningInsert[tuple[UUID]]:
    these = sa.bindparam("documents", expanding=True, type_=sa.Uuid)
    return _adding_to_signable(tables.documents.c.id.in_(these))


@cache
def _add_to_one_signable() -> PreparedChange:
    return PreparedChange(_adding_to_one())


def _adding_to_one() -> ReturningInsert[tuple[UUID]]:
    return _adding_to_signable(tables.documents.c.id == sa.bindparam("document", type_=sa.Uuid))


def _adding_to_signable(chosen: sa.ColumnElement[bool]) -> ReturningInsert[tuple[UUID]]:
    """As `Session.require_signable` and `Document.awaits_signature` decide."""
    p, s, d = tables.preparations, tables.sessions, tables.documents
    session = sa.bindparam("session", type_=sa.Uuid)
    failed = s.c.status == SessionStatus.PROCESSING_ERROR.value
    is_open = sa.and_(
        s.c.status == SessionStatus.PENDING.value, s.c.expires_at > sa.bindparam("now", type_=UtcDateTime)
    )
    signable = sa.exists().where(s.c.id == session, s.c.erased_at.is_(None), sa.or_(failed, is_open))
    waiting = sa.select(sa.func.count()).where(
        chosen,
        by_no_index(d.c.session_id) == session,
        sa.or_(*(by_no_index(d.c.status) == status for status in _AWAITING)),
        d.c.erased_at.is_(None),
    )
    columns = list(p.c)
    values = [_value(sa.bindparam(f"{_NEW}{column.name}", type_=column.type)) for column in columns]
    all_of_them = waiting.scalar_subquery() == sa.bindparam("count", type_=sa.Integer)
    to_add = sa.select(*values).where(signable, all_of_them)
    return sa.insert(p).from_select(columns, to_add).returning(p.c.id)


_OF_ITEM = tuple(column for column in tables.prepared_documents.c if column.name != "preparation_id")


@cache
def _add_with_items() -> ReturningInsert[tuple[UUID]]:
    return _adding_with_items(_add_to_signable())


@cache
def _add_one_with_items() -> PreparedChange:
    return PreparedChange(_adding_with_items(_adding_to_one()))


def _adding_with_items(preparation: ReturningInsert[tuple[UUID]]) -> ReturningInsert[tuple[UUID]]:
    """The same with the rows of its documents, in one statement. For PostgreSQL."""
    i, added = tables.prepared_documents, preparation.cte("added")
    lists = (sa.bindparam(column.name, type_=postgresql.ARRAY(column.type)) for column in _OF_ITEM)
    given = sa.func.unnest(*lists).table_valued(*(sa.column(column.name, column.type) for column in _OF_ITEM))
    named = given.render_derived(name="given")
    chosen = sa.select(added.c.id, *named.c).select_from(added.join(named, sa.true()))
    names = [i.c.preparation_id.name, *(column.name for column in _OF_ITEM)]
    return sa.insert(i).from_select(names, chosen).returning(i.c.document_id)


@cache
def _item() -> sa.Select[Any]:
    t, p = tables.prepared_documents, tables.preparations
    query = sa.select(t, p.c.chain).join(p, p.c.id == t.c.preparation_id)
    return query.where(t.c.preparation_id == sa.bindparam("preparation"), t.c.document_id == sa.bindparam("document"))
