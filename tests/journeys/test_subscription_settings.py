"""What a subscription has set, as a signer meets it: files that are refused, a brand, a frame."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import FrameLocator, expect

from tests.fetch.sites import Behaviour, Site, running_site
from tests.harness.server import Server, base64, ok
from tests.harness.tenants import Tenant, new_tenant
from tests.journeys.conftest import Watched, go_on_to_signing
from tests.journeys.test_signing import choose_demo_key
from tests.vectors import hard_pdfs

REASON = "<img src=x onerror=alert(1)> Só contratos deste ano."


@pytest.fixture(scope="module")
def tenant(sqlite_server: Server) -> Tenant:
    return new_tenant(sqlite_server)


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site("127.0.0.1") as site:
        yield site


def answering(body: object, status: int = 200) -> Behaviour:
    return lambda exchange: exchange.answer(json.dumps(body).encode(), status=status)


# -- file validation -------------------------------------------------------------------------------


def test_a_refused_file_has_the_reason_in_its_row_and_is_taken_once_the_application_says_yes(
    tenant: Tenant, site: Site, window: Watched, contract: Path
) -> None:
    ok(tenant.put("file-validation", {"endpoint": {"url": f"{site.url}/validate"}}))
    page = window.page
    page.goto(tenant.redirect_url())
    site.paths["/validate"] = answering({"accept": False, "rejectReason": REASON})
    page.get_by_label("Add files").set_input_files(contract)
    row = page.get_by_role("listitem").filter(has_text=contract.name)

    expect(row).to_contain_text(f"This file was not accepted: {REASON}")
    expect(row.locator("img")).to_have_count(0)
    expect(row.get_by_role("button", name=f"Upload {contract.name} again")).to_have_count(0)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Add at least one document")).to_be_visible()
    row.get_by_role("button", name=f"Dismiss {contract.name}").click()

    site.paths["/validate"] = answering({}, status=500)
    page.get_by_label("Add files").set_input_files(contract)
    expect(row).to_contain_text("could not be checked")
    site.paths["/validate"] = answering({"accept": True})
    row.get_by_role("button", name=f"Upload {contract.name} again").click()
    expect(row).to_contain_text("ready to sign")
    go_on_to_signing(page)
    choose_demo_key(page)
    page.get_by_role("button", name="Sign 1 document").click()
    expect(page.get_by_role("heading", name="Document signed")).to_be_visible()


def test_a_name_that_does_not_fit_is_told_in_the_row(tenant: Tenant, window: Watched, contract: Path) -> None:
    ok(tenant.put("file-validation", {"fileNamePattern": r"order-\d+\.pdf"}))
    page = window.page
    page.goto(tenant.redirect_url())
    page.get_by_label("Add files").set_input_files(contract)

    expect(page.get_by_role("listitem")).to_contain_text("A file with this name is not accepted here")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Add at least one document")).to_be_visible()


# -- branding --------------------------------------------------------------------------------------


def logo() -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (160, 40), (122, 31, 162)).save(target, "PNG")
    return target.getvalue()


@pytest.mark.parametrize(("scheme", "colour"), [("light", "rgb(122, 31, 162)"), ("dark", "rgb(217, 167, 240)")])
def test_a_brand_has_its_logo_and_its_colours(tenant: Tenant, window: Watched, scheme: str, colour: str) -> None:
    brand = {"name": "Acme Ltd", "accent": "#7a1fa2", "accentDark": "#d9a7f0", "logo": {"content": base64(logo())}}
    ok(tenant.put("branding", brand))
    page = window.page
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(tenant.redirect_url())
    picture = page.get_by_role("img", name="Acme Ltd")

    expect(picture).to_be_visible()
    assert picture.evaluate("img => img.naturalWidth") == 160
    assert (picture.get_attribute("src") or "").startswith("blob:")
    expect(page.locator("label.primary")).to_have_css("background-color", colour)


def test_a_brand_without_a_logo_has_its_name(tenant: Tenant, window: Watched) -> None:
    ok(tenant.put("branding", {"name": "Acme <b>Ltd</b>"}))
    page = window.page
    page.goto(tenant.redirect_url())

    expect(page.locator(".brand", has_text="Acme <b>Ltd</b>")).to_be_visible()
    expect(page.locator("footer")).to_have_text(re.compile("^Acme <b>Ltd</b> runs this page .* for [^.]+\\.$"))
    expect(page.locator("label.primary")).to_have_css("background-color", "rgb(23, 89, 74)")


# -- framing ---------------------------------------------------------------------------------------


def framing(site: Site, address: str) -> str:
    """The address of a stranger's page that has the signing page in a frame."""
    html = f'<title>Outside</title><iframe src="{address}" width="900" height="800"></iframe>'.encode()
    site.paths["/outside"] = lambda exchange: exchange.answer(html, "Content-Type: text/html")
    site.paths["/favicon.ico"] = lambda exchange: exchange.answer(b"")
    return f"{site.url}/outside"


def test_a_stranger_s_page_cannot_frame_the_signing_page(tenant: Tenant, site: Site, window: Watched) -> None:
    ok(tenant.put(tenant.frame_origins, {"frameOrigins": ["https://app.example"]}))
    page = window.page
    page.goto(framing(site, tenant.redirect_url()))

    expect(page.frame_locator("iframe").get_by_role("heading", name="Your documents")).to_have_count(0)
    assert next(frame.url for frame in page.frames if frame.parent_frame).startswith("chrome-error://")
    assert [text for text in window.complaints if "frame-ancestors" in text]
    window.complaints.clear()


def test_a_listed_page_frames_it_and_no_key_file_goes_in(
    tenant: Tenant, site: Site, window: Watched, contract: Path
) -> None:
    for setting in ("file-validation", "branding"):
        ok(tenant.put(setting, {}))
    ok(tenant.put(tenant.frame_origins, {"frameOrigins": [site.url]}))
    redirect_url = tenant.redirect_url()
    page = window.page
    page.goto(framing(site, redirect_url))
    inside: FrameLocator = page.frame_locator("iframe")
    inside.get_by_label("Add files").set_input_files(contract)
    expect(inside.get_by_text("10 pages")).to_be_visible()
    inside.get_by_role("button", name="Continue").click()
    inside.get_by_role("button", name="Continue to signing").click()

    expect(inside.get_by_text(re.compile("inside another site"))).to_be_visible()
    expect(inside.get_by_role("button", name=re.compile("certificate file|test certificate"))).to_have_count(0)
    expect(inside.locator("input[type=password]")).to_have_count(0)
    with page.context.expect_page() as opened:
        inside.get_by_role("link", name="Open in a new tab").click()
    alone = opened.value
    assert alone.url == redirect_url
    alone.get_by_role("button", name="Continue").click()
    alone.get_by_role("button", name="Continue to signing").click()
    expect(alone.get_by_role("button", name="Use a certificate file (PFX)")).to_be_visible()
    # Chromium's word on the button of the closed dialog; nothing is lost by it.
    window.complaints[:] = [text for text in window.complaints if "Blocked autofocusing" not in text]


def test_a_page_without_a_frame_takes_a_key_file(tenant: Tenant, window: Watched) -> None:
    documents = [{"file": {"name": "order-1.pdf", "content": base64(hard_pdfs.make("plain"))}}]
    page = window.page
    page.goto(tenant.redirect_url(documents=documents))
    go_on_to_signing(page)

    expect(page.get_by_role("button", name="Use a certificate file (PFX)")).to_be_visible()
