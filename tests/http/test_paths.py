"""HEAD is answered wherever GET is, and says what GET would."""

from __future__ import annotations

import asyncio
import re
from typing import Any
from uuid import uuid4

import httpx
import pytest

from signroom.http.paths import AnyCase, Known
from tests.api.requests import a_file, signed_session
from tests.harness.server import Server, ok
from tests.harness.waiting import SECONDS

CHANGING = {"date", "x-request-id", "content-length"}
"""Header lines that two answers to the same question do not share: a location is another one each time."""


def test_head_wherever_get_is(sqlite_server: Server) -> None:
    document = ok(sqlite_server.api.get("/openapi.json"))
    paths = [path for path, methods in document["paths"].items() if "get" in methods]
    addresses = [re.sub(r"\{[^}]+\}", str(uuid4()), path) for path in paths]

    for address in [
        *addresses,
        "/",
        "/docs",
        "/docs/api",
        "/docs/errors/x/y",
        "/openapi.json",
        "/api/system/info",
        "/health/live",
        "/nothing",
    ]:
        got, head = sqlite_server.api.get(address), sqlite_server.api.head(address)
        assert head.status_code == got.status_code, address
        assert head.content == b""
        assert {*head.headers} - CHANGING == {*got.headers} - CHANGING, address
        assert head.headers["content-type"] == got.headers["content-type"]
    allowed = sqlite_server.api.options("/api/signature-sessions").headers["allow"]
    assert allowed == "GET, HEAD, OPTIONS, POST"
    assert sqlite_server.api.head("/api/document-keys").status_code == 405, "there is no GET"


def test_head_of_a_file_says_its_length(sqlite_server: Server) -> None:
    file = signed_session(sqlite_server, a_file())["documents"][0]["signedFile"]

    head = httpx.head(file["location"], trust_env=False)

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(file["length"])
    assert 'filename="contract.pdf"' in head.headers["content-disposition"]


def test_a_stream_that_never_ends_ends_with_its_header_lines() -> None:
    """What makes it is told that the caller has gone."""
    sent: list[Any] = []

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        assert scope["method"] == "GET"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"more", "more_body": True})
        assert (await receive())["type"] == "http.disconnect"

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    app: Any = AnyCase(endless, {("events",): Known("/events", "GET, HEAD", reads=True)}, lambda **_: None)
    scope = {"type": "http", "method": "HEAD", "path": "/events", "state": {}}
    asyncio.run(asyncio.wait_for(app(scope, receive, send), SECONDS))

    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[1] == {"type": "http.response.body", "body": b"", "more_body": False}


@pytest.mark.parametrize("path", ["/swagger", "/Swagger/", "/swagger/index.html"])
def test_swagger_leads_to_the_reference(sqlite_server: Server, path: str) -> None:
    answer = httpx.get(sqlite_server.url + path, trust_env=False)

    assert (answer.status_code, answer.headers["location"]) == (302, "/docs/api")


def test_a_literal_part_wins_and_the_rest_of_an_address_comes_last() -> None:
    """Whatever was registered first, and also where the literal part leads nowhere."""
    templates: list[tuple[str | None, ...]] = [
        ("docs", None),
        ("a", None, "end"),
        ("a", "b", "other"),
        ("docs",),
        ("docs", "api"),
        (None, "c"),
    ]
    routes = {t: Known("/".join(part or "*" for part in t), "GET", rest=t == ("docs", None)) for t in templates}
    seen: list[str] = []

    async def note(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(f"{scope['state'].get('signroom_route')} {scope['path']}")

    async def ask() -> None:
        app: Any = AnyCase(note, routes, lambda **_: None)
        for path in ("/A/B/END", "/a/b/Other", "/Docs", "/docs/API", "/docs/X/Y", "/x/C", "/a/c", "/a/b", "/"):
            await app({"type": "http", "method": "GET", "path": path, "state": {}}, None, None)

    asyncio.run(ask())
    assert seen == [
        "a/*/end /a/B/end",
        "a/b/other /a/b/other",
        "docs /docs",
        "docs/api /docs/api",
        "docs/* /docs/X/Y",
        "*/c /x/c",
        "*/c /a/c",
        "None /a/b",
        "None /",
    ]
