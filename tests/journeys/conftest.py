"""A real browser in front of a real server; what comes out is judged by other verifiers."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from ctypes.util import find_library
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route, expect, sync_playwright

from tests.harness.server import Json, Server
from tests.harness.tools import not_run
from tests.pki import authority
from tests.vectors import hard_pdfs
from tests.verifiers import programs as verifiers

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Chromium obeys only the last of these lines. So ours repeats what Playwright leaves out, for the same reasons.
    "--disable-features="
    + ",".join(
        [
            "AimEnabled",
            "AvoidCorsURLLoaderRestartOnRedirect",
            "AvoidUnnecessaryBeforeUnloadCheckSync",
            "DestroyProfileOnBrowserClose",
            "HttpsFirstBalancedModeAutoEnable",
            "HttpsUpgrades",
            "LensOverlay",
            "MediaRouter",
            "NetworkTimeServiceQuerying",
            "OptimizationHints",
            "PaintHolding",
            "PreconnectToSearch",
            "ThirdPartyStoragePartitioning",
            # What shows below the address bar is two pages of Chromium's own. Each window loads them anew, which takes
            # 0.8 s of the processor: three times what our page takes.
            "WebUIOmniboxAimPopup",
            "WebUIOmniboxPopup",
            # A process for a page that a test never opens.
            "SpareRendererForSitePerProcess",
        ]
    ),
]

MILLISECONDS = 60_000
"""What a page may take to show what is expected of it: on two idle cores it takes a tenth of a second."""
expect.set_options(timeout=MILLISECONDS)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        not_run("chromium is not installed: apt-get install chromium")
    if find_library("atomic") is None:  # Playwright's driver is linked against it
        not_run("libatomic is not installed: apt-get install libatomic1")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


class Watched:
    """A browser window that remembers everything that must not happen."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.requests: list[tuple[str, str | None]] = []
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda r: self.requests.append((r.url, r.header_value("referer"))))

    def _on_console(self, message: ConsoleMessage) -> None:
        # A refused request is an answer; a broken policy or an exception is not.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)


def alter_session(page: Page, change: Callable[[Json], Json]) -> None:
    """`page` gets what `change` makes of its session: with its token when it opens, and whenever it loads it again."""

    def of_load(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, json=change(response.json()))

    def of_renew(route: Route) -> None:
        response = route.fetch()
        body = response.json()
        if body.get("session") is not None:
            body["session"] = change(body["session"])
        route.fulfill(response=response, json=body)

    page.route("**/sign/api/load", of_load)
    page.route("**/sign/api/renew", of_renew)


def go_on_to_signing(page: Page) -> None:
    """From the documents, where the signer chooses them, by the review to the choice of the key."""
    chosen = page.get_by_role("button", name="Continue", exact=True)
    onward = page.get_by_role("button", name="Continue to signing")
    expect(chosen.or_(onward)).to_be_visible()
    if chosen.is_visible():
        chosen.click()
    onward.click()
    expect(onward).to_be_hidden()


@pytest.fixture
def window(browser: Browser) -> Iterator[Watched]:
    """1280 px wide."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.set_default_timeout(MILLISECONDS)
    watched = Watched(context)
    yield watched
    context.close()
    assert watched.complaints == []


@pytest.fixture
def narrow_window(browser: Browser) -> Iterator[Watched]:
    """390 px wide, with touch."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, accept_downloads=True)
    context.set_default_timeout(MILLISECONDS)
    watched = Watched(context)
    yield watched
    context.close()
    assert watched.complaints == []


@pytest.fixture
def demo_roots(sqlite_server: Server) -> list[bytes]:
    """The demo authority's root and the toy PKI's."""
    root = x509.load_pem_x509_certificate(sqlite_server.ca_certificate.read_bytes())
    return [root.public_bytes(Encoding.DER), authority.root().certificate_der]


@pytest.fixture
def demo_nss(tmp_path: Path, demo_roots: list[bytes]) -> Path:
    return verifiers.nss_database(tmp_path / "nss", demo_roots)


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    file = tmp_path / "contract ü.pdf"
    file.write_bytes(hard_pdfs.make("ten-pages"))
    return file
