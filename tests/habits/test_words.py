"""The glossary `docs/words.md` has every class of the domain, and no class that does not exist."""

from __future__ import annotations

import ast
import re

from tests.habits.repository import ROOT, rows_of

DOMAIN = ROOT / "src" / "signroom" / "domain"
WORDS = ROOT / "docs" / "words.md"


def test_every_class_of_the_domain_is_in_the_glossary() -> None:
    classes = {
        node.name
        for file in DOMAIN.glob("*.py")
        if file.name != "errors.py"  # they have rows in docs/errors.md
        for node in ast.parse(file.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef)
    }
    listed = {name for row in rows_of(WORDS) for name in re.findall(r"`([A-Z]\w+)`", row[0])}

    assert classes - listed == set(), "classes without a row"
    assert listed - classes == set(), "rows without a class"
