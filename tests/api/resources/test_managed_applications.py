"""Applications over HTTP and by command: listed, renamed, made strict, disabled and enabled."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from tests.api.requests import SESSIONS
from tests.harness.commands import signroom
from tests.harness.server import Json, Page, Server, ok, refused
from tests.harness.tenants import Tenant, new_tenant
from tests.harness.waiting import eventually


@pytest.fixture(scope="module")
def tenant(server: Server) -> Tenant:
    return new_tenant(server)


@pytest.fixture
def shop(tenant: Tenant) -> tuple[str, str, dict[str, str]]:
    """An application: its name, its path, and headers with a key of it."""
    name = f"Shop {uuid4().hex[:8]}"
    made = signroom(
        tenant.server, "applications", "create", name, "--subscription", tenant.name, "--role", "Worker"
    )  # fmt: skip
    path = f"/api/applications/{made.partition(' ')[0]}"
    key = ok(tenant.server.api.post(f"{path}/api-keys", headers=tenant.manager))["key"]
    return name, path, {"X-Api-Key": key}


def test_a_manager_closes_an_application_and_opens_it_again(
    tenant: Tenant, shop: tuple[str, str, dict[str, str]]
) -> None:
    name, path, worker = shop
    api, manager = tenant.server.api, tenant.manager
    opened = ok(api.post(SESSIONS, json={}, headers=worker))
    page = Page(opened["redirectUrl"])
    page.load()

    disabled = ok(api.post(f"{path}/disable", headers=manager))

    assert (disabled["enabled"], disabled["disabledOn"] is not None) == (False, True)
    assert refused(api.get(SESSIONS, headers=worker), 403) == "ApplicationDisabled"
    link = opened["redirectUrl"].rpartition("/")[2]
    assert refused(api.post("/sign/api/renew", json={"link": link}), 403) == "ApplicationDisabled"
    assert refused(page.client.get("load"), 403) == "ApplicationDisabled"
    assert ok(api.post(f"{path}/disable", headers=manager)) == disabled
    assert ok(api.post(f"{path}/enable", headers=manager))["enabled"]
    page.load()
    page.client.close()
    listed = {item["id"]: item for item in ok(api.get("/api/applications", headers=manager))["items"]}
    mine = ok(api.get(path, headers=manager))
    assert listed[mine["id"]] == mine
    assert (mine["name"], mine["roles"], mine["keys"], mine["usableKeys"]) == (name, ["Worker"], 1, 1)
    assert None not in (mine["createdOn"], mine["lastUsedOn"])
    events = ok(api.get("/api/events", params={"limit": 500}, headers=manager))["events"]
    told = [event["type"] for event in events if event["applicationId"] == mine["id"]]
    assert told[-2:] == ["ApplicationDisabled", "ApplicationEnabled"]
    changes = ok(api.get("/api/settings/audit-log", params={"subjectId": mine["id"]}, headers=manager))["items"]
    assert [change["before"]["disabledOn"] is None for change in changes[:2]] == [False, True]


def test_a_strict_application_says_every_field_right(tenant: Tenant, shop: tuple[str, str, dict[str, str]]) -> None:
    name, path, worker = shop
    api, manager = tenant.server.api, tenant.manager
    misspelt: Json = {"certificateRequirments": [{"type": "Cpf"}]}
    ok(api.post(SESSIONS, json=misspelt, headers=worker))

    changed = ok(api.put(path, json={"strict": True, "name": f"{name}!"}, headers=manager))

    assert (changed["strict"], changed["name"]) == (True, f"{name}!")
    for more in ({}, {"Signroom-Strict": "false"}):
        assert refused(api.post(SESSIONS, json=misspelt, headers={**worker, **more}), 400) == "UnknownField"
    ok(api.post(SESSIONS, json={}, headers=worker))
    assert ok(api.put(path, json={"strict": False}, headers=manager))["name"] == f"{name}!"
    ok(api.post(SESSIONS, json=misspelt, headers=worker))


def test_it_needs_a_managers_key_and_another_application(tenant: Tenant, shop: tuple[str, str, dict[str, str]]) -> None:
    api, path = tenant.server.api, shop[1]
    other = new_tenant(tenant.server)

    assert refused(api.get("/api/applications", headers=tenant.worker), 403) == "Forbidden"
    assert refused(api.post(f"{path}/disable", headers=tenant.worker), 403) == "Forbidden"
    assert refused(api.post(f"{path}/disable", headers=other.manager), 422) == "ApplicationNotFound"
    assert refused(api.put(path, json={"name": "x"}, headers=other.manager), 422) == "ApplicationNotFound"
    own = f"/api/applications/{tenant.application_id}/disable"
    assert refused(api.post(own, headers=tenant.manager), 422) == "OwnApplication"
    assert refused(api.put(path, json={"name": tenant.name}, headers=tenant.manager), 422) == "NameTaken"


def test_the_operator_does_it_by_command(server: Server) -> None:
    tenant = new_tenant(server)
    name = tenant.name

    def state(*command: str) -> Json:
        found: list[Json] = json.loads(signroom(server, *command, "--json"))
        return next(one for one in found if one["name"] == name)

    def closed() -> bool:
        """A process looks at a key again a second after its last use."""
        return server.api.get(SESSIONS, headers=tenant.worker).status_code == 403

    assert signroom(server, "applications", "disable", name).startswith(f"{name} disabled 2")
    assert refused(server.api.get(SESSIONS, headers=tenant.worker), 403) == "ApplicationDisabled"
    assert state("applications", "list", "--subscription", name)["state"] == "disabled"
    assert signroom(server, "applications", "enable", name) == f"{name} enabled"
    eventually(lambda: not closed())
    signroom(server, "subscriptions", "disable", name)
    eventually(closed)
    assert state("subscriptions", "list")["state"] == "disabled"
    assert signroom(server, "subscriptions", "enable", name) == f"{name} enabled"
    assert signroom(server, "applications", "strict", name, "on") == f"{name} strict on"
    signroom(server, "applications", "rename", name, f"{name} 2")
    signroom(server, "subscriptions", "rename", name, f"{name} 3")
    (line,) = signroom(server, "applications", "list", "--subscription", f"{name} 3").splitlines()
    assert f"{name} 2: no role of its own, 2 of 2 keys usable, last used 2" in line
    assert line.endswith(", strict")
    eventually(lambda: not closed())


def test_an_application_is_deleted_by_an_admin(tenant: Tenant, shop: tuple[str, str, dict[str, str]]) -> None:
    name, path, worker = shop
    api = tenant.server.api
    ok(api.post(SESSIONS, json={}, headers=worker))
    made = signroom(tenant.server, "keys", "create", "--application", tenant.name, "--role", "Admin")
    admin = {"X-Api-Key": made}

    assert refused(api.delete(path, headers=tenant.manager), 403) == "Forbidden"
    answer = api.delete(path, headers=admin)
    assert refused(answer, 422) == "StillInUse"
    assert answer.json()["detail"] == "1 sessions are open, 0 documents are in processing."
    ok(api.get(SESSIONS, headers=worker))
    deleting = ok(api.delete(path, params={"force": "true"}, headers=admin))

    assert (deleting["enabled"], deleting["deletingSince"] is not None) == (False, True)
    assert refused(api.get(SESSIONS, headers=worker), 403) == "ApplicationDisabled"
    own = f"/api/applications/{tenant.application_id}"
    assert refused(api.delete(own, headers=admin), 422) == "OwnApplication"
    command = ("applications", "delete", name, "--subscription", tenant.name)
    if name in signroom(tenant.server, "applications", "list", "--subscription", tenant.name):  # once more: the same
        assert signroom(tenant.server, *command) == f"{name} deleting since {deleting['deletingSince']}"


def test_the_operator_deletes_a_subscription(server: Server) -> None:
    name = f"Acme {uuid4().hex[:8]}"
    signroom(server, "subscriptions", "create", name)
    signroom(server, "applications", "create", name, "--subscription", name)

    assert signroom(server, "applications", "delete", name).startswith(f"{name} deleting since 2")
    assert signroom(server, "subscriptions", "delete", name, "--force").startswith(f"{name} deleting since 2")
