"""Keys beside the demo's own, made on the running server's database as an operator makes them."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.harness.commands import signroom
from tests.harness.server import Server


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
def other_admin_key(server: Server) -> str:
    """A key that may all, of a subscription that nobody else uses: its settings may change."""
    name = f"Other {uuid4().hex[:8]}"
    signroom(server, "subscriptions", "create", name)
    signroom(server, "applications", "create", name, "--subscription", name, "--role", "Admin")
    return signroom(server, "keys", "create", "--application", name, "--role", "Admin")


@pytest.fixture(scope="session")
def expired_key(server: Server) -> str:
    return signroom(server, "keys", "create", "--application", "Example application", "--expires", "2020-01-01")
