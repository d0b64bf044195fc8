"""Queries about webhooks, their deliveries and the log of these; `sql.SqlWork` has them all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from signroom.domain.errors import DeliveryNotFound, NotFound, SubscriptionNotFound, WebhookNotFound
from signroom.domain.webhook import TEST, Attempt, Delivery, DeliveryStatus, Webhook
from signroom.ports.store import DeliveryFilter
from signroom.store import tables, webhook_rows
from signroom.store.paging import between

_WAITING = (DeliveryStatus.PENDING.value, DeliveryStatus.HELD.value)


class WebhookQueries:
    """Part of a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._webhooks: dict[UUID, list[Webhook]] = {}

    def webhooks(self, subscription_id: UUID) -> list[Webhook]:
        return [webhook_rows.webhook_of(row) for row in self._connection.execute(_of(subscription_id)).mappings()]

    def webhooks_to_tell(self, subscription_id: UUID) -> Sequence[Webhook]:
        # A hundred documents that are told in one transaction ask a hundred times.
        if subscription_id not in self._webhooks:
            # One that is removed at this moment is waited for: a delivery to it would break this transaction.
            query = _of(subscription_id).with_for_update(read=True, key_share=True)
            found = self._connection.execute(query).mappings()
            self._webhooks[subscription_id] = [webhook_rows.webhook_of(row) for row in found]
        return self._webhooks[subscription_id]

    def webhook(self, webhook_id: UUID) -> Webhook:
        query = sa.select(tables.webhooks).where(tables.webhooks.c.id == webhook_id)
        return webhook_rows.webhook_of(self._found(query, WebhookNotFound))

    def webhook_for_update(self, webhook_id: UUID) -> Webhook:
        query = sa.select(tables.webhooks).where(tables.webhooks.c.id == webhook_id).with_for_update(key_share=True)
        return webhook_rows.webhook_of(self._found(query, WebhookNotFound))

    def add_webhook(self, webhook: Webhook) -> None:
        self._webhooks.clear()
        self._connection.execute(sa.insert(tables.webhooks).values(webhook_rows.webhook_row(webhook)))

    def save_webhook(self, webhook: Webhook) -> None:
        self._webhooks.clear()
        t = tables.webhooks
        self._connection.execute(sa.update(t).where(t.c.id == webhook.id).values(webhook_rows.webhook_row(webhook)))

    def remove_webhook(self, webhook_id: UUID) -> None:
        self._webhooks.clear()
        w, d, a = tables.webhooks, tables.deliveries, tables.delivery_attempts
        # Nobody makes a delivery to it any more, and those that are being made are waited for.
        self._connection.execute(sa.select(w.c.id).where(w.c.id == webhook_id).with_for_update())
        mine = sa.select(d.c.id).where(d.c.webhook_id == webhook_id)
        self._connection.execute(sa.delete(a).where(a.c.delivery_id.in_(mine)))
        self._connection.execute(sa.delete(d).where(d.c.webhook_id == webhook_id))
        self._connection.execute(sa.delete(w).where(w.c.id == webhook_id))

    def lock_subscription(self, subscription_id: UUID) -> None:
        self._webhooks.clear()  # somebody may have changed them while we waited
        t = tables.subscriptions
        # Not against rows that refer to it: we may have made one in this very transaction, and so may others.
        query = sa.select(t.c.id).where(t.c.id == subscription_id).with_for_update(key_share=True)
        self._found(query, SubscriptionNotFound)

    def session_webhook_url(self, session_id: UUID) -> str | None:
        t = tables.sessions
        return self._connection.execute(sa.select(t.c.webhook_url).where(t.c.id == session_id)).scalar_one_or_none()

    # -- deliveries ----------------------------------------------------------------------------

    def delivery(self, delivery_id: UUID) -> Delivery:
        query = sa.select(tables.deliveries).where(tables.deliveries.c.id == delivery_id)
        return webhook_rows.delivery_of(self._found(query, DeliveryNotFound))

    def delivery_for_update(self, delivery_id: UUID) -> Delivery:
        query = sa.select(tables.deliveries).where(tables.deliveries.c.id == delivery_id).with_for_update()
        return webhook_rows.delivery_of(self._found(query, DeliveryNotFound))

    def add_delivery(self, delivery: Delivery) -> None:
        self._connection.execute(sa.insert(tables.deliveries).values(webhook_rows.delivery_row(delivery)))

    def save_delivery(self, delivery: Delivery) -> None:
        t = tables.deliveries
        row = webhook_rows.delivery_row(delivery)
        self._connection.execute(sa.update(t).where(t.c.id == delivery.id).values(row))

    def earlier_delivery(self, delivery: Delivery) -> Delivery | None:
        t = tables.deliveries
        at = sa.literal(delivery.created_at, tables.UtcDateTime)
        return self._first_of_stream(
            delivery, t.c.status.in_(_WAITING), _earlier(t, at, sa.literal(delivery.id, sa.Uuid))
        )

    def following_delivery(self, delivery: Delivery) -> Delivery | None:
        t = tables.deliveries
        return self._first_of_stream(delivery, t.c.status == DeliveryStatus.PENDING.value, t.c.id != delivery.id)

    def due_delivery(self, webhook_id: UUID, now: datetime) -> Delivery | None:
        t, before = tables.deliveries, tables.deliveries.alias("before")
        earlier = sa.exists().where(
            before.c.webhook_id == t.c.webhook_id,
            before.c.stream == t.c.stream,
            before.c.status.in_(_WAITING),
            _earlier(before, t.c.created_at, t.c.id),
        )
        due = sa.select(t).where(
            t.c.webhook_id == webhook_id,
            t.c.status == DeliveryStatus.PENDING.value,
            t.c.due_at <= now,
            t.c.event_type != TEST,
            ~earlier,
        )
        row = self._connection.execute(due.order_by(t.c.due_at).limit(1)).mappings().first()
        return None if row is None else webhook_rows.delivery_of(row)

    def _first_of_stream(self, delivery: Delivery, *conditions: sa.ColumnElement[bool]) -> Delivery | None:
        t = tables.deliveries
        mine = sa.select(t).where(t.c.webhook_id == delivery.webhook_id, t.c.stream == delivery.stream, *conditions)
        row = self._connection.execute(mine.order_by(t.c.created_at, t.c.id).limit(1)).mappings().first()
        return None if row is None else webhook_rows.delivery_of(row)

    def held_deliveries(self, webhook_id: UUID, limit: int) -> list[Delivery]:
        t = tables.deliveries
        query = sa.select(t).where(t.c.webhook_id == webhook_id, t.c.status == DeliveryStatus.HELD.value)
        query = query.order_by(t.c.created_at, t.c.id).limit(limit).with_for_update()
        return [webhook_rows.delivery_of(row) for row in self._connection.execute(query).mappings()]

    def hold_failed_deliveries(self, webhook_id: UUID) -> int:
        t = tables.deliveries
        failed = sa.update(t).where(t.c.webhook_id == webhook_id, t.c.status == DeliveryStatus.FAILED.value)
        held = failed.values(status=DeliveryStatus.HELD.value, tries=0, settled_at=None)
        return self._connection.execute(held).rowcount

    def list_deliveries(self, wanted: DeliveryFilter, limit: int) -> list[Delivery]:
        t = tables.deliveries
        query = between(sa.select(t).where(t.c.webhook_id == wanted.webhook_id), t, None, None, wanted.before)
        if wanted.status is not None:
            query = query.where(t.c.status == wanted.status.value)
        query = query.order_by(t.c.created_at.desc(), t.c.id.desc()).limit(limit)
        return [webhook_rows.delivery_of(row) for row in self._connection.execute(query).mappings()]

    def attempts(self, delivery_id: UUID) -> list[Attempt]:
        t = tables.delivery_attempts
        query = sa.select(t).where(t.c.delivery_id == delivery_id).order_by(t.c.number)
        return [webhook_rows.attempt_of(row) for row in self._connection.execute(query).mappings()]

    def last_attempt(self, delivery_id: UUID) -> int:
        t = tables.delivery_attempts
        query = sa.select(sa.func.coalesce(sa.func.max(t.c.number), 0)).where(t.c.delivery_id == delivery_id)
        return int(self._connection.execute(query).scalar_one())

    def append_attempt(self, attempt: Attempt) -> None:
        self._connection.execute(sa.insert(tables.delivery_attempts).values(webhook_rows.attempt_row(attempt)))

    def _found(self, query: sa.Select[Any], missing: type[NotFound]) -> RowMapping:
        row = self._connection.execute(query).mappings().one_or_none()
        if row is None:
            raise missing
        return row


def _earlier(
    of: sa.FromClause, at: sa.ColumnElement[datetime], delivery_id: sa.ColumnElement[UUID]
) -> sa.ColumnElement[bool]:
    # One bound first, not a comparison of pairs: otherwise SQLite reads all deliveries of a webhook, not one stream.
    return sa.and_(of.c.created_at <= at, sa.or_(of.c.created_at < at, of.c.id < delivery_id))


def _of(subscription_id: UUID) -> sa.Select[Any]:
    t = tables.webhooks
    return sa.select(t).where(t.c.subscription_id == subscription_id).order_by(t.c.created_at, t.c.id)
