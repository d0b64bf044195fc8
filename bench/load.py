"""Whole sessions per second on this machine's cores, as a ratio to what the same cores sign in a bare loop.

PostgreSQL, one `serve --no-jobs` and one or two `worker` processes; a client opens sessions with one document of
50 KB each, signs them as their signers would, and waits until all are completed. The bare loop prepares, signs, embeds
and verifies the same document in as many processes as there are cores, with nothing around it.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psycopg

from tests.postgres import running_postgres
from tests.server import Page, ok, signature, values_of
from tests.tools import free_port
from tests.vectors import hard_pdfs

SESSIONS = 120
CLIENTS = 4
DOCUMENT = 50 << 10
LOOP_SECONDS = 8.0
READS_IDLE = 300
_START_SECONDS = 60


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
            with _service(Path(folder), url, workers) as (address, key, processes):
                idle = _reads_idle(address, key)
                before = [_cpu(pid) for pid in (os.getpid(), *processes)]
                run = _run(address, key, url)
                spent = [_cpu(pid) - first for pid, first in zip((os.getpid(), *processes), before, strict=True)]
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


def _cpu(root: int) -> float:
    """Seconds of processor time that a process and its living descendants have used."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                fields = (folder / "stat").read_text().rpartition(") ")[2].split()
            except OSError:  # it has ended meanwhile
                continue
            parents[int(folder.name)] = int(fields[1])
            ticks[int(folder.name)] = int(fields[11]) + int(fields[12])
    if root == os.getpid():
        return ticks[root] / os.sysconf("SC_CLK_TCK")
    family = {root}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(ticks.get(pid, 0) for pid in family) / os.sysconf("SC_CLK_TCK")


def _percentile(times: list[float], percent: int) -> float:
    """In milliseconds."""
    return statistics.quantiles(times, n=100)[percent - 1] * 1e3


@contextmanager
def _service(folder: Path, database: str, workers: int) -> Iterator[tuple[str, str, list[int]]]:
    """The web process and `workers` others: its address, a key, the ids of all."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SIGNROOM_")}
    environment = {
        **clean,
        "SIGNROOM_DATABASE_URL": database,
        "SIGNROOM_BLOB_URL": f"file://{folder / 'files'}",
        "SIGNROOM_PUBLIC_URL": address,
        "SIGNROOM_SECRET_KEY": "of the bench, the same in every process",
        "SIGNROOM_WORKERS": "1",
        "SIGNROOM_RATE_LIMIT_KEY": "1000000/second",
        "SIGNROOM_RATE_LIMIT_ADDRESS": "1000000/second",
    }

    def started(name: str, port: int) -> dict[str, str]:
        (folder / name).mkdir()
        return {**environment, "SIGNROOM_DATA": str(folder / name), "SIGNROOM_PORT": str(port)}

    def command(*arguments: str) -> str:
        run = subprocess.run(
            [sys.executable, "-m", "signroom", *arguments],
            env={**environment, "SIGNROOM_DATA": str(folder / "web")},
            check=True,
            capture_output=True,
            text=True,
        )
        return run.stdout.strip()

    with ExitStack() as running:
        web = started("web", port)
        command("migrate")
        command("subscriptions", "create", "Bench")
        command("applications", "create", "Bench", "--subscription", "Bench")
        key = command("keys", "create", "--application", "Bench")
        processes = [running.enter_context(_process(web, "serve", "--no-jobs"))]
        for number in range(workers):
            own = started(f"worker-{number}", free_port())
            processes.append(running.enter_context(_process(own, "worker")))
        yield address, key, processes


@contextmanager
def _process(environment: dict[str, str], *arguments: str) -> Iterator[int]:
    """Its id, once its health says that it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", "signroom", *arguments], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not _ready(environment["SIGNROOM_PORT"]):
            assert process.poll() is None and time.monotonic() < deadline, arguments  # noqa: PT018
            time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


def _ready(port: str) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/ready", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _bare_loop() -> float:
    """Documents per second of all cores together."""
    cores = os.cpu_count() or 2
    with multiprocessing.get_context("spawn").Pool(cores) as pool:
        return sum(pool.map(_sign_for_a_while, [LOOP_SECONDS] * cores))


def _sign_for_a_while(seconds: float) -> float:
    from signroom.domain.signature import CertificateChain, DigestAlgorithm
    from signroom.formats import pades, values, verification
    from tests.pki import authority

    leaf = authority.leaf("p256")
    chain = CertificateChain(leaf.certificate_der, (authority.root().certificate_der,))
    with tempfile.TemporaryDirectory() as folder:
        file, output = Path(folder) / "in.pdf", Path(folder) / "out.pdf"
        file.write_bytes(_document())

        def sign() -> None:
            layout = pades.prepare(file, chain, DigestAlgorithm.SHA256, datetime.now(UTC))
            (value,) = values.check_values([(layout, signature(leaf.signing_key, layout.to_sign))])
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
