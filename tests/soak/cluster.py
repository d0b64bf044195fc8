"""Several processes of one installation on one database and one file store; each may be killed at any time."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.harness.commands import command
from tests.harness.processes import Forked
from tests.harness.server import TLS, clean_environment
from tests.harness.tools import free_port

SECRET = "a secret that all processes share"
START_SECONDS = 90
ROLES: dict[str, list[Sequence[str]]] = {
    # Web and jobs in one process, beside it a worker on the same file.
    "sqlite": [("serve",), ("worker",)],
    "postgresql": [("serve",), ("serve", "--no-jobs"), ("worker",)],
}


class Slot:
    """A place for one process at a time: a role, a port, a data folder."""

    def __init__(self, folder: Path, role: Sequence[str], port: int, environment: dict[str, str]) -> None:
        self.role, self.port = tuple(role), port
        self.data = folder / f"data-{port}"
        self.data.mkdir()
        self.log = folder / f"{role[0]}-{port}.log"
        self._environment = {**environment, "SIGNROOM_PORT": str(port), "SIGNROOM_DATA": str(self.data)}
        self.process: Forked | None = None
        self.starts = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def serves(self) -> bool:
        return self.role[0] == "serve"

    def start(self) -> None:
        self.process = Forked(self.role, self._environment, self.log)
        self.starts += 1

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        if number == signal.SIGKILL:
            self.process.wait()

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/ready", trust_env=False, verify=TLS, timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.ready():
            assert self.process is not None
            assert self.process.poll() is None, f"ended with {self.process.poll()}:\n{self.log.read_text()}"
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGKILL)
                self.process.wait()


class Cluster:
    """Made by `running_cluster`. `files` is the folder of all blobs."""

    def __init__(self, folder: Path, database_url: str, roles: Sequence[Sequence[str]]) -> None:
        self.database_url, self.files = database_url, folder / "files"
        ports = [free_port() for _ in roles]
        first_web = next(port for port, role in zip(ports, roles, strict=True) if role[0] == "serve")
        self.environment = {
            **clean_environment(),
            "SIGNROOM_DATABASE_URL": database_url,
            "SIGNROOM_BLOB_URL": self.files.as_uri(),
            "SIGNROOM_PUBLIC_URL": f"http://127.0.0.1:{first_web}",
            "SIGNROOM_SECRET_KEY": SECRET,
            "SIGNROOM_WORKERS": "1",
            "SIGNROOM_ALLOW_PRIVATE_ADDRESSES": "127.0.0.0/8",  # the receiver of the deliveries
            "SIGNROOM_RATE_LIMIT_KEY": "1000000/minute",
            "SIGNROOM_RATE_LIMIT_ADDRESS": "1000000/minute",
        }
        self.slots = [Slot(folder, role, port, self.environment) for role, port in zip(roles, ports, strict=True)]
        self.command("migrate")
        self.command("subscriptions", "create", "Acme")
        self.command("applications", "create", "Portal", "--subscription", "Acme")
        self.key = self.command("keys", "create", "--application", "Portal", "--role", "Manager")

    @property
    def webs(self) -> list[Slot]:
        return [slot for slot in self.slots if slot.serves]

    def command(self, *arguments: str) -> str:
        done = command({**self.environment, "SIGNROOM_DATA": str(self.slots[0].data)}, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@contextmanager
def running_cluster(folder: Path, database_url: str, roles: Sequence[Sequence[str]]) -> Iterator[Cluster]:
    """All processes ready; ended at the end, however it comes."""
    cluster = Cluster(folder, database_url, roles)
    try:
        for slot in cluster.slots:
            slot.start()
        for slot in cluster.slots:
            slot.wait_until_ready()
        yield cluster
    finally:
        for slot in cluster.slots:
            slot.end()
