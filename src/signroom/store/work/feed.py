"""Statements about the feed of events."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from itertools import takewhile
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from signroom.domain.errors import EventNotFound
from signroom.domain.event import RecordedEvent
from signroom.ports.store import ANY_EVENT, EventFilter, FeedBounds, LegacyEvent
from signroom.store import rows, tables
from signroom.store.prepared import PreparedChange
from signroom.store.work.statements import insert_all, row_of

LOCK = 7301842557
"""Of PostgreSQL's advisory locks, beside the one of `schema.migrate`."""
_COLUMNS = tuple(column for column in tables.events.c if column.name not in ("position", "data"))


class SqlFeed:
    """The part `feed` of a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._events: list[RecordedEvent] = []

    def append(self, event: RecordedEvent) -> None:
        self._events.append(event)

    @property
    def waits(self) -> bool:
        """Whether there are events that `flush` would write."""
        return bool(self._events)

    def flush(self) -> list[RecordedEvent]:
        """Write the appended events, which gives them their positions. The last thing before the commit. Returns them.

        One lock for all transactions: a transaction that commits later gets higher positions, so a reader who has seen
        one position never misses a lower one. The lock is taken last and held for the length of one commit. SQLite
        needs none: its writers are alone.
        """
        if not self._events:
            return []
        written = [rows.event_row(e) for e in self._events]
        if self._connection.dialect.name == "postgresql":
            in_columns = {column.name: [row[column.name] for row in written] for column in _COLUMNS}
            _insert_locked().one(self._connection, in_columns)
        else:
            insert_all(self._connection, tables.events, written)
        flushed, self._events = self._events, []
        return flushed

    def after(
        self, subscription_id: UUID, position: int, limit: int, wanted: EventFilter = ANY_EVENT
    ) -> list[RecordedEvent]:
        t = tables.events
        query = sa.select(t).where(t.c.subscription_id == subscription_id, t.c.position > position)
        chosen = {t.c.type: wanted.type, t.c.session_id: wanted.session_id, t.c.application_id: wanted.application_id}
        for column, value in chosen.items():
            if value is not None:
                query = query.where(column == value)
        query = query.order_by(t.c.position).limit(limit)
        return [rows.event_of(row) for row in self._connection.execute(query).mappings()]

    def bounds(self, subscription_id: UUID) -> FeedBounds:
        e, p = tables.events, tables.purged_events
        newest = self._connection.execute(sa.select(sa.func.max(e.c.position))).scalar()
        of_it = sa.select(p.c.position).where(p.c.subscription_id == subscription_id)
        purged = self._connection.execute(of_it).scalar()
        return FeedBounds(purged or 0, newest or 0)

    def of_any_tenant(self, event_id: UUID) -> RecordedEvent:
        return rows.event_of(row_of(self._connection, tables.events, event_id, EventNotFound))

    def delete_expired(self, before: datetime, limit: int) -> int:
        # A whole beginning of the feed and never its newest event: how far the feed has come is read from it.
        t = tables.events
        query = sa.select(t.c.position, t.c.at, t.c.subscription_id).order_by(t.c.position).limit(limit + 1)
        first = self._connection.execute(query).all()
        old = list(takewhile(lambda row: row.at < before, first[:-1]))
        if not old:
            return 0
        deleted = self._connection.execute(sa.delete(t).where(t.c.position <= old[-1].position)).rowcount
        self._note_purged({row.subscription_id: row.position for row in old if row.subscription_id is not None})
        return deleted  # another process may have been faster

    def _note_purged(self, positions: Mapping[UUID, int]) -> None:
        """The last position of each subscription, always in the same order: two transactions never wait in a circle."""
        t = tables.purged_events
        insert = sqlite.insert if self._connection.dialect.name == "sqlite" else postgresql.insert
        for subscription_id, position in sorted(positions.items()):
            row = insert(t).values(subscription_id=subscription_id, position=position)
            further = row.on_conflict_do_update(
                index_elements=[t.c.subscription_id],
                set_={"position": row.excluded.position},
                where=t.c.position < row.excluded.position,
            )
            self._connection.execute(further)

    def take_legacy(self, before: datetime, limit: int) -> list[LegacyEvent]:
        t, s, d = tables.events, tables.sessions, tables.documents
        owner = sa.func.coalesce(s.c.subscription_id, d.c.subscription_id)
        query = (
            sa.select(t.c.position, t.c.type, t.c.session_id, t.c.document_id, t.c.at)
            .add_columns(owner.label("subscription_id"))
            .add_columns(sa.func.coalesce(s.c.application_id, d.c.application_id).label("application_id"))
            .join_from(t, s, s.c.id == t.c.session_id, isouter=True)
            .join(d, d.c.id == t.c.document_id, isouter=True)
            .where(t.c.subscription_id.is_(None), t.c.at < before, owner.is_not(None))
            .order_by(t.c.position)
            .limit(limit)
            .with_for_update(of=t, skip_locked=True)
        )
        legacy = self._connection.execute(query).all()
        self._connection.execute(sa.delete(t).where(t.c.position.in_([row.position for row in legacy])))
        return [
            LegacyEvent(row.type, row.session_id, row.document_id, row.at, row.subscription_id, row.application_id)
            for row in legacy
        ]


@cache
def _insert_locked() -> PreparedChange:
    """Take the lock of the feed and write the events, in their order, in one statement. For PostgreSQL.

    A row is given its position when it has been joined with the answer of the lock. PostgreSQL asks for that
    answer once, since to ask has a side effect.
    """
    locked = sa.select(sa.func.pg_advisory_xact_lock(LOCK).label("locked")).cte("locked")
    lists = (sa.bindparam(column.name, type_=postgresql.ARRAY(column.type)) for column in _COLUMNS)
    given = sa.func.unnest(*lists).table_valued(*(sa.column(column.name, column.type) for column in _COLUMNS))
    named = given.render_derived(name="given")
    chosen = sa.select(*named.c).select_from(locked.join(named, sa.true()))
    return PreparedChange(sa.insert(tables.events).from_select([column.name for column in _COLUMNS], chosen))
