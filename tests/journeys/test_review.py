"""What the signer sees of each document before he is asked for a key, in Chromium."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.api.requests import a_file
from tests.harness.server import Json, Server, base64
from tests.journeys.conftest import Watched
from tests.vectors import hard_pdfs

ELEMENTS = "document.querySelectorAll('*').length"
PICTURE = "(image) => [image.naturalWidth, image.src.slice(0, 5)]"


def review(server: Server, page: Page, *documents: Json) -> None:
    page.goto(server.open_session(documents=list(documents))["redirectUrl"])
    expect(page.get_by_role("heading", name="Read before you sign")).to_be_focused()


def made(name: str) -> bytes:
    """In a thread of its own: pyHanko, which signs some of them, starts a loop, and Playwright's runs in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(hard_pdfs.make, name).result()


def test_of_two_thousand_pages_those_that_are_looked_at_are_fetched(sqlite_server: Server, window: Watched) -> None:
    page = window.page
    review(sqlite_server, page, a_file(hard_pdfs.with_pages(2000)))
    first = page.get_by_role("img", name="Page 1 of 2,000 of contract.pdf")
    expect(first).to_be_visible()
    assert first.evaluate(PICTURE) == [800, "blob:"]
    assert page.evaluate(ELEMENTS) < 300

    number = page.get_by_role("textbox", name="Page of contract.pdf")
    way_on = page.get_by_role("button", name="Continue to signing")
    number.focus()
    stops = 0
    while not way_on.evaluate("(button) => button === document.activeElement"):
        page.keyboard.press("Tab")
        stops += 1
        assert stops < 15, "the way on is far from the first page"
    number.fill("1400")
    number.press("Enter")
    expect(page.get_by_role("img", name="Page 1,400 of 2,000 of contract.pdf")).to_be_in_viewport()
    page.get_by_text("Text of page 1,400").click()
    expect(page.get_by_text("Page 2801: the parties agree.")).to_be_visible()
    page.evaluate(
        """async () => {
            const end = document.documentElement.scrollHeight;
            for (let stop = 1; stop <= 30; stop++) {
              scrollTo(0, (end * stop) / 30);
              await new Promise(requestAnimationFrame);
            }
        }"""
    )
    expect(page.get_by_role("img", name="Page 2,000 of 2,000 of contract.pdf")).to_be_visible()
    expect(number).to_have_value(re.compile("1999|2000"))
    assert page.evaluate(ELEMENTS) < 300
    assert len([url for url, _ in window.requests if "/preview/" in url]) < 200


def test_a_page_is_made_larger_and_its_picture_finer(sqlite_server: Server, window: Watched) -> None:
    page = window.page
    review(sqlite_server, page, a_file(hard_pdfs.make("ten-pages")))
    number = page.get_by_role("textbox", name="Page of contract.pdf")
    number.fill("4")
    number.press("Enter")
    fourth = page.get_by_role("img", name="Page 4 of 10 of contract.pdf")
    expect(fourth).to_be_in_viewport()
    zoom = page.get_by_role("group", name="Reading tools").get_by_role("status")
    larger = page.get_by_role("button", name="Zoom in")
    larger.click()
    larger.click()
    expect(zoom).to_have_text(re.compile("150%"))
    page.wait_for_function("(image) => image.naturalWidth === 1200", arg=fourth.element_handle())
    expect(fourth).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    pages = page.get_by_role("list", name="Pages of contract.pdf")
    pages.focus()
    page.keyboard.press("-")
    expect(zoom).to_have_text(re.compile("125%"))
    fourth.hover()
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    expect(zoom).to_have_text(re.compile("1[5-9][0-9]%|2[0-9][0-9]%"))
    page.keyboard.press("0")
    expect(zoom).to_have_text(re.compile("100%"))
    expect(number).to_have_value("4")

    page.get_by_role("button", name="All pages").click()
    page.get_by_role("button", name="Page 8 of 10 of contract.pdf").click()
    expect(page.get_by_role("img", name="Page 8 of 10 of contract.pdf")).to_be_in_viewport()
    expect(number).to_have_value("8")


def test_words_are_found_in_all_documents(sqlite_server: Server, window: Watched) -> None:
    page = window.page
    review(sqlite_server, page, a_file(), a_file(hard_pdfs.make("ten-pages"), "annex.pdf"))
    page.get_by_role("button", name="Search").click()
    field = page.get_by_role("textbox", name="Words to find")
    expect(field).to_be_focused()
    field.fill("parties agree")
    field.press("Enter")
    found = page.get_by_role("search").get_by_role("status")
    expect(found).to_have_text("1 of 11")
    page.get_by_role("button", name="Previous match").click()
    expect(found).to_have_text("11 of 11")
    expect(page.get_by_role("img", name="Page 10 of 10 of annex.pdf")).to_be_in_viewport()
    expect(page.locator(".hit.at")).to_be_in_viewport()
    field.fill("nowhere")
    field.press("Enter")
    expect(found).to_have_text("Not found")
    expect(page.locator(".hit")).to_have_count(0)


def test_the_fingerprint_is_under_details(sqlite_server: Server, window: Watched) -> None:
    page = window.page
    review(sqlite_server, page, a_file())
    fingerprint = page.get_by_text(re.compile("^[0-9a-f]{64}$"))
    expect(fingerprint).to_be_hidden()
    page.get_by_role("article").get_by_text("Details").click()
    expect(fingerprint).to_be_visible()


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
        page.get_by_role("button", name="Open original letter.txt").click()
    download.value.save_as(tmp_path / "letter.txt")
    assert (tmp_path / "letter.txt").read_bytes() == b"dear sir"


def test_the_service_that_is_busy_is_asked_again(sqlite_server: Server, window: Watched) -> None:
    page = window.page
    busy = {"code": "ProcessingUnavailable", "message": "busy"}
    page.route("**/sign/api/preview/**", lambda route: route.fulfill(status=503, json=busy))
    review(sqlite_server, page, a_file())
    again = page.get_by_role("article").get_by_role("button", name="Try again")
    expect(again).to_be_visible()
    page.unroute("**/sign/api/preview/**")
    again.click()

    expect(page.get_by_role("img", name="Page 1 of 1 of contract.pdf")).to_be_visible()


def test_the_review_fits_a_small_screen(sqlite_server: Server, window: Watched) -> None:
    page = window.page
    page.set_viewport_size({"width": 320, "height": 640})
    review(sqlite_server, page, a_file(hard_pdfs.make("ten-pages")))
    expect(page.get_by_role("img", name="Page 1 of 10 of contract.pdf")).to_be_visible()
    assert page.get_by_role("img").first.evaluate("(image) => image.clientWidth") > 280
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Search").click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Continue to signing").click()

    expect(page.get_by_role("heading", name="How do you want to sign?")).to_be_visible()
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_role("heading", name="Read before you sign")).to_be_focused()
    expect(page.get_by_role("img", name="Page 1 of 10 of contract.pdf")).to_be_visible()
