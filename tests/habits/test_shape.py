"""The shape of the house: folders that a reader can take in at a glance, and ports that are small."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.habits.repository import ROOT

SOURCE = ROOT / "src" / "signroom"
MAX_FILES = 16
MAX_METHODS = 24
NOT_HAND_WRITTEN = {"static", "versions", "__pycache__"}


def test_no_folder_but_the_domain_has_too_many_files() -> None:
    folders = [SOURCE, *(path for path in SOURCE.rglob("*") if path.is_dir())]
    counted = {
        str(folder.relative_to(SOURCE)): len(modules_in(folder))
        for folder in folders
        if not NOT_HAND_WRITTEN & set(folder.parts)
    }

    assert counted.pop("domain") > 0
    assert {name: count for name, count in counted.items() if count > MAX_FILES} == {}


def modules_in(folder: Path) -> list[Path]:
    return [file for file in folder.glob("*.py") if file.name != "__init__.py"]


def test_no_protocol_has_too_many_methods() -> None:
    protocols = {
        node.name: sum(isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef) for member in node.body)
        for file in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base).startswith("Protocol") for base in node.bases)
    }

    assert protocols
    assert {name: count for name, count in protocols.items() if count > MAX_METHODS} == {}
