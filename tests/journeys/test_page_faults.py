"""What the page does when the network, the service, another tab or the signer's files do not behave."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error, Page, Route, expect

from tests.harness.server import Json, Server, base64
from tests.journeys.conftest import Watched, alter_session, go_on_to_signing
from tests.journeys.test_signing import choose_demo_key, choose_pfx
from tests.pki import authority
from tests.vectors import hard_pdfs

CONNECTION = re.compile("connection", re.IGNORECASE)


def open_predefined(server: Server, page: Page, **fields: Any) -> None:
    documents = [{"file": {"name": "contract.pdf", "content": base64(hard_pdfs.make("plain"))}}]
    page.goto(server.open_session(documents=documents, **fields)["redirectUrl"])
    go_on_to_signing(page)


def altered(page: Page, path: str, **fields: Any) -> None:
    """Change top-level fields of an answer on its way to the page."""

    def change(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, json={**response.json(), **fields})

    page.route(f"**/sign/api/{path}", change)


def finishes(page: Page) -> list[str]:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.url.endswith("/finish") else None)
    return sent


def test_a_document_added_in_another_tab_is_not_signed_without_consent(
    sqlite_server: Server, window: Watched, contract: Path
) -> None:
    page, link = window.page, sqlite_server.open_session()["redirectUrl"]
    page.goto(link)
    page.get_by_label("Add files").set_input_files(contract)
    go_on_to_signing(page)
    choose_demo_key(page)
    sqlite_server.page(link).add(hard_pdfs.make("plain"), "slipped-in.pdf")
    sent = finishes(page)
    page.get_by_role("button", name="Sign 1 document").click()

    expect(page.get_by_role("heading", name="Read before you sign")).to_be_visible()
    expect(page.get_by_role("heading", name="slipped-in.pdf")).to_be_visible()
    assert sent == []
    page.get_by_role("button", name="Continue to signing").click()
    page.get_by_role("button", name="Sign 2 documents").click()
    expect(page.get_by_role("heading", name="Documents signed")).to_be_visible()


def test_an_original_with_another_fingerprint_than_the_one_shown_gets_no_signature(
    sqlite_server: Server, window: Watched
) -> None:
    page = window.page
    sent = finishes(page)

    def forge(session: Json) -> Json:
        session["documents"][0]["sha256"] = "00" * 32
        return session

    alter_session(page, forge)
    open_predefined(sqlite_server, page)
    choose_demo_key(page)
    page.get_by_role("button", name="Sign 1 document").click()

    expect(page.get_by_text(re.compile("signature on a different file"))).to_be_visible()
    expect(page.get_by_role("button", name="Sign 1 document")).to_be_disabled()
    assert sent == []


@pytest.mark.parametrize("failure", ["network", "InternalError", "TooManyRequests"])
def test_a_service_that_fails_for_a_moment_while_it_processes_has_not_failed_the_documents(
    sqlite_server: Server, window: Watched, failure: str
) -> None:
    page = window.page
    open_predefined(sqlite_server, page)
    choose_demo_key(page)
    altered(page, "finish", status="Processing")
    status = {"InternalError": 500, "TooManyRequests": 429}.get(failure, 0)
    answer = {"code": failure, "message": "for a moment"}
    for path in ("events", "load"):
        page.route(
            f"**/sign/api/{path}", lambda route: route.fulfill(status=status, json=answer) if status else route.abort()
        )
    page.get_by_role("button", name="Sign 1 document").click()
    expect(page.get_by_text(re.compile("Try again|try again|Wait a moment"))).to_be_visible()
    expect(page.get_by_role("heading", name="Your signatures are saved")).to_be_visible()
    for path in ("events", "load"):
        page.unroute(f"**/sign/api/{path}")

    expect(page.get_by_role("heading", name="Document signed")).to_be_visible()


def test_where_events_do_not_come_through_the_page_asks(sqlite_server: Server, window: Watched) -> None:
    page = window.page
    page.route("**/sign/api/events", lambda route: route.abort())
    open_predefined(sqlite_server, page)
    choose_demo_key(page)
    altered(page, "finish", status="Processing")
    page.get_by_role("button", name="Sign 1 document").click()

    expect(page.get_by_role("heading", name="Document signed")).to_be_visible()


def test_a_proxys_own_page_instead_of_an_answer_gives_the_buttons_back(sqlite_server: Server, window: Watched) -> None:
    page = window.page
    open_predefined(sqlite_server, page)
    choose_demo_key(page)
    page.route("**/sign/api/prepare", lambda route: route.fulfill(status=200, body="<html>Log in first"))
    page.get_by_role("button", name="Sign 1 document").click()
    expect(page.get_by_text(CONNECTION)).to_be_visible()
    page.unroute("**/sign/api/prepare")
    page.get_by_role("button", name="Sign 1 document").click()

    expect(page.get_by_role("heading", name="Document signed")).to_be_visible()


def test_an_upload_that_got_lost_can_be_sent_again_from_its_row(
    sqlite_server: Server, window: Watched, contract: Path
) -> None:
    page = window.page
    page.goto(sqlite_server.open_session()["redirectUrl"])
    page.route("**/sign/api/upload", lambda route: route.abort())
    page.get_by_label("Add files").set_input_files(contract)
    expect(page.get_by_text(CONNECTION)).to_be_visible()
    page.unroute("**/sign/api/upload")
    page.get_by_role("button", name=f"Upload {contract.name} again").click()

    expect(page.get_by_text("10 pages")).to_be_visible()


def test_an_upload_whose_answer_got_lost_is_one_document_when_it_is_sent_again(
    sqlite_server: Server, window: Watched, contract: Path
) -> None:
    page, opened = window.page, sqlite_server.open_session()
    page.goto(opened["redirectUrl"])

    def arrive_and_lose_the_answer(route: Route) -> None:
        route.fetch(post_data=contract.read_bytes())  # the browser does not show a file's bytes
        route.abort()

    page.route("**/sign/api/upload", arrive_and_lose_the_answer)
    page.get_by_label("Add files").set_input_files(contract)
    expect(page.get_by_text(CONNECTION)).to_be_visible()
    assert len(sqlite_server.page(opened["redirectUrl"]).load()["documents"]) == 1
    page.unroute("**/sign/api/upload")
    page.get_by_role("button", name=f"Upload {contract.name} again").click()

    expect(page.get_by_text("10 pages")).to_be_visible()
    assert len(sqlite_server.page(opened["redirectUrl"]).load()["documents"]) == 1


def test_a_token_that_is_over_in_the_middle_is_renewed_in_silence(
    sqlite_server: Server, window: Watched, contract: Path
) -> None:
    page = window.page
    page.goto(sqlite_server.open_session()["redirectUrl"])
    over = {"code": "ExpiredSignatureSessionToken", "message": "over", "detail": None}
    for path in ("upload", "prepare"):
        page.route(f"**/sign/api/{path}", lambda route: route.fulfill(status=422, json=over), times=1)
    page.get_by_label("Add files").set_input_files(contract)
    expect(page.get_by_text("10 pages")).to_be_visible()
    go_on_to_signing(page)
    choose_demo_key(page)
    page.get_by_role("button", name="Sign 1 document").click()

    expect(page.get_by_role("heading", name="Document signed")).to_be_visible()


def test_a_file_that_changed_after_it_was_chosen_is_refused_and_the_next_goes_on(
    sqlite_server: Server, window: Watched, contract: Path, tmp_path: Path
) -> None:
    page = window.page
    first, moved = (tmp_path / name for name in ("first.pdf", "moved.pdf"))
    for file in (first, moved):
        file.write_bytes(hard_pdfs.make("plain"))

    def change_meanwhile(route: Route) -> None:
        moved.write_bytes(b"It is longer now, and was changed later." * 1000)
        route.continue_()

    page.route("**/sign/api/upload", change_meanwhile, times=1)
    page.goto(sqlite_server.open_session()["redirectUrl"])
    page.get_by_label("Add files").set_input_files([first, moved])
    page.get_by_label("Add files").set_input_files(contract)

    expect(page.get_by_text("10 pages")).to_be_visible()
    expect(page.get_by_text(re.compile("We cannot read this file"))).to_be_visible()


@pytest.mark.parametrize("part", ["worker", "legacy"])
def test_a_part_of_the_page_that_did_not_load_is_not_blamed_on_the_certificate_file(
    sqlite_server: Server, window: Watched, tmp_path: Path, part: str
) -> None:
    page = window.page
    pfx = tmp_path / "signer.pfx"
    pfx.write_bytes(authority.pfx("p256", "secret", legacy=True))
    page.route(f"**/sign/assets/{part}*", lambda route: route.abort())
    open_predefined(sqlite_server, page)
    choose_pfx(page, pfx, "secret")
    expect(page.get_by_text(CONNECTION)).to_be_visible()
    page.unroute(f"**/sign/assets/{part}*")
    page.get_by_label("Certificate password").fill("secret")
    page.get_by_role("button", name="Open certificate").click()

    expect(page.get_by_text("Signer p256", exact=True)).to_be_visible()


def test_the_worker_with_the_keys_ends_with_their_use(sqlite_server: Server, window: Watched) -> None:
    page = window.page
    open_predefined(sqlite_server, page)
    for _ in range(2):
        choose_pfx(page, sqlite_server.pfx, sqlite_server.pfx_password)
        expect(page.get_by_role("button", name="Sign 1 document")).to_be_enabled()
        assert len(page.workers) <= 2  # one more digests the documents, once they are read
        page.get_by_role("button", name="Change certificate").click()
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Stop without signing").click()

    expect(page.get_by_role("heading", name="Cancelled")).to_be_visible()
    while page.workers:  # none is left
        page.evaluate("new Promise(requestAnimationFrame)")


def test_focus_and_files_stay_where_they_are_safe(sqlite_server: Server, window: Watched, contract: Path) -> None:
    page = window.page
    page.goto(sqlite_server.open_session()["redirectUrl"])
    page.get_by_label("Add files").set_input_files(contract)
    page.get_by_role("button", name=f"Remove {contract.name}").click()
    expect(page.get_by_role("heading", name="Your documents")).to_be_focused()
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(page.get_by_role("button", name="Keep going")).to_be_focused()
    page.keyboard.press("Escape")

    kept = """(kind) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(['x'], 'x.pdf'));
      const event = new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: transfer });
      document.body.dispatchEvent(event);
      return event.defaultPrevented;
    }"""
    assert page.evaluate(kept, "dragover")
    assert page.evaluate(kept, "drop")


def test_a_tab_of_its_own_stays_for_the_downloads_and_closes_when_asked(sqlite_server: Server, window: Watched) -> None:
    documents = [{"file": {"name": "contract.pdf", "content": base64(hard_pdfs.make("plain"))}}]
    link = sqlite_server.open_session(documents=documents)["redirectUrl"]
    window.page.goto(sqlite_server.app_url)
    with window.context.expect_page() as opened:
        window.page.evaluate("(link) => { open(link, '_blank'); }", link)
    tab = opened.value
    go_on_to_signing(tab)
    choose_demo_key(tab)
    tab.get_by_role("button", name="Sign 1 document").click()
    expect(tab.get_by_role("link", name="Download contract.pdf")).to_be_visible()
    with tab.expect_event("close"), suppress(Error):  # the page may be closed before the click is over
        tab.get_by_role("button", name="Close this page").click()
