"""Sessions that want B-LTA, while timestamps, responder and list go off and on, and the server is killed at random.

What must hold: every document is completed within seconds of its signature, with nobody outside as well; all are
archived once everything is on again; each event was recorded once.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import median

import httpx
import sqlalchemy as sa

from signroom.domain.demo import DemoFailure
from signroom.domain.level import Level
from signroom.store import tables
from signroom.store.engine import open_engine
from tests.harness.server import TLS, Server, fork_server
from tests.harness.tools import free_port
from tests.soak.signers import Outcome, Signer

WANTED = {"background": True, "pdfSignatureOptions": {"level": Level.B_LTA.value}}


@dataclass(frozen=True)
class Plan:
    sessions: int
    clients: int
    seed: int
    kill_pause: tuple[float, float] = (4.0, 12.0)
    """Seconds between kills."""
    switch_pause: tuple[float, float] = (1.0, 6.0)
    """Seconds between changes of what is off."""
    settle: float = 240.0
    """Seconds until all must be archived, once everything is on again."""
    at_once: float = 10.0
    """Seconds between a signature and its completed document: nobody waits longer for what is outside."""


@dataclass
class Done:
    documents: int = 0
    late: int = 0
    """Documents that were completed at a lower level, and archived later."""
    kills: int = 0
    switches: int = 0
    slowest: float = 0.0
    """Seconds from a signature, or from the last start of the server, to the completed document."""
    usual: float = 0.0
    """The same for one document in two."""
    seconds: float = 0.0
    seconds_to_archive: float = 0.0
    """After everything was on again."""
    problems: list[str] = field(default_factory=list)


def archive_under_faults(folder: Path, plan: Plan, environment: dict[str, str] | None = None) -> Done:
    """Run the plan with a demo server of its own, whose folder is `folder`."""
    trial = _Trial(folder, plan, environment or {})
    try:
        return trial.run()
    finally:
        trial.server.kill()


@dataclass(frozen=True)
class _Signed:
    signed_at: datetime
    completed_at: datetime


class _Trial:
    def __init__(self, folder: Path, plan: Plan, environment: dict[str, str]) -> None:
        limits = {"SIGNROOM_RATE_LIMIT_KEY": "1000000/minute", "SIGNROOM_RATE_LIMIT_ADDRESS": "1000000/minute"}
        self._folder, self._plan, self._environment = folder, plan, {**limits, **environment}
        self._port, self._random, self._done = free_port(), Random(plan.seed), Done()
        self._starts: list[datetime] = []
        self.server = self._start()

    def _start(self) -> Server:
        return fork_server(self._folder, self._environment, port=self._port)

    def run(self) -> Done:
        began, outcome, stop = time.monotonic(), Outcome(), threading.Event()
        signers = [
            Signer([self.server.url], self.server.api_key, outcome, Random(self._random.random()), WANTED)
            for _ in range(self._plan.clients)
        ]
        threads = [threading.Thread(target=signer.run, args=(stop,)) for signer in signers]
        for thread in threads:
            thread.start()
        try:
            self._harm(outcome)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self._switch(())
        self._done.seconds = time.monotonic() - began
        self._done.problems += outcome.broken
        self._judge(outcome)
        return self._done

    # -- harm --------------------------------------------------------------------------------------------

    def _harm(self, outcome: Outcome) -> None:
        """Until enough sessions were signed."""
        random, plan = self._random, self._plan
        next_kill = time.monotonic() + random.uniform(*plan.kill_pause)
        next_switch = 0.0
        while len(outcome.signed) < plan.sessions and not outcome.broken:
            now = time.monotonic()
            if now >= next_switch:
                off = [one for one in DemoFailure if random.random() < 0.4]
                self._done.switches += self._switch(off)
                next_switch = now + random.uniform(*plan.switch_pause)
            if now >= next_kill:
                self._kill()
                # A new server has everything on.
                next_switch, next_kill = 0.0, time.monotonic() + random.uniform(*plan.kill_pause)
            time.sleep(0.05)

    def _switch(self, off: Sequence[DemoFailure]) -> bool:
        body, headers = {"fail": [one.value for one in off]}, {"X-Api-Key": self.server.api_key}
        url = f"{self.server.url}/api/demo/failures"
        answer = httpx.put(url, json=body, headers=headers, timeout=60, trust_env=False, verify=TLS)
        assert answer.status_code == 200, answer.text
        return True

    def _kill(self) -> None:
        self.server.kill()
        self.server = self._start()
        self._starts.append(datetime.now(UTC))
        self._done.kills += 1

    # -- what must hold ----------------------------------------------------------------------------------

    def _judge(self, outcome: Outcome) -> None:
        engine, done, began = open_engine(self.server.database_url), self._done, time.monotonic()
        d, e, v = tables.documents, tables.events, tables.document_versions
        done.documents = sum(outcome.signed.values())
        reached = sa.select(sa.func.count()).where(d.c.signed_level == Level.B_LTA)
        try:
            while True:
                with engine.connect() as connection:
                    archived = connection.execute(reached).scalar_one()
                if archived >= done.documents or time.monotonic() - began > self._plan.settle:
                    break
                time.sleep(0.2)
            done.seconds_to_archive = time.monotonic() - began
            with engine.connect() as connection:
                signed_at = {str(row.id): row.signed_at for row in connection.execute(sa.select(d.c.id, d.c.signed_at))}
                later = {str(one) for one in connection.scalars(sa.select(v.c.document_id))}
                events = connection.execute(sa.select(e.c.type, e.c.document_id, e.c.at)).all()
        finally:
            engine.dispose()
        if archived != done.documents:
            done.problems.append(f"{archived} of {done.documents} documents are archived")
        counted = Counter((row.type, str(row.document_id)) for row in events if row.document_id is not None)
        done.problems += [f"{times} times: {what}" for what, times in counted.items() if times != 1]
        told = {document for what, document in counted if what == "DocumentArchived"}
        done.late = len(later)
        if told != later:
            done.problems.append(f"{len(later)} documents were archived later, and {len(told)} are told as archived")
        completed = {str(row.document_id): row for row in events if row.type == "DocumentSignatureCompleted"}
        if len(completed) != done.documents:
            done.problems.append(f"{len(completed)} of {done.documents} documents are told as completed")
        waited = [self._waited(_Signed(signed_at[name], row.at)) for name, row in completed.items()]
        done.slowest = max(waited, default=0.0)
        late = sorted(one for one in waited if one > self._plan.at_once)
        if late:
            done.problems.append(f"{len(late)} documents were completed late, in the middle after {median(late):.1f} s")
        done.usual = median(waited) if waited else 0.0

    def _waited(self, one: _Signed) -> float:
        """Seconds. What was under way when the server was killed begins again: they count from its last start."""
        starts = [at for at in self._starts if at <= one.completed_at]
        return (one.completed_at - max([one.signed_at, *starts])).total_seconds()
