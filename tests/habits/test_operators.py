"""Nothing that comes in over a network becomes an operator: only commands make one (decision 21)."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.habits.repository import ROOT

SOURCE = ROOT / "src" / "signroom"
TYPES = {"Operator", "OperatorCaller"}
MAKERS = {"this_operator", "act_for_subscription", "act_for_application", "act_for_session", "acting_for"}
MODULE = "operators"

MAY_NAME_THE_TYPES = {
    "domain/application.py",  # defines them
    "service/access/operators.py",  # makes them
    "service/erasing/delete_tenants.py",  # one of its verbs is about a whole subscription
    "service/subscriptions/disable_tenants.py",  # some of its verbs are about whole subscriptions
    "service/subscriptions/manage_applications.py",  # some of its verbs take an `Operator`
    "service/maintenance/change_secret_key.py",  # of the installation, which is nobody's subscription
    "service/timestamps/manage_providers.py",  # of the installation too
    "service/subscriptions/record_trust.py",  # whom the whole installation trusts
    "service/levels/extend_file.py",  # a file on the operator's disk
}
MAY_MAKE = {"domain/application.py", "service/access/operators.py"}


def names(tree: ast.AST) -> Iterator[str]:
    """Every name that the code mentions, in imports, in annotations that are strings, and behind a dot, too."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.alias(name=name):
                yield from name.split(".")
            case ast.ImportFrom(module=str(module)):
                yield from module.split(".")
            case ast.Constant(value=str(text)) if text.isidentifier():
                yield text
            case _:
                pass


def mentioned() -> dict[str, set[str]]:
    """The names that each file of the product mentions."""
    return {
        file: set(names(_tree(file))) for file in (path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py"))
    }


def outside_of_commands(wanted: set[str]) -> set[str]:
    """The files that mention one of the names `wanted`, without those of ``cli/``."""
    return {file for file, found in mentioned().items() if found & wanted and not file.startswith("cli/")}


def test_only_the_command_line_makes_an_operator() -> None:
    assert outside_of_commands(MAKERS | {MODULE}) == MAY_MAKE


def test_only_verbs_that_take_an_operator_name_its_types() -> None:
    assert outside_of_commands(TYPES) == MAY_NAME_THE_TYPES


def test_the_verbs_that_take_an_operator_do_not_make_one() -> None:
    for file in MAY_NAME_THE_TYPES - MAY_MAKE:
        calls = [node.func for node in ast.walk(_tree(file)) if isinstance(node, ast.Call)]
        assert {name for call in calls for name in names(call)} & (TYPES | MAKERS) == set(), file


@pytest.mark.parametrize(
    "code",
    [
        "from signroom.domain.application import Operator",
        "from signroom.domain.application import OperatorCaller as Caller",
        "caller = application.OperatorCaller(subscription_id)",
        "caller = getattr(application, 'OperatorCaller')(subscription_id)",
        "from signroom.service.access.operators import *",
        "from signroom.service.access import operators",
        "import signroom.service.access.operators",
        "def call(made: 'Operator') -> None: made.acting_for(subscription_id)",
    ],
)
def test_every_way_to_name_one_is_seen(code: str) -> None:
    assert set(names(ast.parse(code))) & (TYPES | MAKERS | {MODULE})


def _tree(file: str) -> ast.Module:
    return ast.parse((SOURCE / file).read_text("utf-8"))
