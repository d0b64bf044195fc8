"""`signroom worker`: it runs the jobs of web processes that run none, and answers who watches it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.cli.test_commands import environment
from tests.harness.commands import command
from tests.harness.processes import Forked, Program
from tests.harness.server import ROOT, Page, listening_ports, ok
from tests.harness.tools import free_port
from tests.harness.waiting import SECONDS, eventually
from tests.vectors import hard_pdfs


@dataclass
class Process:
    process: Program
    url: str
    log: Path


def status(url: str, method: str = "GET") -> int:
    """0 where nobody answers."""
    try:
        return httpx.request(method, url, trust_env=False).status_code
    except httpx.TransportError:
        return 0


@contextmanager
def running(variables: dict[str, str], *arguments: str) -> Iterator[Process]:
    """A role of the service in a process of its own, ready; ended by SIGTERM, which must end it well.

    A worker is the real program. The others are forked: `test_commands` starts `serve` as it is.
    """
    log = Path(variables["SIGNROOM_DATA"]).parent / f"{arguments[0]}-{variables['SIGNROOM_PORT']}.log"
    process: Program
    if arguments[0] == "worker":
        with log.open("w") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "signroom", *arguments], cwd=ROOT, env=variables, stderr=errors, text=True
            )
    else:
        process = Forked(arguments, variables, log)
    try:
        eventually(lambda: process.poll() is not None or bool(listening_ports(process.pid)), why=log.read_text)
        (port,) = listening_ports(process.pid)
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: status(f"{url}/health/ready") == 200, why=log.read_text)
        yield Process(process, url, log)
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(SECONDS)
    assert code == 0, log.read_text()


def sign_one(url: str, key: str) -> str:
    """A session with one document, signed; returns its id."""
    opened = ok(httpx.post(f"{url}/api/signature-sessions", json={}, headers={"X-Api-Key": key}, trust_env=False))
    page = Page(opened["redirectUrl"])
    with closing(page.client):
        page.add(hard_pdfs.make("plain"))
        page.sign(*page.demo_key())
    session: str = opened["sessionId"]
    return session


def test_a_worker_does_what_a_web_process_leaves_and_has_no_web(tmp_path: Path, database_url: str) -> None:
    port = free_port()
    shared = {"SIGNROOM_DATABASE_URL": database_url, "SIGNROOM_PUBLIC_URL": f"http://127.0.0.1:{port}"}
    shared["SIGNROOM_WORKERS"] = "1"
    web = environment(tmp_path / "data", SIGNROOM_PORT=str(port), **shared)
    jobs = environment(tmp_path / "data", SIGNROOM_PORT="0", **shared)
    assert command(web, "migrate").returncode == 0
    assert command(web, "subscriptions", "create", "Acme").returncode == 0
    assert command(web, "applications", "create", "portal", "--subscription", "Acme").returncode == 0
    key = command(web, "keys", "create", "--application", "portal").stdout.strip()

    with running(web, "serve", "--no-jobs") as serving:
        session = sign_one(serving.url, key)
        address, headers = f"{serving.url}/api/signature-sessions/{session}", {"X-Api-Key": key}
        time.sleep(1)
        before = ok(httpx.get(address, headers=headers, trust_env=False))["status"]
        with running(jobs, "worker") as worker:
            eventually(
                lambda: ok(httpx.get(address, headers=headers, trust_env=False))["status"] == "Completed",
                why=worker.log.read_text,
            )
            parts = ok(httpx.get(f"{worker.url}/health/ready", trust_env=False))["parts"]
            absent = [status(f"{worker.url}{path}") for path in ("/", "/api/system/info", "/sign/x", "/openapi.json")]

    assert before == "Processing"
    assert parts == {"database": "ok", "blobs": "ok", "sandbox": "ok", "jobs": "ok"}
    assert absent == [404] * 4


def test_a_worker_needs_its_settings_like_any_other(tmp_path: Path) -> None:
    done = command(environment(tmp_path), "worker")

    assert done.returncode == 2
    assert "SIGNROOM_PUBLIC_URL" in done.stderr
