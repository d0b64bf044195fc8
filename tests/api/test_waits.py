"""Requests that wait: so many of an application, and none for a caller who has hung up."""

from __future__ import annotations

import select
import socket
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import pytest

from signroom.api import auth
from signroom.api.auth import MAX_WAITS, Waits
from signroom.domain.application import Application, ApplicationCaller, Role
from signroom.domain.errors import TooManyRequests
from tests.harness.commands import signroom
from tests.harness.server import Server, ok, refused, running_server
from tests.harness.waiting import eventually


def waiting(server: Server, after: str) -> socket.socket:
    """A request for events that do not happen."""
    address = urlsplit(server.url)
    connection = socket.create_connection((address.hostname or "", address.port or 80), timeout=30)
    head = f"GET /api/events?after={after}&wait=15 HTTP/1.1\r\nHost: a\r\nX-Api-Key: {server.api_key}\r\n\r\n"
    connection.sendall(head.encode())
    return connection


def test_an_application_waits_so_often_and_who_hangs_up_gives_a_place_back(tmp_path: Path) -> None:
    with running_server(tmp_path / "waits") as server, ExitStack() as closing:
        signroom(server, "subscriptions", "create", "Other")
        signroom(server, "applications", "create", "Other", "--subscription", "Other")
        other = signroom(server, "keys", "create", "--application", "Other").splitlines()[-1]
        after = ok(server.api.get("/api/events", params={"limit": 500}))["next"]
        connections: list[socket.socket] = []

        def one_more() -> httpx.Response:
            return server.api.get("/api/events", params={"after": after, "wait": 1})

        def one_too_many() -> httpx.Response | None:
            """Five too many are answered at once; then every place is taken.

            On a slow machine the first waits may be over by then: so all begin anew.
            """
            begun = [closing.enter_context(waiting(server, after)) for _ in range(MAX_WAITS + 5)]
            connections.extend(begun)
            eventually(lambda: len(select.select(begun, [], [], 0)[0]) >= 5)
            answer = one_more()
            return None if answer.status_code == 200 else answer

        answer = eventually(one_too_many)
        assert refused(answer, 429) == "TooManyRequests"
        assert int(answer.headers["retry-after"]) >= 1
        ok(server.api.get("/api/events", params={"after": after}))  # it does not wait
        ok(server.api.get("/api/events", params={"wait": 1}, headers={"X-Api-Key": other}))

        for connection in connections:
            connection.close()
        eventually(lambda: one_more().status_code == 200)
        assert "request.crashed" not in server.log.read_text()


def test_a_subscription_waits_so_often_whatever_its_applications(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "MAX_WAITS_OF_SUBSCRIPTION", 3)
    subscription, waits = uuid4(), Waits()

    def caller(of: UUID) -> ApplicationCaller:
        application = Application(uuid4(), of, "any")
        return ApplicationCaller(application, frozenset({Role.WORKER}))

    with ExitStack() as taken:
        for _ in range(3):
            taken.enter_context(waits.taken(caller(subscription)))
        with pytest.raises(TooManyRequests), waits.taken(caller(subscription)):
            raise AssertionError("a fourth one has a place")
        taken.enter_context(waits.taken(caller(uuid4())))
    with waits.taken(caller(subscription)):
        pass
