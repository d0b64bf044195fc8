"""What is not done yet, in numbers: a few queries by index, whatever has ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from signroom.domain.document import DocumentStatus
from signroom.domain.errors import Unavailable
from signroom.domain.session import SessionStatus
from signroom.ports.operations import Measured
from signroom.store import tables
from signroom.store.engine import READ_ONLY

_OPEN = (SessionStatus.PENDING, SessionStatus.PROCESSING, SessionStatus.PROCESSING_ERROR)
"""Not final: some thousands where the final ones are millions."""
UNDELIVERED = ("Pending", "Held", "Failed")
"""States of deliveries that did not arrive."""


def backlog(engine: Engine, now: datetime) -> Iterable[Measured]:
    """Sessions, documents and deliveries that are under way. Raises: Unavailable."""
    with _reading(engine) as connection:
        yield from _sessions(connection, now)
        yield from _documents(connection)
        yield from _deliveries(connection, now)


def connections(engine: Engine) -> Iterable[Measured]:
    """The engine's own, without asking the database."""
    pool = engine.pool
    if isinstance(pool, QueuePool):
        yield Measured("database_connections", pool.checkedout(), (("state", "in use"),))
        yield Measured("database_connections", pool.checkedin(), (("state", "idle"),))


def _sessions(connection: Connection, now: datetime) -> Iterator[Measured]:
    t = tables.sessions
    over = sa.and_(t.c.status == SessionStatus.PENDING, t.c.expires_at <= now)
    query = sa.select(t.c.status, over.label("late"), sa.func.count()).where(t.c.status.in_(_OPEN))
    counted = connection.execute(query.group_by(t.c.status, "late"))
    found = {(status, bool(late)): count for status, late, count in counted}
    for status in _OPEN:
        yield Measured("sessions", found.get((status, False), 0), (("status", status),))
    # Their time is over, and no sweep has come by yet.
    yield Measured("sessions", found.get((SessionStatus.PENDING, True), 0), (("status", "Expiring"),))


def _documents(connection: Connection) -> Iterator[Measured]:
    # By way of their sessions: those have an index by state.
    d, s = tables.documents, tables.sessions
    query = sa.select(sa.func.count()).select_from(s.join(d, d.c.session_id == s.c.id))
    query = query.where(s.c.status == SessionStatus.PROCESSING, d.c.status == DocumentStatus.PROCESSING)
    yield Measured("documents_processing", connection.execute(query).scalar_one())


def _deliveries(connection: Connection, now: datetime) -> Iterator[Measured]:
    t = tables.deliveries
    query = sa.select(t.c.status, sa.func.count(), sa.func.min(t.c.due_at)).where(t.c.status.in_(UNDELIVERED))
    found = {status: (count, due) for status, count, due in connection.execute(query.group_by(t.c.status))}
    for status in UNDELIVERED:
        yield Measured("deliveries", found.get(status, (0, None))[0], (("status", status),))
    due = found.get("Pending", (0, None))[1]
    yield Measured("delivery_lag_seconds", 0 if due is None else max(0.0, (now - due).total_seconds()))


@contextmanager
def _reading(engine: Engine) -> Iterator[Connection]:
    try:
        with engine.connect().execution_options(**READ_ONLY) as connection:
            yield connection
    except SQLAlchemyError as error:
        raise Unavailable from error
