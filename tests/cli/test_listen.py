"""``signroom listen``: a process of its own between a running service and a developer's application."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from signroom_client import parse_webhook

from signroom.cli.listen import Wanted, run_listen
from tests.harness.hooks import Endpoint, running_receiver
from tests.harness.server import ROOT, Server, clean_environment, fork_server, ok
from tests.harness.tools import free_port
from tests.harness.waiting import SECONDS, eventually
from tests.vectors import hard_pdfs


@contextmanager
def listening(folder: Path, url: str, key: str, endpoint: str, *arguments: str) -> Iterator[Path]:
    """The file that its output goes to."""
    output = folder / "listen.txt"
    environment = clean_environment()
    command = [sys.executable, "-m", "signroom", "listen", "--forward-to", endpoint, "--url", url, *arguments]
    with output.open("w") as target:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**environment, "SIGNROOM_API_KEY": key}, stdout=target, stderr=target
        )
    try:
        yield output
    finally:
        process.terminate()
        process.wait(SECONDS)


SESSIONS = ("--event", "SessionCreated", "--event", "SessionCompleted", "--event", "DocumentSignatureCompleted")


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with running_receiver() as receiver:
        yield receiver.endpoint()


def lines_of_all(output: Path, event_ids: list[str]) -> list[str]:
    """The lines of `output` once they say of each event that it was answered with 200; nothing before."""
    lines = output.read_text().splitlines()
    return lines if all(any(f"{id_} -> 200" in line for line in lines) for id_ in event_ids) else []


def test_events_are_relayed_as_webhooks_would_bring_them(
    sqlite_server: Server, endpoint: Endpoint, tmp_path: Path
) -> None:
    before = sqlite_server.open_session()
    with listening(tmp_path, sqlite_server.url, sqlite_server.api_key, endpoint.url, *SESSIONS) as output:
        eventually(lambda: "Signing secret: " in output.read_text())
        session = sqlite_server.open_session(callbackArgument="order 42")
        page = sqlite_server.page(session["redirectUrl"])
        page.add(hard_pdfs.make("plain"))
        page.sign(*page.demo_key())
        eventually(lambda: any(b["type"] == "SessionCompleted" for b in endpoint.bodies))
        # A line is written once the endpoint has answered.
        lines = eventually(lambda: lines_of_all(output, [e.headers["webhook-id"] for e in endpoint.seen]))

    secret = next(line for line in lines if line.startswith("Signing secret: ")).removeprefix("Signing secret: ")
    events = [parse_webhook(e.body, e.headers, secret=secret) for e in endpoint.seen]
    assert [e.type for e in events][:1] == ["SessionCreated"]
    assert "DocumentSignatureCompleted" in [e.type for e in events]
    assert before["sessionId"] not in str(endpoint.bodies), "what was before is not relayed"
    for event in events:
        assert any(f"{event.id} -> 200" in line for line in lines)
    body = next(b for b in endpoint.bodies if b["type"] == "DocumentSignatureCompleted")
    assert body["document"]["callbackArgument"] == "order 42"


def test_it_begins_behind_a_cursor_and_goes_on_when_the_developer_is_away(
    sqlite_server: Server, endpoint: Endpoint, tmp_path: Path
) -> None:
    start = ok(sqlite_server.api.get("/api/events", params={"limit": 500}))
    while start["events"]:
        start = ok(sqlite_server.api.get("/api/events", params={"limit": 500, "after": start["next"]}))
    first, second = sqlite_server.open_session()["sessionId"], sqlite_server.open_session()["sessionId"]
    nobody = f"http://127.0.0.1:{free_port()}"
    arguments = ("--after", start["next"], "--secret", "whsec_c2VjcmV0", *SESSIONS)
    with listening(tmp_path, sqlite_server.url, sqlite_server.api_key, nobody, *arguments, "--json") as output:
        eventually(lambda: output.read_text().count("ConnectError") >= 2)
        line = next(line for line in output.read_text().splitlines() if "ConnectError" in line)
    cursor = json.loads(line)["cursor"]

    arguments = ("--after", cursor, "--secret", "whsec_c2VjcmV0", *SESSIONS)
    with listening(tmp_path, sqlite_server.url, sqlite_server.api_key, endpoint.url, *arguments):
        endpoint.wait(1)

    assert parse_webhook(endpoint.seen[0].body, endpoint.seen[0].headers, secret="whsec_c2VjcmV0")
    assert (endpoint.bodies[0]["session"]["id"], first) == (second, first)


def test_a_lost_connection_is_found_again(endpoint: Endpoint, tmp_path: Path) -> None:
    server = fork_server(tmp_path / "data")
    with listening(tmp_path, server.url, server.api_key, endpoint.url, *SESSIONS) as output:
        eventually(lambda: "Signing secret: " in output.read_text())
        port = server.url.rpartition(":")[2]
        server.kill()
        eventually(lambda: "trying again" in output.read_text())
        again = fork_server(tmp_path / "data", port=int(port))
        session = again.open_session()
        endpoint.wait(1)
        again.stop()

    assert endpoint.bodies[0]["session"]["id"] == session["sessionId"]


def test_what_a_webhook_brings_is_relayed_and_a_refusal_is_hinted_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    types = ["SessionCreated", "DocumentSignatureCompleted", "SessionCompleted", "DocumentSignatureCompleted"]
    events = [
        {"id": str(UUID(int=n)), "type": kind, "createdAt": "2026-05-01T12:00:00Z", "cursor": f"c{n}"}
        for n, kind in enumerate(types)
    ]
    posted = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/webhook":
            posted.append(request.headers["webhook-id"])
            return httpx.Response(400)
        if request.url.path == "/api/events":
            seen = "after" in request.url.params
            return httpx.Response(401 if seen else 200, json={"events": events, "next": "c3"})
        return httpx.Response(200, json={})

    client = httpx.Client
    monkeypatch.setattr(
        "signroom.cli.listen.httpx.Client", lambda **kw: client(transport=httpx.MockTransport(answer), **kw)
    )

    run_listen(Wanted("http://sign.test", "key", "http://app.test/webhook", from_start=True))

    assert posted == [events[1]["id"], events[3]["id"]]
    assert capsys.readouterr().err.count("Does it have the signing secret above?") == 1


@pytest.mark.parametrize(
    ("changes", "code", "told"),
    [
        ({"key": "nobody"}, 3, "401 Unauthorized"),
        ({"url": "sign.example"}, 2, "http"),
        ({"secret": "whsec_!"}, 2, "whsec_"),
        ({"event": "SessionEnded"}, 2, "'SessionEnded', which is none of "),
    ],
)
def test_what_cannot_work_ends_it(sqlite_server: Server, changes: dict[str, str], code: int, told: str) -> None:
    options = {"url": sqlite_server.url, "key": sqlite_server.api_key, "secret": "whsec_c2VjcmV0"}
    options |= {"event": "SessionCreated"} | changes
    command = [sys.executable, "-m", "signroom", "listen", "--forward-to", "http://127.0.0.1:9", "--url"]
    done = subprocess.run(
        [*command, options["url"], "--secret", options["secret"], "--event", options["event"]],
        cwd=ROOT,
        env={**os.environ, "SIGNROOM_API_KEY": options["key"]},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, told in done.stderr) == (code, True), done.stderr
