"""Idle first, then beside the attacks: what the honest tenants waited for, and whether that is still fair.

The limits are ratios to the same machine when nobody attacks. A floor stands in for an idle figure that is better than
it: with the attackers, those who measure, the database and the service on two processors, waiting for a processor
alone takes some milliseconds more, and says nothing about the service.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.harness.server import ROOT, TLS, ok
from tests.soak.load.attacks import NAMES
from tests.soak.load.honest import SESSIONS, Figures, measure
from tests.soak.load.processor import shares, spent
from tests.soak.load.service import Service

Say = Callable[[str], None]
Start = Callable[[], AbstractContextManager[Service]]
_RECOVERY_SECONDS = 30
_WARM_SECONDS = 1.5
"""The first calls load what the later ones find loaded."""


@dataclass(frozen=True)
class Limits:
    """Ratios to idle, and floors in seconds."""

    reads: float = 3.0
    """Of the slowest of a hundred reads (p99)."""
    signed: float = 2.0
    """Of the middle (p50) and of the slowest of ten (p90)."""
    floor_read: float = 0.050
    floor_sign: float = 0.750


@dataclass(frozen=True)
class Plan:
    """Seconds of each phase."""

    idle: float
    attacked: float
    each: float = 0
    """Before all at once, each attack alone for that long; 0: not."""
    attacks: tuple[str, ...] = NAMES
    limits: Limits = Limits()
    apart: frozenset[int] = frozenset()
    """Processors that only the attackers use; none: all use all."""


@dataclass
class Phase:
    """One row of the table."""

    name: str
    figures: Figures
    attackers: dict[str, Any] = field(default_factory=dict)
    processor: str = ""
    """Who used how much of one processor."""
    recovery: float = 0
    """Seconds after its end until a session could be read again as quickly as before."""
    problems: list[str] = field(default_factory=list)


def hold(start: Start, plan: Plan, say: Say) -> list[Phase]:
    """Run the plan; each phase of the result has its problems, and is said as soon as it is over.

    What one attack alone has broken is not in the way of the next one: each gets a service of its own.
    """
    phases = []
    with start() as service:
        measure(service, _WARM_SECONDS)
        idle = _phase(service, "idle", plan.idle)
        idle.problems = list(idle.figures.wrong)
        phases.append(idle)
        # On a machine that is busy with other things the ratios say more about these.
        say(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.0f} after the first phase")
        say(HEAD)
        say(row(idle))
        say(f"    of one processor: {idle.processor}")
        if not plan.each:
            phases.append(_attacked(service, plan.attacks, plan.attacked, idle, plan, say))
            return phases
    for names, seconds in [*(((name,), plan.each) for name in plan.attacks), (plan.attacks, plan.attacked)]:
        with start() as service:
            measure(service, _WARM_SECONDS)
            phases.append(_attacked(service, names, seconds, idle, plan, say))
    return phases


def problems(phase: Phase, idle: Phase, limits: Limits) -> list[str]:
    """What is not fair any more."""
    found = sorted(set(phase.figures.wrong))
    if phase.recovery >= _RECOVERY_SECONDS:
        found.append(f"nothing could be read for {_RECOVERY_SECONDS} s after the attack")
    if phase.attackers.get("failed"):
        found.append(f"the attack broke: {phase.attackers['failed']}")
    compared = [("reads", "reads", 99, limits.reads, limits.floor_read)]
    compared += [("documents signed", "signed", each, limits.signed, limits.floor_sign) for each in (50, 90)]
    for what, name, hundredth, ratio, floor in compared:
        now, before = share(getattr(phase.figures, name), hundredth), share(getattr(idle.figures, name), hundredth)
        most = ratio * max(before, floor)
        if not now <= most:
            found.append(
                f"p{hundredth} of {what} is {now * 1000:.0f} ms, {ratio:g} x {max(before, floor) * 1000:.0f} ms allowed"
            )
    return found


def share(seconds: Sequence[float], hundredth: int) -> float:
    """The `hundredth`-th percentile; infinite where nothing was measured."""
    ordered = sorted(seconds)
    return ordered[math.ceil(len(ordered) * hundredth / 100) - 1] if ordered else math.inf


def _phase(service: Service, name: str, seconds: float, over: Callable[[], dict[str, Any]] = dict) -> Phase:
    """Measure, then end the attack, if there is one."""
    process = service.machine.process.pid
    before, began = spent(process), time.monotonic()
    figures = measure(service, seconds)
    after, took = spent(process), time.monotonic() - began
    attackers = over()
    return Phase(name, figures, attackers, shares(before, after, took, attackers.get("processor", 0)))


def _attacked(service: Service, names: Sequence[str], seconds: float, idle: Phase, plan: Plan, say: Say) -> Phase:
    limits = plan.limits
    with attackers(service, names, plan.apart) as over:
        phase = _phase(service, names[0] if len(names) == 1 else f"all {len(names)} attacks", seconds, over)
    phase.recovery = _recovery(service, limits.reads * max(share(idle.figures.reads, 99), limits.floor_read))
    phase.problems = problems(phase, idle, limits)
    say(row(phase))
    for name, got in phase.attackers["got"].items():
        answers = ", ".join(f"{count} x {what}" for what, count in sorted(got["answers"].items()))
        say(f"    {name}: {got['sent'] >> 20} MB sent; {answers or 'no answer'}")
    say(f"    of one processor: {phase.processor}")
    say(f"    the service had {service.memory} MB of memory at most")
    for problem in phase.problems:
        say(f"    {problem}")
    return phase


def _recovery(service: Service, most: float) -> float:
    """Seconds until a session can be read within `most` seconds again; `_RECOVERY_SECONDS` when it took longer."""
    began = time.monotonic()
    headers = {"X-Api-Key": service.honest[0]}
    while (waited := time.monotonic() - began) < _RECOVERY_SECONDS:
        with suppress(httpx.TransportError):
            answer = httpx.get(
                f"{service.machine.url}{SESSIONS}?limit=1", headers=headers, timeout=most, trust_env=False, verify=TLS
            )
            if answer.status_code == 200:
                return waited
        time.sleep(0.2)
    return _RECOVERY_SECONDS


@contextmanager
def attackers(
    service: Service, names: Sequence[str], apart: frozenset[int] = frozenset()
) -> Iterator[Callable[[], dict[str, Any]]]:
    """The attacks in a process of their own; what is yielded ends them, and says what they got.

    It keeps to the processors `apart`, where there are any.
    """
    url = service.machine.url
    headers = {"X-Api-Key": service.hostile}
    opened = [ok(httpx.post(f"{url}{SESSIONS}", json={}, headers=headers, trust_env=False)) for _ in names]
    address = urlsplit(url)
    order = {
        "host": address.hostname,
        "port": address.port,
        "hostile": service.hostile,
        "reader": service.reader,
        "links": [urlsplit(one["redirectUrl"]).path.rpartition("/")[2] for one in opened],
        "only": list(names),
        "processors": sorted(apart),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.soak.load.attacks"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    answers = process.stdout

    def over() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(process.communicate(timeout=300)[0])
        return found

    try:
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        assert answers.readline() == "attacking\n"
        yield over
    finally:
        process.kill()
        process.communicate()


HEAD = (
    f"{'':16}{'reads':>8}{'p50 ms':>8}{'p99 ms':>8}{'signed':>8}{'p50 ms':>8}{'p90 ms':>8}{'again':>8}{'attackers':>11}"
)


def row(phase: Phase) -> str:
    """``again``: refusals that an honest tenant met. ``attackers``: their share of one processor."""
    figures = phase.figures
    cells = [f"{len(figures.reads):>8}", *(_ms(share(figures.reads, each)) for each in (50, 99))]
    cells += [f"{len(figures.signed):>8}", *(_ms(share(figures.signed, each)) for each in (50, 90))]
    cells += [f"{figures.refused:>8}", f"{phase.attackers.get('processor', 0):>11.0%}"]
    verdict = "FAILED" if phase.problems else "ok"
    late = f", {phase.recovery:.0f} s until it was over" if phase.recovery > 1 else ""
    return f"{phase.name:16}{''.join(cells)}  {verdict}{late}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:>8.0f}" if math.isfinite(seconds) else f"{'-':>8}"
