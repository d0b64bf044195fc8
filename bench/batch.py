"""What a session costs the processor, phase by phase: with one document, and with a hundred and one consent.

A demo on SQLite; a client opens sessions with documents of 50 KB each, signs their digests with a key of its own, as a
page does, and waits until all are completed. No browser. Times are of the processor, so that a busy machine changes
them little; those of the client are not in them.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bench.processes import all_processes
from tests.harness.server import Json, Page, Server, ok, start_server, values_of
from tests.vectors import hard_pdfs

T = TypeVar("T")

LENGTH = 50 << 10
ROUNDS = {1: 30, 100: 3}
"""How many sessions are signed with so many documents each."""
_SETTINGS = {
    "SIGNROOM_RATE_LIMIT_KEY": "1000000/second",
    "SIGNROOM_RATE_LIMIT_ADDRESS": "1000000/second",
    "SIGNROOM_WORKERS": "2",
}
_PHASES = ("open", "load", "prepare", "finish", "process")


@dataclass(frozen=True)
class Spent:
    """Seconds: of the processor in the web process and in its pool, and by the clock."""

    web: float = 0.0
    pool: float = 0.0
    wall: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.web + other.web, self.pool + other.pool, self.wall + other.wall)

    def __sub__(self, other: Spent) -> Spent:
        return Spent(self.web - other.web, self.pool - other.pool, self.wall - other.wall)


def main(rounds: dict[int, int] = ROUNDS) -> None:
    """Print milliseconds of the processor per document: of the web process, of the pool, and of both."""
    with tempfile.TemporaryDirectory() as folder:
        server = start_server(Path(folder), _SETTINGS)
        try:
            _measure(server, 1, 5)  # what is only done once is done
            for count, sessions in rounds.items():
                _report(count, sessions, _measure(server, count, sessions))
        finally:
            server.stop()


def _report(count: int, sessions: int, spent: dict[str, Spent]) -> None:
    print(f"{count} document(s), {sessions} sessions; ms per document: web, pool, both; by the clock")
    for phase, seconds in {**spent, "all": sum(spent.values(), Spent())}.items():
        web, pool, wall = (1e3 * part / sessions / count for part in (seconds.web, seconds.pool, seconds.wall))
        print(f"{phase:>10} {web:8.1f} {pool:8.1f} {web + pool:8.1f} {wall:10.1f}")


def _measure(server: Server, count: int, sessions: int) -> dict[str, Spent]:
    content = b64encode(hard_pdfs.of_length(LENGTH)).decode()
    documents: list[Json] = [
        {"file": {"name": f"contract-{number}.pdf", "content": content}} for number in range(count)
    ]
    total = dict.fromkeys(_PHASES, Spent())
    for _ in range(sessions):
        _sign(server, documents, total)
    return total


def _sign(server: Server, documents: list[Json], total: dict[str, Spent]) -> None:
    """One session from its beginning to its signed files; what it costs is added to `total`."""

    def timed(phase: str, call: Callable[[], T]) -> T:
        before = _spent(server.process.pid)
        result = call()
        total[phase] += _spent(server.process.pid) - before
        return result

    opened = timed("open", lambda: server.open_session(documents=documents))
    page = timed("load", lambda: _loaded(opened["redirectUrl"]))
    key, chain = page.demo_key()
    preparation = timed("prepare", lambda: ok(page.prepare(chain)))
    values = values_of(preparation, key)
    timed("finish", lambda: ok(page.finish(preparation, values)))
    timed("process", lambda: _completed(server, opened["sessionId"]))
    page.client.close()
    statuses = [document["status"] for document in server.session(opened["sessionId"])["documents"]]
    assert statuses == ["Completed"] * len(documents)


def _loaded(address: str) -> Page:
    page = Page(address, load=True)
    assert page.opened is not None
    return page


def _completed(server: Server, session_id: str) -> None:
    while not ok(server.api.get(f"/api/signature-sessions/{session_id}/when-completed"))["completed"]:
        pass


def _spent(pid: int) -> Spent:
    """What the process `pid` has used until now, and what all have used that it has started."""
    parents, ticks, ended = all_processes()
    family = {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    others = ended[pid] + sum(ticks.get(member, 0) for member in family - {pid})
    second = os.sysconf("SC_CLK_TCK")
    return Spent(ticks[pid] / second, others / second, time.perf_counter())


if __name__ == "__main__":
    main({int(count): int(sessions) for count, sessions in (pair.split(":") for pair in sys.argv[1:])} or ROUNDS)
