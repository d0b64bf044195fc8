"""The list of attacks is whole, and the tests that it names are there."""

from __future__ import annotations

import re

from tests.habits.repository import ROOT, rows_of

ATTACKS = ROOT / "docs" / "attacks.md"
_TEST = re.compile(r"`([\w/.-]+)::([^`]+)`")


def test_the_attacks_are_numbered_each_with_a_test_or_a_reason() -> None:
    rows = rows_of(ATTACKS)

    assert [row[0] for row in rows] == [str(number) for number in range(1, len(rows) + 1)]
    assert len({row[1] for row in rows}) == len(rows), "an attack is listed twice"
    assert len(rows) >= 80
    for number, *cells in rows:
        assert len(cells) == 3, number
        assert all(cells), number
        assert _TEST.search(cells[2]) or cells[2].startswith("Cannot happen: "), number


def test_every_test_that_the_list_names_exists() -> None:
    named = _TEST.findall(ATTACKS.read_text("utf-8"))

    assert named
    assert [f"{file}::{name}" for file, name in named if not _exists(file, name)] == []


def _exists(file: str, name: str) -> bool:
    path = ROOT / file
    if not path.is_file():
        return False
    text = path.read_text("utf-8")
    if path.suffix == ".py":
        return re.search(rf"^def {re.escape(name)}\(", text, re.MULTILINE) is not None
    return re.search(rf"\b(?:test|describe)\('{re.escape(name)}'", text) is not None
