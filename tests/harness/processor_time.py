"""Which test files take the processor: ``python -m pytest -p tests.harness.processor_time tests/cli``.

The time by the clock says little on a busy machine, and nothing about what several workers do at once. The figure of a
file includes the processes that its tests start, and what servers for the whole run do meanwhile. What a process does
whose own parent has died before it, is not included.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

_TICKS = os.sysconf("SC_CLK_TCK")
_KEY = "processor_seconds"
_SHOWN = 1.0
"""Files that take fewer seconds than this, of processor and clock, are only part of the sum."""
_files: dict[str, tuple[float, float]] = {}
"""Seconds of the processor and of the clock, by file."""


def seconds_of(pid: int) -> float:
    """What a process, those that it has started, and those that it has seen end have taken of the processor."""
    children: dict[int, list[int]] = defaultdict(list)
    taken: dict[int, float] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        children[int(fields[1])].append(int(folder.name))
        taken[int(folder.name)] = sum(map(int, fields[11:15])) / _TICKS
    family = [pid]
    for member in family:
        family += children[member]
    return sum(taken.get(member, 0.0) for member in family)


class _Meter:
    """Reads the clocks where one file ends and the next begins: twice for each test would take too long."""

    def __init__(self) -> None:
        self._file = ""
        self._processor, self._clock = 0.0, 0.0

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
        file = item.nodeid.partition("::")[0]
        if file != self._file:
            self._file = file
            self._processor, self._clock = seconds_of(os.getpid()), time.monotonic()
        result = yield
        if nextitem is None or nextitem.nodeid.partition("::")[0] != file:
            processor, clock = _files.get(file, (0.0, 0.0))
            processor += max(0.0, seconds_of(os.getpid()) - self._processor)
            _files[file] = (processor, clock + time.monotonic() - self._clock)
        return result


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Meter())


def pytest_sessionfinish(session: pytest.Session) -> None:
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_KEY] = dict(_files)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker of xdist has measured."""
    found: Mapping[str, tuple[float, float]] = getattr(node, "workeroutput", {}).get(_KEY, {})
    _files.update({file: (processor, clock) for file, (processor, clock) in found.items()})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_sep("=", "seconds of the processor and of the clock")
    for file, (processor, clock) in sorted(_files.items(), key=lambda pair: -pair[1][0]):
        if max(processor, clock) >= _SHOWN:
            terminalreporter.write_line(f"{processor:8.1f} {clock:8.1f}  {file}")
    whole = [sum(column) for column in zip(*_files.values(), strict=True)] or [0.0, 0.0]
    terminalreporter.write_line(f"{whole[0]:8.1f} {whole[1]:8.1f}  all")
