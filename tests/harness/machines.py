"""Several machines of one installation, on this one: processes that share a database, an object store and a secret,
and have nothing else in common; each has a data folder of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from signroom.domain.application import Role
from signroom.service.access.operators import this_operator
from signroom.service.subscriptions.manage_applications import ensure_application
from signroom.service.subscriptions.manage_keys import CreateKey, create_key
from signroom.settings import read_settings
from signroom.wiring import managing
from tests.harness.processes import Forked, Program
from tests.harness.server import ROOT, TLS, Json, Page, ok
from tests.harness.tools import free_port
from tests.harness.waiting import SECONDS, eventually


@dataclass
class Machine:
    """One process of the service."""

    process: Program
    url: str
    data: Path
    log: Path

    def terminate(self) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        return self.process.wait(SECONDS)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def status(self, path: str) -> int:
        """0 where nobody answers."""
        try:
            return httpx.get(self.url + path, trust_env=False, verify=TLS, timeout=SECONDS).status_code
        except httpx.TransportError:
            return 0

    def wait_until_ready(self) -> None:
        def ready() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            return self.status("/health/ready") == 200

        eventually(ready, why=self.log.read_text)

    def address(self, url: str) -> str:
        """`url` of the installation as this machine has it: what a load balancer does."""
        return self.url + "/" + url.split("/", 3)[3]


@dataclass
class Installation:
    """Make it with `installation`."""

    folder: Path
    shared: Mapping[str, str]
    api_key: str
    machines: list[Machine] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    prefix: Sequence[str] = ()
    """What each machine's command is given to, like a shell that changes its surroundings first."""

    def start(self, *arguments: str, ready: bool = True) -> Machine:
        """``signroom ARGUMENTS`` as one more machine."""
        number, port = len(self.machines), free_port()
        if arguments[0] == "serve" and number == 0:
            port = int(self.shared["SIGNROOM_PUBLIC_URL"].rpartition(":")[2])
        folder = self.folder / f"machine-{number}"
        folder.mkdir()
        log = folder / "log"
        variables = {**clean_environment(), **self.shared}
        variables |= {"SIGNROOM_DATA": str(folder / "data"), "SIGNROOM_PORT": str(port)}
        process: Program
        if self.prefix:
            with log.open("wb") as errors:
                process = subprocess.Popen(
                    [*self.prefix, sys.executable, "-m", "signroom", *arguments],
                    cwd=ROOT,
                    env=variables,
                    stdout=errors,
                    stderr=errors,
                    text=True,
                )
        else:
            process = Forked(arguments, variables, log)
        machine = Machine(process, f"http://127.0.0.1:{port}", folder / "data", log)
        self.machines.append(machine)
        if ready:
            machine.wait_until_ready()
        return machine

    def call(self, machine: Machine, method: str, path: str, **arguments: Any) -> httpx.Response:
        """An application's request to one machine."""
        headers = {"X-Api-Key": self.api_key, **arguments.pop("headers", {})}
        return httpx.request(
            method, machine.url + path, headers=headers, trust_env=False, verify=TLS, timeout=60, **arguments
        )

    def open_session(self, machine: Machine, **fields: Any) -> Json:
        return ok(self.call(machine, "POST", "/api/signature-sessions", json=fields))

    def session(self, machine: Machine, session_id: str) -> Json:
        return ok(self.call(machine, "GET", f"/api/signature-sessions/{session_id}"))

    def page(self, machine: Machine, opened: Json) -> Page:
        """A signer's page of a session, by one machine."""
        page = Page(machine.address(opened["redirectUrl"]))
        self.pages.append(page)
        return page

    def wait(self, machine: Machine, session_id: str) -> Json:
        """The session once it is not ``Processing`` any more."""

        def settled() -> Json | None:
            session = self.session(machine, session_id)
            return None if session["status"] == "Processing" else session

        return eventually(settled, why=self.logs)

    def logs(self) -> str:
        return "\n".join(f"{m.log}:\n{m.log.read_text()}" for m in self.machines)


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("SIGNROOM_", "AWS_"))}


@contextmanager
def installation(folder: Path, database_url: str, blob_url: str, **settings: str) -> Iterator[Installation]:
    """Database and files with an application in it; no machine yet. Those that are started are killed at the end."""
    shared = {
        "SIGNROOM_DATABASE_URL": database_url,
        "SIGNROOM_BLOB_URL": blob_url,
        "SIGNROOM_PUBLIC_URL": f"http://127.0.0.1:{free_port()}",
        "SIGNROOM_SECRET_KEY": "one secret for all the machines of it",
        "SIGNROOM_WORKERS": "1",
        "SIGNROOM_ALLOW_PRIVATE_ADDRESSES": "127.0.0.0/8",  # the revocation list of the demo authority
        **settings,
    }
    operator = this_operator()
    own = {"SIGNROOM_DATA": str(folder / "operator"), **shared}
    with managing(read_settings(own, folder)) as ports:
        application = ensure_application(ports, operator, "Acme", "Portal")
        caller = operator.acting_for(application.subscription_id)
        key = create_key(ports, caller, application.id, CreateKey(role=Role.WORKER)).text
    made = Installation(folder, shared, key)
    try:
        yield made
    finally:
        for page in made.pages:
            page.client.close()
        for machine in made.machines:
            machine.kill()
