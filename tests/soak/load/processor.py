"""Who used the processors while something was measured: a figure of a busy machine says little without it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
_USER, _SYSTEM = 11, 12
"""Of the numbers behind a process's name in its ``stat``."""
_BUSY = (0, 1, 2, 5, 6)
"""User, nice, system, interrupts: of the numbers of all processors in ``/proc/stat``."""


def spent(service: int) -> Mapping[str, float]:
    """Seconds of the processors until now, by who used them; the service's processes for CPU work are its workers."""
    machine = [int(number) for number in (_PROC / "stat").read_text().splitlines()[0].split()[1:]]
    times = os.times()
    return {
        "service": _of(service),
        "workers": sum(_of(child) for child in _children(service)),
        "clients": times.user + times.system,
        "all": sum(machine[place] for place in _BUSY) / _TICKS,
    }


def shares(before: Mapping[str, float], after: Mapping[str, float], seconds: float, attackers: float) -> str:
    """In shares of one processor. `attackers` is theirs. Others are all other programs, and the database."""
    found = {who: max(0.0, after[who] - before[who]) / seconds for who in before}
    whole = found.pop("all")
    found["attackers"] = attackers
    found["others"] = max(0.0, whole - sum(found.values()))
    return ", ".join(f"{who} {share:.0%}" for who, share in found.items())


def _of(process: int) -> float:
    try:
        numbers = (_PROC / str(process) / "stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has ended
        return 0.0
    return (int(numbers[_USER]) + int(numbers[_SYSTEM])) / _TICKS


def _children(process: int) -> Iterator[int]:
    try:
        threads = list((_PROC / str(process) / "task").iterdir())
    except OSError:
        return
    for thread in threads:
        try:
            children = (thread / "children").read_text().split()
        except OSError:
            continue
        for child in map(int, children):
            yield child
            yield from _children(child)
