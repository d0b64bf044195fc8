"""What must hold of the repository itself: it names no registry and no machine, and its pages tell the truth."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.habits.repository import ROOT, rows_of, tracked_files

# In parts: this file must not name them either.
HOSTS = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("crates", "io"),
        ("proxy", "golang", "org"),
        ("repo", "maven"),
        ("maven", "org"),
        ("deb", "debian", "org"),
        ("security", "debian", "org"),
    )
]
HOST = re.compile("|".join(map(re.escape, HOSTS)).encode(), re.IGNORECASE)

# Where people and build machines keep their checkouts; no path of the product or of Debian begins so.
PLACES = ["ho" + "me", "ro" + "ot", "wo" + "rk", "Us" + "ers", "github/work" + "space"]
MACHINE_PATH = re.compile(rf"(?<![\w./:-])/(?:{'|'.join(PLACES)})/[\w.-]+".encode())


@pytest.mark.parametrize("pattern", [HOST, MACHINE_PATH], ids=["registry", "machine"])
def test_no_tracked_file_names_a_registry_or_a_path_of_a_machine(pattern: re.Pattern[bytes]) -> None:
    found = {
        f"{file.relative_to(ROOT)}: {match.group().decode('latin-1')}"
        for file in tracked_files()
        for match in pattern.finditer(file.read_bytes())
    }

    assert found == set()


def test_the_patterns_find_what_they_are_for() -> None:
    assert HOST.search(f"https://{HOSTS[0]}/simple".encode())
    assert MACHINE_PATH.search(f'"/{PLACES[0]}/ana/signroom"'.encode())
    assert not MACHINE_PATH.search(f"https://sign.example/{PLACES[0]}/ana".encode())


def test_every_locked_package_has_hashes() -> None:
    locks = sorted((ROOT / "locks").glob("*.txt"))

    assert locks
    for lock in locks:
        packages = re.split(r"\n(?=\S)", lock.read_text("utf-8").strip())
        assert [package.split()[0] for package in packages if "--hash=sha256:" not in package] == [], lock.name


def test_what_is_tested_is_what_runs() -> None:
    tested, runs = (_pins(ROOT / "locks" / name) for name in ("dev.txt", "runtime.txt"))

    assert runs
    assert {name: version for name, version in runs.items() if tested.get(name) != version} == {}


def test_the_list_of_rooms_has_every_room_and_no_other() -> None:
    source = ROOT / "src" / "signroom"
    rooms = {folder.name for folder in source.iterdir() if (folder / "__init__.py").is_file()}

    first_cells = " ".join(row[0] for row in rows_of(ROOT / "docs" / "architecture.md"))
    listed = set(re.findall(r"`(\w+)/`", first_cells))

    assert rooms <= listed
    assert {name for name in listed - rooms if not (ROOT / name).is_dir()} == set()


def test_decisions_are_numbered_without_gaps_and_say_what_enforces_them() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))

    assert [int(file.name[:4]) for file in decisions] == list(range(1, len(decisions) + 1))
    for number, file in enumerate(decisions, 1):
        text = file.read_text("utf-8")
        assert text.startswith(f"# {number}. "), file.name
        assert "\nEnforced by: " in text, file.name


def test_every_file_that_a_page_names_is_there() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    named = {
        (page.name, path)
        for page in pages
        if page.name != "CHANGELOG.md"  # it speaks of earlier versions
        for path in re.findall(r"`((?:tests|src|docs|bench|scripts|deploy|examples)/[\w./-]+)", page.read_text("utf-8"))
    }

    assert named
    assert {(page, path) for page, path in named if not (ROOT / path).exists()} == set()


def test_the_standing_pages_are_there() -> None:
    missing = [
        name for name in ("LICENSE", "README.md", "CHANGELOG.md", "CONTRIBUTING.md") if not (ROOT / name).is_file()
    ]

    assert missing == []
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def _pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==(\S+)", lock.read_text("utf-8"), flags=re.MULTILINE))
