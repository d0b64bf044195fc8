"""The import rules of the page (`web/import-rules.mjs`) can break: each is broken once, in a copy of `web/src`."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.habits.repository import ROOT
from tests.harness.tools import not_run

WEB = ROOT / "web"
SERVER = {"bytes", "server"}
# Written down once more, so that a change of the table in `import-rules.mjs` is seen here.
MAY_IMPORT = {
    "bytes": set[str](),
    "server": {"bytes"},
    "keysource": SERVER,
    "digest": SERVER | {"keysource"},
    "session": SERVER | {"keysource", "digest"},
    "texts": {"session"},
    "views": SERVER | {"keysource", "session", "texts"},
    "main.tsx": {"views", "server"},
}
"""Room -> the rooms that it may import."""

A_FILE = {
    "bytes": "bytes/der.ts",
    "server": "server/model.ts",
    "keysource": "keysource/keysource.ts",
    "digest": "digest/check.ts",
    "session": "session/flow.ts",
    "texts": "texts/message.ts",
    "views": "views/icon.tsx",
    "main.tsx": "main.tsx",
}
"""Room -> one of its files."""

HASHES, FORGE, PREACT = "@noble/hashes/sha2.js", "node-forge", "preact"
MAY_USE = {
    "bytes": set[str](),
    "server": set[str](),
    "keysource": set[str](),
    "keysource/pfx": {HASHES, FORGE},
    "digest": set[str](),
    "session": set[str](),
    "texts": set[str](),
    "views": {PREACT},
}
"""Folder -> the packages that its files may import."""

RULE_OF_PACKAGE = {HASHES: "package @noble/hashes", FORGE: "package node-forge", PREACT: "package preact"}

# Every way in which one file can name another. `{}` is the other file, without its ending.
KINDS = {
    "server/api.ts": "import {{ Api }} from '{}';",
    "server/model.ts": "import type {{ Finding }} from '{}';",
    "server/framing.ts": "export {{ framed }} from '{}';",
    "session/flow.ts": "export const load = () => import('{}');",
    "session/problem.ts": "export type Other = import('{}').Problem;",
    "texts/format.ts": "import '{}';",
    "views/icon.tsx": "import address from '{}.tsx?url';",
}

Violation = tuple[str, str, str]
"""The rule, the file that imports, what it imports."""
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def run() -> Run:
    """Runs `npm run imports` in a folder, as `make lint` does in `web/`."""
    found = subprocess.run(
        ["bash", "-c", '. "$0/scripts/node.sh"; find_node "$0" && printf %s "$PATH"', ROOT],
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode != 0:
        not_run("Node >= 20.19 is not installed")
    if not (WEB / "node_modules" / "dependency-cruiser").is_dir():
        not_run("dependency-cruiser is not installed: cd web && npm ci --ignore-scripts")
    env = os.environ | {"PATH": found.stdout, "NO_COLOR": "1"}

    def run_imports(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["npm", "run", "--silent", "imports", "--", *arguments]
        return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)

    return run_imports


@pytest.fixture
def web(tmp_path: Path) -> Path:
    """A copy of `web/` with all that the rules look at."""
    for name in ("package.json", "tsconfig.json", "import-rules.mjs"):
        shutil.copy(WEB / name, tmp_path / name)
    shutil.copytree(WEB / "src", tmp_path / "src")
    (tmp_path / "tests").mkdir()
    shutil.copy(WEB / "tests" / "vectors.ts", tmp_path / "tests" / "vectors.ts")
    (tmp_path / "node_modules").symlink_to(WEB / "node_modules", target_is_directory=True)
    return tmp_path


def test_the_page_keeps_its_import_rules(run: Run, web: Path) -> None:
    violations, _ = read_report(run(web, "--output-type", "json"))

    assert violations == set()


def test_a_broken_rule_fails_and_is_named(run: Run, web: Path) -> None:
    (web / "src" / "bytes" / "planted.ts").write_text("import type { Finding } from '../server/model';\n")

    done = run(web)

    assert done.returncode != 0
    assert "room bytes/: src/bytes/planted.ts" in done.stdout


def test_every_rule_can_break_and_nothing_else_is_reported(run: Run, web: Path) -> None:
    planted = [
        plant_rooms(web),
        plant_kinds(web),
        plant_packages(web),
        plant_tests(web),
        plant_files_without_a_room(web),
        plant_circle(web),
    ]

    violations, rules = read_report(run(web, "--output-type", "json"))

    expected = set().union(*planted)
    assert violations == expected
    assert {rule for rule, _, _ in violations} == rules


# -- what is planted; each function returns the violations that it causes ---------------------------


def plant_rooms(web: Path) -> set[Violation]:
    """Every room imports every other room."""
    expected: set[Violation] = set()
    for room, allowed in MAY_IMPORT.items():
        others = [other for other in MAY_IMPORT if other != room]
        if room == "main.tsx":
            source, rule = room, "room main.tsx"
            lines = [f"import './{without_ending(A_FILE[other])}';" for other in others]
        else:
            source, rule = f"{room}/planted.ts", f"room {room}/"
            lines = [f"import '../{without_ending(A_FILE[other])}';" for other in others]
        write(web, source, lines)
        expected |= {(rule, source, A_FILE[other]) for other in others if other not in allowed}
    return expected


def plant_kinds(web: Path) -> set[Violation]:
    """The lowest room names other files in every way that TypeScript and Vite have."""
    write(web, "bytes/kinds.ts", [line.format(f"../{without_ending(file)}") for file, line in KINDS.items()])
    return {("room bytes/", "bytes/kinds.ts", file) for file in KINDS}


def plant_packages(web: Path) -> set[Violation]:
    """Every folder imports every package, one that has no place, a module of Node and one that does not exist."""
    expected: set[Violation] = set()
    for folder, allowed in MAY_USE.items():
        source = f"{folder}/packages.ts"
        names = [*RULE_OF_PACKAGE, "axe-core", "vitest", "node:fs", "is-not-there"]
        write(web, source, [f"import '{name}';" for name in names])
        expected |= {(rule, source, name_of(name)) for name, rule in RULE_OF_PACKAGE.items() if name not in allowed}
        expected |= {("package without a place", source, name) for name in ("axe-core", "vitest")}
        expected |= {
            ("only tests use Node", source, "fs"),
            (f"room {folder.partition('/')[0]}/", source, "is-not-there"),
        }
    return expected


def plant_tests(web: Path) -> set[Violation]:
    """A test uses what tests may use, and a package that they may not; another file uses a test and the vectors."""
    test, other = "bytes/planted.test.ts", "bytes/uses-tests.ts"
    write(web, test, ["import 'vitest';", "import 'node:fs';", "import '../../tests/vectors';", "import 'axe-core';"])
    write(web, other, ["import './der.test';", "import '../../tests/vectors';"])
    return {
        ("package without a place in tests", test, "axe-core"),
        ("nobody imports a test", other, "bytes/der.test.ts"),
        ("only tests use the vectors", other, "tests/vectors.ts"),
    }


def plant_files_without_a_room(web: Path) -> set[Violation]:
    """A folder and a file that the table of rooms does not name; the folder's name begins like a room's."""
    write(web, "bytes-and-more/planted.ts", ["import '../bytes/der';"])
    write(web, "planted.ts", ["import './bytes/der';"])
    return {("no room", source, "bytes/der.ts") for source in ("bytes-and-more/planted.ts", "planted.ts")}


def plant_circle(web: Path) -> set[Violation]:
    """Two files of one room, one of which needs only a type of the other."""
    write(web, "texts/first.ts", ["import './second';", "export type First = string;"])
    write(web, "texts/second.ts", ["import type { First } from './first';"])
    return {("no circle", "texts/first.ts", "texts/second.ts")}


def write(web: Path, source: str, lines: list[str]) -> None:
    """Append `lines` to a file of `src/`, which need not exist."""
    file = web / "src" / source
    file.parent.mkdir(exist_ok=True)
    with file.open("a") as opened:
        opened.writelines(f"{line}\n" for line in lines)


def without_ending(file: str) -> str:
    return re.sub(r"\.tsx?$", "", file)


# -- what the tool says ----------------------------------------------------------------------------


def read_report(done: subprocess.CompletedProcess[str]) -> tuple[set[Violation], set[str]]:
    """The violations, and the names of all rules."""
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)["summary"]
    violations = {(each["rule"]["name"], name_of(each["from"]), name_of(each["to"])) for each in summary["violations"]}
    return violations, {rule["name"] for rule in summary["ruleSetUsed"]["forbidden"]}


def name_of(path: str) -> str:
    """A file of `src/` relative to it, a package by its name."""
    package = re.search(r"(?:^|node_modules/)(@[\w-]+/[\w-]+)|node_modules/([\w-]+)", path)
    if package is not None:
        return package[1] or package[2]
    return path.removeprefix("src/")
