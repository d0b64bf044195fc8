"""Of ten documents one fails: nine are done and stay as they are, and the tenth is signed again."""

from __future__ import annotations

import re

import httpx
from playwright.sync_api import Route, expect

from tests.harness.server import Json, Server, base64
from tests.journeys.conftest import Watched, go_on_to_signing
from tests.journeys.test_signing import choose_demo_key
from tests.vectors import hard_pdfs


def signed_files(session: Json) -> dict[str, bytes]:
    return {
        document["id"]: httpx.get(document["signedFile"]["location"]).content
        for document in session["documents"]
        if document["status"] == "Completed"
    }


def test_one_of_ten_fails_says_why_and_is_signed_again_alone(sqlite_server: Server, window: Watched) -> None:
    plain = hard_pdfs.make("plain")
    contents = [plain + b"%" * number + b"\n" for number in range(1, 11)]
    documents = [
        {"file": {"name": f"{number}.pdf", "content": base64(content)}} for number, content in enumerate(contents, 1)
    ]
    opened = sqlite_server.open_session(documents=documents)
    page = window.page
    page.goto(opened["redirectUrl"])
    go_on_to_signing(page)
    choose_demo_key(page)
    copy = sqlite_server.stored_file(opened["sessionId"], contents[-1])

    def spoil(route: Route) -> None:
        copy.write_bytes(contents[-1].replace(b"%\n", b"!\n"))
        route.continue_()

    page.route("**/sign/api/finish", spoil)
    page.get_by_role("button", name="Sign 10 documents").click()
    expect(page.get_by_role("heading", name="Some documents could not be signed")).to_be_visible(timeout=60_000)
    expect(page.locator(".files .problem")).to_have_count(1)
    expect(page.locator(".files li").filter(has_text=re.compile(r"^10\.pdf")).locator(".problem")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile(r"^Download \d"))).to_have_count(9)
    nine = signed_files(sqlite_server.session(opened["sessionId"]))
    assert len(nine) == 9

    copy.write_bytes(contents[-1])
    page.unroute("**/sign/api/finish")
    page.get_by_role("button", name="Try again").click()
    choose_demo_key(page)
    page.get_by_role("button", name="Sign 1 document").click()
    expect(page.get_by_role("heading", name="Documents signed")).to_be_visible()

    ten = signed_files(sqlite_server.session(opened["sessionId"]))
    assert len(ten) == 10
    assert {name: ten[name] for name in nine} == nine, "what was signed is not touched"
