"""Applications, their keys and roles, and where their sessions may return to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.api.requests import SESSIONS
from tests.harness.commands import signroom
from tests.harness.server import Json, Server, ok, refused

APPLICATIONS = "/api/applications"


@pytest.fixture(scope="session")
def keys(server: Server) -> dict[str, dict[str, str]]:
    """One key of each role of a new application, as headers."""
    name = f"Roles {uuid4().hex[:8]}"
    signroom(server, "applications", "create", name, "--subscription", "Demo")
    made = {role: signroom(server, "keys", "create", "--application", name, "--role", role) for role in ROLES}
    return {role: {"X-Api-Key": key} for role, key in made.items()}


ROLES = ("Monitor", "Worker", "Manager", "Admin")


def created(server: Server, headers: dict[str, str], *roles: str) -> Json:
    body = {"name": f"App {uuid4().hex[:8]}", "authorizationData": {"roles": list(roles)}}
    return ok(server.api.post(APPLICATIONS, json=body, headers=headers))


def test_an_application_is_made_with_its_first_key(server: Server, keys: Any) -> None:
    application = created(server, keys["Admin"], "worker")
    expires = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    body = {"description": "CI", "expiresOn": expires.isoformat()}
    key = ok(server.api.post(f"{APPLICATIONS}/{application['id']}/api-keys", json=body, headers=keys["Manager"]))

    assert application["subscriptions"] == [
        {"subscriptionId": application["subscriptionId"], "roles": ["Worker"], "parentRoles": []}
    ]
    assert application["rootRoles"] == []
    assert key["info"]["type"] == "ApiKey"
    assert key["info"]["applicationId"] == application["id"]
    assert datetime.fromisoformat(key["info"]["expiresOn"]) == expires
    assert ok(server.api.post(SESSIONS, json={}, headers={"X-Api-Key": key["key"]}))["sessionId"]
    secret = key["key"].partition("|")[2]
    assert ok(server.api.post(SESSIONS, json={}, headers={"X-Api-Key": secret}))["sessionId"]


@pytest.mark.parametrize(
    ("method", "path", "body", "allowed"),
    [
        ("POST", SESSIONS, {}, {"Worker", "Manager", "Admin"}),
        ("GET", SESSIONS, None, set(ROLES)),
        ("POST", "/api/document-keys", {}, {"Worker", "Manager", "Admin"}),
        ("POST", "/Api/MultipartUploads", None, {"Worker", "Manager", "Admin"}),
        ("POST", "/api/v2/authentication", {}, {"Worker", "Manager", "Admin"}),
        ("POST", APPLICATIONS, {"name": "?"}, {"Admin"}),
        ("POST", "{application}/api-keys", {}, {"Manager", "Admin"}),
        ("GET", "{application}/default-document-metadata", None, {"Manager", "Admin"}),
        ("PUT", "{application}/default-document-metadata", {}, {"Manager", "Admin"}),
        ("PUT", "{settings}/return-urls", {"returnUrls": []}, {"Manager", "Admin"}),
        ("GET", "{settings}/return-urls", None, {"Manager", "Admin"}),
    ],
)
def test_each_role_may_do_its_own_and_no_more(
    server: Server, keys: Any, method: str, path: str, body: Json | None, allowed: set[str]
) -> None:
    application = created(server, keys["Admin"])["id"]
    address = path.format(
        application=f"{APPLICATIONS}/{application}", settings=f"/api/settings/applications/{application}"
    )
    for role in ROLES:
        sent = {"name": f"N {uuid4().hex[:8]}"} if body == {"name": "?"} else body
        answer = server.api.request(method, address, json=sent, headers=keys[role])
        if role in allowed:
            assert answer.status_code == 200, (role, answer.text)
        else:
            assert refused(answer, 403) == "Forbidden", role


def test_nobody_hands_out_more_than_he_has(server: Server, keys: Any) -> None:
    admins = created(server, keys["Admin"], "Admin")
    address = f"{APPLICATIONS}/{admins['id']}/api-keys"

    assert refused(server.api.post(address, json={}, headers=keys["Manager"]), 403) == "Forbidden"
    assert ok(server.api.post(address, json={}, headers=keys["Admin"]))["key"]
    over_all = {"name": "Root", "rootAuthorizationData": {"roles": ["Admin"]}}
    assert refused(server.api.post(APPLICATIONS, json=over_all, headers=keys["Admin"]), 403) == "Forbidden"


def test_a_key_without_any_role_does_nothing(server: Server, keys: Any) -> None:
    application = created(server, keys["Admin"])
    address = f"{APPLICATIONS}/{application['id']}/api-keys"
    key = ok(server.api.post(address, headers=keys["Admin"]))["key"]

    assert refused(server.api.post(SESSIONS, json={}, headers={"X-Api-Key": key}), 403) == "Forbidden"


def test_another_subscriptions_application_does_not_exist(server: Server, keys: Any, other_key: str) -> None:
    application = created(server, keys["Admin"])["id"]
    name = f"Elsewhere {uuid4().hex[:8]}"
    signroom(server, "subscriptions", "create", name)
    signroom(server, "applications", "create", name, "--subscription", name)
    theirs = {"X-Api-Key": signroom(server, "keys", "create", "--application", name, "--role", "Admin")}

    for answer in (
        server.api.post(f"{APPLICATIONS}/{application}/api-keys", json={}, headers=theirs),
        server.api.get(f"{APPLICATIONS}/{application}/default-document-metadata", headers=theirs),
        server.api.get(f"/api/settings/applications/{application}/return-urls", headers=theirs),
    ):
        assert refused(answer, 422) == "ApplicationNotFound"
    assert ok(server.api.post(APPLICATIONS, json={"name": name}, headers=keys["Admin"]))["name"] == name, (
        "a name that another tenant uses is free here"
    )


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"expiresOn": "2020-01-01T00:00:00Z"}, 400, "BadRequest"),
        ({"expiresOn": "soon"}, 400, "BadRequest"),
        ({"description": "x" * 256}, 400, "BadRequest"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(server: Server, keys: Any, body: Json, status: int, code: str) -> None:
    address = f"{APPLICATIONS}/{created(server, keys['Admin'])['id']}/api-keys"

    assert refused(server.api.post(address, json=body, headers=keys["Admin"]), status) == code


@pytest.mark.parametrize("name", ["", "   ", "a|b", "x" * 101])
def test_an_application_needs_a_name(server: Server, keys: Any, name: str) -> None:
    assert refused(server.api.post(APPLICATIONS, json={"name": name}, headers=keys["Admin"]), 400) == "BadRequest"


def test_x_subscription_picks_the_own_one(server: Server, keys: Any) -> None:
    own = created(server, keys["Admin"])["subscriptionId"]

    for name in (own, own.upper(), "Demo", "demo"):
        ok(server.api.post(SESSIONS, json={}, headers={"X-Subscription": name}))
    for name in (str(uuid4()), "Another"):
        assert refused(server.api.post(SESSIONS, json={}, headers={"X-Subscription": name}), 403) == "Forbidden"


# -- return URLs -----------------------------------------------------------------------------------


def test_sessions_return_only_where_the_application_allows_it(server: Server, keys: Any) -> None:
    application = created(server, keys["Admin"], "Manager")
    address = f"/api/settings/applications/{application['id']}/return-urls"
    key = ok(server.api.post(f"{APPLICATIONS}/{application['id']}/api-keys", headers=keys["Admin"]))["key"]
    mine = {"X-Api-Key": key}
    allowed = ["https://app.example/signed", "http://localhost:8080/"]
    assert ok(server.api.put(address, json={"returnUrls": allowed}, headers=mine))["returnUrls"] == allowed

    def opening(url: str | None) -> Any:
        return server.api.post(SESSIONS, json={"returnUrl": url}, headers=mine)

    for url in (
        None,
        "https://app.example/signed",
        "https://APP.example:443/signed/42?x=1#y",
        "http://localhost:8080/anything",
    ):
        assert opening(url).status_code == 200, url
    for url in (
        "https://app.example/signedX",
        "https://app.example/",
        "http://app.example/signed",
        "https://app.example:8443/signed",
        "https://app.example.evil.example/signed",
        "https://app.example/signed/../admin",
        "https://app.example/signed/%2e%2E/admin",
        "http://localhost:8081/",
    ):
        assert refused(opening(url), 422) == "ReturnUrlNotAllowed", url
    assert refused(server.api.put(address, json={"returnUrls": ["/relative"]}, headers=mine), 400) == "BadReturnUrl"


def test_the_operator_sets_return_urls_too(server: Server) -> None:
    name = f"Cli {uuid4().hex[:8]}"
    signroom(server, "applications", "create", name, "--subscription", "Demo")
    key = signroom(server, "keys", "create", "--application", name, "--subscription", "Demo")

    assert signroom(server, "applications", "return-urls", name, "https://app.example") == "https://app.example"
    answer = server.api.post(SESSIONS, json={"returnUrl": "https://x.example"}, headers={"X-Api-Key": key})
    assert refused(answer, 422) == "ReturnUrlNotAllowed"
    assert signroom(server, "applications", "return-urls", name) == ""
    answer = server.api.post(SESSIONS, json={"returnUrl": "https://x.example"}, headers={"X-Api-Key": key})
    assert answer.status_code == 200
