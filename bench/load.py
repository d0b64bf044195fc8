"""Whole sessions per second on this machine's cores, as a ratio to what the same cores sign in a bare loop.

PostgreSQL, one `serve --no-jobs` and one or two `worker` processes; a client opens sessions with one document of
50 KB each, signs them as their signers would, and waits until all are completed. The bare loop prepares, signs, embeds
and verifies the same document in as many processes as there are cores, with nothing around it.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import tempfile
import threading
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psycopg

from bench.processes import cpu, running_service
from tests.harness.postgres import running_postgres
from tests.harness.server import Page, ok, signature, values_of
from tests.vectors import hard_pdfs

SESSIONS = 120
CLIENTS = 4
DOCUMENT = 50 << 10
LOOP_SECONDS = 8.0
READS_IDLE = 300


@dataclass(frozen=True)
class Run:
    """``seconds`` from the first request to the last completed session; times of reads in seconds."""

    sessions: int
    seconds: float
    reads: list[float]
    commits: float
    rows: float
    wal: float
    """Per session: transactions, rows written, bytes of write-ahead log."""


def main() -> None:
    """Print sessions per second with one and two workers, their ratios to the loop, and what a session costs."""
    bare = _bare_loop()
    print(f"  bare loop on {os.cpu_count()} cores: {bare:.1f} documents/s (prepare, sign, embed, verify)")
    heads = f"{'':>14} {'sessions/s':>12} {'/ bare loop':>12} {'commits':>9} {'rows':>7} {'WAL kB':>8}"
    print(f"{heads}   GET session p50, p99 ms; commits, rows, WAL: per session")
    rates = []
    for workers in (1, 2):
        with running_postgres() as server, tempfile.TemporaryDirectory() as folder:
            url = server.new_database()
            with running_service(Path(folder), url) as service:
                for _ in range(workers):
                    service.work()
                idle = _reads_idle(service.address, service.key)
                processes = (os.getpid(), *service.pids)
                before = [cpu(pid) for pid in processes]
                run = _run(service.address, service.key, url)
                spent = [cpu(pid) - first for pid, first in zip(processes, before, strict=True)]
        rates.append(run.sessions / run.seconds)
        busy = f"{_percentile(run.reads, 50):.1f}, {_percentile(run.reads, 99):.1f}"
        calm = f"{_percentile(idle, 50):.1f}, {_percentile(idle, 99):.1f}"
        print(
            f"{f'{workers} worker(s)':>14} {rates[-1]:12.1f} {rates[-1] / bare:12.2f} {run.commits:9.1f}"
            f" {run.rows:7.1f} {run.wal / 1024:8.1f}   busy {busy}; idle {calm}"
        )
        client, web, *others = (f"{seconds / run.sessions * 1e3:.0f}" for seconds in spent)
        print(f"{'':>14} CPU ms per session: client {client}, web {web}, workers {' + '.join(others)}")
    print(f"  2 workers / 1: {rates[1] / rates[0]:.2f}")


def _run(address: str, key: str, database: str) -> Run:
    document = {"file": {"name": "contract.pdf", "content": b64encode(_document()).decode()}}
    headers = {"X-Api-Key": key}
    before, begin = _counters(database), time.perf_counter()
    reads: list[float] = []
    over = threading.Event()
    ids: list[str] = []

    def sign(client: httpx.Client) -> None:
        opened = ok(client.post("/api/signature-sessions", json={"documents": [document]}))
        page = Page(opened["redirectUrl"])
        key, chain = page.demo_key()
        preparation = ok(page.prepare(chain))
        ok(page.finish(preparation, values_of(preparation, key)))
        page.client.close()
        ids.append(opened["sessionId"])

    def watch() -> None:
        with httpx.Client(base_url=address, headers=headers, timeout=60, trust_env=False) as client:
            while not over.is_set():
                if not ids:
                    time.sleep(0.01)
                    continue
                started = time.perf_counter()
                ok(client.get(f"/api/signature-sessions/{ids[-1]}"))
                reads.append(time.perf_counter() - started)
                time.sleep(0.01)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with (
            httpx.Client(base_url=address, headers=headers, timeout=60, trust_env=False) as client,
            ThreadPoolExecutor(CLIENTS) as clients,
        ):
            list(clients.map(lambda _: sign(client), range(SESSIONS)))
            for session in ids:
                while not ok(client.get(f"/api/signature-sessions/{session}/when-completed"))["completed"]:
                    pass
                assert ok(client.get(f"/api/signature-sessions/{session}"))["status"] == "Completed"
            seconds = time.perf_counter() - begin
    finally:
        over.set()
        watcher.join()
    time.sleep(1)  # PostgreSQL's counters come late
    commits, rows, wal = (after - first for after, first in zip(_counters(database), before, strict=True))
    return Run(SESSIONS, seconds, reads, commits / SESSIONS, rows / SESSIONS, wal / SESSIONS)


def _counters(database: str) -> tuple[float, float, float]:
    """Commits, rows written, and the position of the write-ahead log in bytes."""
    query = """
        SELECT xact_commit, tup_inserted + tup_updated + tup_deleted, pg_current_wal_lsn() - '0/0'
        FROM pg_stat_database WHERE datname = current_database()
    """
    with psycopg.connect(database.replace("postgresql+psycopg", "postgresql")) as connection:
        found = connection.execute(query).fetchone()
    assert found is not None
    return float(found[0]), float(found[1]), float(found[2])


def _reads_idle(address: str, key: str) -> list[float]:
    with httpx.Client(base_url=address, headers={"X-Api-Key": key}, timeout=60, trust_env=False) as client:
        opened = ok(client.post("/api/signature-sessions", json={}))
        times = []
        for _ in range(READS_IDLE):
            started = time.perf_counter()
            ok(client.get(f"/api/signature-sessions/{opened['sessionId']}"))
            times.append(time.perf_counter() - started)
    return times


def _percentile(times: list[float], percent: int) -> float:
    """In milliseconds."""
    return statistics.quantiles(times, n=100)[percent - 1] * 1e3


def _bare_loop() -> float:
    """Documents per second of all cores together."""
    cores = os.cpu_count() or 2
    with multiprocessing.get_context("spawn").Pool(cores) as pool:
        return sum(pool.map(_sign_for_a_while, [LOOP_SECONDS] * cores))


def _sign_for_a_while(seconds: float) -> float:
    from signroom.domain.signature import CertificateChain, DigestAlgorithm, TrustedChain
    from signroom.formats import values
    from signroom.formats.pdf import pades, verification
    from tests.pki import authority

    leaf = authority.leaf("p256")
    trusted = TrustedChain(CertificateChain(leaf.certificate_der, (authority.root().certificate_der,)))
    with tempfile.TemporaryDirectory() as folder:
        file, output = Path(folder) / "in.pdf", Path(folder) / "out.pdf"
        file.write_bytes(_document())

        def sign() -> None:
            layout = pades.prepare(file, trusted, DigestAlgorithm.SHA256, datetime.now(UTC))
            (value,) = values.check_values([layout.claimed(signature(leaf.signing_key, layout.to_sign))])
            pades.embed(file, layout, value, output)
            assert verification.verify(output).intact

        sign()
        done, begin = 0, time.perf_counter()
        while time.perf_counter() - begin < seconds:
            sign()
            done += 1
        return done / (time.perf_counter() - begin)


def _document() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "contract.pdf"
        hard_pdfs.write_large(file, DOCUMENT)
        return file.read_bytes()


if __name__ == "__main__":
    main()
