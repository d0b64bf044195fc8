"""Key, role, token and room are looked at before the body, on every route: here the body never comes."""

from __future__ import annotations

import re
import select
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest

from signroom.page import api as page_api
from tests.harness.commands import signroom
from tests.harness.server import Server, ok, refused, running_server
from tests.harness.waiting import SECONDS, eventually
from tests.wire import raw

UNKNOWN = UUID(int=0x7A2C2F267CF14C1A8A7C6BB7FD0E5C44)
_FILL = {"number": "0", "page": "1", "key": "2345-6789-ABCD-EFGH", "token": "x" * 43}
_BODY = {"POST", "PUT", "PATCH", "DELETE"}
_MANAGED = re.compile(
    r"\w+ /api/(applications|settings|persons)\b|.*/retry$|DELETE /api/(documents|signature-sessions)/"
)
"""Routes that a worker may not use, with their methods."""


def is_managed(route: tuple[str, str]) -> bool:
    return _MANAGED.match(" ".join(route)) is not None


def filled(path: str) -> str:
    return re.sub(r"{(\w+)(?::\w+)?}", lambda name: _FILL.get(name[1], str(UNKNOWN)), path)


def keyed_routes(server: Server) -> list[tuple[str, str]]:
    """Of the API, with a body or not, as the running server describes them."""
    described = ok(httpx.get(f"{server.url}/openapi.json", trust_env=False))
    return [
        (method.upper(), filled(path))
        for path, operations in described["paths"].items()
        for method in operations
        if method.upper() in _BODY
    ]


def begun(server: Server, method: str, path: str, length: int, **headers: str) -> socket.socket:
    """A request that announces a body and waits to be told to send it (RFC 9110, 10.1.1)."""
    address = urlsplit(server.url)
    connection = socket.create_connection((address.hostname or "", address.port or 80), timeout=20)
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {address.netloc}",
        "Content-Type: application/json",
        f"Content-Length: {length}",
        "Expect: 100-continue",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    return connection


def first_status(server: Server, method: str, path: str, length: int = 500_000, /, **headers: str) -> int:
    """The first status that is answered: 100 when the body is wanted."""
    with begun(server, method, path, length, **headers) as connection:
        line = connection.recv(1 << 16).partition(b"\r\n")[0]
    return int(line.split()[1])


def test_a_wrong_key_and_a_key_that_may_only_read_are_refused_before_the_body(sqlite_server: Server) -> None:
    monitor = signroom(
        sqlite_server, "keys", "create", "--application", "Example application", "--role", "Monitor"
    ).splitlines()[-1]
    routes = keyed_routes(sqlite_server)
    assert len(routes) > 25

    for wanted, headers in (
        (401, {}),
        (401, {"X_Api_Key": "nobody|x"}),
        (403, {"X_Api_Key": monitor}),
        (403, {"X_Api_Key": sqlite_server.api_key, "X_Subscription": "another"}),
    ):
        found = {route: first_status(sqlite_server, *route, **headers) for route in routes}
        assert {route: status for route, status in found.items() if status != wanted} == {}


def test_a_key_of_a_worker_manages_nothing_and_is_told_so_before_the_body(sqlite_server: Server) -> None:
    routes = keyed_routes(sqlite_server)

    found = {route: first_status(sqlite_server, *route, X_Api_Key=sqlite_server.api_key) for route in routes}

    assert {r for r, status in found.items() if status == 403} == {r for r in routes if is_managed(r)}


def test_a_key_of_a_manager_does_nothing_that_concerns_others(sqlite_server: Server) -> None:
    manager = signroom(
        sqlite_server, "keys", "create", "--application", "Example application", "--role", "Manager"
    ).splitlines()[-1]
    routes = keyed_routes(sqlite_server)

    found = {route: first_status(sqlite_server, *route, X_Api_Key=manager) for route in routes}

    assert {r for r, status in found.items() if status == 403} == {
        ("POST", "/api/applications"),
        ("DELETE", f"/api/applications/{UNKNOWN}"),
        ("POST", "/api/settings/timestamp-providers"),
        ("PUT", f"/api/settings/timestamp-providers/{UNKNOWN}"),
        ("DELETE", f"/api/settings/timestamp-providers/{UNKNOWN}"),
        ("POST", f"/api/settings/timestamp-providers/{UNKNOWN}/test"),
    }


def test_a_body_that_is_too_large_for_its_route_is_refused_before_it_comes(sqlite_server: Server) -> None:
    large = {"/api/signature-sessions", "/api/documents/preflight", "/api/signature", "/api/signature-inspection"}
    routes = [r for r in keyed_routes(sqlite_server) if not is_managed(r)]

    wanted = {
        path
        for method, path in routes
        if first_status(sqlite_server, method, path, 100 << 20, X_Api_Key=sqlite_server.api_key) == 100
    }

    streamed = {path for path in wanted if "upload" in path.lower()}
    assert wanted - streamed == large


def page_routes() -> Iterator[tuple[str, str]]:
    for handler in page_api.HANDLERS:
        for method in handler.http_methods & _BODY:
            for path in handler.paths:
                yield method, filled(path)


@pytest.mark.parametrize("token", [None, "nonsense"])
def test_a_page_without_a_token_is_refused_before_the_body(sqlite_server: Server, token: str | None) -> None:
    routes = list(page_routes())
    assert len(routes) > 7
    headers = {} if token is None else {"X_Signature_Session_Token": token}

    found = {route: first_status(sqlite_server, *route, **headers) for route in routes}

    assert set(found.values()) == {422}


def test_what_anybody_may_send_is_small(sqlite_server: Server) -> None:
    assert first_status(sqlite_server, "POST", "/sign/api/renew", page_api.MAX_LINK_BODY + 1) == 413


# -- bytes in flight ------------------------------------------------------------------------------------------

MB = 1 << 20


def test_an_application_holds_so_many_bytes_and_no_more(tmp_path: Path) -> None:
    settings = {"SIGNROOM_MAX_FILE": "1 MB", "SIGNROOM_MAX_BODIES": "8 MB"}  # a share has 2.3 MB
    path = "/api/signature-sessions"
    with running_server(tmp_path / "tight", settings) as server:
        signroom(server, "subscriptions", "create", "Other")
        signroom(server, "applications", "create", "Other", "--subscription", "Other")
        other = signroom(server, "keys", "create", "--application", "Other").splitlines()[-1]
        slow = begun(server, "POST", path, 2 * MB, X_Api_Key=server.api_key)
        slow.sendall(b'{"x": "' + b"x" * (2 * MB - 100))

        def is_full() -> bool:
            return first_status(server, "POST", path, MB, X_Api_Key=server.api_key) == 429

        eventually(is_full)
        with begun(server, "POST", path, MB, X_Api_Key=server.api_key) as connection:
            answer = raw.received(connection, "POST", path)
            assert refused(answer, 429) == "TooManyRequests"
            assert int(answer.headers["retry-after"]) >= 1
        assert first_status(server, "POST", path, MB, X_Api_Key=other) == 100, "others have a share of their own"
        ok(server.api.post(path, json={}))  # what is small has room

        slow.close()
        eventually(lambda: not is_full())


def test_a_body_without_a_length_is_counted_as_it_comes(tmp_path: Path) -> None:
    settings = {"SIGNROOM_MAX_FILE": "1 MB", "SIGNROOM_MAX_BODIES": "3 MB"}
    path = "/api/signature-sessions"
    with running_server(tmp_path / "tight", settings) as server:
        address = urlsplit(server.url)
        head = (
            f"POST {path} HTTP/1.1\r\nHost: a\r\nX-Api-Key: {server.api_key}\r\nContent-Type: application/json\r\n"
            "Transfer-Encoding: chunked\r\n\r\n"
        ).encode()
        chunk = b"100000\r\n" + b"x" * MB + b"\r\n"
        connections = []
        for _ in range(2):
            connection = socket.create_connection((address.hostname or "", address.port or 80), timeout=SECONDS)
            connection.sendall(head + b"7\r\n" + b'{"x": "' + b"\r\n" + chunk + b"80000\r\n" + b"x" * 500_000)
            connections.append(connection)
        answering, _, _ = select.select(connections, [], [], SECONDS)
        answers = [refused(raw.received(connection, "POST", path), 429) for connection in answering]
        for connection in connections:
            connection.close()

    assert answers == ["TooManyRequests"]
