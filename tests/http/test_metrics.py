"""Who may read the metrics: this machine, or a bearer of the token, and nobody that a proxy lets in."""

from __future__ import annotations

import httpx
import pytest
from litestar.exceptions import PermissionDeniedException
from prometheus_client.parser import text_string_to_metric_families

from signroom.http.metrics import Metrics
from tests.api.requests import a_file, signed_session
from tests.harness.server import Server, refused
from tests.harness.waiting import eventually

TOKEN = "0123456789abcdef"
HERE = {"host": "127.0.0.1:8400"}
BEARER = {"authorization": f"Bearer {TOKEN}"}


def allowed(peer: str | None, headers: dict[str, str], *, token: str | None = None, loopback: bool = True) -> bool:
    try:
        Metrics(lambda: b"", token, loopback).require_allowed(peer, headers)
    except PermissionDeniedException:
        return False
    return True


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("host", ["127.0.0.1:8400", "localhost", "[::1]:8400"])
def test_this_machine_may_read_them(peer: str, host: str) -> None:
    assert allowed(peer, {"host": host})


@pytest.mark.parametrize("peer", ["10.0.0.1", "203.0.113.9", "2001:db8::1", "::ffff:10.0.0.1", "", "nonsense", None])
def test_nobody_else_may(peer: str | None) -> None:
    assert not allowed(peer, HERE)


@pytest.mark.parametrize(
    "mark", ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded", "via", "x-real-ip"]
)
def test_what_bears_the_mark_of_a_proxy_is_a_strangers(mark: str) -> None:
    assert not allowed("127.0.0.1", {**HERE, mark: "127.0.0.1"})


@pytest.mark.parametrize("host", ["sign.example", "sign.example:8400", "127.0.0.1.evil.example", "", "[", "localhost."])
def test_a_name_that_is_not_this_machines_is_a_strangers(host: str) -> None:
    assert not allowed("127.0.0.1", {"host": host})


def test_with_a_proxy_on_this_machine_only_the_token_counts() -> None:
    assert not allowed("127.0.0.1", HERE, loopback=False)
    assert allowed("127.0.0.1", {**HERE, **BEARER}, loopback=False, token=TOKEN)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (f"Bearer {TOKEN}", True),
        (f"bearer {TOKEN}", True),
        (f"Bearer {TOKEN}x", False),
        (f"Bearer {TOKEN[:-1]}", False),
        (TOKEN, False),
        (f"Basic {TOKEN}", False),
        ("Bearer ", False),
        ("Bearer é", False),
    ],
)
def test_the_token_must_be_the_token(sent: str, expected: bool) -> None:
    assert allowed("203.0.113.9", {"host": "sign.example", "authorization": sent}, token=TOKEN) is expected


def test_without_a_token_no_token_is_right() -> None:
    assert not allowed("203.0.113.9", {"host": "sign.example", "authorization": "Bearer "})
    assert not allowed("203.0.113.9", {"host": "sign.example", "authorization": "Bearer None"})


def numbers(server: Server) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = httpx.get(f"{server.url}/metrics", trust_env=False)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.text)
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def number(server: Server, name: str, **labels: str) -> float:
    return numbers(server)[f"signroom_{name}", frozenset(labels.items())]


def test_what_a_running_service_counts(server: Server) -> None:
    """By differences: other tests use the same server."""
    before = numbers(server)
    signed = signed_session(server, a_file())
    server.open_session()
    after = numbers(server)

    def grown(name: str, **labels: str) -> float:
        key = f"signroom_{name}", frozenset(labels.items())
        return after.get(key, 0) - before.get(key, 0)

    assert grown("events_total", type="SessionCreated") == 2
    assert grown("events_total", type="SessionCompleted") == 1
    assert grown("job_seconds_count", job="process-document", outcome="done") == 1
    for step in ("prepare", "check_values", "sign"):
        assert grown("format_seconds_count", step=step, outcome="done") == 1, step
    route = "/api/signature-sessions"
    assert grown("http_requests_total", route=route, method="POST", status="200") == 2
    assert grown("http_request_seconds_count", route=route, method="POST") == 2
    assert after["signroom_up", frozenset({("part", "database")})] == 1
    assert after["signroom_pool_workers", frozenset()] >= 1
    assert after["signroom_database_connections", frozenset({("state", "idle")})] >= 1
    assert not any(signed["id"] in str(key) for key in after)


def test_what_is_under_way_is_counted_by_state(sqlite_server: Server) -> None:
    before = sessions(sqlite_server)
    sqlite_server.open_session()

    # What was asked of the database is kept for five seconds.
    eventually(lambda: sessions(sqlite_server)["Pending"] > before["Pending"])
    after = sessions(sqlite_server)
    assert set(after) == {"Pending", "Processing", "ProcessingError", "Expiring"}
    assert after["Pending"] >= before["Pending"] + 1


def sessions(server: Server) -> dict[str, float]:
    return {dict(labels)["status"]: v for (name, labels), v in numbers(server).items() if name == "signroom_sessions"}


def test_a_forwarded_reader_is_refused_and_told_nothing(sqlite_server: Server) -> None:
    answer = httpx.get(f"{sqlite_server.url}/metrics", headers={"X-Forwarded-For": "127.0.0.1"}, trust_env=False)

    assert refused(answer, 403) == "Forbidden"
