"""API keys over HTTP: made, listed, ended, rotated, revoked; and the audit log that tells it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests.api.requests import SESSIONS
from tests.harness.commands import signroom
from tests.harness.server import Json, Server, ok, refused
from tests.harness.tenants import Tenant, new_tenant


@pytest.fixture(scope="module")
def tenant(server: Server) -> Tenant:
    return new_tenant(server)


@pytest.fixture
def owner(tenant: Tenant) -> str:
    """An application whose keys may work."""
    made = signroom(
        tenant.server, "applications", "create", f"Shop {uuid4().hex[:8]}", "--subscription", tenant.name,
        "--role", "Worker",
    )  # fmt: skip
    return f"/api/applications/{made.partition(' ')[0]}/api-keys"


def opens(tenant: Tenant, key: Json) -> bool:
    answer = tenant.server.api.get(SESSIONS, headers={"X-Api-Key": key["key"]})
    if answer.status_code == 401:
        return False
    ok(answer)
    return True


def test_a_key_lives_and_is_taken_back(tenant: Tenant, owner: str) -> None:
    api, manager = tenant.server.api, tenant.manager
    key = ok(api.post(owner, json={"description": "CI"}, headers=manager))
    one = f"{owner}/{key['info']['id']}"
    assert opens(tenant, key)

    end = (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0)
    ending = ok(api.put(one, json={"expiresOn": end.isoformat()}, headers=manager))
    assert datetime.fromisoformat(ending["expiresOn"]) == end
    after = ok(api.post(f"{one}/rotate", headers=manager))
    assert opens(tenant, key)
    assert opens(tenant, after)
    ended = ok(api.post(f"{owner}/{after['info']['id']}/rotate", json={"previousHours": 0}, headers=manager))
    revoked = ok(api.delete(one, headers=manager))

    assert not opens(tenant, key)
    assert opens(tenant, ended)
    assert ok(api.delete(one, headers=manager)) == revoked
    listed = ok(api.get(owner, headers=manager))["items"]
    assert [item["id"] for item in listed] == [k["info"]["id"] for k in (ended, after, key)]
    assert listed[-1]["revokedOn"] is not None
    assert listed[-1]["lastUsedOn"] is not None
    assert listed[-1]["createdBy"].startswith("application ")
    assert key["key"].partition("|")[2] not in str(listed)
    assert refused(api.put(one, json={"expiresOn": end.isoformat()}, headers=manager), 422) == "ApiKeyRevoked"
    assert refused(api.post(f"{one}/rotate", headers=manager), 422) == "ApiKeyRevoked"


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 400), ({"expiresOn": "2001-01-01T00:00:00Z"}, 400), ({"expiresOn": "soon"}, 400)],
)
def test_a_wrong_end_is_refused(tenant: Tenant, owner: str, body: Json, status: int) -> None:
    key = ok(tenant.server.api.post(owner, headers=tenant.manager))["info"]["id"]

    refused(tenant.server.api.put(f"{owner}/{key}", json=body, headers=tenant.manager), status)


def test_keys_of_others_and_of_nobody_are_not_found(tenant: Tenant, owner: str) -> None:
    api = tenant.server.api
    key = ok(api.post(owner, headers=tenant.manager))["info"]["id"]
    other = new_tenant(tenant.server)

    assert refused(api.delete(f"{owner}/{uuid4()}", headers=tenant.manager), 422) == "ApiKeyNotFound"
    for answer in (
        api.get(owner, headers=other.manager),
        api.delete(f"{owner}/{key}", headers=other.manager),
        api.post(f"{owner}/{key}/rotate", headers=other.manager),
    ):
        assert refused(answer, 422) == "ApplicationNotFound"
    assert refused(api.get(owner, headers=tenant.worker), 403) == "Forbidden"
    assert refused(api.delete(f"{owner}/{key}", headers=tenant.worker), 403) == "Forbidden"


def test_what_was_done_is_in_the_audit_log_and_in_the_feed(tenant: Tenant, owner: str) -> None:
    api, manager = tenant.server.api, tenant.manager
    key = ok(api.post(owner, headers=manager))["info"]["id"]
    ok(api.delete(f"{owner}/{key}", headers=manager))

    found = ok(api.get("/api/settings/audit-log", params={"subjectId": key, "limit": 1}, headers=manager))
    older = ok(
        api.get(
            "/api/settings/audit-log", params={"subjectId": key, "limit": 1, "after": found["next"]}, headers=manager
        )
    )

    assert [entry["action"] for entry in found["items"] + older["items"]] == ["ApiKeyRevoked", "ApiKeyCreated"]
    assert older["next"] is None
    assert found["items"][0]["keyId"] is not None
    assert found["items"][0]["before"] == {"revokedOn": None}
    events = ok(api.get("/api/events", params={"limit": 500}, headers=manager))["events"]
    told = [event for event in events if event["apiKeyId"] == key]
    assert [event["type"] for event in told] == ["ApiKeyCreated", "ApiKeyRevoked"]
    assert refused(api.get("/api/settings/audit-log", headers=tenant.worker), 403) == "Forbidden"
    assert refused(api.get("/api/settings/audit-log", params={"action": "Nothing"}, headers=manager), 400)


def test_the_operator_does_it_by_command(tenant: Tenant) -> None:
    server, name = tenant.server, tenant.name
    listed = signroom(server, "keys", "list", "--application", name).splitlines()
    assert len(listed) == 2
    new = signroom(server, "keys", "create", "--application", name, "--description", "leaked")
    (line,) = [one for one in signroom(server, "keys", "list", "--application", name).splitlines() if "leaked" in one]
    key = line.partition(" ")[0]

    after = signroom(server, "keys", "rotate", key, "--application", name)
    signroom(server, "keys", "expire", key, "2999-01-31", "--application", name)
    signroom(server, "keys", "revoke", key, "--application", name)

    assert server.api.get(SESSIONS, headers={"X-Api-Key": new}).status_code == 401
    assert server.api.get(SESSIONS, headers={"X-Api-Key": after}).status_code == 200
    told = signroom(server, "audit", "list", "--subscription", name, "--subject", key, "--json")
    assert '"ApiKeyRevoked"' in told
    assert "operator" in signroom(server, "audit", "list", "--subscription", name, "--limit", "1")


def test_a_description_forges_no_line_of_a_command(tenant: Tenant, owner: str) -> None:
    """A manager writes it; the operator reads it in a terminal, beside what others have done."""
    forged = "x\n2026-11-30T00:00:00Z operator: SubscriptionChanged \x1b[2J"
    made = ok(tenant.server.api.post(owner, json={"description": forged}, headers=tenant.manager))
    key, shop = made["info"]["id"], made["key"].partition("|")[0]

    for command in (
        ("keys", "list", "--application", shop),
        ("audit", "list", "--subscription", tenant.name),
    ):
        lines = signroom(tenant.server, *command).split("\n")
        assert not [line for line in lines if line.startswith("2026-11-30T00:00:00Z operator") or "\x1b" in line]
        assert any(key in line and r"x\n2026" in line for line in lines)
