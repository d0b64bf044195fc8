"""Honest tenants are served while a hostile one attacks: the short form of ``make soak ARGS=load``.

Each honest request is answered, and each document signed, within the patience of its client. How long they take is for
the soak to judge: beside this test others run, on the same processors.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.soak.load.honest import PATIENCE_SECONDS
from tests.soak.load.service import Service, running_service
from tests.soak.load.trial import Limits, Plan, hold

HELD = ("headers", "names", "bodies", "half-open")
"""The attacks of the short form."""
PLAN = Plan(idle=3, attacked=6, attacks=HELD, limits=Limits(floor_read=PATIENCE_SECONDS, floor_sign=PATIENCE_SECONDS))


def test_a_hostile_tenant_keeps_nobody_else_from_reading_and_signing(tmp_path: Path, database_url: str) -> None:
    @contextmanager
    def start() -> Iterator[Service]:
        with running_service(tmp_path, database_url) as service:
            yield service

    said: list[str] = []

    phases = hold(start, PLAN, said.append)

    assert [problem for phase in phases for problem in phase.problems] == [], "\n".join(said)
    attacked = phases[-1]
    assert {name for name, got in attacked.attackers["got"].items() if got["sent"]} == set(HELD), "\n".join(said)
