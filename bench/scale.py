"""A million sessions and five million events in PostgreSQL: what is asked often, as a ratio to a thousand sessions.

The rows are made by the database out of one real session, so that they are what the service writes. Below the
figures: how PostgreSQL finds what is asked for. A sequential scan of a large table would be named there.
"""

from __future__ import annotations

import hashlib
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from signroom.domain.application import Application, Role, Subscription
from signroom.domain.document import Document, DocumentStatus, StoredFile, Version
from signroom.domain.event import SessionCompleted, SessionCreated, recorded
from signroom.domain.level import Level
from signroom.domain.security_context import ANY
from signroom.domain.session import Session, SessionStatus, new_session
from signroom.domain.signature import INVISIBLE, Inspection, SignatureType
from signroom.ports.store import SessionFilter, Work
from signroom.store import rows, tables
from signroom.store.engine import open_engine
from signroom.store.schema import migrate
from signroom.store.sql import SqlStore
from tests.harness.postgres import running_postgres

SMALL, LARGE = 1_000, 1_000_000
EVENTS_EACH = 5
ROUNDS = 200
PENDING = 2_000
"""Of the sessions, the newest: the others have ended."""
BIG_TABLES = ("signroom_sessions", "signroom_documents", "signroom_events", "signroom_deliveries")
NOW = datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True)
class Owner:
    subscription: UUID
    application: UUID
    sessions: int

    def session(self, number: int) -> UUID:
        """The id of one of the generated sessions, as `_fill` makes it."""
        return UUID(bytes=_md5(f"session {number}"))


def main(large: int = LARGE) -> None:
    """Print microseconds (median) of each question on both databases, their ratio, and the plans."""
    with running_postgres() as server:
        small = open_engine(server.new_database())
        big = open_engine(server.new_database())
        before = time.perf_counter()
        few, many = _fill(small, min(SMALL, large)), _fill(big, large)
        print(f"  {many.sessions:,} sessions, {many.sessions * EVENTS_EACH:,} events, made in", end=" ")
        print(f"{time.perf_counter() - before:.0f} s; the small database has {few.sessions:,}")
        print(f"{'':>42} {'small µs':>10} {'large µs':>10} {'ratio':>7}")
        plans = []
        for name, ask in _questions():
            first, second = _median(small, few, ask), _median(big, many, ask)
            print(f"{name:>42} {first:10.0f} {second:10.0f} {second / first:7.2f}")
            plans += [(name, plan) for plan in _plans(big, many, ask)]
        print("\n  How the large database finds them:")
        for name, plan in plans:
            print(f"{name:>42}  {plan}")
        small.dispose()
        big.dispose()


Question = Callable[[Work, Owner], object]


def _questions() -> Iterator[tuple[str, Question]]:
    def middle(o: Owner) -> UUID:
        return o.session(o.sessions // 2)

    yield "GET session", lambda w, o: (w.sessions.of_any_tenant(middle(o)), w.documents.of_session(middle(o)))
    yield "lock a session (finish, job)", lambda w, o: w.sessions.locked_of_any_tenant(middle(o))
    yield "newest sessions", lambda w, o: w.sessions.find(SessionFilter(o.subscription), 50, NOW)
    yield (
        "pending sessions",
        lambda w, o: w.sessions.find(
            SessionFilter(o.subscription, statuses=frozenset({SessionStatus.PENDING})), 50, NOW
        ),
    )
    yield (
        "sessions by callbackArgument",
        lambda w, o: w.sessions.find(SessionFilter(o.subscription, callback_argument="order 7"), 50, NOW),
    )
    yield (
        "document by its signed file",
        lambda w, o: w.documents.by_signed_file(o.subscription, _md5("7") + _md5("document 7")),
    )
    yield "feed from the oldest", lambda w, o: w.feed.after(o.subscription, 0, 100)
    yield "feed from the middle", lambda w, o: w.feed.after(o.subscription, o.sessions * EVENTS_EACH // 2, 100)
    yield "feed at its end", lambda w, o: w.feed.after(o.subscription, o.sessions * EVENTS_EACH, 100)
    yield "feed of a tenant without any", lambda w, o: w.feed.after(o.application, 0, 100)
    yield "uploads to purge", lambda w, _o: w.uploads.abandoned(NOW, None, 20)
    yield "append an event and commit", _append


def _append(work: Work, owner: Owner) -> None:
    event = SessionCreated(owner.session(1), NOW)
    work.feed.append(recorded(event, uuid4(), owner.subscription, owner.application))


def _median(engine: Engine, owner: Owner, ask: Question) -> float:
    store, times = SqlStore(engine), []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        with store.work() as work:
            ask(work, owner)
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1e6


def _plans(engine: Engine, owner: Owner, ask: Question) -> list[str]:
    """Of each statement that reads a large table: the nodes of its plan that touch one."""
    with _statements(engine) as seen, SqlStore(engine).work() as work:
        ask(work, owner)
    found = []
    with engine.connect() as connection:
        for statement, parameters in seen:
            if not statement.startswith("SELECT") or not any(table in statement for table in BIG_TABLES):
                continue
            lines = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars().all()
            nodes = [line.strip("-> ").partition("  (")[0] for line in lines if "Scan" in line]
            found.append("; ".join(nodes))
    return found


@contextmanager
def _statements(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """What is sent to the database meanwhile."""
    seen: list[tuple[str, Any]] = []

    def keep(_c: object, _cursor: object, statement: str, parameters: Any, _context: object, _many: bool) -> None:
        seen.append((statement, parameters))

    sa.event.listen(engine, "before_cursor_execute", keep)
    try:
        yield seen
    finally:
        sa.event.remove(engine, "before_cursor_execute", keep)


def _fill(engine: Engine, count: int) -> Owner:
    """One subscription with `count` sessions of one document and `EVENTS_EACH` events each."""
    migrate(engine)
    subscription, application = uuid4(), uuid4()
    with SqlStore(engine).work() as work:
        work.subscriptions.add(Subscription(subscription, "Bench"))
        work.applications.add(Application(application, subscription, "Bench", frozenset({Role.WORKER})))
    session, document = _templates(subscription, application)
    with engine.begin() as connection:
        number, made = "generate_series(1, :count) AS n", "CAST(:now AS timestamptz) - (:count - n) * interval '30 s'"
        state = f"CASE WHEN n > :count - {PENDING} THEN 'Pending' ELSE 'Completed' END"
        changes = {
            "id": "CAST(md5('session ' || n) AS uuid)",
            "status": state,
            "link_hash": "decode(md5('link ' || n) || md5('hash ' || n), 'hex')",
            "callback_argument": "'order ' || n",
            "callback_argument_hash": "sha256(CAST('order ' || n AS bytea))",
            "created_at": made,
            "expires_at": f"{made} + interval '4 h'",
        }
        _multiply(connection, tables.sessions, rows.session_row(session), changes, number, count)
        changes = {
            "id": "CAST(md5('document ' || n) AS uuid)",
            "session_id": "CAST(md5('session ' || n) AS uuid)",
            "signed_sha256": "decode(md5(CAST(n AS text)) || md5('document ' || n), 'hex')",
            "created_at": made,
        }
        _multiply(connection, tables.documents, rows.document_row(document), changes, number, count)
        event = recorded(SessionCompleted(None, NOW), uuid4(), subscription, application)
        changes = {
            "id": "gen_random_uuid()",
            "session_id": "CAST(md5('session ' || n) AS uuid)",
            "at": made,
        }
        many = f"generate_series(1, {EVENTS_EACH}) AS turn, {number}"
        _multiply(connection, tables.events, rows.event_row(event), changes, many, count)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))
    return Owner(subscription, application, count)


def _multiply(  # noqa: PLR0917
    connection: Connection, table: sa.Table, row: rows.Row, changes: dict[str, str], source: str, count: int
) -> None:
    """Insert `row` as often as `source` has rows; columns in `changes` are SQL over its ``n``."""
    fixed = {name: value for name, value in row.items() if name not in changes}
    columns = [*changes, *fixed]
    values = [*changes.values(), *(f":{name}" for name in fixed)]
    quoted = ", ".join(f'"{name}"' for name in columns)
    types = [sa.bindparam(name, type_=table.c[name].type) for name in fixed]
    statement = sa.text(f"INSERT INTO {table.name} ({quoted}) SELECT {', '.join(values)} FROM {source}")  # noqa: S608
    parameters = {**fixed, "count": count, **({"now": NOW} if ":now" in statement.text else {})}
    connection.execute(statement.bindparams(*types), parameters)


def _templates(subscription: UUID, application: UUID) -> tuple[Session, Document]:
    session, _ = new_session(
        id=uuid4(),
        subscription_id=subscription,
        application_id=application,
        link_hash=b"",
        return_url="https://app.example/back",
        callback_argument="order",
        disable_downloads=False,
        predefined=True,
        now=NOW,
        expires_at=NOW + timedelta(hours=4),
        security_context_id=ANY.id,
    )
    original = StoredFile("sessions/one/original", "contract.pdf", "application/pdf", 50_000, b"o" * 32)
    signed = StoredFile("sessions/one/signed", "contract.pdf", "application/pdf", 60_000, b"s" * 32)
    document = Document(
        id=uuid4(),
        subscription_id=subscription,
        application_id=application,
        session_id=session.id,
        position=0,
        status=DocumentStatus.COMPLETED,
        original=original,
        inspection=Inspection(SignatureType.PDF, "application/pdf", pages=1, signatures=0),
        options=INVISIBLE,
        created_at=NOW,
        key="2345" * 4,
        versions=(Version(Level.B_B, signed, NOW),),
        signed_at=NOW,
    )
    return session, document


def _md5(text: str) -> bytes:
    return hashlib.md5(text.encode(), usedforsecurity=False).digest()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else LARGE)
