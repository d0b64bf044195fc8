"""Lists that are read page by page."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from signroom.ports.store import Position
from signroom.store import tables


def between(
    query: sa.Select[Any],
    table: sa.Table,
    created_from: datetime | None,
    created_before: datetime | None,
    before: Position | None,
) -> sa.Select[Any]:
    """Newest first; `before` is where the last page ended."""
    if created_from is not None:
        query = query.where(table.c.created_at >= created_from)
    if created_before is not None:
        query = query.where(table.c.created_at < created_before)
    if before is not None:
        at = sa.literal(before.created_at, tables.UtcDateTime)
        older = sa.and_(table.c.created_at == at, table.c.id < sa.literal(before.id, sa.Uuid))
        query = query.where(sa.or_(table.c.created_at < at, older))
    return query
