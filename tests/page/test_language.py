"""The language of the page: the signer's own wish, the session's, the browser's."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from tests.harness.server import Server, refused


def language(redirect_url: str, accept: str = "", **query: str) -> str:
    """What the page's document says, in its text and in its header."""
    answer = httpx.get(redirect_url, params=query, headers={"Accept-Language": accept}, trust_env=False)
    assert answer.status_code == 200
    found = re.search(r'<html lang="([^"]+)">', answer.text)
    assert found is not None
    assert answer.headers["content-language"] == found[1]
    assert f'<link rel="preload" as="fetch" crossorigin href="/sign/assets/{found[1]}-' in answer.text
    assert "accept-language" in answer.headers["vary"].lower()
    return found[1]


def opened(server: Server, accept: str | None = None, **fields: Any) -> str:
    headers = {} if accept is None else {"Accept-Language": accept}
    answer = server.api.post("/api/signature-sessions", json=fields, headers=headers)
    assert answer.status_code == 200, answer.text
    url: str = answer.json()["redirectUrl"]
    return url


def test_the_browser_decides_when_nobody_else_has(server: Server) -> None:
    page = opened(server)

    assert language(page) == "en"
    assert language(page, "pt-BR,pt;q=0.9") == "pt-BR"
    assert language(page, "fr") == "en"


def test_the_sessions_language_wins_over_the_browsers(server: Server) -> None:
    assert language(opened(server, language="es"), "pt-BR") == "es"
    assert language(opened(server, language="PT"), "es") == "pt-BR"
    assert language(opened(server, accept="es-AR,es;q=0.9"), "pt-BR") == "es"
    assert language(opened(server, accept="es", language="pt-BR"), "en") == "pt-BR"


@pytest.mark.parametrize("accept", ["*", "", "fr", "xx;q=nonsense"])
def test_what_a_library_sends_by_itself_asks_for_nothing(server: Server, accept: str) -> None:
    assert language(opened(server, accept=accept), "es") == "es"


def test_the_signers_own_wish_wins(server: Server) -> None:
    page = opened(server, language="es")

    assert language(page, "en", lang="pt-BR") == "pt-BR"
    assert language(page, "en", lang="<script>") == "es"


def test_an_unknown_link_has_a_page_too(server: Server) -> None:
    assert language(f"{server.url}/sign/nonsense", "es") == "es"


def test_a_language_that_the_page_does_not_speak_is_refused(server: Server) -> None:
    answer = server.api.post("/api/signature-sessions", json={"language": "fr"})

    assert refused(answer, 400) == "BadRequest"
