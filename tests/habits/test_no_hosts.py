"""No address of a registry and no path of somebody's machine in the repository (docs/decisions/0005)."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Put together here, so that this file does not hold them.
FORBIDDEN = tuple(
    a + b
    for a, b in (
        ("pypi", ".org"),
        ("files.python", "hosted.org"),
        ("registry.npm", "js.org"),
        ("registry.yarn", "pkg.com"),
        ("deb.deb", "ian.org"),
        ("/work", "/main"),
        ("/ro", "ot/"),
    )
)


def test_tracked_files_name_no_registry_and_no_machine() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    found = [
        (name, word)
        for name in tracked.split("\0")
        if name and (ROOT / name).is_file()
        for word in FORBIDDEN
        if word.encode() in (ROOT / name).read_bytes()
    ]

    assert found == []
