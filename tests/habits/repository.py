"""The repository as the habits see it: its root, what git tracks, the tables of its pages."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.harness.tools import not_run

ROOT = Path(__file__).parents[2]


def tracked_files() -> list[Path]:
    """Every file that git tracks, and those that are about to be added."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        not_run("this is no git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    files = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [file for file in files if file.is_file()]


def rows_of(page: Path) -> list[list[str]]:
    """The cells of every row of every table in a Markdown page, without the headings."""
    lines = [line.strip() for line in page.read_text("utf-8").splitlines()]
    followed = zip(lines, [*lines[1:], ""], strict=True)
    rows = [line for line, after in followed if line.startswith("|") and not _is_rule(line) and not _is_rule(after)]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def _is_rule(line: str) -> bool:
    return line.startswith("|") and set(line) <= set("|-: ")
