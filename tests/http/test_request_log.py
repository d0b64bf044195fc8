"""Log lines say which request, session, document and job they are of, and nothing that is a secret or a person's."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar.types import Receive, Scope, Send
from structlog.testing import capture_logs

from signroom.http.request_log import RequestLog
from signroom.telemetry.meters import Meters
from tests.api.requests import a_file, signed_session
from tests.harness.server import Server, fork_server, ok, values_of
from tests.harness.waiting import eventually
from tests.vectors import hard_pdfs

TOKEN = "metrics-token-here"


def lines(server: Server) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]


def line_of(server: Server, key: str, value: str) -> dict[str, Any]:
    """The first one where `key` is `value`; a line is written after the answer was sent."""
    return eventually(
        lambda: next((line for line in lines(server) if line.get(key) == value), None), why=server.log.read_text
    )


@pytest.mark.parametrize("sent", ["order-42", "A.b_c-9", "x" * 64])
def test_a_callers_request_id_is_taken_and_given_back(sqlite_server: Server, sent: str) -> None:
    answer = sqlite_server.api.get("/api/system/info", headers={"X-Request-Id": sent})

    assert answer.headers["x-request-id"] == sent
    assert line_of(sqlite_server, "request_id", sent)["path"] == "/api/system/info"


@pytest.mark.parametrize("sent", ["", "x" * 65, "two words", "line%0Abreak", '{"a":1}', "é"])
def test_another_one_is_not_written_down(sqlite_server: Server, sent: str) -> None:
    answer = sqlite_server.api.get("/api/system/info", headers=[(b"X-Request-Id", sent.encode())])
    given = answer.headers["x-request-id"]

    assert given != sent
    assert line_of(sqlite_server, "request_id", given)["path"] == "/api/system/info"


def test_a_refusal_before_any_route_has_one_too(sqlite_server: Server) -> None:
    answer = httpx.get(f"{sqlite_server.url}/nowhere", headers={"X-Request-Id": "lost"}, trust_env=False)

    assert (answer.status_code, answer.headers["x-request-id"]) == (404, "lost")


def test_a_request_is_not_about_the_session_of_the_one_before(sqlite_server: Server) -> None:
    """On the same connection."""
    session = sqlite_server.open_session()["sessionId"]
    ok(sqlite_server.api.get(f"/api/signature-sessions/{session}", headers={"X-Request-Id": "about-it"}))
    ok(sqlite_server.api.get("/api/signature-sessions", headers={"X-Request-Id": "about-none"}))

    assert line_of(sqlite_server, "request_id", "about-it")["session_id"] == session
    assert "session_id" not in line_of(sqlite_server, "request_id", "about-none")


def test_health_and_metrics_write_no_lines(sqlite_server: Server) -> None:
    for path in ("/health/live", "/health/ready", "/metrics"):
        sqlite_server.api.get(path, headers={"X-Request-Id": "watching"})

    sqlite_server.api.get("/api/system/info", headers={"X-Request-Id": "after-watching"})
    line_of(sqlite_server, "request_id", "after-watching")

    assert not [line for line in lines(sqlite_server) if line.get("request_id") == "watching"]


def test_a_whole_signature_leaves_ids_and_no_secrets_in_the_log(tmp_path: Path) -> None:
    """Also where things go wrong: a file that is refused, a job whose file is gone."""
    server = fork_server(tmp_path / "data", {"SIGNROOM_METRICS_TOKEN": TOKEN})
    try:
        opened = server.open_session(callbackArgument="order of Ana", returnUrl="https://app.example/back?for=Ana")
        page = server.page(opened["redirectUrl"])
        document = page.add(hard_pdfs.make("plain"), "salary of Ana.pdf")["id"]
        page.upload(b"no PDF of Ana", "Ana.pdf")
        location = signed_session(server, a_file(name="Ana.pdf"))["documents"][0]["signedFile"]["location"]
        content = httpx.get(location, trust_env=False).content
        httpx.get(f"{server.url}/metrics?of=Ana", headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False)
        key, chain = page.demo_key()
        preparation = ok(page.prepare(chain))
        (server.data / "files").rename(server.data / "away")
        page.finish(preparation, values_of(preparation, key))
        unavailable = line_of(server, "event", "job.unavailable")
        (server.data / "away").rename(server.data / "files")
        server.wait(opened["sessionId"])
    finally:
        server.stop()

    written = server.log.read_text()
    assert content.startswith(b"%PDF")
    secrets = {
        "key": server.api_key.rpartition("|")[2],
        "link": page.link,
        "token": page.client.headers["X-Signature-Session-Token"],
        "download": location.rpartition("/")[2],
        "metrics": TOKEN,
        "file name": "salary",
        "person": "Ana",
        "secret key": (server.data / "secret.key").read_text(),
    }
    assert [name for name, secret in secrets.items() if secret in written] == []
    found = lines(server)
    paths = {line.get("path") for line in found if line.get("session_id") == opened["sessionId"]}
    assert {"/api/signature-sessions", "/sign/api/upload", "/sign/api/finish"} <= paths
    about = {name: unavailable.get(name) for name in ("job", "document_id", "session_id")}
    assert about == {"job": "process-document", "document_id": document, "session_id": opened["sessionId"]}


@pytest.mark.parametrize(
    ("path", "status", "level"),
    [
        ("/docs/assets/site.css", 200, "debug"),
        ("/sign/assets/page.js", 304, "debug"),
        ("/docs/nowhere", 404, "info"),
        ("/api/system/info", 200, "info"),
    ],
)
def test_files_do_not_bury_the_rest_of_a_demos_log(path: str, status: int, level: str) -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def ask(*, quiet_files: bool) -> None:
        logged = RequestLog(app, Meters("1"), quiet_files=quiet_files)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(logged)) as client:  # type: ignore[arg-type]
            await client.get(f"http://x{path}")

    with capture_logs() as found:
        asyncio.run(ask(quiet_files=True))
        asyncio.run(ask(quiet_files=False))

    assert [(line["path"], line["log_level"]) for line in found] == [(path, level), (path, "info")]
