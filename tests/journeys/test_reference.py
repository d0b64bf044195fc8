"""The API reference in a browser: it works under its policy, and asks nobody else for anything."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from tests.harness.server import Server

OPEN = "/docs/api#tag/signature-sessions/POST/api/signature-sessions"


def test_a_call_is_shown_with_its_example_in_six_languages(browser: Browser, sqlite_server: Server) -> None:
    page = browser.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))

    page.goto(f"{sqlite_server.url}{OPEN}")

    call = page.locator("section", has=page.get_by_role("heading", name="Open a signature session")).last
    expect(call.get_by_text('"contract.pdf"').first).to_be_visible()
    for language in ("Shell", "Python", "JavaScript", "PHP", "Java", "C#"):
        expect(page.get_by_role("tab", name=language, exact=True).first).to_be_attached()
    expect(call.get_by_role("button", name="Test Request").first).to_be_attached()
    expect(page.get_by_text("Ask AI")).to_have_count(0)
    expect(page.get_by_role("navigation", name="Documentation").get_by_role("link", name="Guide")).to_be_in_viewport()
    assert [url for url in asked if not url.startswith((sqlite_server.url, "data:", "blob:"))] == []
    assert said == []
    page.close()
