"""Webhooks per second to one endpoint, as a ratio to a bare loop that signs and posts the same bodies.

PostgreSQL and one `worker`, whose start is over. What waits is heaped up while it is stopped: each session that is
opened is an event.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx

from bench.processes import cpu, running_service
from signroom.domain.webhook import signature_headers
from tests.fetch.sites import Exchange
from tests.harness.hooks import WEBHOOKS, running_receiver
from tests.harness.postgres import running_postgres
from tests.harness.server import TLS, ok

EVENTS = 400
CLIENTS = 4
PLACES = 4
"""Threads of the bare loop: as many as may ask one endpoint at the same time."""
SLOW = 0.1
"""Seconds that the slow endpoint thinks."""
_SECRET = "whsec_" + "A" * 43 + "="
_PATIENCE = 300.0
_START_SECONDS = 35.0
"""After so long a worker has run all its schedules once, and looks at its queues only when it is told."""


def main() -> None:
    """Print deliveries per second to a quick and to a slow endpoint, their ratios to the loop, and what one costs."""
    print(f"{'endpoint':>14} {'per second':>12} {'/ bare loop':>12} {'worker CPU ms each':>20}")
    for name, seconds in (("at once", 0.0), (f"{SLOW * 1e3:.0f} ms", SLOW)):
        bare, ours, spent = _run(seconds)
        print(f"{name:>14} {ours:12.1f} {ours / bare:12.2f} {spent * 1e3:20.1f}")


def _run(thinking: float) -> tuple[float, float, float]:
    """Per second: the bare loop, ours; and the seconds of processor time that one of ours takes."""

    def think(exchange: Exchange, _number: int) -> None:
        time.sleep(thinking)
        exchange.answer(b"thank you")

    with (
        running_postgres() as server,
        running_receiver(keeps=True) as receiver,
        tempfile.TemporaryDirectory() as folder,
    ):
        endpoint = receiver.endpoint(think)
        allowed = {"ALLOW_PRIVATE_ADDRESSES": "127.0.0.0/8"}
        with running_service(Path(folder), server.new_database(), **allowed) as service:
            headers = {"X-Api-Key": service.key}
            with (
                httpx.Client(base_url=service.address, headers=headers, trust_env=False, verify=TLS) as client,
                ThreadPoolExecutor(CLIENTS) as clients,
            ):
                ok(client.post(WEBHOOKS, json={"url": endpoint.url, "eventTypes": ["SessionCreated"]}))
                service.work()
                worker = service.pids[-1]
                time.sleep(_START_SECONDS)
                os.kill(worker, signal.SIGSTOP)
                for answer in clients.map(lambda _: client.post("/api/signature-sessions", json={}), range(EVENTS)):
                    ok(answer)
            before, first = cpu(worker), len(set(_ids(endpoint.seen)))
            os.kill(worker, signal.SIGCONT)
            began = time.perf_counter()
            while (told := len(set(_ids(endpoint.seen)))) < EVENTS:
                assert time.perf_counter() - began < _PATIENCE, told
                time.sleep(0.01)
            seconds, spent = time.perf_counter() - began, cpu(worker) - before
        bare = _bare_loop(receiver.endpoint(think).url, endpoint.seen[0].body)
        return bare, (EVENTS - first) / seconds, spent / (EVENTS - first)


def _ids(seen: list[Exchange]) -> list[str]:
    return [exchange.headers["webhook-id"] for exchange in seen]


def _bare_loop(url: str, body: bytes) -> float:
    """Requests per second, each with a connection of its own, as deliveries have."""

    def post(_: int) -> None:
        headers = {"Content-Type": "application/json", **signature_headers(uuid4(), body, [_SECRET], datetime.now(UTC))}
        httpx.post(url, content=body, headers=headers, trust_env=False, verify=TLS).raise_for_status()

    with ThreadPoolExecutor(PLACES) as threads:
        began = time.perf_counter()
        list(threads.map(post, range(EVENTS)))
        return EVENTS / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
