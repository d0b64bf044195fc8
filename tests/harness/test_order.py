"""The order of the test files and the number of workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.order import SECONDS, longest_first, useful_workers

ROOT = Path(__file__).parents[2]
LONGEST, SECOND = "tests/journeys/test_crash.py", "tests/api/test_description.py"


def test_every_file_of_the_table_exists() -> None:
    assert [file for file in SECONDS if not (ROOT / file).is_file()] == []


def test_the_longest_files_come_first_and_files_stay_whole() -> None:
    found = longest_first(["b 1", f"{SECOND} 1", "a 1", "b 2", f"{LONGEST} 1", "a 2"], lambda item: item.split()[0])

    assert found == [f"{LONGEST} 1", f"{SECOND} 1", "b 1", "b 2", "a 1", "a 2"]


@pytest.mark.parametrize(
    ("arguments", "workers"),
    [
        (["tests"], 8),
        (["tests/api", "tests/journeys"], 8),
        (["tests/domain/test_session.py"], 0),
        (["tests/journeys/test_crash.py::test_a_name"], 0),
        (["tests/journeys/test_crash.py", "tests/journeys/test_webhooks.py"], 2),
    ],
)
def test_few_tests_get_few_workers(arguments: list[str], workers: int) -> None:
    assert useful_workers(ROOT, arguments, cores=8) == workers
