"""The documentation site in a browser: its policy lets all of it work, and it asks nobody else."""

from __future__ import annotations

from playwright.sync_api import expect

from signroom.manual.site import BUILT
from tests.harness.server import Server
from tests.harness.tools import not_run
from tests.harness.waiting import eventually
from tests.journeys.conftest import Watched
from tests.journeys.test_accessibility import axe, violations

__all__ = ["axe"]


def test_a_code_is_explained_and_the_search_finds_it(sqlite_server: Server, window: Watched, axe: str) -> None:
    if not (BUILT / "index.html").exists():
        not_run("the documentation is not built: make docs")
    page = window.page
    page.goto(f"{sqlite_server.url}/docs/errors/#InvalidPdf")
    expect(page.locator("#InvalidPdf")).to_be_in_viewport()

    def opened() -> bool:
        if page.locator("dialog[open]").count():
            return True
        page.keyboard.press("Control+k")  # before the site's script runs nobody hears it
        return False

    eventually(opened)
    expect(page.locator("dialog[open]")).to_be_visible()  # until then letters are shortcuts of the site
    page.keyboard.type("InvalidPdf")

    expect(page.get_by_role("link", name="InvalidPdf").first).to_be_visible()
    page.keyboard.press("Escape")
    assert {url for url, _ in window.requests if not url.startswith(sqlite_server.url)} == set()
    page.goto(f"{sqlite_server.url}/docs/guide/get-started/")
    # The theme puts a menu inside a menu of the same name: against good practice, not against WCAG.
    assert [found for found in violations(page, axe) if not found.startswith("landmark-unique:")] == []
