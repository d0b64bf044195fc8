"""Evidence is made where something was checked, and nowhere else.

`prepare` takes a `TrustedChain` and `embed` a `CheckedValue`. mypy sees to that. Here it is seen to that nobody in src
makes one without a check: the class is used in annotations only, but for the functions below.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.habits.repository import ROOT

SOURCE = ROOT / "src" / "signroom"
MAKERS = {
    "CheckedValue": {"formats/values.py: _check", "store/rows.py: _checked_before_it_was_stored"},
    "TrustedChain": {"service/certificates/judge_certificate.py: require_trusted"},
}
"""Who may make one. The store reads back what it was given as checked."""


def uses(node: ast.AST, name: str, function: str = "") -> Iterator[str]:
    """The functions in which `name` is more than an annotation; "" for a use outside of functions."""
    match node:
        case ast.Name(id=found) | ast.Attribute(attr=found) if found == name:
            yield function
        case ast.alias(name=found, asname=str()) if found == name:
            yield function  # under another name it would not be recognised
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            function = node.name
    for field, child in ast.iter_fields(node):
        if field in {"annotation", "returns"}:
            continue
        for each in child if isinstance(child, list) else [child]:
            if isinstance(each, ast.AST):
                yield from uses(each, name, function)


def test_only_who_has_checked_makes_evidence() -> None:
    for name, makers in MAKERS.items():
        found = {
            f"{file.relative_to(SOURCE).as_posix()}: {function}"
            for file in SOURCE.rglob("*.py")
            for function in uses(ast.parse(file.read_text("utf-8")), name)
        }

        assert found == makers, name


def test_each_way_to_make_evidence_is_noticed() -> None:
    code = """
from a import CheckedValue as C
from a import CheckedValue
alias = CheckedValue
def annotated(value: CheckedValue) -> CheckedValue | None: ...
def called(): return CheckedValue(b"")
async def passed_on(): return map(signature.CheckedValue, [b""])
"""

    assert list(uses(ast.parse(code), "CheckedValue")) == ["", "", "called", "passed_on"]
