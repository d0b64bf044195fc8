"""Who is alive: each executing process says so again and again, by the database's clock."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Engine

from signroom.jobs.tables import in_status, leases, now, workflows

LEASE_SECONDS = 30.0
"""Who has not been seen for so long is dead: six beats."""
_FORGET_SECONDS = 3600.0


class Leases:
    """The lease of `executor_id`, and what the leases of the others say."""

    def __init__(self, engine: Engine, executor_id: str, *, lease: float = LEASE_SECONDS) -> None:
        self._engine = engine
        self._reader = engine.execution_options(signroom_read_only=True)
        self._executor_id = executor_id
        self._lease = lease
        self._now = now(engine)

    def renew(self) -> None:
        """Raises: SQLAlchemyError."""
        self._write(self._now)

    def release(self) -> None:
        """Let the others take over at once what this process leaves. Raises: SQLAlchemyError."""
        self._write(self._now - self._lease - 1)

    def _write(self, seen_at: sa.ColumnElement[float]) -> None:
        insert = (sqlite if self._engine.dialect.name == "sqlite" else postgresql).insert(leases)
        insert = insert.values(id=self._executor_id, seen_at=seen_at)
        with self._engine.begin() as connection:
            connection.execute(insert.on_conflict_do_update(index_elements=["id"], set_={"seen_at": seen_at}))

    def dead(self) -> list[str]:
        """Other executors with running jobs that have not been seen within the lease. Raises: SQLAlchemyError.

        One without any lease may be of version 0.1.0, which has none: it counts as dead when it has not started
        anything within that time either.
        """
        w = workflows(self._engine)
        seen = sa.func.coalesce(sa.func.max(leases.c.seen_at), sa.func.max(w.c.started_at_epoch_ms) / 1000.0)
        query = (
            sa.select(w.c.executor_id)
            .select_from(w.outerjoin(leases, leases.c.id == w.c.executor_id))
            .where(in_status(w, "PENDING"), w.c.executor_id.is_not(None), w.c.executor_id != self._executor_id)
            .group_by(w.c.executor_id)
            .having(sa.func.coalesce(seen, 0.0) < self._now - self._lease)
            .order_by(w.c.executor_id)
        )
        with self._reader.connect() as connection:
            return list(connection.scalars(query))

    def forget(self) -> None:
        """Remove leases of processes that are long gone. Raises: SQLAlchemyError."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(leases).where(leases.c.seen_at < self._now - _FORGET_SECONDS))


def living(engine: Engine, lease: float = LEASE_SECONDS) -> int:
    """Processes that execute jobs at this moment. Raises: SQLAlchemyError."""
    query = sa.select(sa.func.count()).select_from(leases).where(leases.c.seen_at > now(engine) - lease)
    with engine.execution_options(signroom_read_only=True).connect() as connection:
        return int(connection.scalar(query) or 0)
