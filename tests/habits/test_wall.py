"""Verbs that act for a caller read nothing past the wall between tenants (`signroom.ports.store.wall`)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SERVICE = Path(__file__).parents[2] / "src" / "signroom" / "service"
LOUD = "of_any_tenant"
ACTING_FOR = {"caller", "tenant"}
"""The parameters that say for whom a verb acts."""

GUARDED_OTHERWISE = {
    # Preparations have no subscription. Its id is in a signed state, and its document is read behind the wall.
    ("signing/sign_locally.py", "_preparation"),
}


@dataclass(frozen=True)
class Function:
    file: str
    name: str
    node: ast.FunctionDef | ast.AsyncFunctionDef

    @property
    def acts_for_a_caller(self) -> bool:
        arguments = self.node.args
        return any(a.arg in ACTING_FOR for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs))


def functions(source: str, file: str) -> dict[str, Function]:
    """The functions of one module by name."""
    nodes = ast.parse(source).body
    found = (node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {node.name: Function(file, node.name, node) for node in found}


def for_callers(module: dict[str, Function]) -> Iterator[Function]:
    """Verbs of a module that act for a caller, with the private functions of the module that they use."""
    waiting = [function for function in module.values() if function.acts_for_a_caller]
    seen: set[str] = set()
    while waiting:
        function = waiting.pop()
        if function.name in seen:
            continue
        seen.add(function.name)
        yield function
        used = {node.id for node in ast.walk(function.node) if isinstance(node, ast.Name)}
        waiting.extend(module[name] for name in used if name.startswith("_") and name in module)


def past_the_wall(function: Function) -> list[str]:
    """Each place where the function reads a row of any tenant, or compares owners by hand."""
    places = []
    for node in ast.walk(function.node):
        if isinstance(node, ast.Attribute) and node.attr.endswith(LOUD):
            places.append(f"{function.file}:{node.lineno} {function.name} calls {node.attr}")
        if isinstance(node, ast.Compare):
            sides = (node.left, *node.comparators)
            if any(isinstance(side, ast.Attribute) and side.attr == "subscription_id" for side in sides):
                places.append(f"{function.file}:{node.lineno} {function.name} compares subscription_id")
    return places


def modules() -> list[dict[str, Function]]:
    files = sorted(SERVICE.rglob("*.py"))
    return [functions(file.read_text("utf-8"), file.relative_to(SERVICE).as_posix()) for file in files]


def test_no_verb_reads_past_the_wall_for_a_caller() -> None:
    verbs = [f for m in modules() for f in for_callers(m) if (f.file, f.name) not in GUARDED_OTHERWISE]

    assert len(verbs) > 50, "verbs take their caller by another name: say so in ACTING_FOR"
    assert [place for function in verbs for place in past_the_wall(function)] == []


def test_what_is_guarded_otherwise_still_exists() -> None:
    known = {(f.file, f.name) for m in modules() for f in for_callers(m) if past_the_wall(f)}

    assert known == GUARDED_OTHERWISE


@pytest.mark.parametrize(
    "source",
    [
        "def read(ports, caller, id):\n    return work.sessions.of_any_tenant(id)",
        "def read(ports, *, tenant, id):\n    return work.webhooks.locked_of_any_tenant(id)",
        "async def read(ports, caller, id):\n    def look():\n        return work.feed.of_any_tenant(id)",
        "def read(ports, caller, id):\n    return run(_at, id)\n\ndef _at(id):\n    return w.uploads.of_any_tenant(id)",
        "def read(ports, caller, id):\n    if session.subscription_id != caller.subscription_id:\n        raise",
    ],
)
def test_a_way_past_the_wall_is_seen(source: str) -> None:
    assert [place for function in for_callers(functions(source, "a.py")) for place in past_the_wall(function)]


def test_a_way_through_the_wall_is_none_past_it() -> None:
    source = "def read(ports, caller, id):\n    return work.of(caller).session(id)"

    assert [past_the_wall(function) for function in for_callers(functions(source, "a.py"))] == [[]]
