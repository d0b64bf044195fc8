"""``/api/settings/webhooks``: made, read back without secrets, changed, behind the wall and for managers alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from signroom.store.engine import open_engine
from tests.harness.hooks import WEBHOOKS, Hook, new_hook, remove_hooks
from tests.harness.server import Json, Server, ok, refused
from tests.harness.tenants import Tenant, new_tenant
from tests.harness.waiting import eventually

SECRET = "very-secret-token"
URL = "https://app.example/hook"
ON_SQLITE = pytest.mark.parametrize("hooks_server", ["sqlite"], indirect=True)
"""For what does not depend on the database."""
NOWHERE = "201856ce-273c-4058-a872-8937bd547d36"


@pytest.fixture(scope="module")
def lasting_tenant(hooks_server: Server) -> Tenant:
    return new_tenant(hooks_server)


@pytest.fixture
def tenant(lasting_tenant: Tenant) -> Iterator[Tenant]:
    yield lasting_tenant
    remove_hooks(lasting_tenant)


def create(tenant: Tenant, **fields: Any) -> httpx.Response:
    return tenant.server.api.post(WEBHOOKS, json=fields, headers=tenant.manager)


def change(hook: Hook, **fields: Any) -> httpx.Response:
    return hook.tenant.server.api.put(f"{WEBHOOKS}/{hook.id}", json=fields, headers=hook.tenant.manager)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({}, {}),
        (
            {"auth": "basic", "user": "ana", "secret": SECRET, "description": "Orders"},
            {"auth": "Basic", "user": "ana", "hasSecret": True, "description": "Orders"},
        ),
        (
            {"auth": "ApiKey", "secret": SECRET, "eventTypes": ["SessionExpired", "SessionCreated"]},
            {"auth": "ApiKey", "hasSecret": True, "eventTypes": ["SessionCreated", "SessionExpired"]},
        ),
    ],
)
def test_it_is_read_back_without_its_secrets(tenant: Tenant, given: Json, shown: Json) -> None:
    answer = create(tenant, url=URL, **given)
    made = ok(answer)
    plain = {"auth": "None", "user": None, "hasSecret": False, "description": None, "applicationId": None}
    plain |= {"previousSecretUntil": None, "failingSince": None, "pausedAt": None}
    expected = {"url": URL, "eventTypes": ["DocumentSignatureCompleted"], **plain, **shown}

    assert made["signingSecret"].startswith("whsec_")
    webhook = made["webhook"]
    assert {name: webhook[name] for name in expected} == expected
    listing = tenant.server.api.get(WEBHOOKS, headers=tenant.manager)
    assert ok(listing)["items"] == [webhook] == [Hook(tenant, webhook["id"], "").read()]
    assert SECRET not in answer.text + listing.text
    assert "whsec_" not in listing.text


def test_no_secret_lies_open_in_the_database(tenant: Tenant) -> None:
    hook = new_hook(tenant, URL, auth="Bearer", secret=SECRET)
    url = tenant.server.environment.get("SIGNROOM_DATABASE_URL", f"sqlite:///{tenant.server.data / 'signroom.db'}")
    engine = open_engine(url)
    with engine.connect() as connection:
        query = sa.text("SELECT secret, signing_secret FROM signroom_webhooks")
        stored = b"".join(bytes(value) for row in connection.execute(query) for value in row if value is not None)
    engine.dispose()

    assert stored
    assert SECRET.encode() not in stored
    assert hook.secret.encode() not in stored


def test_a_change_replaces_all_but_the_secret_of_the_same_endpoint(tenant: Tenant) -> None:
    hook = new_hook(tenant, URL, auth="Bearer", secret=SECRET, description="Orders")

    kept = ok(change(hook, url=URL, auth="Bearer", eventTypes=["SessionExpired"]))
    assert (kept["hasSecret"], kept["description"], kept["eventTypes"]) == (True, None, ["SessionExpired"])
    assert refused(change(hook, url="https://evil.example/", auth="Bearer"), 400) == "BadRequest"
    assert refused(change(hook), 400) == "BadRequest"
    assert hook.read()["url"] == URL


@ON_SQLITE
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"url": "ftp://app.example/"},
        {"url": "https://ana@app.example/"},
        {"url": URL, "auth": "Digest"},
        {"url": URL, "auth": "Bearer"},
        {"url": URL, "secret": SECRET},
        {"url": URL, "eventTypes": ["WebhookTested"]},
        {"url": URL, "eventTypes": ["*"]},
        {"url": URL, "description": "x" * 256},
        {"url": URL, "applicationId": "me"},
        {"forSessions": True},
        {"forSessions": True, "applicationId": NOWHERE, "url": URL},
    ],
)
def test_what_is_wrong_is_refused(tenant: Tenant, fields: Json) -> None:
    assert refused(create(tenant, **fields), 400) == "BadRequest"


@ON_SQLITE
@pytest.mark.parametrize("url", ["hook", "ftp://app.example/", "https://a:b@app.example/", "https://app.example/ x"])
def test_an_address_that_is_none_opens_no_session(tenant: Tenant, url: str) -> None:
    answer = tenant.open_session(webhookUrl=url)

    assert refused(answer, 400) == "BadRequest"
    assert answer.json()["path"] == "webhookUrl"
    assert "The webhookUrl of the endpoint " in answer.json()["message"]


@ON_SQLITE
def test_what_was_refused_is_found_and_sent_again_as_the_command_line_does_it(tenant: Tenant) -> None:
    hook = new_hook(tenant, "http://127.0.0.2:1/")
    made = hook.call("test")
    (failed,) = hook.settled("Failed")

    assert (made["lastStatusCode"], made["lastError"]) == (None, None)
    assert (failed["lastStatusCode"], failed["lastError"]) == (None, "Its host cannot be reached.")
    assert hook.read(f"deliveries/{failed['id']}")["delivery"] == failed
    assert hook.deliveries("failing") == hook.deliveries("Failing") == []
    assert refused(hook.post("replay-failed", since="yesterday"), 400) == "BadRequest"
    assert hook.call("replay-failed", failing=True, since="2999-01-01T00:00:00Z") == {"count": 0, "failing": 0}
    assert hook.call("pause")["pausedAt"]
    assert hook.call("replay-failed", failing=True) == {"count": 1, "failing": 0}


@ON_SQLITE
def test_a_replay_says_what_came_of_the_last_try(tenant: Tenant) -> None:
    hook = new_hook(tenant, "http://127.0.0.2:1/", "SessionCreated")
    tenant.open_session()
    (refused_once,) = eventually(lambda: hook.deliveries("Failing"))

    assert hook.call(f"deliveries/{refused_once['id']}/replay")["lastError"] == "Its host cannot be reached."


def test_the_secret_of_sessions_addresses_is_known_before_the_first_of_them(tenant: Tenant) -> None:
    wanted = {"forSessions": True, "applicationId": tenant.application_id}
    made = ok(create(tenant, **wanted, eventTypes=["SessionCreated"]))
    webhook = made["webhook"]

    assert (webhook["url"], webhook["applicationId"]) == (None, tenant.application_id)
    assert made["signingSecret"].startswith("whsec_")
    twice = create(tenant, **wanted)
    assert refused(twice, 422) == "BadWebhookOperation"
    assert webhook["id"] in twice.json()["detail"]
    assert refused(create(tenant, forSessions=True, applicationId=NOWHERE), 422) == "ApplicationNotFound"
    ok(tenant.open_session(webhookUrl="http://127.0.0.2:1/"))
    assert ok(tenant.server.api.get(WEBHOOKS, headers=tenant.manager))["items"] == [webhook], "it is the one"


def test_a_subscription_has_twenty(tenant: Tenant) -> None:
    for _ in range(20):
        ok(create(tenant, url=URL))

    assert refused(create(tenant, url=URL), 422) == "TooManyWebhooks"


@ON_SQLITE
@pytest.mark.parametrize("hours", [-1, 721, 1.5, "a day"])
def test_a_previous_secret_is_kept_for_a_month_at_most(tenant: Tenant, hours: object) -> None:
    hook = new_hook(tenant, URL)

    assert refused(hook.post("rotate-secret", previousHours=hours), 400) == "BadRequest"


CALLS = [
    ("GET", ""),
    ("PUT", ""),
    ("DELETE", ""),
    ("POST", "/rotate-secret"),
    ("POST", "/pause"),
    ("POST", "/resume"),
    ("POST", "/test"),
    ("GET", "/deliveries"),
    ("GET", f"/deliveries/{NOWHERE}"),
    ("POST", f"/deliveries/{NOWHERE}/replay"),
    ("POST", "/replay-failed"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_the_wall_hides_them_and_only_managers_come_in(
    tenant: Tenant, stranger: Tenant, method: str, path: str
) -> None:
    hook = new_hook(tenant, URL)
    body = {"url": URL} if method in {"PUT", "POST"} else None

    def call(webhook_id: str, headers: dict[str, str]) -> httpx.Response:
        return tenant.server.api.request(method, f"{WEBHOOKS}/{webhook_id}{path}", headers=headers, json=body)

    assert refused(call(hook.id, stranger.manager), 422) == "WebhookNotFound"
    assert refused(call(NOWHERE, tenant.manager), 422) == "WebhookNotFound"
    assert refused(call(hook.id, tenant.worker), 403) == "Forbidden"
    assert refused(call(hook.id, {"X-Api-Key": "nobody"}), 401) == "Unauthorized"
    assert hook.read()["url"] == URL


@pytest.fixture(scope="module")
def stranger(hooks_server: Server) -> Tenant:
    return new_tenant(hooks_server)


def test_an_application_of_others_has_no_webhook_here(tenant: Tenant, stranger: Tenant) -> None:
    assert refused(create(tenant, url=URL, applicationId=stranger.application_id), 422) == "ApplicationNotFound"
    assert ok(create(tenant, url=URL, applicationId=tenant.application_id))["webhook"]["applicationId"]


def test_a_delivery_belongs_to_its_webhook(tenant: Tenant) -> None:
    one, other = new_hook(tenant, URL), new_hook(tenant, URL)
    delivery = one.call("test")

    assert one.read(f"deliveries/{delivery['id']}")["delivery"]["id"] == delivery["id"]
    for path in (f"deliveries/{delivery['id']}", f"deliveries/{NOWHERE}"):
        url = f"{WEBHOOKS}/{other.id}/{path}"
        assert refused(tenant.server.api.get(url, headers=tenant.manager), 422) == "DeliveryNotFound"


def test_deliveries_are_listed_page_by_page(tenant: Tenant) -> None:
    hook = new_hook(tenant, URL)
    made = [hook.call("test")["id"] for _ in range(5)]
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = hook.read(f"deliveries?limit=2&cursor={cursor}")
        found += [d["id"] for d in page["items"]]
        cursor = page["nextCursor"]

    assert found == made[::-1]
    url = f"{WEBHOOKS}/{hook.id}/deliveries"
    for query in ("status=Lost", "cursor=nonsense", "limit=101"):
        assert refused(tenant.server.api.get(f"{url}?{query}", headers=tenant.manager), 400)


def test_pausing_and_resuming_twice_is_once(tenant: Tenant) -> None:
    hook = new_hook(tenant, URL)
    first = hook.call("pause")

    assert first["pausedAt"]
    assert hook.call("pause") == first
    assert hook.call("resume")["pausedAt"] is None
    assert hook.call("resume")["pausedAt"] is None


@pytest.mark.parametrize(("method", "path"), [("POST", ""), ("PUT", f"/{NOWHERE}")])
def test_the_role_is_looked_at_before_the_body(tenant: Tenant, method: str, path: str) -> None:
    body = {"url": URL, "auth": "Nonsense"}

    answer = tenant.server.api.request(method, f"{WEBHOOKS}{path}", headers=tenant.worker, json=body)

    assert refused(answer, 403) == "Forbidden"
