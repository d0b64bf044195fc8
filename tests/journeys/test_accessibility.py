"""For everybody: axe-core in every state and language, the keyboard alone, small screens, large letters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.harness.server import ROOT, Server, base64
from tests.harness.tools import not_run
from tests.journeys.conftest import MILLISECONDS, Watched
from tests.journeys.scenes import LANGUAGES, Scenes
from tests.vectors import hard_pdfs

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 320, "height": 640}
# WCAG 2.2, 1.4.10: 320 CSS pixels are also a window of 1280 at 400 %.


@pytest.fixture(scope="module")
def axe() -> str:
    """The source of axe-core."""
    source = ROOT / "web/node_modules/axe-core/axe.min.js"
    if not source.exists():
        not_run("axe-core is not installed: cd web && npm ci --ignore-scripts")
    return source.read_text("utf-8")


def violations(page: Page, axe: str) -> list[str]:
    """What axe finds: every rule that is not experimental, those of WCAG 2.2 as well."""
    page.evaluate(axe)  # by the debugger: the page's policy lets no stranger's script in
    options = {"rules": {"target-size": {"enabled": True}}, "resultTypes": ["violations"]}
    found: dict[str, Any] = page.evaluate("(options) => axe.run(document, options)", options)
    return [f"{each['id']}: {node['html']}" for each in found["violations"] for node in each["nodes"]]


def require_room(page: Page) -> None:
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= NARROW["width"], f"{width} px are needed"


@pytest.mark.parametrize(("language", "scheme"), [*((language, "light") for language in LANGUAGES), ("en", "dark")])
def test_every_state_is_for_everybody(
    sqlite_server: Server, browser: Browser, tmp_path: Path, axe: str, language: str, scheme: str
) -> None:
    context = browser.new_context(viewport=WIDE, color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    context.set_default_timeout(MILLISECONDS)
    page = context.new_page()
    found: dict[str, list[str]] = {}
    for scene in Scenes(sqlite_server, page, language, tmp_path).play():
        assert page.locator("html").get_attribute("lang") == language
        found[scene] = violations(page, axe)
        page.set_viewport_size(NARROW)  # type: ignore[arg-type]
        require_room(page)
        page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    context.close()

    assert {scene: rules for scene, rules in found.items() if rules} == {}
    assert len(found) > 15


def test_two_documents_are_signed_by_the_keyboard_alone(sqlite_server: Server, window: Watched) -> None:
    documents = [
        {"file": {"name": name, "content": base64(hard_pdfs.make("plain"))}} for name in ("one.pdf", "two.pdf")
    ]
    opened = sqlite_server.open_session(documents=documents)
    page = window.page
    page.goto(opened["redirectUrl"])
    expect(page.get_by_role("heading", name="Read before you sign")).to_be_focused()
    press(page, "Continue to signing")
    press(page, "Use a test certificate")
    tab_to(page, "Your name")
    page.keyboard.type("Ana")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Check and sign")).to_be_focused()
    press(page, "Sign 2 documents")

    expect(page.get_by_role("heading", name="Documents signed")).to_be_focused()
    tab_to(page, "Download one.pdf")
    assert sqlite_server.session(opened["sessionId"])["status"] == "Completed"


FOCUSED = """() => {
  const element = document.activeElement;
  const name = element.getAttribute('aria-label') ?? element.labels?.[0]?.textContent ?? element.textContent;
  return { name, outline: getComputedStyle(element).outlineStyle };
}"""


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what is called `name` has the focus, visibly (WCAG 2.2, 2.4.7)."""
    for _ in range(40):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if (focused["name"] or "").startswith(name):
            assert focused["outline"] != "none"
            return
    raise AssertionError(f"the keyboard does not reach {name}")


def press(page: Page, name: str) -> None:
    tab_to(page, name)
    page.keyboard.press("Enter")
