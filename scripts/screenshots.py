"""Every state of the signing page as pictures, to be looked at: ``make screenshots`` writes ./screenshots."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import sync_playwright

from tests.harness.server import ROOT, start_server
from tests.journeys.conftest import FLAGS
from tests.journeys.scenes import LANGUAGES, Scenes

WIDTHS = (1280, 768, 390)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SETTLED_MS = 200
"""Colours fade into each other for a moment."""
TARGET = ROOT / "screenshots"


def main() -> None:
    shutil.rmtree(TARGET, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = start_server(Path(folder) / "data")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for language in sys.argv[1:] or LANGUAGES:
            page = browser.new_page(viewport={"width": WIDTHS[0], "height": 800})
            for number, scene in enumerate(Scenes(server, page, language, Path(folder)).play(), start=1):
                for width in WIDTHS:
                    page.set_viewport_size({"width": width, "height": 800})
                    for scheme in SCHEMES:
                        page.emulate_media(color_scheme=scheme)
                        page.wait_for_timeout(SETTLED_MS)
                        page.screenshot(path=TARGET / f"{number:02}-{scene}-{language}-{width}-{scheme}.png")
            page.close()
        browser.close()
        server.stop()
    sys.stdout.write(f"{len(list(TARGET.iterdir()))} pictures in {TARGET.name}/\n")


if __name__ == "__main__":
    main()
