"""Statements about counters.

A counter is spread over lanes, so that transactions that end at the same time seldom wait for each other. All
transactions change counters in one order: no two of them wait for each other for ever.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from signroom.domain.document import Document, DocumentStatus
from signroom.domain.level import Level
from signroom.domain.session import Session
from signroom.domain.statistics import Counted, MonthlyCount
from signroom.store import tables
from signroom.store.prepared import PreparedChange
from signroom.store.tables import ENDED
from signroom.store.work.statements import by_no_index

_LANES = 8


class _Counter(NamedTuple):
    """The key of a counter."""

    day: date
    application_id: UUID
    what: str
    outcome: str
    format: str
    level: str
    lane: int


class SqlStatistics:
    """The part `statistics` of a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def count_rest(self, limit: int) -> int:
        documents = self._to_count(tables.documents, tables.DOCUMENTS_TO_COUNT, limit)
        sessions = self._to_count(tables.sessions, tables.SESSIONS_TO_COUNT, limit)
        count_documents(self._connection, documents)
        count_sessions(self._connection, sessions)
        return max(len(documents), len(sessions))

    def count_raised(self, document: Document, level: Level) -> None:
        before = document.level
        if before is None or before is level:
            return
        # One that was not counted yet is counted when it is saved.
        if not self._connection.execute(_was_counted(), {"id": document.id}).scalar_one_or_none():
            return
        counts: Counter[_Counter] = Counter()
        for of_level, number in ((level, 1), (before, -1)):
            counts[_counter_of(document, of_level)] += number
        _add(self._connection, counts, {document.application_id: document.subscription_id})

    def _to_count(self, table: sa.Table, wanted: str, limit: int) -> Sequence[UUID]:
        """By the index that has these rows only."""
        if self._connection.dialect.name == "sqlite":
            # SQLite has no statistics and would take the index by state, which has nearly all rows. A hint of
            # SQLAlchemy is not written for it.
            index = f"ix_{table.name}_to_count"
            text = f"SELECT id FROM {table.name} INDEXED BY {index} WHERE {wanted} ORDER BY id LIMIT :limit"  # noqa: S608
            query = sa.text(text).columns(sa.column("id", sa.Uuid))
            return self._connection.execute(query, {"limit": limit}).scalars().all()
        ids = sa.select(table.c.id).where(sa.text(wanted)).order_by(table.c.id).limit(limit)
        return self._connection.execute(ids.with_for_update(skip_locked=True)).scalars().all()

    def by_month(self, subscription_id: UUID, first: date, last: date) -> list[MonthlyCount]:
        t, a = tables.statistics, tables.applications
        key = (t.c.day, t.c.what, t.c.application_id, a.c.name, t.c.outcome, t.c.format, t.c.level)
        query = sa.select(*key, sa.func.sum(t.c.count)).join_from(t, a, a.c.id == t.c.application_id, isouter=True)
        query = query.where(t.c.subscription_id == subscription_id, t.c.day >= first, t.c.day <= last).group_by(*key)
        months: Counter[tuple[date, str, str, UUID, str, str, str]] = Counter()
        for day, what, application, name, outcome, kind, level, count in self._connection.execute(query):
            months[day.replace(day=1), what, name or "", application, outcome, kind, level] += int(count)
        signed = [
            MonthlyCount(Counted(what), month, application, name or None, outcome, kind or None, level or None, count)
            for (month, what, name, application, outcome, kind, level), count in sorted(months.items())
            if count
        ]
        return signed + self._timestamps(subscription_id, first, last)

    def count_timestamp(self, subscription_id: UUID, application_id: UUID, tier: str, day: date) -> None:
        t = tables.timestamps
        insert = sqlite.insert if self._connection.dialect.name == "sqlite" else postgresql.insert
        key = {"day": day, "application_id": application_id, "tier": tier, "lane": secrets.randbelow(_LANES)}
        row = insert(t).values(**key, subscription_id=subscription_id, count=1)
        more = {"count": t.c.count + 1}
        self._connection.execute(row.on_conflict_do_update(index_elements=list(t.primary_key.columns), set_=more))

    def _timestamps(self, subscription_id: UUID, first: date, last: date) -> list[MonthlyCount]:
        t, a = tables.timestamps, tables.applications
        key = (t.c.day, t.c.application_id, a.c.name, t.c.tier)
        query = sa.select(*key, sa.func.sum(t.c.count)).join_from(t, a, a.c.id == t.c.application_id, isouter=True)
        query = query.where(t.c.subscription_id == subscription_id, t.c.day >= first, t.c.day <= last).group_by(*key)
        months: Counter[tuple[date, str, UUID, str]] = Counter()
        for day, application, name, tier, count in self._connection.execute(query):
            months[day.replace(day=1), name or "", application, tier] += int(count)
        return [
            MonthlyCount(Counted.TIMESTAMP, month, application, name or None, "Issued", None, None, count, tier)
            for (month, name, application, tier), count in sorted(months.items())
        ]


def count_documents(connection: Connection, document_ids: Sequence[UUID]) -> None:
    """Those that are completed and were not counted yet."""
    counts: Counter[_Counter] = Counter()
    owners: dict[UUID, UUID] = {}
    for row in connection.execute(_mark_counted(), {"ids": list(document_ids)}):
        at: datetime = row.signed_at or row.created_at
        owners[row.application_id] = row.subscription_id
        # When it reaches another level, `count_raised` counts it there instead.
        level = row.signed_level or Level.B_B.value
        counts[_document_counter(row.id, row.application_id, at, row.signature_type, level)] += 1
    _add(connection, counts, owners)


def _counter_of(document: Document, level: Level) -> _Counter:
    at = document.signed_at or document.created_at
    return _document_counter(document.id, document.application_id, at, document.signature_type.value, level.value)


def _document_counter(document_id: UUID, application_id: UUID, at: datetime, kind: str, level: str) -> _Counter:
    lane, what = document_id.int % _LANES, Counted.DOCUMENT.value
    return _Counter(at.date(), application_id, what, DocumentStatus.COMPLETED.value, kind, level, lane)


def count_locked(
    connection: Connection, documents: Sequence[Document], sessions: Sequence[tuple[Session, str | None]]
) -> None:
    """Count completed documents that were not counted yet, and sessions that have ended.

    The caller has locked them, and writes down that they are counted. With each session comes what it was counted as.
    """
    counts: Counter[_Counter] = Counter()
    owners: dict[UUID, UUID] = {}
    for document in documents:
        owners[document.application_id] = document.subscription_id
        counts[_counter_of(document, document.level or Level.B_B)] += 1
    for session, before in sessions:
        owners[session.application_id] = session.subscription_id
        counts.update(
            _session_counts(session.id, session.application_id, session.created_at, session.status.value, before)
        )
    _add(connection, counts, owners)


def _session_counts(
    session_id: UUID, application_id: UUID, created_at: datetime, status: str, before: str | None
) -> Counter[_Counter]:
    """What a session that has ended changes. `before`: the outcome that it was counted as."""
    lane, day = session_id.int % _LANES, created_at.date()
    counts: Counter[_Counter] = Counter()
    for outcome, number in ((status, 1), (before, -1)):
        if outcome is not None:
            counts[_Counter(day, application_id, Counted.SESSION.value, outcome, "", "", lane)] += number
    return counts


def count_sessions(connection: Connection, session_ids: Sequence[UUID]) -> None:
    """Those that have ended in another way than they were counted. The sessions are locked."""
    rows = connection.execute(_not_counted(), {"ids": list(session_ids)}).all()
    if not rows:
        return
    counts: Counter[_Counter] = Counter()
    owners: dict[UUID, UUID] = {}
    for row in rows:
        owners[row.application_id] = row.subscription_id
        counts.update(_session_counts(row.id, row.application_id, row.created_at, row.status, row.counted_as))
    connection.execute(_note_counted(), {"ids": [row.id for row in rows]})
    _add(connection, counts, owners)


def _add(connection: Connection, counts: Mapping[_Counter, int], owners: Mapping[UUID, UUID]) -> None:
    """Always in the order of the counters, and all at once: the first count has another counter for nearly each row."""
    added = [
        {**key._asdict(), "subscription_id": owners[key.application_id], "count": number}
        for key, number in sorted(counts.items())
    ]
    _add_to_counter(connection.dialect.name).all(connection, added)


# Made once, as in `statements`.


@cache
def _mark_counted() -> sa.Executable:
    t = tables.documents
    mark = sa.update(t).where(t.c.id.in_(_among("ids")), t.c.status == DocumentStatus.COMPLETED.value)
    owner, signed = (t.c.id, t.c.subscription_id, t.c.application_id), (t.c.signed_at, t.c.created_at, t.c.signed_level)
    columns = (*owner, t.c.signature_type, *signed)
    return mark.where(t.c.counted.is_(None)).values(counted=True).returning(*columns)


@cache
def _was_counted() -> sa.Select[Any]:
    t = tables.documents
    return sa.select(t.c.counted).where(t.c.id == sa.bindparam("id"))


@cache
def _not_counted() -> sa.Select[Any]:
    t = tables.sessions
    changed = sa.and_(
        t.c.id.in_(_among("ids")), by_no_index(t.c.status).in_(ENDED), t.c.counted_as.is_distinct_from(t.c.status)
    )
    return sa.select(t.c.id, t.c.subscription_id, t.c.application_id, t.c.status, t.c.created_at, t.c.counted_as).where(
        changed
    )


@cache
def _note_counted() -> sa.Update:
    t = tables.sessions
    return sa.update(t).where(t.c.id.in_(_among("ids"))).values(counted_as=t.c.status)


def _among(name: str) -> sa.BindParameter[Any]:
    return sa.bindparam(name, expanding=True)


@cache
def _add_to_counter(dialect: str) -> PreparedChange:
    t = tables.statistics
    row = sqlite.insert(t) if dialect == "sqlite" else postgresql.insert(t)
    more = {"count": t.c.count + row.excluded["count"]}
    return PreparedChange(row.on_conflict_do_update(index_elements=list(t.primary_key.columns), set_=more))
