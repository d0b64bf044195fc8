"""Keys that programs of the signer's computer hold, and what the page says where a source cannot work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from signroom.domain.security_context import TEST
from tests.harness.server import Server, base64, running_server
from tests.journeys.conftest import Watched, go_on_to_signing
from tests.journeys.fakes import web_eid, web_pki
from tests.journeys.test_signing import signed_file
from tests.pki import authority
from tests.vectors import hard_pdfs
from tests.verifiers import programs as verifiers

WEB_EID = "Use an ID card (Web eID)"
WEB_PKI = "Use a certificate on this computer or a token"
SHORT = {WEB_EID: "Web eID", WEB_PKI: "Web PKI"}
"""What a source is called where it cannot be used."""
LICENCE = "a licence of the operator"


@pytest.fixture(scope="module")
def web_pki_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose operator has a copy of Web PKI."""
    settings = {"SIGNROOM_WEB_PKI_SCRIPT": str(web_pki.SCRIPT), "SIGNROOM_WEB_PKI_LICENSE": LICENCE}
    with running_server(tmp_path_factory.mktemp("web-pki"), settings) as server:
        yield server


def at_the_choice(server: Server, page: Page, *names: str, **fields: object) -> str:
    """A session with predefined documents, opened as far as the choice of the source; its id."""
    content = base64(hard_pdfs.make("plain"))
    documents = [{"file": {"name": name, "content": content}} for name in names or ("contract.pdf",)]
    opened = server.open_session(documents=documents, **fields)
    page.goto(opened["redirectUrl"])
    go_on_to_signing(page)
    # The second says that nothing can be used.
    expect(page.get_by_role("heading", name=re.compile("How do you want|You cannot sign here"))).to_be_focused()
    session_id: str = opened["sessionId"]
    return session_id


def choose(page: Page, source: str, opening: str) -> None:
    page.get_by_role("button", name=source).click()
    page.get_by_role("button", name=opening).click()


def barred(page: Page, source: str) -> Locator:
    """The source that cannot be used: it says why, and cannot be pressed."""
    expect(page.get_by_role("button", name=source)).to_have_count(0)
    return page.locator("details.off, .reason").filter(has_text=SHORT.get(source, source))


@pytest.mark.parametrize("kind", ["rsa2048", "p256", "p384", "p521"])
def test_a_card_signs_two_documents(
    sqlite_server: Server, window: Watched, tmp_path: Path, demo_nss: Path, demo_roots: list[bytes], kind: str
) -> None:
    page, card = window.page, web_eid.Card(kind)
    card.plug_into(page)
    session_id = at_the_choice(sqlite_server, page, "contract.pdf", "annex.pdf")
    page.get_by_role("button", name=WEB_EID).click()
    expect(page.get_by_text("your PIN once for each document: 2 times")).to_be_visible()
    page.get_by_role("button", name="Read the card").click()
    expect(page.get_by_text(f"Signer {kind}", exact=True)).to_be_visible()
    page.get_by_role("button", name="Sign 2 documents").click()
    expect(page.get_by_role("heading", name="Documents signed")).to_be_visible()

    verifiers.require_accepted(signed_file(page, tmp_path, "contract.pdf"), demo_nss, demo_roots)
    assert card.asked == ["status", "get-signing-certificate", "sign", "sign"]
    assert sqlite_server.session(session_id)["signerCertificate"]["subjectCommonName"] == f"Signer {kind}"


def test_what_goes_wrong_with_a_card_is_said_and_can_be_tried_again(sqlite_server: Server, window: Watched) -> None:
    page, card = window.page, web_eid.Card()
    card.plug_into(page)
    session_id = at_the_choice(sqlite_server, page)
    page.get_by_role("button", name=WEB_EID).click()
    read, sign = (page.get_by_role("button", name=name) for name in ("Read the card", "Sign 1 document"))
    for press, verb, code, sentence in (
        (read, "get-signing-certificate", "USER_CANCELLED", "Cancelled."),
        (read, "get-signing-certificate", "USER_TIMEOUT", "did not respond in time"),
        (read, "get-signing-certificate", "NATIVE_FATAL", "reported an error"),
        (read, "get-signing-certificate", "ACTION_PENDING", "in use"),
        (read, "get-signing-certificate", "CONTEXT_INSECURE", "secure address"),
        (read, None, "", ""),
        (sign, "sign", "USER_CANCELLED", "Cancelled."),
        (sign, None, "", ""),
    ):
        card.refuses.clear()
        if verb is not None:
            card.refuses[verb] = code
        press.click()
        if verb is not None:
            expect(page.get_by_role("alert")).to_contain_text(sentence)
            expect(page.get_by_role("alert")).to_be_focused()
            assert sqlite_server.session(session_id)["status"] == "Pending"

    expect(page.get_by_role("heading", name="Document signed")).to_be_visible()


def test_a_card_that_signs_in_a_way_nobody_asked_for_is_refused(sqlite_server: Server, window: Watched) -> None:
    page, card = window.page, web_eid.Card(padding="PSS")
    card.plug_into(page)
    at_the_choice(sqlite_server, page)
    choose(page, WEB_EID, "Read the card")
    page.get_by_role("button", name="Sign 1 document").click()

    expect(page.get_by_role("alert")).to_contain_text("This browser cannot use this key")
    assert "sign" not in card.asked


@pytest.mark.parametrize(
    ("card", "sentence"),
    [
        (None, "Web eID is not installed or does not respond. Get it from web-eid.eu"),
        (web_eid.Card(refuses={"status": "NATIVE_UNAVAILABLE"}), "Web eID is not installed"),
        (web_eid.Card(version="1.0.3"), "Web eID is too old. Get the new version from web-eid.eu"),
    ],
    ids=["no extension", "no program", "too old"],
)
def test_web_eid_that_cannot_work_says_why(
    sqlite_server: Server, window: Watched, card: web_eid.Card | None, sentence: str
) -> None:
    if card is not None:
        card.plug_into(window.page)
    at_the_choice(sqlite_server, window.page)

    expect(barred(window.page, WEB_EID)).to_contain_text(sentence)


@pytest.mark.parametrize("sender", ["{ origin: 'https://evil.example' }", "{ origin: location.origin, source: null }"])
def test_a_reply_that_another_window_sends_is_not_the_extensions(
    sqlite_server: Server, window: Watched, sender: str
) -> None:
    window.page.add_init_script(f"""
        addEventListener('message', ({{ data }}) => {{
          if (data?.action !== 'web-eid:status') return;
          const answer = {{ action: 'web-eid:status-success', nativeApp: '2.6.0' }};
          dispatchEvent(new MessageEvent('message', {{ ...{sender}, data: answer }}));
        }});
    """)
    at_the_choice(sqlite_server, window.page)

    expect(barred(window.page, WEB_EID)).to_contain_text("not installed")


def test_web_pki_signs_two_documents_with_the_certificate_chosen(
    web_pki_server: Server, window: Watched, tmp_path: Path, demo_nss: Path
) -> None:
    page, store = window.page, web_pki.Store()
    store.plug_into(page)
    session_id = at_the_choice(web_pki_server, page, "contract.pdf", "annex.pdf")
    choose(page, WEB_PKI, "Show my certificates")
    page.get_by_text("Signer p256", exact=True).click()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Sign 2 documents").click()
    expect(page.get_by_role("heading", name="Documents signed")).to_be_visible()

    verifiers.require_accepted(signed_file(page, tmp_path, "contract.pdf"), demo_nss, [authority.root_der()])
    assert store.licences == {LICENCE}
    assert store.asked.count("preauthorizeSignatures") == 1
    assert web_pki_server.session(session_id)["signerCertificate"]["subjectCommonName"] == "Signer p256"


def test_what_goes_wrong_with_web_pki_is_said_and_can_be_tried_again(web_pki_server: Server, window: Watched) -> None:
    page, store = window.page, web_pki.Store(("rsa2048",))
    store.plug_into(page)
    at_the_choice(web_pki_server, page, "contract.pdf", "annex.pdf")
    page.get_by_role("button", name=WEB_PKI).click()
    show, sign = (page.get_by_role("button", name=name) for name in ("Show my certificates", "Sign 2 documents"))
    for press, command, code, sentence in (
        (show, "listCertificates", "license_domain_not_allowed", "no valid licence"),
        (show, "listCertificates", "user_cancelled", "Cancelled."),
        (show, "readCertificate", "certificate_not_found", "No certificate"),
        (show, None, "", ""),
        (sign, "preauthorizeSignatures", "user_cancelled", "Cancelled."),
        (sign, "signData", "native_disconnected", "not installed or does not respond"),
        (sign, "signData", "internal", "reported an error"),
    ):
        store.refuses.clear()
        if command is not None:
            store.refuses[command] = code
        press.click()
        if command is not None:
            expect(page.get_by_role("alert")).to_contain_text(sentence)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (1, "Web PKI is not installed or does not respond. Get it from get.webpkiplugin.com"),
        (2, "Web PKI is too old"),
        (3, "Web PKI does not work in this browser. Use Chrome, Edge or Firefox"),
    ],
)
def test_web_pki_that_cannot_work_says_why_and_leads_nowhere_else(
    web_pki_server: Server, window: Watched, status: int, sentence: str
) -> None:
    store = web_pki.Store(status=status)
    store.plug_into(window.page)
    at_the_choice(web_pki_server, window.page)

    expect(barred(window.page, WEB_PKI)).to_contain_text(sentence)
    assert all(url.removeprefix("blob:").startswith(web_pki_server.url) for url, _ in window.requests)


def test_the_operators_copy_is_served_as_it_is_and_as_a_script(web_pki_server: Server) -> None:
    answer = httpx.get(f"{web_pki_server.url}/sign/assets-operator/web-pki.js")

    assert answer.content == web_pki.SCRIPT.read_bytes()
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "public, max-age=3600"


def test_a_problem_of_one_source_is_not_shown_at_another(sqlite_server: Server, window: Watched) -> None:
    card = web_eid.Card(refuses={"get-signing-certificate": "USER_CANCELLED"})
    card.plug_into(window.page)
    at_the_choice(sqlite_server, window.page)
    choose(window.page, WEB_EID, "Read the card")
    expect(window.page.get_by_role("alert")).to_contain_text("Cancelled.")

    window.page.get_by_role("button", name="Use a test certificate").click()

    expect(window.page.get_by_role("alert")).to_be_empty()


def test_without_the_operators_copy_web_pki_is_not_offered(sqlite_server: Server, window: Watched) -> None:
    at_the_choice(sqlite_server, window.page)

    expect(window.page.get_by_role("button", name="Use a test certificate")).to_be_visible()
    expect(window.page.get_by_text("Web PKI")).to_have_count(0)
    assert httpx.get(f"{sqlite_server.url}/sign/assets-operator/web-pki.js").status_code == 403


def test_a_key_in_software_is_barred_where_a_device_is_asked_for(sqlite_server: Server, window: Watched) -> None:
    device = [{"type": "CryptoDevice"}]
    at_the_choice(sqlite_server, window.page, securityContextId=str(TEST.id), certificateRequirements=device)

    for source in ("Use a certificate file (PFX)", "Use a test certificate"):
        expect(barred(window.page, source)).to_contain_text("You need a certificate on a card")
    expect(window.page.get_by_role("heading", name="You cannot sign here yet")).to_be_focused()
    page, again = window.page, window.page.get_by_role("button", name="Check again")
    expect(page.get_by_text("contact Example application")).to_be_visible()
    address = barred(page, WEB_EID).get_by_role("link", name="web-eid.eu")
    expect(address).to_have_attribute("href", "https://web-eid.eu")
    again.click()
    expect(page.get_by_text("Nothing has changed.")).to_be_visible()
    web_eid.Card().plug_into(page)
    page.evaluate(web_eid.SCRIPT.read_text("utf-8"))
    again.click()

    expect(page.get_by_role("heading", name="How do you want to sign?")).to_be_focused()
    expect(page.get_by_role("button", name="Read the card")).to_be_visible()
    expect(again).to_have_count(0)


def test_on_a_telephone_programs_of_a_computer_are_barred(web_pki_server: Server, browser: Browser) -> None:
    context = browser.new_context(user_agent="Mozilla/5.0 (Linux; Android 15) Chrome/142.0 Mobile Safari/537.36")
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    at_the_choice(web_pki_server, page)

    for source in (WEB_EID, WEB_PKI):
        expect(barred(page, source)).to_contain_text("This needs a computer")
    assert not any("assets-operator" in url for url in asked)
    context.close()
