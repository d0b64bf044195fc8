"""Statements about how far the comparison of all stored files has come."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from signroom.ports.store.file_comparison import ComparisonPass
from signroom.store import tables

_ROW = 1


class SqlFileComparison:
    """The part `file_comparison` of a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def current(self) -> ComparisonPass:
        t = tables.file_comparison
        query = sa.select(t.c.started_at, t.c.finished_at, t.c.after, t.c.done, t.c.total).where(t.c.id == _ROW)
        return ComparisonPass(**self._connection.execute(query).mappings().one())

    def claim(self, now: datetime, until: datetime) -> ComparisonPass | None:
        t = tables.file_comparison
        free = sa.or_(t.c.claimed_until.is_(None), t.c.claimed_until < now)
        change = sa.update(t).where(t.c.id == _ROW, free).values(claimed_until=until)
        if self._connection.execute(change).rowcount == 0:
            return None
        return self.current()

    def save(self, state: ComparisonPass, claimed_until: datetime | None) -> None:
        t = tables.file_comparison
        change = sa.update(t).where(t.c.id == _ROW).values(**asdict(state), claimed_until=claimed_until)
        self._connection.execute(change)

    def cost(self, per_file: int) -> int:
        d = tables.documents
        files = d.c.original_length + per_file + sa.func.coalesce(d.c.signed_length + per_file, 0)
        query = sa.select(sa.func.coalesce(sa.func.sum(files), 0)).where(d.c.purged_at.is_(None))
        return int(self._connection.execute(query).scalar_one())
