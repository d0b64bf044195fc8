"""Failed documents are processed again with the values that the signer has given: by API and by command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa

from signroom.store import tables
from signroom.store.engine import open_engine
from tests.harness.commands import signroom
from tests.harness.server import Server, files_of_session, ok, refused, values_of
from tests.vectors import hard_pdfs


@pytest.fixture(scope="module")
def manager(server: Server) -> Iterator[httpx.Client]:
    key = signroom(server, "keys", "create", "--application", "Example application", "--role", "Manager")
    with httpx.Client(base_url=server.url, headers={"X-Api-Key": key}, timeout=60, trust_env=False) as client:
        yield client


class Failed:
    """A session of two documents; the original of one was away when it was processed."""

    def __init__(self, server: Server) -> None:
        opened = server.open_session(returnUrl="https://app.example/back")
        self.id = opened["sessionId"]
        page = server.page(opened["redirectUrl"])
        lost = page.add(hard_pdfs.make("plain"), "lost.pdf")
        page.add(hard_pdfs.make("ten-pages"), "fine.pdf")
        key, chain = page.demo_key()
        preparation = ok(page.prepare(chain))
        values = values_of(preparation, key)
        (self._original,) = [f for f in files_of_session(server.data, self.id) if lost["id"] in f.name]
        self._away = server.data / f"away-{self.id}"
        self._original.rename(self._away)
        ok(page.finish(preparation, values))
        assert server.wait(self.id)["status"] == "ProcessingError"

    def mend(self) -> None:
        self._away.rename(self._original)


def events(server: Server, session_id: str) -> Counter[str]:
    engine = open_engine(server.environment.get("SIGNROOM_DATABASE_URL") or f"sqlite:///{server.data / 'signroom.db'}")
    with engine.connect() as connection:
        rows = connection.execute(sa.select(tables.events.c.type, tables.events.c.session_id)).all()
    engine.dispose()
    return Counter(row.type for row in rows if str(row.session_id) == session_id)


def test_a_failed_session_is_retried_once_its_cause_is_mended(server: Server, manager: httpx.Client) -> None:
    failed = Failed(server)
    url = f"/api/signature-sessions/{failed.id}/retry"
    assert refused(manager.post(url.replace(failed.id, str(uuid4()))), 422) == "SignatureSessionNotFound"

    # Not mended: it fails again, and may be retried again.
    ok(manager.post(url))
    assert server.wait(failed.id)["status"] == "ProcessingError"
    failed.mend()
    again = ok(manager.post(url))

    assert again["status"] in {"Processing", "Completed"}
    session = server.wait(failed.id)
    assert session["status"] == "Completed"
    assert [d["status"] for d in session["documents"]] == ["Completed"] * 2
    assert refused(manager.post(url), 422) == "BadSignatureSessionOperation"
    told = events(server, failed.id)
    assert (told["SessionRetried"], told["SessionFailed"], told["SessionCompleted"]) == (2, 2, 1)
    assert told["DocumentSignatureCompleted"] == 2


def test_the_operator_retries_by_command(server: Server) -> None:
    failed = Failed(server)
    failed.mend()

    assert signroom(server, "sessions", "retry", failed.id) == "1 documents are processed again."

    assert server.wait(failed.id)["status"] == "Completed"


def test_only_managers_retry(server: Server, other_key: str, monitor_key: str) -> None:
    opened = server.open_session(returnUrl="https://app.example/back")
    url = f"{server.url}/api/signature-sessions/{opened['sessionId']}/retry"

    for key, status, code in ((other_key, 403, "Forbidden"), (monitor_key, 403, "Forbidden")):
        assert refused(httpx.post(url, headers={"X-Api-Key": key}, trust_env=False), status) == code


def test_another_subscription_finds_nothing(server: Server) -> None:
    name = f"Elsewhere {uuid4().hex[:8]}"
    signroom(server, "subscriptions", "create", name)
    signroom(server, "applications", "create", name, "--subscription", name)
    key = signroom(server, "keys", "create", "--application", name, "--role", "Manager")
    opened = server.open_session(returnUrl="https://app.example/back")
    url = f"{server.url}/api/signature-sessions/{opened['sessionId']}/retry"

    assert refused(httpx.post(url, headers={"X-Api-Key": key}, trust_env=False), 422) == "SignatureSessionNotFound"


def test_jobs_are_listed_by_command(server: Server) -> None:
    last = signroom(server, "jobs", "list").splitlines()[-1]

    assert last.endswith("1 processes that run jobs")
