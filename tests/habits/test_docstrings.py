"""Docstrings name only what exists: names in backticks, and the errors behind `Raises:`."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.habits.repository import ROOT

SOURCE = ROOT / "src" / "signroom"
FILES = sorted(SOURCE.rglob("*.py"))
BACKTICKED = re.compile(r"(?<!`)`([A-Za-z_][\w.]*)(?:\([^`]*\))?`(?!`)")
"""One name between single backticks; commands, paths and pieces of code have other characters in them."""
RAISES = re.compile(r"Raises: (.+?)(?:\.(?:\s|$)|\n\n|$)", flags=re.DOTALL)
ERROR = re.compile(r"\b[A-Z][a-zA-Z]+[a-z][A-Za-z]*\b")


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text("utf-8"))


def names_in(file: Path) -> Iterator[str]:
    """Everything that the code of `file` calls by a name, strings of one word included."""
    for node in ast.walk(tree_of(file)):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.keyword(arg=str(name)):
                yield name
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.alias(name=name, asname=asname):
                yield from (*name.split("."), asname or "")
            case ast.Constant(value=str(text)) if re.fullmatch(r"[\w.-]+", text):
                yield text


@cache
def all_names() -> frozenset[str]:
    modules = {part for file in FILES for part in file.relative_to(SOURCE).with_suffix("").parts}
    return frozenset(modules | {"signroom"} | {name for file in FILES for name in names_in(file)})


def docstrings(file: Path) -> Iterator[tuple[int, str]]:
    """Line and text of each string that stands as a statement: docstrings, and those below fields and constants."""
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value


def known(name: str) -> bool:
    """True for a name of our code, of a builtin, or of the wire: that one is the camelCase form of ours."""
    snake = re.sub(r"(?<=[a-z])([A-Z])", lambda match: "_" + match[1].lower(), name)
    return bool({name, snake} & all_names()) or hasattr(builtins, name)


def test_names_in_backticks_exist() -> None:
    missing = [
        f"{file.relative_to(SOURCE)}:{line}: {name}"
        for file in FILES
        for line, text in docstrings(file)
        for name in BACKTICKED.findall(text)
        if not all(known(part) for part in name.strip(".").split("."))
    ]

    assert missing == []


def test_errors_behind_raises_exist() -> None:
    missing = [
        f"{file.relative_to(SOURCE)}:{line}: {name}"
        for file in FILES
        for line, text in docstrings(file)
        for errors in RAISES.findall(text)
        for name in ERROR.findall(errors.partition(":")[0])
        if not known(name)
    ]

    assert missing == []


def test_a_name_that_is_gone_is_noticed() -> None:
    assert BACKTICKED.findall("As `gone_for_good` says, see ``--help`` and `work.sessions`.") == [
        "gone_for_good",
        "work.sessions",
    ]
    assert not known("gone_for_good")
    assert RAISES.findall("Raises: NotFound, GoneForGood. More.") == ["NotFound, GoneForGood"]
