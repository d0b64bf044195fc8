"""Statements about webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from signroom.domain.errors import SubscriptionNotFound, WebhookNotFound
from signroom.domain.webhook import Webhook
from signroom.store import tables, webhook_rows
from signroom.store.work.statements import one, row_of


class SqlWebhooks:
    """The part `webhooks` of a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._notified: dict[UUID, list[Webhook]] = {}

    def of_subscription(self, subscription_id: UUID) -> list[Webhook]:
        return [webhook_rows.webhook_of(row) for row in self._connection.execute(_of(subscription_id)).mappings()]

    def to_notify(self, subscription_id: UUID) -> Sequence[Webhook]:
        # A transaction that records a hundred events asks a hundred times: one query answers all.
        if subscription_id not in self._notified:
            # Blocks while another transaction removes one: a delivery to it would break this transaction.
            found = self._connection.execute(_to_notify(), {"owner": subscription_id}).mappings()
            webhooks = [webhook_rows.webhook_of(row) for row in found]
            self._notified[subscription_id] = webhooks
        return self._notified[subscription_id]

    def note_none(self, subscription_id: UUID) -> None:
        """A statement of this transaction has found that the subscription has no webhook."""
        self._notified.setdefault(subscription_id, [])

    def of_any_tenant(self, webhook_id: UUID) -> Webhook:
        return webhook_rows.webhook_of(row_of(self._connection, tables.webhooks, webhook_id, WebhookNotFound))

    def locked_of_any_tenant(self, webhook_id: UUID) -> Webhook:
        row = self._connection.execute(_locked(), {"webhook": webhook_id}).mappings().one_or_none()
        if row is None:
            raise WebhookNotFound
        return webhook_rows.webhook_of(row)

    def stopped(self, webhook: Webhook) -> bool:
        if webhook.paused_at is not None:
            return True
        owners = [(tables.subscriptions, webhook.subscription_id)]
        if webhook.application_id is not None:
            owners.append((tables.applications, webhook.application_id))
        # With a lock only what looks closed: most are open, and a lock is written to the disk.
        return any(
            self._closed(_closed_since(table), owner) and self._closed(_locked_closed_since(table), owner)
            for table, owner in owners
        )

    def _closed(self, query: sa.Select[Any], owner: UUID) -> bool:
        row = self._connection.execute(query, {"owner": owner}).one_or_none()
        return row is None or any(moment is not None for moment in row)

    def add(self, webhook: Webhook) -> None:
        self._notified.clear()
        self._connection.execute(sa.insert(tables.webhooks).values(webhook_rows.webhook_row(webhook)))

    def save(self, webhook: Webhook) -> None:
        self._notified.clear()
        t = tables.webhooks
        self._connection.execute(sa.update(t).where(t.c.id == webhook.id).values(webhook_rows.webhook_row(webhook)))

    def remove(self, webhook_id: UUID) -> None:
        self._notified.clear()
        w, d, a = tables.webhooks, tables.deliveries, tables.delivery_attempts
        # Blocks until transactions that add deliveries to it have ended. No other can begin to add one.
        self._connection.execute(sa.select(w.c.id).where(w.c.id == webhook_id).with_for_update())
        mine = sa.select(d.c.id).where(d.c.webhook_id == webhook_id)
        self._connection.execute(sa.delete(a).where(a.c.delivery_id.in_(mine)))
        self._connection.execute(sa.delete(d).where(d.c.webhook_id == webhook_id))
        self._connection.execute(sa.delete(w).where(w.c.id == webhook_id))

    def lock_subscription(self, subscription_id: UUID) -> None:
        self._notified.clear()  # another transaction may have changed them while this one was blocked
        t = tables.subscriptions
        # A key share lock: this transaction and others may have added rows that refer to the subscription.
        query = sa.select(t.c.id).where(t.c.id == subscription_id).with_for_update(key_share=True)
        one(self._connection, query, SubscriptionNotFound)


@cache
def _locked() -> sa.Select[Any]:
    t = tables.webhooks
    return sa.select(t).where(t.c.id == sa.bindparam("webhook")).with_for_update(key_share=True)


@cache
def _closed_since(table: sa.Table) -> sa.Select[Any]:
    return sa.select(table.c.disabled_at, table.c.deleting_since).where(table.c.id == sa.bindparam("owner"))


@cache
def _locked_closed_since(table: sa.Table) -> sa.Select[Any]:
    return _closed_since(table).with_for_update(read=True)


@cache
def _to_notify() -> sa.Select[Any]:
    """Made once, as in `statements`: each event asks it."""
    return _of(sa.bindparam("owner")).with_for_update(read=True, key_share=True)


def has_webhooks(owner: sa.ColumnElement[UUID]) -> sa.ColumnElement[bool]:
    """Whether a subscription has any, beside what a statement reads or writes for another purpose."""
    t = tables.webhooks
    return sa.exists().where(t.c.subscription_id == owner)


def _of(subscription_id: UUID | sa.BindParameter[Any]) -> sa.Select[Any]:
    t = tables.webhooks
    return sa.select(t).where(t.c.subscription_id == subscription_id).order_by(t.c.created_at, t.c.id)
