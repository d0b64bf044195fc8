"""Live progress: server-sent events, from the first look to the end, and when the server stops."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from tests.harness.server import Json, Page, Server, fork_server, refused
from tests.harness.waiting import SECONDS, eventually
from tests.vectors import hard_pdfs


def events(page: Page) -> Iterator[Json]:
    """Sessions as they come (WHATWG HTML, 9.2.6)."""
    with page.client.stream("GET", "events", timeout=SECONDS) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "no-store" in answer.headers["cache-control"]
        kind = ""
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "data":
                assert kind == "session"
                yield json.loads(value)


@pytest.fixture
def page(server: Server) -> Page:
    return server.page(server.open_session(returnUrl="https://app.example/back")["redirectUrl"])


def test_each_change_is_told_until_the_end(server: Server, page: Page) -> None:
    seen: list[Json] = []
    reader = threading.Thread(target=lambda: seen.extend(events(page)))
    reader.start()
    other = server.page(f"{server.url}/sign/{page.link}")
    other.add(hard_pdfs.make("plain"))
    eventually(lambda: bool(seen and seen[-1]["documents"]))

    other.sign(*other.demo_key())
    reader.join(SECONDS)

    assert not reader.is_alive(), "a session that has ended has nothing more to tell"
    assert (seen[0]["status"], seen[0]["documents"]) == ("Pending", [])
    assert seen[-1]["status"] == "Completed"
    assert seen[-1]["returnUrl"].startswith("https://app.example/back")
    assert all(a != b for a, b in pairwise(seen)), "what has not changed is not told again"


def test_what_has_ended_is_told_once(page: Page) -> None:
    page.client.post("cancel", json={})

    assert [session["status"] for session in events(page)] == ["UserCancelled"]


@pytest.mark.parametrize(
    ("token", "code"), [(None, "SignatureSessionTokenRequired"), ("nonsense", "BadSignatureSessionToken")]
)
def test_events_need_a_token(server: Server, token: str | None, code: str) -> None:
    headers = {} if token is None else {"X-Signature-Session-Token": token}

    assert refused(httpx.get(f"{server.url}/sign/api/events", headers=headers, trust_env=False), 422) == code


def test_a_session_has_six_streams(server: Server, page: Page) -> None:
    with ExitStack() as streams:
        for _ in range(6):
            answer = streams.enter_context(page.client.stream("GET", "events", timeout=SECONDS))
            assert answer.status_code == 200
        seventh = page.client.get("events")
        assert refused(seventh, 429) == "TooManyRequests"
        assert int(seventh.headers["retry-after"]) >= 1
        other = server.page(server.open_session()["redirectUrl"])
        assert next(iter(events(other)))["status"] == "Pending"

    # Who has hung up gives his place back.
    eventually(lambda: next(iter(events(page)), None) if _has_place(page) else None)


def _has_place(page: Page) -> bool:
    with page.client.stream("GET", "events", timeout=SECONDS) as answer:
        return answer.status_code == 200


def test_a_server_that_stops_does_not_wait_for_who_follows(tmp_path: Path) -> None:
    server = fork_server(tmp_path / "data")
    page = server.page(server.open_session()["redirectUrl"])
    following = iter(events(page))
    assert next(following)["status"] == "Pending"

    server.process.terminate()
    assert list(following) == []
    assert server.process.wait(SECONDS) == 0
    assert "graceful shutdown exceeded" not in server.log.read_text(), "it has waited ten seconds for an answer"
    server.stop()
