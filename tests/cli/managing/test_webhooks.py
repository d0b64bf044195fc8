"""``signroom webhooks``, as an operator uses it beside a running service."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from signroom_client import parse_webhook

from tests.harness.commands import signroom
from tests.harness.hooks import Hook, Receiver, broken, fine, running_receiver
from tests.harness.server import Server
from tests.harness.tenants import Tenant, new_tenant


@pytest.fixture(scope="module")
def tenant(hooks_server: Server) -> Tenant:
    return new_tenant(hooks_server)


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with running_receiver() as found:
        yield found


def run(tenant: Tenant, *arguments: str) -> list[str]:
    return signroom(tenant.server, "webhooks", *arguments, "--subscription", tenant.name).splitlines()


@pytest.mark.parametrize("hooks_server", ["sqlite"], indirect=True)
def test_a_webhook_is_made_tested_and_shown(tenant: Tenant, receiver: Receiver) -> None:
    endpoint = receiver.endpoint(broken)
    arguments = ("--application", tenant.name, "--event", "SessionExpired", "--auth", "ApiKey", "--secret", "s3cret")
    made = run(tenant, "create", endpoint.url, *arguments)
    webhook, secret = made[0], made[1].removeprefix("signing secret: ")
    shown = [
        f"url: {endpoint.url}",
        "auth: ApiKey, secret set",
        f"application: {tenant.application_id}",
        "events: SessionExpired",
        "state: active",
    ]
    assert run(tenant, "show", webhook) == shown

    (delivery,) = run(tenant, "test", webhook)
    (exchange,) = endpoint.wait(1)
    assert parse_webhook(exchange.body, exchange.headers, secret=secret).type == "WebhookTested"
    assert exchange.headers["X-Api-Key"] == "s3cret"
    hook = Hook(tenant, webhook, secret)
    hook.settled("Failed")
    (attempt,) = run(tenant, "deliveries", webhook, delivery)
    assert attempt.endswith(" 500 it hurts")
    (line,) = run(tenant, "deliveries", webhook)
    assert line.endswith(" Failed 1 tries, last: 500")
    assert run(tenant, "deliveries", webhook, "--status", "Failing") == []

    endpoint.reply = fine
    assert run(tenant, "replay", webhook) == ["1"]
    endpoint.wait(2)
    hook.settled("Delivered")
    none, why = run(tenant, "replay", webhook)
    assert (none, why.split(";")[0]) == ("0", "None was given up")
    (line,) = run(tenant, "deliveries", webhook, "--status", "Delivered")
    assert line.startswith(delivery)
    assert " Pending " in run(tenant, "replay", webhook, delivery)[0]
    endpoint.wait(3)
    assert run(tenant, "pause", webhook)[-1].startswith("state: paused since ")
    assert run(tenant, "resume", webhook) == shown
    assert run(tenant, "rotate", webhook, "--previous-hours", "0")[0].startswith("signing secret: whsec_")
    assert run(tenant, "list") == [f"{webhook} {endpoint.url} active"]
    assert run(tenant, "delete", webhook) == []
    assert hook.post("test").json()["code"] == "WebhookNotFound"
