"""Statements about preparations."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from signroom.domain.document import DocumentStatus
from signroom.domain.errors import PreparationNotFound
from signroom.domain.preparation import Preparation
from signroom.domain.session import MOVES
from signroom.domain.signature import Prepared
from signroom.store import rows, tables
from signroom.store.work.statements import insert

_ENDED = [status.value for status, moves in MOVES.items() if not moves]
_UNDER_WAY = [DocumentStatus.PENDING_SIGNATURE.value, DocumentStatus.PROCESSING.value]


class SqlPreparations:
    """The part `preparations` of a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of_any_tenant(self, preparation_id: UUID) -> Preparation:
        found = self._connection.execute(_with_items(), {"preparation": preparation_id}).mappings().all()
        if not found:
            raise PreparationNotFound
        return rows.preparation_of(found[0], [row for row in found if row["document_id"] is not None])

    def prepared(self, preparation_id: UUID, document_id: UUID) -> Prepared:
        asked = {"preparation": preparation_id, "document": document_id}
        row = self._connection.execute(_item(), asked).mappings().one_or_none()
        if row is None:
            raise PreparationNotFound
        return rows.prepared_of(row, rows.chain_of(row["chain"]))

    def add(self, preparation: Preparation) -> None:
        insert(self._connection, tables.preparations, rows.preparation_row(preparation))
        items = [rows.prepared_row(preparation.id, n, item) for n, item in enumerate(preparation.items)]
        if items:
            self._connection.execute(sa.insert(tables.prepared_documents), items)

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


@cache
def _with_items() -> sa.Select[Any]:
    """A row for each document, or one without a document. Only the first has what all have in common: it is long."""
    i, p = tables.prepared_documents, tables.preparations
    # Not by its position: the first of those that were prepared may have been erased.
    first = sa.func.row_number().over(order_by=i.c.position) == 1
    common = [sa.case((first, column)).label(column.name) for column in (p.c.chain, p.c.refused)]
    query = sa.select(p.c.id, p.c.session_id, p.c.created_at, *common, *i.c)
    query = query.select_from(p.outerjoin(i, i.c.preparation_id == p.c.id))
    return query.where(p.c.id == sa.bindparam("preparation")).order_by(i.c.position)


@cache
def _item() -> sa.Select[Any]:
    t, p = tables.prepared_documents, tables.preparations
    query = sa.select(t, p.c.chain).join(p, p.c.id == t.c.preparation_id)
    return query.where(t.c.preparation_id == sa.bindparam("preparation"), t.c.document_id == sa.bindparam("document"))
