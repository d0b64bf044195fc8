"""Every refusal has a status, a page in the docs, and survives a process border."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from signroom.domain import errors
from signroom.http.problems import _FRAMEWORK_CODES, status_of

ERRORS = Path(__file__).parents[2] / "docs" / "errors.md"


def leaves(kind: type[errors.SignroomError]) -> list[type[errors.SignroomError]]:
    below = [leaf for child in kind.__subclasses__() for leaf in leaves(child)]
    return below if kind in {errors.SignroomError, errors.Refused} else [kind, *below]


ALL = [kind for kind in leaves(errors.SignroomError) if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_error_has_a_code_a_sentence_a_status_and_a_line_in_the_docs(kind: type[errors.SignroomError]) -> None:
    row = next((line for line in ERRORS.read_text().splitlines() if line.startswith(f"| `{kind.code}` |")), None)

    assert row is not None, f"{kind.code} is not in docs/errors.md"
    assert str(status_of(kind())) in row.split("|")[2]
    assert kind.message.endswith(".")


def test_the_docs_list_no_code_that_does_not_exist() -> None:
    known = {kind.code for kind in ALL} | set(_FRAMEWORK_CODES.values()) | {"InternalError"}
    listed = {line.split("`")[1] for line in ERRORS.read_text().splitlines() if line.startswith("| `")}

    assert listed <= known


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_error_survives_a_process_border(kind: type[errors.SignroomError]) -> None:
    for error in (kind(), kind("With a detail.")):
        copy = pickle.loads(pickle.dumps(error))  # noqa: S301  (our own bytes)
        assert (type(copy), copy.detail, str(copy)) == (kind, error.detail, str(error))
