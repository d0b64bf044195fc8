"""Statements about deliveries and their log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from signroom.domain.errors import DeliveryNotFound
from signroom.domain.webhook import TEST, Attempt, Delivery, DeliveryStatus
from signroom.ports.store import DeliveryFilter, ToSend
from signroom.store import rows, tables, webhook_rows
from signroom.store.paging import between
from signroom.store.work.statements import insert, insert_all, locked_row_of, row_of, update_all

_WAITING = (DeliveryStatus.PENDING.value, DeliveryStatus.HELD.value)


class SqlDeliveries:
    """The part `deliveries` of a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of_any_tenant(self, delivery_id: UUID) -> Delivery:
        return webhook_rows.delivery_of(row_of(self._connection, tables.deliveries, delivery_id, DeliveryNotFound))

    def locked_of_any_tenant(self, delivery_id: UUID) -> Delivery:
        row = locked_row_of(self._connection, tables.deliveries, delivery_id, DeliveryNotFound)
        return webhook_rows.delivery_of(row)

    def add(self, delivery: Delivery) -> None:
        insert(self._connection, tables.deliveries, webhook_rows.delivery_row(delivery))

    def save(self, *deliveries: Delivery) -> None:
        update_all(self._connection, tables.deliveries, [webhook_rows.delivery_row(one) for one in deliveries])

    def locked_all(self, delivery_ids: Sequence[UUID]) -> list[Delivery]:
        found = self._connection.execute(_locked_all(), {"deliveries": list(delivery_ids)}).mappings()
        return [webhook_rows.delivery_of(row) for row in found]

    def to_send(self, deliveries: Sequence[Delivery]) -> Mapping[UUID, ToSend]:
        found = self._connection.execute(_to_send(), {"deliveries": [delivery.id for delivery in deliveries]})
        return dict(map(_cut_to_send, found))

    def earlier(self, delivery: Delivery) -> Delivery | None:
        return self._first(_earlier_of_stream(), {**_of_stream(delivery), "at": delivery.created_at})

    def following(self, settled: Sequence[Delivery]) -> list[Delivery]:
        if not settled:
            return []
        asked = {"webhook": settled[0].webhook_id, "streams": [one.stream for one in settled]}
        found = self._connection.execute(_following(), {**asked, "deliveries": [one.id for one in settled]})
        return [webhook_rows.delivery_of(row) for row in found.mappings()]

    def due(self, webhook_id: UUID, now: datetime, limit: int) -> list[Delivery]:
        found = self._connection.execute(_due(), {"webhook": webhook_id, "now": now, "most": limit}).mappings()
        return [webhook_rows.delivery_of(row) for row in found]

    def locked_held(self, webhook_id: UUID, limit: int) -> list[Delivery]:
        t = tables.deliveries
        query = sa.select(t).where(t.c.webhook_id == webhook_id, t.c.status == DeliveryStatus.HELD.value)
        query = query.order_by(t.c.created_at, t.c.id).limit(limit).with_for_update()
        return [webhook_rows.delivery_of(row) for row in self._connection.execute(query).mappings()]

    def hold_failed(self, webhook_id: UUID, *, failing: bool, since: datetime | None) -> int:
        t = tables.deliveries
        failed = t.c.status == DeliveryStatus.FAILED.value
        # A test is tried once and means nothing later: one that is on its way is left alone.
        still_tried = sa.and_(*_failing(), t.c.event_type != TEST)
        wanted = sa.update(t).where(t.c.webhook_id == webhook_id, sa.or_(failed, still_tried) if failing else failed)
        if since is not None:
            wanted = wanted.where(t.c.created_at >= since)
        held = wanted.values(status=DeliveryStatus.HELD.value, tries=0, settled_at=None)
        return self._connection.execute(held).rowcount

    def find(self, wanted: DeliveryFilter, limit: int) -> list[Delivery]:
        t = tables.deliveries
        query = between(sa.select(t).where(t.c.webhook_id == wanted.webhook_id), t, None, None, wanted.before)
        if wanted.status is not None:
            query = query.where(t.c.status == wanted.status.value)
        if wanted.failing:
            query = query.where(*_failing())
        query = query.order_by(t.c.created_at.desc(), t.c.id.desc()).limit(limit)
        return [webhook_rows.delivery_of(row) for row in self._connection.execute(query).mappings()]

    def attempts(self, delivery_id: UUID) -> list[Attempt]:
        t = tables.delivery_attempts
        query = sa.select(t).where(t.c.delivery_id == delivery_id).order_by(t.c.number)
        return [webhook_rows.attempt_of(row) for row in self._connection.execute(query).mappings()]

    def last_attempts(self, delivery_ids: Sequence[UUID]) -> Mapping[UUID, Attempt]:
        t = tables.delivery_attempts
        newest = sa.select(t.c.delivery_id, sa.func.max(t.c.number).label("number"))
        newest_of_each = newest.where(t.c.delivery_id.in_(delivery_ids)).group_by(t.c.delivery_id).subquery()
        same = sa.and_(newest_of_each.c.delivery_id == t.c.delivery_id, newest_of_each.c.number == t.c.number)
        found = self._connection.execute(sa.select(t).join(newest_of_each, same)).mappings()
        return {attempt.delivery_id: attempt for attempt in map(webhook_rows.attempt_of, found)}

    def count_failing(self, webhook_id: UUID) -> int:
        t = tables.deliveries
        query = sa.select(sa.func.count()).select_from(t).where(t.c.webhook_id == webhook_id, *_failing())
        return int(self._connection.execute(query).scalar_one())

    def last_attempt(self, delivery_id: UUID) -> int:
        return int(self._connection.execute(_last_attempt(), {"delivery": delivery_id}).scalar_one())

    def last_numbers(self, delivery_ids: Sequence[UUID]) -> Mapping[UUID, int]:
        found = self._connection.execute(_last_numbers(), {"deliveries": list(delivery_ids)})
        return {row.delivery_id: int(row.last) for row in found}

    def add_attempt(self, *attempts: Attempt) -> None:
        insert_all(self._connection, tables.delivery_attempts, [webhook_rows.attempt_row(one) for one in attempts])

    def delete_expired(self, before: datetime, limit: int) -> int:
        d, a = tables.deliveries, tables.delivery_attempts
        query = sa.select(d.c.id).where(d.c.created_at < before, d.c.settled_at < before).limit(limit)
        ids = self._connection.execute(query).scalars().all()
        self._connection.execute(sa.delete(a).where(a.c.delivery_id.in_(ids)))
        return self._connection.execute(sa.delete(d).where(d.c.id.in_(ids))).rowcount

    def _first(self, query: sa.Select[Any], asked: Mapping[str, Any]) -> Delivery | None:
        row = self._connection.execute(query, asked).mappings().first()
        return None if row is None else webhook_rows.delivery_of(row)


# Each delivery asks these: they are made once, as in `statements`.


def _of_stream(delivery: Delivery) -> dict[str, Any]:
    return {"webhook": delivery.webhook_id, "stream": delivery.stream, "delivery": delivery.id}


def _first_of_stream(*conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    t = tables.deliveries
    mine = sa.select(t).where(t.c.webhook_id == sa.bindparam("webhook"), t.c.stream == sa.bindparam("stream"))
    return mine.where(*conditions).order_by(t.c.created_at, t.c.id).limit(1)


@cache
def _earlier_of_stream() -> sa.Select[Any]:
    t = tables.deliveries
    at, mine = sa.bindparam("at", type_=tables.UtcDateTime), sa.bindparam("delivery", type_=sa.Uuid)
    return _first_of_stream(t.c.status.in_(_WAITING), _earlier(t, at, mine))


@cache
def _following() -> sa.Select[Any]:
    """Nothing pending is before them in their streams, but what is among `deliveries`."""
    t, before = tables.deliveries, tables.deliveries.alias("before")
    webhook, settled = sa.bindparam("webhook", type_=sa.Uuid), _among("deliveries")

    def waits(of: sa.FromClause) -> sa.ColumnElement[bool]:
        # A test waits for nobody: it may be on its way.
        pending = of.c.status == DeliveryStatus.PENDING.value
        return sa.and_(of.c.webhook_id == webhook, pending, of.c.id.not_in(settled), of.c.event_type != TEST)

    earlier = sa.exists().where(before.c.stream == t.c.stream, waits(before), _earlier(before, t.c.created_at, t.c.id))
    return sa.select(t).where(t.c.stream.in_(_among("streams")), waits(t), ~earlier)


@cache
def _due() -> sa.Select[Any]:
    t, before = tables.deliveries, tables.deliveries.alias("before")
    earlier = sa.exists().where(
        before.c.webhook_id == t.c.webhook_id,
        before.c.stream == t.c.stream,
        before.c.status.in_(_WAITING),
        _earlier(before, t.c.created_at, t.c.id),
    )
    due = sa.select(t).where(
        t.c.webhook_id == sa.bindparam("webhook"),
        t.c.status == DeliveryStatus.PENDING.value,
        t.c.due_at <= sa.bindparam("now"),
        t.c.event_type != TEST,
        ~earlier,
    )
    return due.order_by(t.c.due_at).limit(sa.bindparam("most", type_=sa.Integer))


@cache
def _last_attempt() -> sa.Select[Any]:
    t = tables.delivery_attempts
    return sa.select(sa.func.coalesce(sa.func.max(t.c.number), 0)).where(t.c.delivery_id == sa.bindparam("delivery"))


@cache
def _last_numbers() -> sa.Select[Any]:
    t = tables.delivery_attempts
    query = sa.select(t.c.delivery_id, sa.func.max(t.c.number).label("last"))
    return query.where(t.c.delivery_id.in_(_among("deliveries"))).group_by(t.c.delivery_id)


@cache
def _locked_all() -> sa.Select[Any]:
    t = tables.deliveries
    return sa.select(t).where(t.c.id.in_(_among("deliveries"))).order_by(t.c.id).with_for_update()


_EVENT, _SESSION, _DOCUMENT = (list(t.c) for t in (tables.events, tables.sessions, tables.documents))


@cache
def _to_send() -> sa.Select[Any]:
    """The columns are those of `_cut_to_send`."""
    t, e, s, d = tables.deliveries, tables.events, tables.sessions, tables.documents
    joined = t.outerjoin(e, e.c.id == t.c.event_id).outerjoin(s, s.c.id == t.c.session_id)
    joined = joined.outerjoin(d, d.c.id == t.c.document_id)
    a = tables.delivery_attempts
    last = sa.select(sa.func.coalesce(sa.func.max(a.c.number), 0)).where(a.c.delivery_id == t.c.id).scalar_subquery()
    query = sa.select(t.c.id, last, *_EVENT, *_SESSION, *_DOCUMENT).select_from(joined)
    return query.where(t.c.id.in_(_among("deliveries")))


def _cut_to_send(row: sa.Row[Any]) -> tuple[UUID, ToSend]:
    values = iter(row)
    delivery_id, last = next(values), next(values)
    event, session, document = ({c.name: next(values) for c in part} for part in (_EVENT, _SESSION, _DOCUMENT))
    return delivery_id, ToSend(
        int(last) + 1,
        None if event["id"] is None else rows.event_of(event),
        None if session["id"] is None else rows.session_of(session),
        None if document["id"] is None else rows.document_of(document),
    )


def _among(name: str) -> sa.BindParameter[Any]:
    return sa.bindparam(name, expanding=True, type_=sa.Uuid)


def _failing() -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    t = tables.deliveries
    return t.c.status == DeliveryStatus.PENDING.value, t.c.tries > 0


def _earlier(
    of: sa.FromClause, at: sa.ColumnElement[datetime], delivery_id: sa.ColumnElement[UUID]
) -> sa.ColumnElement[bool]:
    # One bound first, not a comparison of pairs: otherwise SQLite reads all deliveries of a webhook, not one stream.
    return sa.and_(of.c.created_at <= at, sa.or_(of.c.created_at < at, of.c.id < delivery_id))
