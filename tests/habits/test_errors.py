"""Every refusal has a status, a page in the docs, and survives a process border."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest
from signroom_client import errors as client

from signroom.domain import errors
from signroom.http.problems import _FRAMEWORK_CODES, status_of

ROOT = Path(__file__).parents[2]
ERRORS = ROOT / "docs" / "errors.md"
SOURCE = ROOT / "src" / "signroom"


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


def rows(heading: str) -> dict[str, list[str]]:
    """The table under a heading: cells by code."""
    (part,) = [part for part in re.split(r"^##? ", ERRORS.read_text(), flags=re.MULTILINE) if part.startswith(heading)]
    # A pipe inside a cell is escaped.
    lines = [line.replace("\\|", " ") for line in part.splitlines() if line.startswith("| `")]
    return {line.split("`")[1]: [cell.strip() for cell in line.strip("|").split("|")] for line in lines}


def test_the_docs_list_no_code_that_does_not_exist() -> None:
    known = {kind.code for kind in ALL} | set(_FRAMEWORK_CODES.values()) | {"InternalError"}

    assert set(rows("Error codes")) <= known


@pytest.mark.parametrize("heading", ["Error codes", "Failures that come with 200", "Codes of the Python client"])
def test_every_code_has_a_cure(heading: str) -> None:
    found = rows(heading)

    assert found
    assert [code for code, cells in found.items() if len(cells) != 4 or not all(cells)] == []


def test_every_code_of_the_client_is_in_the_docs() -> None:
    def below(kind: type[Exception]) -> set[type[Exception]]:
        return {kind}.union(*map(below, kind.__subclasses__()))

    webhook = {value for name, value in vars(client.WebhookError).items() if name.isupper()}
    codes = {vars(kind)["code"] for kind in below(client.SignroomError) if "code" in vars(kind)}

    assert set(rows("Codes of the Python client")) == (codes | webhook) - {"Error"}


def test_every_failure_that_the_service_answers_is_in_the_docs() -> None:
    source = "".join(path.read_text() for part in ("service", "api") for path in (SOURCE / part).rglob("*.py"))
    found = set(re.findall(r"failure[ =].*?\"([A-Z]\w+)\"", source)) | set(re.findall(r"\"(StaleSession)\"", source))

    assert set(rows("Failures that come with 200")) == found


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_error_survives_a_process_border(kind: type[errors.SignroomError]) -> None:
    for error in (kind(), kind("With a detail.")):
        copy = pickle.loads(pickle.dumps(error))  # noqa: S301  (our own bytes)
        assert (type(copy), copy.detail, str(copy)) == (kind, error.detail, str(error))
