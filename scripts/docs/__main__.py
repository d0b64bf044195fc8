"""Builds the documentation site into the package: ``make docs``, or ``python -m scripts.docs FOLDER`` for elsewhere."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.docs.check import check_site
from scripts.docs.gather import DeadLink, Gathering
from scripts.docs.missing import below_docs
from scripts.docs.search import for_readers

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "src" / "signroom" / "manual" / "site"
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_OF_A_SITE_THAT_IS_AT_HOME_AT_THE_ROOT = ("sitemap.xml", "objects.inv")


def main() -> int:
    """Build, check, and put the site in its place. Exit code 1 when something is wrong; then the old site stays."""
    target = Path(sys.argv[1]).resolve() if sys.argv[1:] else TARGET
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        try:
            Gathering(ROOT, place / "pages").run()
        except DeadLink as error:
            sys.stdout.write(f"docs: {error}\n")
            return 1
        shutil.copyfile(ROOT / "docs" / "site.toml", place / "zensical.toml")
        shutil.copytree(Path(__file__).parent / "theme", place / "theme")
        program = Path(sys.executable).parent / "zensical"
        build = [str(program), "build", "--strict"]
        done = subprocess.run(build, cwd=place, capture_output=True, text=True, check=False)  # noqa: S603  (ours)
        if done.returncode != 0:
            sys.stdout.write(_COLOURS.sub("", done.stdout + done.stderr))
            return 1
        built = place / "site"
        for name in _OF_A_SITE_THAT_IS_AT_HOME_AT_THE_ROOT:
            (built / name).unlink(missing_ok=True)
        missing = built / "404.html"
        missing.write_text(below_docs(missing.read_text("utf-8")), "utf-8")
        _sort_search(built / "search.json")
        wrong = check_site(built)
        if wrong:
            sys.stdout.write("docs: " + "\n      ".join(wrong) + "\n")
            return 1
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(built, target)
    pages = len(list(target.rglob("*.html")))
    sys.stdout.write(f"docs: {pages} pages, no dead link, nothing from elsewhere\n")
    return 0


def _sort_search(file: Path) -> None:
    index = json.loads(file.read_text("utf-8"))
    index["items"] = for_readers(index["items"])
    file.write_text(json.dumps(index, ensure_ascii=False, separators=(",", ":")), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
