"""The pictures of README and manual, made anew after a change of the page's looks: writes docs/*-page.png."""

from __future__ import annotations

import shutil
import tempfile
import textwrap
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from signroom.domain.security_context import TEST
from tests.harness.server import ROOT, Server, base64, start_server
from tests.journeys.conftest import FLAGS
from tests.journeys.test_signing import choose_pfx
from tests.vectors import hard_pdfs

DESK = (1200, 760)
PHONE = (390, 760)
"""Width and height of a window, in pixels."""
COLOURS = 128
SETTLED = 500
"""Milliseconds until nothing moves any more."""
LETTERS = 72
"""Of a line of the documents."""

LEASE = (
    "This lease is made between Harbour Homes Ltd, 12 Quay Street, Bristol, the landlord, and Ana Marques, "
    "7 Mill Lane, Bath, the tenant.",
    "1. The flat. The landlord lets to the tenant the flat on the second floor of 3 Station Road, Bath, with two "
    "rooms, kitchen, bathroom and a cellar of its own.",
    "2. Term. The lease begins on 1 January 2027 and runs for two years. Either side may end it after the first year "
    "with three months' notice in writing.",
    "3. Rent. The rent is 940 pounds a month, due on the third working day. Heating and water are paid by consumption "
    "and settled once a year.",
    "4. Deposit. The tenant pays a deposit of two months' rent, which is returned within four weeks after the keys are "
    "handed back.",
    "5. House rules. The house rules are part of this lease. The tenant has received them.",
)
RULES = (
    "Quiet hours are from 10 pm to 7 am. Bicycles are kept in the cellar, not in the hall.",
    "Each household cleans the stairs in turn, as the list beside the door says.",
)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = start_server(Path(folder))
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": DESK[0], "height": DESK[1]}, locale="en")
        try:
            _take(server, page)
        finally:
            browser.close()
            server.stop()


def _take(server: Server, page: Page) -> None:
    files = {"Lease contract.pdf": _pdf("Lease contract", LEASE), "House rules.pdf": _pdf("House rules", RULES)}
    documents = [{"file": {"name": name, "content": base64(content)}} for name, content in files.items()]
    trusted = str(TEST.id)
    page.goto(server.open_session(documents=documents, securityContextId=trusted)["redirectUrl"])
    page.locator(".paper img").first.wait_for()
    _picture(page, "reading-page")
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    _picture(page, "phone-page")
    page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
    page.get_by_role("button", name="Continue to signing").click()
    expect(page.get_by_text("checking…").locator("visible=true")).to_have_count(0)
    _picture(page, "choosing-page")
    choose_pfx(page, server.pfx, server.pfx_password)
    page.get_by_role("heading", name="Check and sign").wait_for()
    _picture(page, "signing-page")
    page.get_by_role("button", name="Sign 2 documents").click()
    page.get_by_role("heading", name="Documents signed").wait_for()
    _picture(page, "done-page")


def _picture(page: Page, name: str) -> None:
    """The window as it is; few colours, for a small file."""
    file = ROOT / "docs" / f"{name}.png"
    page.mouse.move(0, 0)  # nothing below it looks pressed
    page.mouse.wheel(0, -10 * DESK[1])
    page.wait_for_timeout(SETTLED)
    page.screenshot(path=file, animations="disabled")
    with Image.open(file) as picture:
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)


def _pdf(title: str, paragraphs: tuple[str, ...]) -> bytes:
    """A page of A4 with a title and paragraphs, without brackets and backslashes."""
    lines = [part for paragraph in paragraphs for part in (*textwrap.wrap(paragraph, LETTERS), "")]
    text = "".join(f"({line}) Tj T* " for line in lines)
    content = f"BT /F1 26 Tf 64 760 Td ({title}) Tj 0 -40 Td /F2 14 Tf 20 TL {text}ET".encode("ascii")
    fonts = b"/F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica-Bold>>/F2<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    return hard_pdfs.assemble(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<<%b>>>>>>" % fonts,
            b"<</Length %d>>stream\n%b\nendstream" % (len(content), content),
        ]
    )


if __name__ == "__main__":
    main()
