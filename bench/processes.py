"""The service as processes of its own on this machine, and what they cost."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.harness.server import TLS, clean_environment
from tests.harness.tools import free_port

_START_SECONDS = 60


@dataclass
class Service:
    """The web process, and those that `work` has added."""

    address: str
    key: str
    """Of a manager."""
    pids: list[int]
    _folder: Path
    _environment: dict[str, str]
    _running: ExitStack

    def work(self) -> None:
        """Start a worker; it is ready when this returns."""
        data = self._folder / f"worker-{len(self.pids)}"
        own = {**self._environment, "SIGNROOM_DATA": str(data), "SIGNROOM_PORT": str(free_port())}
        self.pids.append(self._running.enter_context(_process(own, "worker")))


@contextmanager
def running_service(folder: Path, database: str, **settings: str) -> Iterator[Service]:
    """A web process that does no jobs. `settings` come without their prefix."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    environment = {
        **clean_environment(),
        "SIGNROOM_DATABASE_URL": database,
        "SIGNROOM_BLOB_URL": f"file://{folder / 'files'}",
        "SIGNROOM_DATA": str(folder / "web"),
        "SIGNROOM_PORT": str(port),
        "SIGNROOM_PUBLIC_URL": address,
        "SIGNROOM_SECRET_KEY": "of the bench, the same in every process",
        "SIGNROOM_WORKERS": "1",
        "SIGNROOM_RATE_LIMIT_KEY": "1000000/second",
        "SIGNROOM_RATE_LIMIT_ADDRESS": "1000000/second",
        **{f"SIGNROOM_{name}": value for name, value in settings.items()},
    }

    def command(*arguments: str) -> str:
        run = subprocess.run(
            [sys.executable, "-m", "signroom", *arguments], env=environment, check=True, capture_output=True, text=True
        )
        return run.stdout.strip()

    command("migrate")
    command("subscriptions", "create", "Bench")
    command("applications", "create", "Bench", "--subscription", "Bench")
    key = command("keys", "create", "--application", "Bench", "--role", "Manager")
    with ExitStack() as running:
        web = running.enter_context(_process(environment, "serve", "--no-jobs"))
        yield Service(address, key, [web], folder, environment, running)


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
        return httpx.get(f"http://127.0.0.1:{port}/health/ready", trust_env=False, verify=TLS).status_code == 200
    except httpx.HTTPError:
        return False


def all_processes() -> tuple[dict[int, int], dict[int, int], dict[int, int]]:
    """By process id: the parent, its own clock ticks, and those of its children that have ended."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    ended: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                fields = (folder / "stat").read_text().rpartition(") ")[2].split()
            except OSError:  # it has ended meanwhile
                continue
            pid = int(folder.name)
            parents[pid] = int(fields[1])
            ticks[pid] = int(fields[11]) + int(fields[12])
            ended[pid] = int(fields[13]) + int(fields[14])
    return parents, ticks, ended


def cpu(root: int) -> float:
    """Seconds of processor time that a process and its living descendants have used."""
    parents, ticks, _ = all_processes()
    if root == os.getpid():
        return ticks[root] / os.sysconf("SC_CLK_TCK")
    family = {root}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(ticks.get(pid, 0) for pid in family) / os.sysconf("SC_CLK_TCK")
