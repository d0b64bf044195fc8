"""Statements about subscriptions and their settings."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from signroom.domain.application import Subscription
from signroom.domain.branding import NO_BRANDING, Branding, Logo
from signroom.domain.errors import SubscriptionNotFound
from signroom.domain.file_validation import NO_VALIDATION, FileValidation
from signroom.ports.store import SubscriptionSummary
from signroom.store import rows, tables
from signroom.store.work.statements import insert, insert_named, one, row_of, update_named

_VALIDATION = sa.select(tables.file_validations).where(
    tables.file_validations.c.subscription_id == sa.bindparam("owner")
)


class SqlSubscriptions:
    """The part `subscriptions` of a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.changed = False
        """True once a row was written that is read for a key, or for each file."""

    def named(self, name: str) -> Subscription:
        query = sa.select(tables.subscriptions).where(tables.subscriptions.c.name == name)
        return Subscription(**one(self._connection, query, SubscriptionNotFound))

    def get(self, subscription_id: UUID) -> Subscription:
        return Subscription(**row_of(self._connection, tables.subscriptions, subscription_id, SubscriptionNotFound))

    def locked(self, subscription_id: UUID) -> Subscription:
        query = sa.select(tables.subscriptions).where(tables.subscriptions.c.id == subscription_id)
        # A key share lock: others go on adding rows that refer to it.
        query = query.with_for_update(key_share=True)
        return Subscription(**one(self._connection, query, SubscriptionNotFound))

    def summaries(self) -> list[SubscriptionSummary]:
        s, a = tables.subscriptions, tables.applications
        count = sa.select(sa.func.count()).where(a.c.subscription_id == s.c.id).scalar_subquery()
        summaries = []
        for row in self._connection.execute(sa.select(s, count.label("applications")).order_by(s.c.name)).mappings():
            columns = dict(row)
            applications = columns.pop("applications")
            summaries.append(SubscriptionSummary(Subscription(**columns), applications))
        return summaries

    def add(self, subscription: Subscription) -> None:
        insert_named(self._connection, tables.subscriptions, asdict(subscription))

    def save(self, subscription: Subscription) -> None:
        self.changed = True
        update_named(self._connection, tables.subscriptions, asdict(subscription))

    def file_validation(self, subscription_id: UUID) -> FileValidation:
        row = self._connection.execute(_VALIDATION, {"owner": subscription_id}).mappings().one_or_none()
        return NO_VALIDATION if row is None else rows.file_validation_of(row)

    def save_file_validation(self, subscription_id: UUID, validation: FileValidation) -> None:
        self.changed = True
        self._replace(tables.file_validations, rows.file_validation_row(subscription_id, validation))

    def branding(self, subscription_id: UUID) -> Branding:
        t = tables.brandings
        # Not the logo: a page asks for its branding again and again.
        columns = [column for column in t.c if column.name != "logo"]
        query = sa.select(*columns).where(t.c.subscription_id == subscription_id)
        row = self._connection.execute(query).mappings().one_or_none()
        return NO_BRANDING if row is None else rows.branding_of(row)

    def logo(self, subscription_id: UUID) -> Logo | None:
        t = tables.brandings
        query = sa.select(t.c.logo, t.c.logo_type).where(t.c.subscription_id == subscription_id, t.c.logo.is_not(None))
        row = self._connection.execute(query).one_or_none()
        return None if row is None else Logo(row.logo, row.logo_type)

    def save_branding(self, subscription_id: UUID, branding: Branding, logo: Logo | None) -> None:
        self._replace(tables.brandings, rows.branding_row(subscription_id, branding, logo))

    def _replace(self, table: sa.Table, row: rows.Row) -> None:
        """Write the one row of a subscription, whether there was one or not."""
        owner, t = row["subscription_id"], tables.subscriptions
        # Blocks until another transaction that writes the same has ended.
        one(self._connection, sa.select(t).where(t.c.id == owner).with_for_update(), SubscriptionNotFound)
        self._connection.execute(sa.delete(table).where(table.c.subscription_id == owner))
        insert(self._connection, table, row)
