"""Nothing is lost: the server is killed between finish and completion, and started again."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from signroom.store import tables
from signroom.store.engine import open_engine
from tests.harness.server import Server, fork_server, ok, values_of
from tests.soak.cluster import ROLES, running_cluster
from tests.soak.harm import Plan, soak
from tests.vectors import hard_pdfs
from tests.verifiers import programs as verifiers

DOCUMENTS = 6
KILLS = 4


def sign_and_kill(server: Server, seconds: float) -> tuple[str, Counter[str]]:
    """Finish a session, kill the server `seconds` later; returns the session and the states of its documents."""
    opened = server.open_session(returnUrl="https://app.example/back")
    page = server.page(opened["redirectUrl"])
    for number in range(DOCUMENTS):
        page.add(hard_pdfs.make("ten-pages"), f"contract {number}.pdf")
    key, chain = page.demo_key()
    preparation = ok(page.prepare(chain))
    values = values_of(preparation, key)
    ok(page.finish(preparation, values))
    time.sleep(seconds)
    server.kill()
    return opened["sessionId"], states(server, opened["sessionId"])


def states(server: Server, session_id: str) -> Counter[str]:
    engine = open_engine(server.database_url)
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT session_id, status FROM signroom_documents")).all()
    engine.dispose()
    return Counter(status for owner, status in rows if str(owner).replace("-", "") == session_id.replace("-", ""))


def events_of(server: Server) -> Counter[tuple[str, str]]:
    engine = open_engine(server.database_url)
    with engine.connect() as connection:
        rows = connection.execute(sa.select(tables.events)).all()
    engine.dispose()
    of_sessions = (row for row in rows if row.document_id or row.session_id)  # not those of API keys
    return Counter((row.type, str(row.document_id or row.session_id)) for row in of_sessions)


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_while_processes_are_killed_at_random(tmp_path: Path, database_url: str) -> None:
    """The short version of ``make soak``."""
    plan = Plan(kills=KILLS, clients=2, seed=secrets.randbelow(1 << 31), pause=(0.1, 1.0))
    with running_cluster(tmp_path, database_url, ROLES[make_url(database_url).get_backend_name()]) as cluster:
        done = soak(cluster, plan, tmp_path)

    assert done.found.sessions > 0
    assert done.found.problems == (), f"seed {plan.seed}"


@pytest.mark.slow
def test_a_server_killed_after_finish_completes_every_document_exactly_once(tmp_path: Path, database_url: str) -> None:
    environment = {"SIGNROOM_DATABASE_URL": database_url, "SIGNROOM_WORKERS": "1"}
    killed: list[tuple[str, Counter[str]]] = []
    for seconds in (0.0, 0.3):
        killed.append(sign_and_kill(fork_server(tmp_path / "data", environment), seconds))
    assert any(found["Processing"] for _, found in killed), "no kill came in time: the test proved nothing"

    server = fork_server(tmp_path / "data", environment)
    try:
        for session_id, _ in killed:
            session = server.wait(session_id)
            assert session["status"] == "Completed"
            assert len(session["documents"]) == DOCUMENTS
            for document in session["documents"]:
                (signed,) = server.files_of(session_id, f"{document['id']}-signed-")
                assert signed.read_bytes() == httpx.get(document["signedFile"]["location"], trust_env=False).content
                (result,) = verifiers.pyhanko(signed, [])
                assert result.intact
                assert result.valid
        counted = events_of(server)
        completed = [who for (what, who), _ in counted.items() if what == "DocumentSignatureCompleted"]
        assert len(completed) == DOCUMENTS * len(killed)
        assert set(counted.values()) == {1}, counted
    finally:
        server.stop()


def test_a_session_that_was_only_prepared_is_still_open_after_a_crash(tmp_path: Path) -> None:
    server = fork_server(tmp_path / "data")
    opened = server.open_session()
    page = server.page(opened["redirectUrl"])
    page.add(hard_pdfs.make("plain"))
    key, chain = page.demo_key()
    preparation = ok(page.prepare(chain))
    server.kill()

    server = fork_server(tmp_path / "data")
    try:
        again = server.page(f"{server.url}/sign/{page.link}")
        ok(again.finish(preparation, values_of(preparation, key)))
        assert server.wait(opened["sessionId"])["status"] == "Completed"
    finally:
        server.stop()
