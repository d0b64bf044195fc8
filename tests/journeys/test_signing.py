"""The journeys of a signer, in Chromium, with everything that leaves the page judged by other verifiers."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.harness.server import Server, base64
from tests.journeys.conftest import Watched, go_on_to_signing
from tests.pki import authority
from tests.vectors import hard_pdfs
from tests.verifiers import programs as verifiers


def choose_demo_key(page: Page, name: str = "Ana Lúcia") -> None:
    page.get_by_role("button", name="Use a test certificate").click()
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Create a test certificate").click()


def choose_pfx(page: Page, file: Path, password: str) -> None:
    page.get_by_role("button", name="Use a certificate file (PFX)").click()
    page.get_by_label("Certificate file").set_input_files(file)
    page.get_by_label("Certificate password").fill(password)
    page.get_by_role("button", name="Open certificate").click()


def signed_file(page: Page, folder: Path, name: str) -> Path:
    """Download by the button of the done page."""
    with page.expect_download() as download:
        page.get_by_role("link", name=f"Download {name}").first.click()
    target = folder / "downloaded.pdf"
    download.value.save_as(target)
    return target


def test_upload_and_demo_key_from_the_example_application_and_back(
    sqlite_server: Server, window: Watched, contract: Path, tmp_path: Path, demo_nss: Path, demo_roots: list[bytes]
) -> None:
    page = window.page
    page.goto(sqlite_server.app_url)
    page.get_by_role("button", name="Choose a PDF and sign it").click()
    expect(page.get_by_role("heading", name="Your documents")).to_be_focused()
    page.get_by_label("Add files").set_input_files(contract)
    expect(page.get_by_text("10 pages")).to_be_visible()
    go_on_to_signing(page)
    choose_demo_key(page)
    expect(page.get_by_text("Ana Lúcia (DEMO)", exact=True)).to_be_visible()
    page.get_by_role("button", name="Sign 1 document").click()
    expect(page.get_by_role("heading", name="Document signed")).to_be_visible()
    output = signed_file(page, tmp_path, "contract ü.pdf")
    expect(page.get_by_text(re.compile("Returning in"))).to_have_count(0)  # who downloads stays
    page.get_by_role("link", name="Return to Example application").click()

    expect(page.get_by_role("heading", name="Signed", exact=True)).to_be_visible()
    expect(page.get_by_text("Signed by Ana Lúcia (DEMO)")).to_be_visible()
    verifiers.require_accepted(output, demo_nss, demo_roots, document_timestamps=1)
    assert output.read_bytes().startswith(contract.read_bytes())
    session_id = parse_qs(urlsplit(page.url).query)["signatureSessionId"][0]
    session = sqlite_server.session(session_id)
    assert session["status"] == "Completed"
    assert httpx.get(session["documents"][0]["signedFile"]["location"]).content == output.read_bytes()


@pytest.mark.parametrize(
    ("kind", "legacy"),
    # Every other pair of a key and a way to encrypt it is opened and signs in test_pfx_matrix.
    [("rsa2048", True), ("rsa4096", False), ("p256", True), ("p384", False), ("p521", True)],
)
def test_predefined_document_and_certificate_file(
    sqlite_server: Server,
    window: Watched,
    tmp_path: Path,
    demo_nss: Path,
    demo_roots: list[bytes],
    kind: str,
    legacy: bool,
) -> None:
    content = hard_pdfs.make("xref-stream")
    opened = sqlite_server.open_session(documents=[{"file": {"name": "contract.pdf", "content": base64(content)}}])
    pfx = tmp_path / "signer.pfx"
    pfx.write_bytes(authority.pfx(kind, "sénhaç", legacy=legacy))
    page = window.page

    page.goto(opened["redirectUrl"])
    expect(page.get_by_role("heading", name="Read before you sign")).to_be_visible()
    expect(page.get_by_label("Add files")).to_have_count(0)
    expect(page.get_by_role("button", name="Remove contract.pdf")).to_have_count(0)
    go_on_to_signing(page)
    choose_pfx(page, pfx, "sénhaç")
    expect(page.get_by_text(f"Signer {kind}", exact=True)).to_be_visible()
    page.get_by_role("button", name="Sign 1 document").click()
    expect(page.get_by_role("heading", name="Document signed")).to_be_visible()
    expect(page.get_by_text("You can close this page.")).to_be_visible()
    output = signed_file(page, tmp_path, "contract.pdf")

    verifiers.require_accepted(output, demo_nss, demo_roots)
    assert output.read_bytes().startswith(content)
    session = sqlite_server.session(opened["sessionId"])
    assert session["signerCertificate"]["subjectCommonName"] == f"Signer {kind}"
    posted = [url for url, _ in window.requests if "password" in url.lower() or "nha" in url]
    assert posted == []


def test_several_documents_with_one_consent_and_a_second_signer(
    sqlite_server: Server, window: Watched, tmp_path: Path, demo_nss: Path, demo_roots: list[bytes]
) -> None:
    names = ["plain", "ten-pages", "acroform"]
    for name in names:
        (tmp_path / f"{name}.pdf").write_bytes(hard_pdfs.make(name))
    page = window.page
    page.goto(sqlite_server.open_session(returnUrl=f"{sqlite_server.app_url}/callback")["redirectUrl"])
    page.get_by_label("Add files").set_input_files([tmp_path / f"{name}.pdf" for name in names])
    expect(page.get_by_role("button", name="Remove acroform.pdf")).to_be_visible()
    go_on_to_signing(page)
    choose_demo_key(page)
    page.get_by_role("button", name="Sign 3 documents").click()
    expect(page.get_by_role("heading", name="Documents signed")).to_be_visible()
    first = signed_file(page, tmp_path, "acroform.pdf")

    again = tmp_path / "again.pdf"
    first.rename(again)
    page.goto(sqlite_server.open_session(returnUrl=f"{sqlite_server.app_url}/callback")["redirectUrl"])
    page.get_by_label("Add files").set_input_files(again)
    expect(page.get_by_text("already signed once")).to_be_visible()
    go_on_to_signing(page)
    choose_pfx(page, sqlite_server.pfx, sqlite_server.pfx_password)
    page.get_by_role("button", name="Sign 1 document").click()
    expect(page.get_by_role("heading", name="Document signed")).to_be_visible()

    output = signed_file(page, tmp_path, "again.pdf")
    verifiers.require_accepted(output, demo_nss, demo_roots, signatures=2)


def test_cancel_returns_to_the_application(sqlite_server: Server, window: Watched) -> None:
    opened = sqlite_server.open_session(returnUrl=f"{sqlite_server.app_url}/callback?order=7#top")
    page = window.page
    page.goto(opened["redirectUrl"])
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Keep going").click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Stop without signing").click()

    expect(page.get_by_role("heading", name="Not signed")).to_be_visible()
    assert page.url.endswith(f"/callback?order=7&signatureSessionId={opened['sessionId']}#top")
    assert sqlite_server.session(opened["sessionId"])["status"] == "UserCancelled"


def test_a_narrow_screen_is_enough(sqlite_server: Server, narrow_window: Watched, contract: Path) -> None:
    page = narrow_window.page
    page.goto(sqlite_server.open_session(returnUrl=f"{sqlite_server.app_url}/callback")["redirectUrl"])

    def no_sideways_scroll() -> None:
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")

    page.get_by_label("Add files").set_input_files(contract)
    expect(page.get_by_text("10 pages")).to_be_visible()
    no_sideways_scroll()
    button = page.get_by_role("button", name="Continue").bounding_box()
    assert button is not None
    page.wait_for_timeout(500)  # nothing takes a finger's tap in the first moment of a step
    for _ in range(2):  # the second tap is for nothing that the first has brought
        page.touchscreen.tap(button["x"] + button["width"] / 2, button["y"] + button["height"] / 2)
    expect(page.get_by_role("heading", name="Read before you sign")).to_be_focused()
    page.wait_for_timeout(500)
    expect(page.get_by_role("heading", name="Read before you sign")).to_be_focused()
    page.get_by_role("button", name="Continue to signing").tap()
    no_sideways_scroll()
    choose_demo_key(page)
    expect(page.get_by_role("button", name="Sign 1 document")).to_be_visible()
    no_sideways_scroll()
    page.get_by_role("button", name="Read again").click()  # the documents are not beside the consent here
    expect(page.get_by_role("heading", name="Read before you sign")).to_be_focused()
    page.get_by_role("button", name="Continue to signing").click()
    page.wait_for_timeout(500)
    page.get_by_role("button", name="Sign 1 document").tap()
    expect(page.get_by_role("heading", name="Document signed")).to_be_visible()
    no_sideways_scroll()


def test_disabled_downloads_offer_nothing_and_return_by_themselves(
    sqlite_server: Server, window: Watched, contract: Path
) -> None:
    opened = sqlite_server.open_session(returnUrl=f"{sqlite_server.app_url}/callback", disableDownloads=True)
    page = window.page
    page.goto(opened["redirectUrl"])
    page.get_by_label("Add files").set_input_files(contract)
    go_on_to_signing(page)
    choose_demo_key(page)
    page.get_by_role("button", name="Sign 1 document").click()
    expect(page.get_by_text(re.compile("Returning in"))).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("Download"))).to_have_count(0)
    assert sqlite_server.page(opened["redirectUrl"]).load()["documents"][0]["signedFile"] is None

    expect(page.get_by_role("heading", name="Signed", exact=True)).to_be_visible()


def test_files_that_cannot_be_signed_say_why_in_their_row_and_the_rest_goes_on(
    sqlite_server: Server, window: Watched, tmp_path: Path
) -> None:
    names = ["html", "encrypted-user", "truncated", "empty", "plain"]
    for name in names:
        (tmp_path / f"{name}.pdf").write_bytes(hard_pdfs.make(name))
    page = window.page
    page.goto(sqlite_server.open_session()["redirectUrl"])
    page.get_by_label("Add files").set_input_files([tmp_path / f"{name}.pdf" for name in names])

    for sentence in ("not a PDF", "protected by a password", "damaged", "This file is empty"):
        expect(page.get_by_text(re.compile(sentence)).first).to_be_visible()
    page.get_by_role("button", name="Dismiss html.pdf").click()
    page.get_by_label("Add files").set_input_files(tmp_path / "plain.pdf")
    expect(page.get_by_text("This file is in the list more than once.")).to_have_count(1)
    page.get_by_role("button", name="Remove plain.pdf").first.click()
    expect(page.get_by_text("This file is in the list more than once.")).to_have_count(0)
    go_on_to_signing(page)
    choose_demo_key(page)
    refused = [f"{name}.pdf will not be signed" for name in names[1:-1]]
    expect(page.locator(".panel .files .name")).to_have_text([*refused, "plain.pdf"])
    expect(page.get_by_role("button", name="Sign 1 document")).to_be_enabled()


def test_certificate_files_that_do_not_work_say_why(sqlite_server: Server, window: Watched, tmp_path: Path) -> None:
    files = {
        "wrong": (authority.pfx("p256", "right"), "Wrong password. Try again."),
        "expired": (authority.pfx("expired", "wrong"), "Expired on"),
        "no-file": (b"junk", "not a .pfx or .p12 file"),
        "no-key": (authority.leaf("p256").certificate_der, "a certificate without its private key"),
        "pem": (b"-----BEGIN CERTIFICATE-----", "This is a PEM file"),
    }
    page = window.page
    page.goto(
        sqlite_server.open_session(documents=[{"file": {"name": "a.pdf", "content": base64(hard_pdfs.make("plain"))}}])[
            "redirectUrl"
        ]
    )
    go_on_to_signing(page)
    page.get_by_role("button", name="Use a certificate file (PFX)").click()
    for name, (content, sentence) in files.items():
        file = tmp_path / f"{name}.pfx"
        file.write_bytes(content)
        page.get_by_label("Certificate file").set_input_files(file)
        page.get_by_label("Certificate password").fill("wrong")
        page.get_by_role("button", name="Open certificate").click()
        expect(page.get_by_text(re.compile(sentence))).to_be_visible()
        if name == "expired":
            page.get_by_role("button", name="Use another certificate").click()
            page.get_by_role("button", name="Use a certificate file (PFX)").click()
        else:
            at_fault = page.get_by_label("Certificate password" if name == "wrong" else "Certificate file")
            expect(at_fault).to_be_focused()
            expect(at_fault).to_have_attribute("aria-invalid", "true")
            expect(at_fault).to_have_accessible_description(re.compile(sentence))
            expect(page.locator("[aria-invalid=true]")).to_have_count(1)
            expect(page.get_by_label("Certificate password")).to_have_value("")


def test_a_server_that_asks_for_another_document_gets_no_signature(
    sqlite_server: Server, window: Watched, contract: Path
) -> None:
    """What you see is what you sign: the bytes to be signed are swapped on their way to the page."""
    page = window.page
    opened = sqlite_server.open_session()
    page.goto(opened["redirectUrl"])
    page.get_by_label("Add files").set_input_files(contract)
    go_on_to_signing(page)
    choose_demo_key(page)

    def swap(route):  # type: ignore[no-untyped-def]
        response = route.fetch()
        body = response.json()
        body["items"][0]["tailAfter"] = base64(b"something else")
        route.fulfill(response=response, json=body)

    page.route("**/sign/api/prepare", swap)
    page.get_by_role("button", name="Sign 1 document").click()

    expect(page.get_by_text(re.compile("signature on a different file"))).to_be_visible()
    assert sqlite_server.session(opened["sessionId"])["status"] == "Pending"
    assert not any(url.endswith("/finish") for url, _ in window.requests)


def test_an_ended_link_explains_itself_and_a_reload_resumes(
    sqlite_server: Server, window: Watched, contract: Path
) -> None:
    opened = sqlite_server.open_session(returnUrl=f"{sqlite_server.app_url}/callback")
    page = window.page
    page.goto(opened["redirectUrl"])
    page.get_by_label("Add files").set_input_files(contract)
    expect(page.get_by_text("10 pages")).to_be_visible()
    page.reload()
    expect(page.get_by_text("10 pages")).to_be_visible()
    go_on_to_signing(page)
    choose_demo_key(page)
    page.get_by_role("button", name="Sign 1 document").click()
    expect(page.get_by_role("heading", name="Document signed")).to_be_visible()
    page.goto("about:blank")
    page.goto(opened["redirectUrl"])
    expect(page.get_by_role("heading", name="Document signed")).to_be_visible()
    page.goto(f"{sqlite_server.url}/sign/a-wrong-link")
    expect(page.get_by_role("heading", name="This link is not valid")).to_be_visible()


def test_a_second_tab_shows_that_the_first_has_signed(sqlite_server: Server, window: Watched, contract: Path) -> None:
    opened = sqlite_server.open_session(returnUrl=f"{sqlite_server.app_url}/callback")
    one = window.page
    one.goto(opened["redirectUrl"])
    one.get_by_label("Add files").set_input_files(contract)
    go_on_to_signing(one)
    choose_demo_key(one)
    other = window.context.new_page()
    other.goto(opened["redirectUrl"])
    go_on_to_signing(other)
    choose_demo_key(other)
    one.bring_to_front()
    one.get_by_role("button", name="Sign 1 document").click()
    expect(one.get_by_role("heading", name="Document signed")).to_be_visible()
    other.bring_to_front()
    other.get_by_role("button", name="Sign 1 document").click()

    expect(other.get_by_role("heading", name="Document signed")).to_be_visible()


def test_the_page_keeps_its_secrets(sqlite_server: Server, window: Watched, contract: Path) -> None:
    opened = sqlite_server.open_session(returnUrl=f"{sqlite_server.app_url}/callback")
    link = opened["redirectUrl"].rpartition("/")[2]
    page = window.page
    page.goto(opened["redirectUrl"])
    page.get_by_label("Add files").set_input_files(contract)
    go_on_to_signing(page)
    choose_demo_key(page)
    page.get_by_role("button", name="Sign 1 document").click()
    # Taken back after five seconds.
    expect(page.get_by_role("heading", name="Signed", exact=True)).to_be_visible()

    origins = {urlsplit(url).netloc for url, _ in window.requests if not url.startswith("blob:")}
    assert origins == {urlsplit(sqlite_server.url).netloc, urlsplit(sqlite_server.app_url).netloc}
    assert all(link not in (referer or "") for _, referer in window.requests)
    assert link not in sqlite_server.log.read_text()
    assert page.evaluate("Object.keys(localStorage).length + Object.keys(sessionStorage).length") == 0
    assert window.context.cookies() == []
    policy = httpx.get(opened["redirectUrl"]).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy
