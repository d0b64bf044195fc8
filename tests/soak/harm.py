"""Who kills: one process or several at once, at random; some stay away, some are only stopped for a while."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import httpx

from tests.harness.hooks import WEBHOOKS, running_receiver
from tests.harness.server import ok
from tests.soak.cluster import Cluster, Slot
from tests.soak.invariants import TOLD, Found, judge
from tests.soak.signers import Outcome, Signer

LEASE_SECONDS = 30.0
_ALL = 0.05
"""The share of kills that hit all at once."""
_AWAY_SECONDS = (LEASE_SECONDS + 5, LEASE_SECONDS + 15)


@dataclass(frozen=True)
class Plan:
    kills: int
    clients: int
    seed: int
    pause: tuple[float, float] = (0.5, 3.0)
    """Seconds between kills."""
    away: float = 0.0
    """The share of kills after which the process stays away for longer than its lease."""
    stopped: float = 0.0
    """The share that are SIGSTOP for longer than the lease, and SIGCONT."""


@dataclass
class Done:
    found: Found
    kills: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


def soak(cluster: Cluster, plan: Plan, folder: Path) -> Done:
    """Run the plan on a cluster that is ready; afterwards everything is up, settled and judged."""
    random, outcome, stop = Random(plan.seed), Outcome(), threading.Event()
    urls = [slot.url for slot in cluster.webs]
    with running_receiver() as receiver:
        endpoint = receiver.endpoint()
        hook = {"url": endpoint.url, "eventTypes": sorted(TOLD)}
        ok(httpx.post(f"{urls[0]}{WEBHOOKS}", json=hook, headers={"X-Api-Key": cluster.key}, trust_env=False))
        signers = [Signer(urls, cluster.key, outcome, Random(random.random())) for _ in range(plan.clients)]
        threads = [threading.Thread(target=signer.run, args=(stop,)) for signer in signers]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        try:
            kills = _kill(cluster, plan, random)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        return Done(judge(cluster, outcome, folder, endpoint), kills, time.monotonic() - began)


def _kill(cluster: Cluster, plan: Plan, random: Random) -> Counter[str]:
    """At the end every process is up and ready."""
    kills: Counter[str] = Counter()
    away: dict[Slot, float] = {}
    stopped: dict[Slot, float] = {}
    while kills["killed"] < plan.kills:
        time.sleep(random.uniform(*plan.pause))
        _bring_back(away, stopped, time.monotonic())
        there = [slot for slot in cluster.slots if slot not in away and slot not in stopped]
        if not there:
            continue
        kind = random.random()
        if kind < _ALL:
            for slot in there:
                _kill_one(slot, kills)
            kills["all at once"] += 1
            continue
        slot = random.choice(there)
        # Most are hit at work; some before they are ready.
        if random.random() < 0.95 and not slot.ready():
            continue
        until = time.monotonic() + random.uniform(*_AWAY_SECONDS)
        if kind < _ALL + plan.stopped and len(there) > 1:
            slot.signal(signal.SIGSTOP)
            stopped[slot] = until
            kills["stopped"] += 1
        elif kind < _ALL + plan.stopped + plan.away and len(there) > 1:
            slot.signal(signal.SIGKILL)
            away[slot] = until
            kills["killed"] += 1
            kills["away"] += 1
        else:
            _kill_one(slot, kills)
    while away or stopped:
        time.sleep(0.5)
        _bring_back(away, stopped, time.monotonic())
    for slot in cluster.slots:
        slot.wait_until_ready()
    return kills


def _kill_one(slot: Slot, kills: Counter[str]) -> None:
    slot.signal(signal.SIGKILL)
    kills["killed"] += 1
    kills[slot.role[0]] += 1
    slot.start()


def _bring_back(away: dict[Slot, float], stopped: dict[Slot, float], now: float) -> None:
    for slot in [slot for slot, until in away.items() if until <= now]:
        del away[slot]
        slot.start()
    for slot in [slot for slot, until in stopped.items() if until <= now]:
        del stopped[slot]
        slot.signal(signal.SIGCONT)
