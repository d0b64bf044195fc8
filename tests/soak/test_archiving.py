"""The short form of ``make soak ARGS=archive``."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from tests.soak.archiving import Plan, archive_under_faults


@pytest.mark.slow
def test_documents_are_completed_at_once_and_archived_once_everybody_is_back(tmp_path: Path) -> None:
    # Beside this test others run, on the same processors: everything takes longer.
    seed = secrets.randbelow(1 << 31)
    plan = Plan(12, 3, seed, kill_pause=(0.5, 3.0), switch_pause=(0.2, 1.5), at_once=20)

    done = archive_under_faults(tmp_path / "data", plan)

    assert done.documents >= plan.sessions
    assert done.problems == [], f"seed {seed}"
