"""What must hold after it: nothing lost, nothing doubled, nothing called completed that is not."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from signroom.store import tables
from signroom.store.engine import open_engine
from tests.harness.hooks import Endpoint
from tests.soak.cluster import Cluster
from tests.soak.signers import Outcome
from tests.verifiers import programs as verifiers

SETTLE_SECONDS = 240
TOLD = frozenset({"SessionSigned", "SessionCompleted", "DocumentSignatureCompleted"})
"""What the receiver of the deliveries has asked for."""


@dataclass(frozen=True)
class Found:
    sessions: int
    documents: int
    delivered: int
    """Events, each at least once."""
    repeated: int
    """Deliveries of an event that had arrived before."""
    seconds_to_settle: float
    problems: tuple[str, ...]


def judge(cluster: Cluster, outcome: Outcome, folder: Path, endpoint: Endpoint) -> Found:
    """Call it with all processes up; `endpoint` is told the facts `TOLD`."""
    engine = open_engine(cluster.database_url)
    began = time.monotonic()
    try:
        while time.monotonic() - began < SETTLE_SECONDS:
            with engine.connect() as connection:
                # A job ends a moment after what it did is told.
                if not (
                    _unsettled(connection, outcome) or _untold(connection, endpoint) or _unfinished_jobs(connection)
                ):
                    break
            time.sleep(0.5)
        settled = time.monotonic() - began
        with engine.connect() as connection:
            problems = [
                *outcome.broken,
                *(f"lost: {session}" for session in sorted(_unsettled(connection, outcome))),
                *_doubled_sessions(connection, outcome),
                *_wrong_events(connection, outcome),
                *_wrong_files(connection, cluster, folder),
                *_unfinished_jobs(connection),
                *(f"not delivered: {event}" for event in sorted(_untold(connection, endpoint))),
            ]
    finally:
        engine.dispose()
    delivered = _ids(endpoint)
    return Found(
        len(outcome.signed),
        sum(outcome.signed.values()),
        len(set(delivered)),
        len(delivered) - len(set(delivered)),
        settled,
        tuple(problems),
    )


def _untold(connection: Connection, endpoint: Endpoint) -> set[str]:
    """Events that the endpoint was not told."""
    t = tables.events
    told = set(_ids(endpoint))
    return {str(i) for i in connection.scalars(sa.select(t.c.id).where(t.c.type.in_(TOLD)))} - told


def _ids(endpoint: Endpoint) -> list[str]:
    return [exchange.headers["webhook-id"] for exchange in endpoint.seen]


def _unsettled(connection: Connection, outcome: Outcome) -> set[str]:
    """Signed sessions that are not completed."""
    t = tables.sessions
    done = {str(i) for i in connection.scalars(sa.select(t.c.id).where(t.c.status == "Completed"))}
    return set(outcome.signed) - done


def _doubled_sessions(connection: Connection, outcome: Outcome) -> list[str]:
    known = {str(i) for i in connection.scalars(sa.select(tables.sessions.c.id))}
    return [f"a session that no client opened: {session}" for session in sorted(known - outcome.opened)]


def _wrong_events(connection: Connection, outcome: Outcome) -> list[str]:
    """Each fact is told once, with an id of its own."""
    t, d = tables.events, tables.documents
    rows = connection.execute(sa.select(t.c.type, t.c.session_id, t.c.document_id, t.c.id)).all()
    told = Counter((row.type, str(row.document_id or row.session_id)) for row in rows)
    documents = {
        str(row.id): str(row.session_id)
        for row in connection.execute(sa.select(d.c.id, d.c.session_id))
        if str(row.session_id) in outcome.signed
    }
    of_sessions = Counter(documents.values())
    expected = Counter(
        {(kind, s): 1 for s in outcome.signed for kind in ("SessionCreated", "SessionSigned", "SessionCompleted")}
    ) + Counter({("DocumentSignatureCompleted", document): 1 for document in documents})
    of_signed = {key: n for key, n in told.items() if key[1] in outcome.signed or key[1] in documents}
    for kind in ("SessionOpened",):  # the page announces it; more than once would be a fault
        for session in outcome.signed:
            if of_signed.get((kind, session)) == 1:
                del of_signed[kind, session]
    problems = [
        f"event {key}: {of_signed.get(key, 0)} instead of {expected.get(key, 0)}"
        for key in sorted(expected.keys() | of_signed.keys())
        if of_signed.get(key, 0) != expected.get(key, 0)
    ]
    problems += [
        f"{session} has {of_sessions[session]} documents instead of {count}"
        for session, count in sorted(outcome.signed.items())
        if of_sessions[session] != count
    ]
    if len({row.id for row in rows}) != len(rows):
        problems.append("two events with one id")
    return problems


def _wrong_files(connection: Connection, cluster: Cluster, folder: Path) -> list[str]:
    """Each completed document's file is there once, is what its row says, and is accepted by a stranger."""
    t = tables.documents
    query = sa.select(t.c.id, t.c.session_id, t.c.signed_key, t.c.signed_sha256).where(t.c.status == "Completed")
    nss = verifiers.nss_database(folder / "nss", [])

    def problem(row: sa.Row[tuple[object, ...]]) -> str | None:
        file = cluster.files / row.signed_key
        if not file.is_file():
            return f"completed without a file: {row.id}"
        if sha256(file.read_bytes()).digest() != row.signed_sha256:
            return f"another file than the row says: {row.id}"
        if [s.valid and s.whole_document for s in verifiers.pdfsig(file, nss)] != [True]:
            return f"not a valid signature: {row.id}"
        signed = sorted(file.parent.glob(f"{row.session_id}-{row.id}-signed-*"))
        return None if signed == [file] else f"{len(signed)} signed files: {row.id}"

    with ThreadPoolExecutor(2) as pool:
        return [found for found in pool.map(problem, connection.execute(query).all()) if found is not None]


def _unfinished_jobs(connection: Connection) -> list[str]:
    prefix = "" if connection.dialect.name == "sqlite" else "dbos."
    query = sa.text(
        f"SELECT workflow_uuid, status FROM {prefix}workflow_status WHERE name LIKE 'process-document%' "
        "AND status <> 'SUCCESS'"
    )
    return [f"job {row.workflow_uuid} is {row.status}" for row in connection.execute(query)]
