"""``signroom timestamp-providers``, as an operator uses it beside a running service."""

from __future__ import annotations

import json
from uuid import uuid4

from tests.harness.commands import command, signroom
from tests.harness.server import Server


def run(server: Server, *arguments: str) -> str:
    return signroom(server, "timestamp-providers", *arguments)


def test_a_provider_is_made_changed_listed_and_deleted(sqlite_server: Server) -> None:
    name, tier = f"First {uuid4().hex[:6]}", f"t{uuid4().hex[:8]}"
    arguments = ("--context", "test", "--tier", tier, "--auth", "Basic", "--user", "acme", "--secret", "s3cret")
    made = run(sqlite_server, "create", name, "https://tsa.example/tsr", *arguments)

    changed = json.loads(run(sqlite_server, "change", made, "--priority", "7", "--json"))

    assert changed == {
        "id": made,
        "name": name,
        "url": "https://tsa.example/tsr",
        "context": "test",
        "tier": tier,
        "priority": 7,
        "auth": "Basic",
        "user": "acme",
        "hasSecret": True,
    }
    listed = json.loads(run(sqlite_server, "list", "--json"))
    assert changed in listed
    assert [one["name"] for one in listed if one["id"] is None] == ["demo"]
    assert f"{made} {name}: {tier} 7 https://tsa.example/tsr, test, Basic" in run(sqlite_server, "list").splitlines()

    environment = {"SIGNROOM_DATA": str(sqlite_server.data), **sqlite_server.environment}
    refused = command(environment, "timestamp-providers", "delete", made)
    assert (refused.returncode, "LastTimestampProvider" in refused.stderr) == (3, True)
    run(sqlite_server, "delete", made, "--force")
    assert changed not in json.loads(run(sqlite_server, "list", "--json"))
