"""Each import rule of `pyproject.toml` can break: it is broken once, in a copy of the source."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from scripts.import_rules import Row, read_row
from tests.habits.repository import ROOT

LINTER = Path(sys.executable).with_name("lint-imports")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
TABLE = "each room imports only what its row allows"
ROWS = [read_row(line) for contract in CONTRACTS if contract["name"] == TABLE for line in contract["rooms"]]
LIBRARIES = frozenset().union(*(row.libraries for row in ROWS))
CIRCLES = "no cycles in any room"
UNKNOWN = "library_that_no_row_names"

BREAKS = {
    "one way down": {"domain/planted.py": "import signroom.service.access.authenticate"},
    "one way down inside service": {"service/access/planted.py": "import signroom.service.sessions.open_session"},
    "one way down inside formats": {"formats/values.py": "import signroom.formats.catalogue"},
    "one way down inside api": {"api/shapes/planted.py": "import signroom.api.translation.commands"},
    CIRCLES: {
        "domain/planted.py": "import signroom.domain.planted_too",
        "domain/planted_too.py": "import signroom.domain.planted",
    },
    TABLE: {"domain/planted.py": f"import {UNKNOWN}"},
}
"""Contract -> the lines that break it. An import that goes up may close a circle too, and no row allows it."""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The source, its rules and the contract type, without the built page."""
    shutil.copytree(ROOT / "src" / "signroom", tmp_path / "signroom", ignore=shutil.ignore_patterns("static", "*.pyc"))
    (tmp_path / "scripts").mkdir()
    for name in ("pyproject.toml", "scripts/import_rules.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def lint(copy: Path) -> tuple[set[str], str]:
    """The names of the broken contracts, and all that the linter printed."""
    done = subprocess.run(
        [LINTER, "--no-cache", "--no-logo"],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy), "COLUMNS": "1000"},
        capture_output=True,
        text=True,
        check=False,
    )
    broken = set(re.findall(r"^(.+) BROKEN$", done.stdout, flags=re.MULTILINE))
    assert (done.returncode == 0) == (not broken), done.stdout + done.stderr
    return broken, done.stdout


def plant(copy: Path, lines: dict[str, str]) -> None:
    for name, line in lines.items():
        with (copy / "signroom" / name).open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")


def test_every_contract_has_a_case_here() -> None:
    assert {contract["name"] for contract in CONTRACTS} == set(BREAKS)


@pytest.mark.parametrize("contract", BREAKS)
def test_a_contract_can_break(copy: Path, contract: str) -> None:
    plant(copy, BREAKS[contract])

    broken, _ = lint(copy)

    assert contract in broken
    assert broken <= {contract, CIRCLES, TABLE}


def test_a_new_room_needs_a_row_and_a_layer(copy: Path) -> None:
    (copy / "signroom" / "utils").mkdir()
    plant(copy, {"utils/__init__.py": "import re"})

    broken, printed = lint(copy)

    assert broken == {"one way down", TABLE}
    assert "signroom.utils is in no room of the table." in printed


def test_each_row_of_the_table_can_break(copy: Path) -> None:
    """Every room imports all other rooms and all libraries: what its row does not allow is reported, and only that."""
    planted = {row.room: planted_imports(copy, row) for row in ROWS}

    broken, printed = lint(copy)

    reported: dict[str, set[str]] = {row.room: set() for row in ROWS}
    for module, imported in re.findall(r"^signroom\.([\w.]+) may not import ([\w.]+) \(line", printed, re.MULTILINE):
        reported[module.removesuffix(".planted")].add(imported)
    assert TABLE in broken
    for row in ROWS:
        assert reported[row.room] == planted[row.room], row.room


def planted_imports(copy: Path, row: Row) -> set[str]:
    """Plant every import that may be asked of `row` in its room; returns those that it forbids."""
    rooms = [other.room for other in ROWS if not related(other.room, row.room)]
    libraries = sorted(LIBRARIES | {UNKNOWN})
    lines = "\n".join([*(f"import signroom.{room}" for room in rooms), *(f"import {name}" for name in libraries)])
    folder = row.room.replace(".", "/")
    is_package = (copy / "signroom" / folder).is_dir()
    plant(copy, {f"{folder}/planted.py" if is_package else f"{folder}.py": lines})
    forbidden_rooms = {f"signroom.{room}" for room in rooms if not row.allows(room)}
    return forbidden_rooms | {name for name in libraries if name not in row.libraries}


def related(one: str, other: str) -> bool:
    """True for a room and a room inside it: importing one's own room is always allowed."""
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def test_the_copy_itself_keeps_all_rules(copy: Path) -> None:
    assert lint(copy)[0] == set()
