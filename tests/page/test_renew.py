"""What a page gets for its link: a token, and with it the session, as `load` gives it."""

from __future__ import annotations

import httpx
import pytest

from tests.harness.server import Json, Page, Server, base64, ok, refused
from tests.vectors import hard_pdfs


@pytest.fixture
def opened(sqlite_server: Server) -> Json:
    return sqlite_server.open_session(
        documents=[{"file": {"name": "a.pdf", "content": base64(hard_pdfs.make("plain"))}}]
    )


def renewed(server: Server, link: str, **more: object) -> httpx.Response:
    return httpx.post(f"{server.url}/sign/api/renew", json={"link": link, **more})


def test_a_page_is_loaded_with_its_token_and_tells_that_it_was_opened(opened: Json, sqlite_server: Server) -> None:
    first = Page(opened["redirectUrl"], load=True)
    again = Page(opened["redirectUrl"], load=True)

    assert first.opened == again.opened == first.load()
    assert [document["name"] for document in first.load()["documents"]] == ["a.pdf"]
    for page in (first, again):
        page.client.close()
    feed = ok(sqlite_server.api.get("/api/events", params={"sessionId": opened["sessionId"]}))["events"]
    mine = [event["type"] for event in feed]
    assert mine == ["SessionCreated", "SessionOpened"]


@pytest.mark.parametrize("asked", [{}, {"load": False}])
def test_a_page_of_an_older_version_gets_the_token_alone(opened: Json, sqlite_server: Server, asked: Json) -> None:
    answer = ok(renewed(sqlite_server, opened["redirectUrl"].rpartition("/")[2], **asked))

    assert answer["session"] is None
    token = {"X-Signature-Session-Token": answer["token"]}
    assert ok(httpx.get(f"{sqlite_server.url}/sign/api/load", headers=token))["status"] == "Pending"


def test_what_is_no_link_loads_nothing(sqlite_server: Server) -> None:
    assert refused(renewed(sqlite_server, "a" * 43, load=True), 422) == "BadSignatureSessionToken"
