"""The signing page: 100 documents (50 KB, RSA-2048 PFX) in one consent, as Chromium shows it, phase by phase.

Each phase stands beside that of a session with one document, and beside what nobody can avoid for as many documents:
the same files and signatures without the page in the same browser, the same work on PDFs in a bare loop of Python.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Callable
from ctypes.util import find_library
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from signroom.domain.signature import CertificateChain, DigestAlgorithm, TrustedChain
from signroom.formats import values
from signroom.formats.pdf import pades, verification
from tests.harness.server import Server, base64, signature, start_server
from tests.journeys.conftest import FLAGS
from tests.journeys.test_signing import choose_pfx
from tests.pki import authority
from tests.vectors import hard_pdfs

DOCUMENTS = 100
LENGTH = 50 << 10
SIGNER = "rsa2048"
PASSWORD = "secret"  # noqa: S105  (of a file that this run makes)
WAIT_MS = 120_000
ROUNDS = 3
NOW = datetime.now(UTC)

Seconds = dict[str, float]
"""By phase."""

# What the signer sees and does, on the page's own clock: [what, milliseconds since the navigation].
CLOCK = """
globalThis.marks = [];
const mark = (what) => marks.at(-1)?.[0] === what || marks.push([what, performance.now()]);
const words = (selector) => document.querySelector(selector)?.textContent ?? '';
addEventListener('click', ({ target }) => mark(`click ${target.closest('button')?.textContent}`), true);
document.addEventListener('load', ({ target }) => target instanceof HTMLImageElement && mark('picture'), true);
new MutationObserver(() => mark(`${words('h1')} ${words('section [role=status]')}`))
  .observe(document, { subtree: true, childList: true, characterData: true });
"""
MARKS = """() => [...marks, ...performance.getEntriesByType('resource')
  .filter(({ name }) => name.endsWith('/sign/api/certificates')).map(({ startTime }) => ['judge', startTime])]"""

FETCHES = """async ([ids, token]) => {
  const headers = { 'X-Signature-Session-Token': token };
  const begin = performance.now();
  await Promise.all(ids.map(async (id) => {
    const file = await (await fetch(`/sign/api/original/${id}`, { headers })).arrayBuffer();
    await crypto.subtle.digest('SHA-256', file);
  }));
  return (performance.now() - begin) / 1000;
}"""
SIGNATURES = """async (count) => {
  const rsa = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const size = { modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) };
  const { privateKey } = await crypto.subtle.generateKey({ ...rsa, ...size }, false, ['sign']);
  const begin = performance.now();
  for (let n = 0; n < count; n++) await crypto.subtle.sign(rsa.name, privateKey, new Uint8Array(200));
  return (performance.now() - begin) / 1000;
}"""


@dataclass(frozen=True)
class Phase:
    """From the first mark that starts with `begin`, or the navigation, to the first after it that starts with `end`."""

    name: str
    begin: str
    end: str

    def seconds(self, marks: list[tuple[str, float]]) -> float:
        began = _first(marks, self.begin, 0) if self.begin else 0
        return (_first(marks, self.end, began) - began) / 1000


PHASES = (
    Phase("load", "", "Read before you sign"),
    Phase("review: first picture", "Read before you sign", "picture"),
    Phase("open the PFX", "click Open certificate", "judge"),
    Phase("judge its certificate", "judge", "Check and sign"),
    Phase("prepare", "click Sign", "Checking"),
    Phase("fetch and check", "Checking", "Signing your"),
    Phase("sign", "Signing your", "Saving"),
    Phase("send", "Saving", "Your signatures"),
    Phase("process", "Your signatures", "Document"),
    Phase("consent to completed", "click Sign", "Document"),
)


def main() -> None:
    """Print a row per phase: seconds with one document and with all, the floor for all, the ratio to it."""
    chromium = shutil.which("chromium")
    if chromium is None or find_library("atomic") is None:
        print("not measured: apt-get install chromium libatomic1")
        return
    with tempfile.TemporaryDirectory() as folder:
        files = _files(Path(folder))
        one, hundred, floors = _in_browser(chromium, files)
        floors |= _floors_of_formats(files, Path(folder) / "out.pdf")
    print(f"{'seconds':>22} {'1 document':>12} {f'{DOCUMENTS} documents':>14} {'floor':>8} {'/ floor':>8}")
    for name, seconds in hundred.items():
        row = f"{name:>22} {one[name]:12.2f} {seconds:14.2f}"
        print(f"{row} {floors[name]:8.3f} {seconds / floors[name]:8.1f}" if name in floors else row)
    print("Floors: all originals fetched at once and hashed, RSA-2048 in a loop, both in the same browser;")
    print("prepare, check of the values, embed + verify of our PAdES in a loop of one Python process.")


def _files(folder: Path) -> list[Path]:
    files = [folder / f"contract-{number}.pdf" for number in range(1, DOCUMENTS + 1)]
    for file in files:
        hard_pdfs.write_large(file, LENGTH)
    return files


def _in_browser(chromium: str, files: list[Path]) -> tuple[Seconds, Seconds, Seconds]:
    """The phases with the first of `files` and with all, and the browser's floors for all."""
    folder = files[0].parent
    pfx = folder / "signer.pfx"
    pfx.write_bytes(authority.pfx(SIGNER, PASSWORD))
    server = start_server(folder / "data")
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            one, _ = _signed(browser, server, files[:1], pfx)
            hundred, floors = _signed(browser, server, files, pfx)
            browser.close()
    finally:
        server.stop()
    return one, hundred, floors


def _signed(browser: Browser, server: Server, files: list[Path], pfx: Path) -> tuple[Seconds, Seconds]:
    """Sign `files` as a signer does; each phase, and the browser's floors."""
    documents = [{"file": {"name": file.name, "content": base64(file.read_bytes())}} for file in files]
    opened = server.open_session(documents=documents)
    page = browser.new_page(viewport={"width": 1280, "height": 900}, locale="en")
    page.set_default_timeout(WAIT_MS)
    page.add_init_script(CLOCK)
    with page.expect_response("**/sign/api/renew") as loading:
        page.goto(opened["redirectUrl"])
    _read_and_sign(page, pfx)
    session = server.session(opened["sessionId"])
    assert session["status"] == "Completed"
    marks = page.evaluate(MARKS)
    token = loading.value.json()["token"]
    floors = {
        "fetch and check": _fastest(page, FETCHES, [[document["id"] for document in session["documents"]], token]),
        "sign": _fastest(page, SIGNATURES, len(files)),
    }
    page.close()
    return {phase.name: phase.seconds(marks) for phase in PHASES}, floors


def _read_and_sign(page: Page, pfx: Path) -> None:
    page.locator(".paper img").first.wait_for()
    page.get_by_role("button", name="Continue to signing").click()
    choose_pfx(page, pfx, PASSWORD)
    page.get_by_role("button", name=re.compile(r"^Sign \d+ document")).click()
    page.locator(".downloads a").first.wait_for()


def _fastest(page: Page, script: str, argument: object) -> float:
    """Seconds that `script` tells, without the machine's moods."""
    return min(float(page.evaluate(script, argument)) for _ in range(ROUNDS))


def _floors_of_formats(files: list[Path], output: Path) -> Seconds:
    leaf = authority.leaf(SIGNER)
    trusted = TrustedChain(CertificateChain(leaf.certificate_der, (authority.root().certificate_der,)))
    layouts = [pades.prepare(file, trusted, DigestAlgorithm.SHA256, NOW) for file in files]
    claimed = [layout.claimed(signature(leaf.signing_key, layout.to_sign)) for layout in layouts]
    checked = values.check_values(claimed)

    def prepare() -> None:
        for file in files:
            pades.prepare(file, trusted, DigestAlgorithm.SHA256, NOW)

    def process() -> None:
        for file, layout, value in zip(files, layouts, checked, strict=True):
            pades.embed(file, layout, value, output)
            verification.verify(output)

    return {
        "prepare": _timed(prepare),
        "send": _timed(lambda: values.check_values(claimed)),
        "process": _timed(process),
    }


def _first(marks: list[tuple[str, float]], start: str, after: float) -> float:
    """Milliseconds since the navigation, as `after` is."""
    return next(at for what, at in marks if at >= after and what.startswith(start))


def _timed(run: Callable[[], object]) -> float:
    """Seconds."""
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
