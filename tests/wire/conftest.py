"""Keys beside the demo's own, and one session that was signed."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.api.requests import a_file, signed_session
from tests.harness.commands import signroom
from tests.harness.server import Json, Server


def new_key(server: Server, *, role: str = "Worker", subscription: str = "Demo") -> str:
    """A key of a new application, as an operator makes it on the running server's database."""
    name = f"Wire {uuid4().hex[:8]}"
    signroom(server, "applications", "create", name, "--subscription", subscription)
    return signroom(server, "keys", "create", "--application", name, "--role", role)


def new_subscription(server: Server) -> str:
    """The name of another tenant."""
    name = f"Tenant {uuid4().hex[:8]}"
    signroom(server, "subscriptions", "create", name)
    return name


@pytest.fixture(scope="session")
def monitor(server: Server) -> dict[str, str]:
    """Headers of somebody who may read only."""
    return {"X-Api-Key": new_key(server, role="Monitor")}


@pytest.fixture(scope="session")
def admin(server: Server) -> dict[str, str]:
    return {"X-Api-Key": new_key(server, role="Admin")}


@pytest.fixture(scope="session")
def stranger(server: Server) -> dict[str, str]:
    """Headers of another tenant."""
    return {"X-Api-Key": new_key(server, role="Admin", subscription=new_subscription(server))}


@pytest.fixture(scope="session")
def signed(server: Server) -> Json:
    """A session with one PDF, once it is done."""
    return signed_session(server, a_file(metadata={"Order": ["42"]}), callbackArgument="order 42")
