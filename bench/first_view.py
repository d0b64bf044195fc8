"""The signing page's first seconds in Chromium: paint, when it can be used, the first page to read, what moves.

As it is, and with a processor four times as slow. The server runs on the same machine: its time is in all of it.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
from ctypes.util import find_library
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.harness.server import Server, base64, start_server
from tests.journeys.conftest import FLAGS
from tests.vectors import hard_pdfs

ROUNDS = 5
WAIT_MS = 120_000

# On the page's own clock, in milliseconds since the navigation.
WATCH = """
globalThis.seen = { shift: 0, blocked: 0 };
const note = (what) => (seen[what] ??= performance.now());
// Once it is on the screen: a task after the frame in which it is drawn.
const noteShown = (what) => requestAnimationFrame(() => setTimeout(() => note(what)));
new PerformanceObserver((list) => {
  for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) seen.shift += value;
}).observe({ type: 'layout-shift', buffered: true });
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) seen.blocked += duration - 50;
}).observe({ type: 'longtask', buffered: true });
new PerformanceObserver((list) => {
  for (const { name, startTime } of list.getEntries()) if (name === 'first-contentful-paint') seen.paint = startTime;
}).observe({ type: 'paint', buffered: true });
addEventListener('click', () => note('click'), true);
document.addEventListener('load', ({ target }) => target instanceof HTMLImageElement && noteShown('picture'), true);
new MutationObserver(() => {
  if (document.querySelector('.primary:enabled, input[type=file]')) note('usable');
  if (document.querySelector('.reader .pages')) noteShown('review');
}).observe(document, { subtree: true, childList: true, attributes: true });
"""

SCROLL = """async () => {
  const frames = [];
  let most = 0;
  const end = document.documentElement.scrollHeight;
  let before = await new Promise(requestAnimationFrame);
  for (let step = 1; step <= 200; step++) {
    scrollTo(0, (end * step) / 200);
    const now = await new Promise(requestAnimationFrame);
    frames.push(now - before);
    before = now;
    most = Math.max(most, document.querySelectorAll('*').length);
  }
  frames.sort((one, other) => one - other);
  const pictures = performance.getEntriesByType('resource').filter(({ name }) => name.includes('/preview/')).length;
  return { 'frame, median (ms)': frames[100], 'frame, 95 of 100 (ms)': frames[190], 'elements at most': most,
    'pictures fetched': pictures };
}"""


@dataclass(frozen=True)
class View:
    name: str
    width: int
    height: int
    density: float
    slower: int
    """How many times slower the processor is."""


VIEWS = (
    View("desk", 1280, 900, 1, 1),
    View("desk, 1/4", 1280, 900, 1, 4),
    View("phone, 1/4", 390, 844, 3, 4),
)
CASES = {"50 KB": hard_pdfs.of_length(50 << 10), "2000 pages": hard_pdfs.with_pages(2000)}
ROWS = ("first paint", "usable", "first page", "first page after the review opens", "blocked", "layout shift")


def main() -> None:
    """Print a row per measure and a column per screen: the median in milliseconds; a layout shift has no unit."""
    chromium = shutil.which("chromium")
    if chromium is None or find_library("atomic") is None:
        print("not measured: apt-get install chromium libatomic1")
        return
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = start_server(Path(folder) / "data")
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        try:
            for name, content in CASES.items():
                _print(f"documents of the application, {name}", [_median(browser, server, v, content) for v in VIEWS])
            chosen = [_median(browser, server, v, CASES["50 KB"], chosen=True) for v in VIEWS]
            _print_scroll([_scroll(browser, server, v, CASES["2000 pages"]) for v in VIEWS])
            _print("a file that the signer adds; first page from the click on Continue", chosen)
        finally:
            browser.close()
            server.stop()


def _print(title: str, columns: list[dict[str, float]]) -> None:
    print(f"{title:>70} " + " ".join(f"{view.name:>12}" for view in VIEWS))
    for row in ROWS:
        print(f"{row:>70} " + " ".join(f"{column[row]:12.{3 if row == 'layout shift' else 0}f}" for column in columns))


def _print_scroll(columns: list[dict[str, float]]) -> None:
    for row in columns[0]:
        print(f"{'scrolling through 2000 pages: ' + row:>70} " + " ".join(f"{column[row]:12.0f}" for column in columns))


def _scroll(browser: Browser, server: Server, view: View, content: bytes) -> dict[str, float]:
    """What `SCROLL` tells."""
    page = _new_page(browser, view)
    page.goto(_opened(server, content))
    page.locator(".paper img").first.wait_for()
    seen: dict[str, float] = page.evaluate(SCROLL)
    page.context.close()
    return seen


def _new_page(browser: Browser, view: View) -> Page:
    context = browser.new_context(
        viewport={"width": view.width, "height": view.height}, device_scale_factor=view.density, locale="en"
    )
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.add_init_script(WATCH)
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": view.slower})
    return page


def _opened(server: Server, content: bytes) -> str:
    documents = [{"file": {"name": "lease.pdf", "content": base64(content)}}]
    return str(server.open_session(documents=documents)["redirectUrl"])


def _median(browser: Browser, server: Server, view: View, content: bytes, *, chosen: bool = False) -> dict[str, float]:
    rounds = [_measure(browser, server, view, content, chosen=chosen) for _ in range(ROUNDS)]
    return {row: statistics.median(one[row] for one in rounds) for row in ROWS}


def _measure(browser: Browser, server: Server, view: View, content: bytes, *, chosen: bool) -> dict[str, float]:
    page = _new_page(browser, view)
    page.goto(server.open_session()["redirectUrl"] if chosen else _opened(server, content))
    if chosen:
        _choose(page, content)
    page.locator(".paper img").first.wait_for()
    page.wait_for_function("seen.picture !== undefined && seen.paint !== undefined")
    seen = page.evaluate("seen")
    page.context.close()
    start = seen["click"] if chosen else 0
    return {
        "first paint": seen["paint"],
        "usable": seen["usable"],
        "first page": seen["picture"] - start,
        "first page after the review opens": max(0, seen["picture"] - seen["review"]),
        "blocked": seen["blocked"],
        "layout shift": seen["shift"],
    }


def _choose(page: Page, content: bytes) -> None:
    file = {"name": "lease.pdf", "mimeType": "application/pdf", "buffer": content}
    with page.expect_response("**/sign/api/preview/**"):  # asked for ahead
        page.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Continue", exact=True).click()


if __name__ == "__main__":
    main()
