"""Says at the end of a run of several workers what the machine did meanwhile: whether more of them would help.

Workers that wait leave the processors idle. A worker that ends long before the last had nothing left to begin, so a
long file was begun too late (`tests.harness.order`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

_IDLE = slice(3, 5)
"""Idle, and idle until a disk answers."""
_STOLEN = slice(7, 8)
"""What other machines on the same hardware took."""
_ALL = slice(0, 8)
"""Without the time of guests, which is counted as the user's already."""


@dataclass(frozen=True)
class Processors:
    """What all processors have done since the machine started, in the kernel's ticks."""

    ticks: tuple[int, ...]

    @staticmethod
    def read(stat: Path = Path("/proc/stat")) -> Processors:
        first = stat.read_text().partition("\n")[0]
        return Processors(tuple(map(int, first.split()[1:])))

    def since(self, earlier: Processors) -> tuple[float, float]:
        """The parts of the time in which they were idle, and were taken away; 0 to 1."""
        spent = [now - before for now, before in zip(self.ticks, earlier.ticks, strict=True)]
        whole = sum(spent[_ALL]) or 1
        return sum(spent[_IDLE]) / whole, sum(spent[_STOLEN]) / whole


@dataclass
class Idle:
    """Hooks of pytest, for the process that has the workers."""

    _begun: Processors = field(default_factory=Processors.read)
    _ends: list[float] = field(default_factory=list)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self) -> None:
        self._ends.append(time.monotonic())

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._ends:
            return
        idle, stolen = Processors.read().since(self._begun)
        early = ", ".join(f"{max(self._ends) - end:.0f}" for end in sorted(self._ends))
        terminalreporter.write_line(
            f"The processors were idle for {idle:.0%} of the time and taken away for {stolen:.0%}. "
            f"The workers ended so many seconds before the last: {early}."
        )
