"""What the signer sees of each document before he is asked for a key, in Chromium."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.api.requests import a_file
from tests.harness.server import Json, Server, base64
from tests.journeys.conftest import Watched
from tests.vectors import hard_pdfs

COUNT_REVOKED = """
window.revoked = 0;
const revoke = URL.revokeObjectURL;
URL.revokeObjectURL = (address) => { window.revoked++; revoke(address); };
"""


def review(server: Server, page: Page, *documents: Json) -> None:
    page.goto(server.open_session(documents=list(documents))["redirectUrl"])
    expect(page.get_by_role("heading", name="Read before you sign")).to_be_focused()


def made(name: str) -> bytes:
    """In a thread of its own: pyHanko, which signs some of them, starts a loop, and Playwright's runs in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(hard_pdfs.make, name).result()


def test_the_first_page_and_a_later_one_are_shown_with_their_words(sqlite_server: Server, window: Watched) -> None:
    page = window.page
    review(sqlite_server, page, a_file(hard_pdfs.with_pages(50)))
    first = page.get_by_role("img", name="Page 1 of 50 of contract.pdf")
    expect(first).to_be_visible()
    assert first.evaluate("(image) => [image.naturalWidth, image.src.slice(0, 5)]") == [800, "blob:"]
    assert not any("/39?width=" in url for url, _ in window.requests)

    pages = page.get_by_role("list", name="Pages of contract.pdf")
    for shown in (20, 40):
        expect(pages.locator("details")).to_have_count(shown)
        pages.evaluate("(list) => list.scrollTo(0, list.scrollHeight)")
    expect(pages.locator("details")).to_have_count(50)
    page.get_by_text("Text of page 40").scroll_into_view_if_needed()
    later = page.get_by_role("img", name="Page 40 of 50 of contract.pdf")
    expect(later).to_be_visible()
    page.get_by_text("Text of page 40").click()
    expect(page.get_by_text("Page 81: the parties agree.")).to_be_visible()
    assert "contract.pdf" in page.get_by_role("article").inner_text()
    expect(page.get_by_text(re.compile(r"Fingerprint \(SHA-256\) [0-9a-f]{16}"))).to_be_visible()


def test_several_dropped_files_keep_their_order_and_say_what_to_look_at(sqlite_server: Server, window: Watched) -> None:
    page = window.page
    page.goto(sqlite_server.open_session()["redirectUrl"])
    files = {"c.pdf": "plain", "a.pdf": "scripts", "b.pdf": "certified-forms"}
    dropped = page.evaluate_handle(
        """(files) => {
            const data = new DataTransfer();
            for (const [name, content] of files)
              data.items.add(new File([Uint8Array.from(atob(content), (c) => c.charCodeAt(0))], name));
            return data;
        }""",
        [[name, base64(made(vector))] for name, vector in files.items()],
    )
    page.dispatch_event(".drop", "drop", {"dataTransfer": dropped})

    rows = page.get_by_role("list", name="Documents").get_by_role("listitem")
    expect(rows.nth(2)).to_contain_text("Already signed by Signer rsa2048. That signature is intact.")
    expect(rows.nth(0)).to_contain_text("c.pdf")
    expect(rows.nth(0)).to_contain_text("ready to sign")
    expect(rows.nth(1)).to_contain_text("can be signed, but check this first:")
    expect(rows.nth(1)).to_contain_text("It contains scripts or actions")


def test_what_cannot_be_shown_says_so_and_can_be_opened(sqlite_server: Server, window: Watched, tmp_path: Path) -> None:
    """A hostile file costs its worker, and the page after it is drawn all the same."""
    page = window.page
    bomb = a_file(hard_pdfs.make("drawing-bomb"), "bomb.pdf")
    letter = {"file": {"name": "letter.txt", "content": base64(b"dear sir")}}
    review(sqlite_server, page, bomb, letter, a_file(name="good.pdf"))

    expect(page.get_by_text("This page cannot be shown here.")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("This kind of file has no preview.")).to_be_visible()
    page.get_by_role("list", name="Pages of good.pdf").scroll_into_view_if_needed()
    expect(page.get_by_role("img", name="Page 1 of 1 of good.pdf")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Open letter.txt").click()
    download.value.save_as(tmp_path / "letter.txt")
    assert (tmp_path / "letter.txt").read_bytes() == b"dear sir"


def test_the_service_that_is_busy_is_asked_again(sqlite_server: Server, window: Watched) -> None:
    page = window.page
    busy = {"code": "ProcessingUnavailable", "message": "busy"}
    page.route("**/sign/api/preview/**", lambda route: route.fulfill(status=503, json=busy), times=1)
    review(sqlite_server, page, a_file())
    page.get_by_role("article").get_by_role("button", name="Try again").click()

    expect(page.get_by_role("img", name="Page 1 of 1 of contract.pdf")).to_be_visible()


@pytest.mark.parametrize("width", [320, 1280])
def test_the_review_fits_and_pictures_are_let_go(sqlite_server: Server, window: Watched, width: int) -> None:
    page = window.page
    page.set_viewport_size({"width": width, "height": 800})
    page.add_init_script(COUNT_REVOKED)
    review(sqlite_server, page, a_file(hard_pdfs.make("ten-pages")))
    expect(page.get_by_role("img", name="Page 1 of 10 of contract.pdf")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Continue to signing").click()

    expect(page.get_by_role("heading", name="How do you want to sign?")).to_be_visible()
    page.wait_for_function("revoked >= 1")  # once the view has gone, a moment after the next one is there
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_role("heading", name="Read before you sign")).to_be_visible()
