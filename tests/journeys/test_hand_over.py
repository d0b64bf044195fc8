"""From the desk to the phone: the first device shows a code, the second one signs, the first one follows along."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.harness.server import Server, base64
from tests.journeys.conftest import MILLISECONDS, go_on_to_signing
from tests.journeys.test_signing import choose_demo_key
from tests.vectors import hard_pdfs


def opened(server: Server, page: Page) -> str:
    """The address of a new session, asked for through the proxy."""
    document = {"file": {"name": "contract.pdf", "content": base64(hard_pdfs.make("plain"))}}
    answer = page.request.post(
        f"{server.url}/api/signature-sessions",
        data={"returnUrl": f"{server.url}/docs", "documents": [document]},
        headers={"X-Api-Key": server.api_key},
    )
    assert answer.ok, answer.text()
    address: str = answer.json()["redirectUrl"]
    return address


def trusting(browser: Browser, width: int) -> BrowserContext:
    context = browser.new_context(viewport={"width": width, "height": 844}, ignore_https_errors=True)
    context.set_default_timeout(MILLISECONDS)
    return context


def test_a_session_goes_on_with_another_device(browser: Browser, tls_server: tuple[Server, Path]) -> None:
    server, _ = tls_server
    desk, phone = trusting(browser, 1280), trusting(browser, 390)
    first, second = desk.new_page(), phone.new_page()
    link = opened(server, first)
    first.goto(link)
    with first.expect_response(re.compile("/sign/api/hand-over")) as asked:
        first.get_by_role("button", name="Continue on your phone").click()
    expect(first.get_by_role("img", name=re.compile("QR code"))).to_be_visible()
    address = asked.value.json()["address"]
    assert address != link

    second.add_init_script("setInterval = () => 0")  # the countdown stands still
    second.goto(address)
    expect(second.get_by_text("contract.pdf").first).to_be_visible()
    assert second.url == link, "the code is spent: the link stands in its place"
    second.reload()
    go_on_to_signing(second)
    choose_demo_key(second)
    second.get_by_role("button", name="Sign 1 document").click()

    expect(second.get_by_role("heading", name="Document signed")).to_be_visible()
    expect(second.get_by_role("button", name="Stay here")).to_be_in_viewport()
    expect(first.get_by_role("heading", name="Document signed")).to_be_visible()
    desk.close()
    phone.close()


def test_a_code_that_was_used_explains_itself(browser: Browser, tls_server: tuple[Server, Path]) -> None:
    server, _ = tls_server
    context = trusting(browser, 390)
    page = context.new_page()
    page.goto(opened(server, page))
    with page.expect_response(re.compile("/sign/api/hand-over")) as asked:
        page.get_by_role("button", name="Continue on your phone").click()
    address = asked.value.json()["address"]

    for sentence in ("contract.pdf", "This code was already used"):
        other = context.new_page()
        other.goto(address)
        expect(other.get_by_text(re.compile(sentence)).first).to_be_visible()
    page.bring_to_front()
    page.get_by_role("button", name="Continue here").click()
    expect(page.get_by_role("button", name="Continue to signing")).to_be_enabled()
    context.close()
