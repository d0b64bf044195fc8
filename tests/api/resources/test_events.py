"""The event feed, retention and purged documents, as an application meets them."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import pytest

from tests.api.requests import a_file, signed_session
from tests.harness.server import Json, Server, ok, refused
from tests.harness.waiting import SECONDS
from tests.vectors import hard_pdfs


def read(server: Server, **params: object) -> Json:
    return ok(server.api.get("/api/events", params={k: str(v) for k, v in params.items()}))


def of_session(server: Server, session_id: str) -> list[Json]:
    found: list[Json] = read(server, sessionId=session_id)["events"]
    return found


def test_the_feed_tells_a_session_from_its_beginning_to_its_end(server: Server) -> None:
    opened = server.open_session(documents=[a_file()])
    httpx.get(opened["redirectUrl"], trust_env=False)  # a mail filter looks at the link
    assert [e["type"] for e in of_session(server, opened["sessionId"])] == ["SessionCreated"]
    page = server.page(opened["redirectUrl"])
    assert [e["type"] for e in of_session(server, opened["sessionId"])] == ["SessionCreated", "SessionOpened"]
    for _ in range(2):
        page.load()
    page.sign(*page.demo_key())
    session = server.wait(opened["sessionId"])

    found = of_session(server, opened["sessionId"])

    types = ["SessionCreated", "SessionOpened", "SessionSigned", "DocumentSignatureCompleted", "SessionCompleted"]
    assert [e["type"] for e in found] == types
    assert set(found[0]) == {
        "cursor", "id", "type", "createdAt", "sessionId", "documentId", "applicationId", "webhookId",
        "apiKeyId",
    }  # fmt: skip
    assert found[3]["documentId"] == session["documents"][0]["id"]
    assert found[0]["createdAt"].endswith("Z")
    assert len({UUID(e["id"]) for e in found}) == 5
    assert len({e["applicationId"] for e in found}) == 1
    assert found[0]["webhookId"] is None


def test_a_page_that_is_never_loaded_was_opened_all_the_same(server: Server) -> None:
    """A program may cancel, or upload and sign, without asking for the session first."""
    cancelled, signed = server.open_session(), server.open_session()
    ok(server.page(cancelled["redirectUrl"]).client.post("cancel", json={}))
    page = server.page(signed["redirectUrl"])
    page.add(hard_pdfs.make("plain"))
    page.sign(*page.demo_key())

    types = ["SessionCreated", "SessionOpened", "SessionCancelled"]
    assert [e["type"] for e in of_session(server, cancelled["sessionId"])] == types
    types = ["SessionCreated", "SessionOpened", "SessionSigned"]
    assert [e["type"] for e in of_session(server, signed["sessionId"])][:3] == types


def test_next_leads_on_and_is_always_given(server: Server) -> None:
    page = read(server, limit=500)
    while (after := read(server, after=page["next"], limit=500))["events"]:  # other tests add theirs meanwhile
        page = after
    assert after["next"] == page["next"]
    opened = server.open_session()

    mine = {"sessionId": opened["sessionId"]}  # other tests share the server
    (event,) = read(server, after=page["next"], wait=15, **mine)["events"]

    assert event["type"] == "SessionCreated"
    assert read(server, after=event["cursor"], **mine)["events"] == []


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"after": "nonsense"}, "BadRequest"),
        ({"after": "ZmVlZCAx-"}, "BadRequest"),
        ({"after": "ZmVlZCA5OTk5OTk5OTk5OTk5OTk5OTk5OTk5"}, "BadRequest"),
        ({"limit": "0"}, "BadRequest"),
        ({"limit": "501"}, "BadRequest"),
        ({"wait": "16"}, "BadRequest"),
        ({"type": "SessionExploded"}, "BadRequest"),
        ({"sessionId": "42"}, "BadRequest"),
    ],
)
def test_what_is_no_question_is_refused(sqlite_server: Server, params: dict[str, str], code: str) -> None:
    assert refused(sqlite_server.api.get("/api/events", params=params), 400) == code


def test_a_cursor_ahead_of_the_feed_is_told(sqlite_server: Server) -> None:
    answer = sqlite_server.api.get("/api/events", params={"after": "ZmVlZCA5OTk5OTk5"})  # feed 9999999

    assert refused(answer, 422) == "EventsPurged"


def test_the_subscription_is_the_wall_and_readers_may_read(server: Server, other_key: str, monitor_key: str) -> None:
    opened = server.open_session()

    stranger = server.api.get("/api/events", headers={"X-Api-Key": other_key})
    monitor = server.api.get(
        "/api/events", headers={"X-Api-Key": monitor_key}, params={"sessionId": opened["sessionId"]}
    )

    assert opened["sessionId"] not in {e["sessionId"] for e in ok(stranger)["events"]}
    assert [e["type"] for e in ok(monitor)["events"]] == ["SessionCreated"]
    assert httpx.get(f"{server.url}/api/events", trust_env=False).status_code == 401


def test_many_who_wait_for_one_session_are_answered_together(server: Server) -> None:
    """Held for some seconds by nothing: a session in the state `Processing` that the job has not reached."""
    opened = server.open_session(documents=[a_file()], enableBackgroundProcessing=True)
    page = server.page(opened["redirectUrl"])
    key, chain = page.demo_key()
    address = f"{server.url}/api/signature-sessions/{opened['sessionId']}/when-completed"

    async def all_together() -> list[Json]:
        limits = httpx.Limits(max_connections=40)
        headers = {"X-Api-Key": server.api_key}
        async with httpx.AsyncClient(headers=headers, limits=limits, timeout=60, trust_env=False) as client:
            answers = await asyncio.gather(*(client.get(address) for _ in range(40)))
        return [ok(a) for a in answers]

    page.sign(key, chain)

    assert asyncio.run(all_together()) == [{"completed": True, "progress": 100}] * 40


# -- retention ---------------------------------------------------------------------------------------


RETENTION = "/api/settings/retention"


@pytest.fixture
def manager(server: Server) -> httpx.Client:
    """A subscription of its own: others' documents keep what they have."""
    from tests.harness.commands import signroom

    name = f"Retention {uuid4().hex[:8]}"
    signroom(server, "subscriptions", "create", name)
    signroom(server, "applications", "create", name, "--subscription", name)
    key = signroom(server, "keys", "create", "--application", name, "--role", "Manager")
    return httpx.Client(base_url=server.url, headers={"X-Api-Key": key}, timeout=60, trust_env=False)


def test_signed_documents_say_until_when_they_are_available(server: Server, manager: httpx.Client) -> None:
    assert ok(manager.get(RETENTION)) == {"days": None}
    assert ok(manager.put(RETENTION, json={"days": 30})) == ok(manager.get(RETENTION)) == {"days": 30}
    opened = ok(manager.post("/api/signature-sessions", json={"documents": [a_file()]}))
    page = server.page(opened["redirectUrl"])
    address = f"/api/signature-sessions/{opened['sessionId']}"
    assert ok(manager.get(address))["documents"][0]["availableUntil"] is None
    page.sign(*page.demo_key())
    while (session := ok(manager.get(address)))["status"] == "Processing":
        ok(manager.get(f"{address}/when-completed"))

    (document,) = session["documents"]
    assert document["availableUntil"].endswith("Z")
    signed, until = (datetime.fromisoformat(document[name]) for name in ("dateSigned", "availableUntil"))
    assert until - signed == timedelta(days=30)
    assert ok(manager.get(f"/api/documents/{document['id']}"))["availableUntil"] == document["availableUntil"]
    assert ok(manager.put(RETENTION, json={"days": None})) == {"days": None}
    assert ok(manager.get(address))["documents"][0]["availableUntil"] == document["availableUntil"], "a promise stands"
    manager.close()


@pytest.mark.parametrize("body", [{}, {"days": 0}, {"days": 36501}, {"days": 1.5}, {"days": True}])
def test_what_is_no_retention_is_refused(manager: httpx.Client, body: Json) -> None:
    with manager:
        assert refused(manager.put(RETENTION, json=body), 400) == "BadRequest"


def test_only_managers_set_the_retention(server: Server, monitor_key: str) -> None:
    headers = {"X-Api-Key": monitor_key}

    assert refused(server.api.put(RETENTION, json={"days": 1}, headers=headers), 403) == "Forbidden"
    assert refused(server.api.get(RETENTION, headers=headers), 403) == "Forbidden"


def test_a_document_whose_time_is_over_says_so(sqlite_server: Server) -> None:
    """The clock is the server's: the row is made older instead."""
    session = signed_session(sqlite_server, a_file())
    (document,) = session["documents"]
    over = (datetime.now(UTC) - timedelta(minutes=1)).replace(tzinfo=None).isoformat(" ", "microseconds")
    with sqlite3.connect(sqlite_server.data / "signroom.db", timeout=SECONDS) as database:
        change = "update signroom_documents set available_until = ? where id = ?"
        assert database.execute(change, [over, UUID(document["id"]).hex]).rowcount == 1
    database.close()

    for version in ("originalFile", "signedFile"):
        assert refused(httpx.get(document[version]["location"], trust_env=False), 422) == "DocumentPurged"
    signers = sqlite_server.api.get(f"/api/documents/{document['id']}/signers")
    assert refused(signers, 422) == "DocumentPurged"
    again = {"documents": [{"file": {"url": document["signedFile"]["location"], "name": "a.pdf"}}]}
    assert refused(sqlite_server.api.post("/api/signature-sessions", json=again), 422) == "FileDownloadFailed"
    found = ok(sqlite_server.api.get(f"/api/documents/{document['id']}"))
    assert (found["id"], found["signers"][0]["certificate"]["subjectDisplayName"]) == (document["id"], "Ana (DEMO)")
