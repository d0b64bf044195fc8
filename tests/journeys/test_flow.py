"""The order of steps: back until the consent, nothing after the end; tabs, reloads and links that come late."""

from __future__ import annotations

import re
import sys
from datetime import timedelta
from time import monotonic

import httpx
from playwright.sync_api import Page, Route, expect

from tests.harness.server import Server, base64, ok
from tests.harness.server_fixtures import end_time_of
from tests.journeys.conftest import Watched, go_on_to_signing
from tests.journeys.test_page_faults import open_predefined
from tests.journeys.test_signing import choose_demo_key
from tests.vectors import hard_pdfs

DOCUMENTS = [{"file": {"name": "contract.pdf", "content": base64(hard_pdfs.make("plain"))}}]


def sign(page: Page) -> None:
    choose_demo_key(page)
    page.get_by_role("button", name="Sign 1 document").click()


CLICKS = """
window.clicks = [];
addEventListener('click', ({ target }) => clicks.push(target.closest('button, a')?.innerText.split('\\n')[0]), true);
"""
OF_THE_KEY = ["Create a test certificate"]


def test_a_first_signature_takes_three_clicks_besides_the_keys_own(sqlite_server: Server, window: Watched) -> None:
    page = window.page
    page.add_init_script(CLICKS)
    page.set_viewport_size({"width": 820, "height": 1180})
    link = sqlite_server.open_session(documents=DOCUMENTS)["redirectUrl"]
    began = monotonic()
    page.goto(link)
    expect(page.get_by_text("Step 1 of 3: Read")).to_be_visible()
    asker, leave = (page.locator(what).bounding_box() for what in (".asker", ".leave"))
    assert asker is not None
    assert leave is not None
    assert leave["y"] + leave["height"] <= asker["y"]
    page.set_viewport_size({"width": 1280, "height": 800})
    reader = page.locator(".reading").bounding_box()
    page.get_by_role("button", name="Continue to signing").click()
    expect(page.get_by_text("Step 2 of 3: Choose how to sign")).to_be_visible()
    choose_demo_key(page)
    expect(page.get_by_text("Step 3 of 3: Check and sign")).to_be_visible()
    assert page.locator(".reading").bounding_box() == reader  # what is read stays where it is
    require_in_sight(page)
    page.set_viewport_size({"width": 390, "height": 780})
    require_in_sight(page)
    page.get_by_role("button", name="Sign 1 document").click()
    expect(page.get_by_role("heading", name="Document signed")).to_be_visible()
    sys.stdout.write(f"{monotonic() - began:.1f} s from the link to the signature\n")  # 10 s at most on an idle machine

    clicks = page.evaluate("clicks")
    assert [click for click in clicks if click not in OF_THE_KEY] == [
        "Continue to signing",
        "Use a test certificate",
        "Sign 1 document",
    ]


def require_in_sight(page: Page) -> None:
    """What is signed is above the bar with the button, without any scrolling."""
    row, bar = (page.locator(what).last.bounding_box() for what in (".panel .files li", ".actions"))
    assert row is not None
    assert bar is not None
    assert row["y"] + row["height"] <= bar["y"]
    assert page.evaluate("scrollY") == 0


def test_every_step_before_the_signature_can_be_taken_back(sqlite_server: Server, window: Watched) -> None:
    page = window.page
    open_predefined(sqlite_server, page)
    choose_demo_key(page)
    expect(page.get_by_role("heading", name="Check and sign")).to_be_focused()
    page.get_by_role("button", name="Change certificate").click()
    expect(page.get_by_role("heading", name="How do you want to sign?")).to_be_focused()
    page.get_by_role("button", name="Back", exact=True).click()
    expect(page.get_by_role("heading", name="Read before you sign")).to_be_focused()
    go_on_to_signing(page)
    choose_demo_key(page)
    expect(page.get_by_role("heading", name="Check and sign")).to_be_focused()
    for back in ("How do you want to sign?", "Read before you sign"):
        page.go_back()
        expect(page.get_by_role("heading", name=back)).to_be_focused()
    page.go_forward()
    expect(page.get_by_role("heading", name="How do you want to sign?")).to_be_focused()
    page.go_forward()  # the key is still open
    expect(page.get_by_role("heading", name="Check and sign")).to_be_focused()
    page.get_by_role("link", name="Español").click()
    expect(page.get_by_role("heading", name="Revisar y firmar")).to_be_visible()
    page.get_by_role("link", name="English").click()
    page.get_by_role("button", name="Sign 1 document").click()

    expect(page.get_by_role("heading", name="Document signed")).to_be_focused()
    assert page.evaluate("scrollY") == 0


def test_the_browsers_back_button_after_the_end_changes_nothing(sqlite_server: Server, window: Watched) -> None:
    page = window.page
    page.goto(sqlite_server.app_url)
    open_predefined(sqlite_server, page)
    sign(page)
    expect(page.get_by_role("heading", name="Document signed")).to_be_visible()
    page.go_back()
    page.wait_for_url(f"{sqlite_server.app_url}/")  # out of the session at once
    page.go_forward()

    expect(page.get_by_role("heading", name="Document signed")).to_be_visible()
    expect(page.get_by_role("link", name="Download contract.pdf")).to_be_visible()


def test_two_tabs_that_sign_at_the_same_moment_sign_once(sqlite_server: Server, window: Watched) -> None:
    opened = sqlite_server.open_session(documents=DOCUMENTS)
    tabs = [window.page, window.context.new_page()]
    waiting: list[Route] = []

    def wait(route: Route) -> None:
        waiting.append(route)

    for tab in tabs:
        tab.bring_to_front()  # a tab in the background draws once a second, and the clicks wait for that
        tab.route("**/sign/api/finish", wait)
        tab.goto(opened["redirectUrl"])
        go_on_to_signing(tab)
        sign(tab)
        expect(tab.get_by_role("heading", name="Saving your signatures")).to_be_visible()
    for route in waiting:
        route.continue_()

    for tab in tabs:
        expect(tab.get_by_role("heading", name="Document signed")).to_be_visible()
    signed = sqlite_server.session(opened["sessionId"])["documents"][0]["signedFile"]["location"]
    assert httpx.get(signed).content.count(b"/ByteRange") == 1


def test_a_link_that_was_cancelled_elsewhere_explains_itself(sqlite_server: Server, window: Watched) -> None:
    link = sqlite_server.open_session(documents=DOCUMENTS)["redirectUrl"]
    ok(sqlite_server.page(link).client.post("cancel", json={}))
    window.page.goto(link)

    expect(window.page.get_by_role("heading", name="Cancelled")).to_be_visible()
    expect(window.page.get_by_text("Nothing was signed.")).to_be_visible()


def test_a_link_whose_time_is_over_explains_itself_and_has_the_way_back(sqlite_server: Server, window: Watched) -> None:
    opened = sqlite_server.open_session(documents=DOCUMENTS, returnUrl="https://app.example/back")
    end_time_of(sqlite_server, opened["sessionId"], timedelta(seconds=4))
    window.page.goto(opened["redirectUrl"])  # the page sees it by itself

    expect(window.page.get_by_role("heading", name="This link has expired")).to_be_visible()
    expect(window.page.get_by_text("Go back to Example application and start again.")).to_be_visible()
    back = f"https://app.example/back?signatureSessionId={opened['sessionId']}"
    expect(window.page.get_by_role("link", name="Return to Example application")).to_have_attribute("href", back)
    expect(window.page.get_by_text(re.compile("Returning in"))).to_have_count(0)


def test_a_signer_who_is_there_gets_more_time(sqlite_server: Server, window: Watched) -> None:
    page, opened = window.page, sqlite_server.open_session(documents=DOCUMENTS)
    end_time_of(sqlite_server, opened["sessionId"], timedelta(minutes=9))
    before = sqlite_server.page(opened["redirectUrl"]).load()["expiresAt"]
    page.goto(opened["redirectUrl"])
    expect(page.get_by_text("This link expires in less than 10 minutes.")).to_be_visible()
    page.get_by_role("button", name="I need more time").click()

    expect(page.get_by_text("You have more time: this link now works until")).to_be_visible()
    expect(page.get_by_role("button", name="I need more time")).to_have_count(0)
    expect(page.get_by_role("heading", name="Read before you sign")).to_be_focused()
    assert sqlite_server.page(opened["redirectUrl"]).load()["expiresAt"] > before


def test_a_reload_in_the_middle_begins_where_the_server_stands(sqlite_server: Server, window: Watched) -> None:
    page = window.page
    open_predefined(sqlite_server, page)
    choose_demo_key(page)
    expect(page.get_by_role("heading", name="Check and sign")).to_be_visible()
    page.reload()

    expect(page.get_by_role("heading", name="Read before you sign")).to_be_visible()
    expect(page.get_by_role("heading", name="contract.pdf")).to_be_visible()


def test_leaving_while_a_file_is_on_its_way_asks_first(sqlite_server: Server, window: Watched) -> None:
    page = window.page
    page.goto(sqlite_server.open_session()["redirectUrl"])

    def never_answered(route: Route) -> None:
        pass

    page.route("**/sign/api/upload", never_answered)
    page.get_by_label("Add files").set_input_files(
        {"name": "contract.pdf", "mimeType": "application/pdf", "buffer": hard_pdfs.make("plain")}
    )
    page.get_by_role("heading").click()  # a browser asks only for a page that was used
    with page.expect_event("dialog") as asked:
        page.close(run_before_unload=True)

    assert asked.value.type == "beforeunload"
    asked.value.accept()
