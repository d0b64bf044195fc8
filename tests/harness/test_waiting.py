"""A test that waits too long fails by itself, and says why, before pytest ends its process."""

from __future__ import annotations

import re

import pytest

from tests.harness.server import ROOT
from tests.harness.waiting import SECONDS, begin_before_midnight

_ENDS = 2 * SECONDS
"""For what comes before and after: a server starts, and stops."""


def test_no_test_waits_for_a_program_as_long_as_pytest_waits_for_the_test(pytestconfig: pytest.Config) -> None:
    longest = float(pytestconfig.getini("faulthandler_timeout"))
    files = {file: file.read_text() for file in (ROOT / "tests").rglob("*.py")}

    too_long = [
        f"{file.relative_to(ROOT)}: {found}"
        for file, text in files.items()
        for found in re.findall(r"\btimeout=(\d+)", text)
        if float(found) > longest - _ENDS
    ]

    assert too_long == []


def test_what_is_of_one_day_begins_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)

    begin_before_midnight(60, now=lambda: 86_400 * 7 - 61)
    begin_before_midnight(60, now=lambda: 86_400 * 7 - 0.5)
    begin_before_midnight(60, now=lambda: 86_400 * 7 + 0.5)

    assert slept == [0.5]
