"""Keys beside the demo's own, made on the running server's database as an operator makes them."""

from __future__ import annotations

import os
import subprocess
import sys
from uuid import uuid4

import pytest

from tests.server import ROOT, Server


def signroom(server: Server, *arguments: str) -> str:
    """Run a command against the server's data; returns its output."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SIGNROOM_")}
    environment |= {"SIGNROOM_DATA": str(server.data), **server.environment}
    done = subprocess.run(
        [sys.executable, "-m", "signroom", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="session")
def other_key(server: Server) -> str:
    """A key of another subscription."""
    name = f"Other {uuid4().hex[:8]}"
    signroom(server, "subscriptions", "create", name)
    signroom(server, "applications", "create", name, "--subscription", name)
    return signroom(server, "keys", "create", "--application", name)


@pytest.fixture(scope="session")
def monitor_key(server: Server) -> str:
    return signroom(server, "keys", "create", "--application", "Example application", "--role", "Monitor")


@pytest.fixture(scope="session")
def expired_key(server: Server) -> str:
    return signroom(server, "keys", "create", "--application", "Example application", "--expires", "2020-01-01")
