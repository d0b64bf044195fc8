"""What is said of the processors is what the kernel says."""

from __future__ import annotations

from pathlib import Path

from tests.harness.idle import Processors


def test_the_time_between_two_looks_is_shared_out(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 10 50 800 40 0 0 0 7 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n")
    before = Processors.read(stat)
    stat.write_text("cpu  150 10 60 820 45 0 0 15 57 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n")

    assert Processors.read(stat).since(before) == (0.25, 0.15)
