"""Events on their way to endpoints that are well, slow, down, broken or endless: a real receiver, real jobs, a schedule
of seconds, both databases.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from signroom_client import parse_webhook

from tests.fetch.sites import Exchange
from tests.harness.hooks import (
    Endpoint,
    Hook,
    Receiver,
    broken,
    broken_until,
    fine,
    new_hook,
    remove_hooks,
    running_receiver,
)
from tests.harness.server import Json, Page, Server, ok
from tests.harness.tenants import Tenant, new_tenant
from tests.harness.tools import free_port
from tests.harness.waiting import SECONDS, eventually
from tests.vectors import hard_pdfs
from tests.wire.schema import conforms

CREATED, CANCELLED, SIGNED = "SessionCreated", "SessionCancelled", "DocumentSignatureCompleted"
ON_SQLITE = pytest.mark.parametrize("hooks_server", ["sqlite"], indirect=True)
"""For what does not depend on the database."""
TRIES = 4
"""Of the server's schedule."""
HELD = 10


@pytest.fixture(scope="module")
def lasting_tenant(hooks_server: Server) -> Tenant:
    return new_tenant(hooks_server)


@pytest.fixture
def tenant(lasting_tenant: Tenant) -> Iterator[Tenant]:
    """Without any webhook of another test."""
    yield lasting_tenant
    remove_hooks(lasting_tenant)


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with running_receiver() as found:
        yield found


def open_session(tenant: Tenant, **fields: Any) -> Json:
    return ok(tenant.open_session(**fields))


def sign(tenant: Tenant, **fields: Any) -> Page:
    page = tenant.page(**fields)
    page.add(hard_pdfs.make("plain"))
    page.sign(*page.demo_key())
    return page


def event_of(exchange: Exchange, secret: str) -> Any:
    return parse_webhook(exchange.body, exchange.headers, secret=secret)


def test_a_signed_document_is_told_as_the_contract_says_and_signed(tenant: Tenant, receiver: Receiver) -> None:
    endpoint = receiver.endpoint()
    hook = new_hook(tenant, endpoint)
    sign(tenant, callbackArgument="order 42")

    (exchange,) = endpoint.wait(1)
    (body,) = endpoint.bodies
    conforms("WebhookEventModel", body)
    event = event_of(exchange, hook.secret)
    assert event.id == exchange.headers["webhook-id"] == body["document"]["eventId"]
    assert exchange.headers["Content-Type"] == "application/json"
    assert exchange.headers["User-Agent"].startswith("signroom/")
    assert (body["document"]["status"], event.document.callback_argument) == ("Completed", "order 42")
    file = tenant.server.api.get(event.document.signed_file.location)
    assert file.content.startswith(hard_pdfs.make("plain"))
    (delivery,) = hook.settled("Delivered")
    assert (delivery["tries"], delivery["eventId"], delivery["nextTryAt"]) == (1, event.id, None)
    (attempt,) = hook.log()
    assert (attempt["statusCode"], attempt["error"], attempt["answer"]) == (200, None, "thank you")


@ON_SQLITE
def test_an_endpoint_that_is_down_but_for_the_last_try(tenant: Tenant) -> None:
    address = ("127.0.0.2", free_port())
    hook = new_hook(tenant, "http://{}:{}/".format(*address), CREATED)
    open_session(tenant)
    eventually(lambda: hook.deliveries() and len(hook.log()) == TRIES - 1)

    with socket.create_server(address) as late:
        late.settimeout(SECONDS)
        connection, _ = late.accept()
        with connection:
            connection.recv(100_000)
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    hook.settled("Delivered")
    assert [a["statusCode"] for a in hook.log()] == [None] * (TRIES - 1) + [204]
    assert {a["error"] for a in hook.log()[:-1]} == {"Its host cannot be reached."}
    assert hook.read()["failingSince"] is None


@ON_SQLITE
def test_every_try_has_the_same_id_and_its_own_time(tenant: Tenant, receiver: Receiver) -> None:
    endpoint = receiver.endpoint(broken_until(3))
    hook = new_hook(tenant, endpoint, CREATED)
    open_session(tenant)

    tries = endpoint.wait(3)
    hook.settled("Delivered")
    assert len({t.headers["webhook-id"] for t in tries}) == 1
    assert [event_of(t, hook.secret).type for t in tries] == [CREATED] * 3
    assert [(a["number"], a["statusCode"], a["answer"]) for a in hook.log()] == [
        (1, 500, "it hurts"),
        (2, 500, "it hurts"),
        (3, 200, "thank you"),
    ]


def redirecting(exchange: Exchange, _number: int) -> None:
    exchange.redirect("http://127.0.0.2:1/elsewhere")


def slow(exchange: Exchange, _number: int) -> None:
    exchange.over.wait(5)


def dripping(exchange: Exchange, _number: int) -> None:
    """Headers that never come to an end."""
    exchange.send(b"HTTP/1.1 200 OK\r\n")
    while not exchange.over.wait(0.2):
        exchange.send(b"X-More: 1\r\n")


def endless(status: int) -> Any:
    def reply(exchange: Exchange, _number: int) -> None:
        exchange.send(f"HTTP/1.1 {status} Whatever\r\n\r\n".encode())
        while not exchange.over.is_set():
            exchange.send(b"x" * 65536)

    return reply


def trickling(exchange: Exchange, _number: int) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while not exchange.over.wait(0.2):
        exchange.send(b"x")


def hanging_up(exchange: Exchange, _number: int) -> None:
    """No answer at all."""


@ON_SQLITE
def test_endpoints_that_answer_badly(tenant: Tenant, receiver: Receiver) -> None:
    hooks = {
        name: new_hook(tenant, receiver.endpoint(reply), CREATED)
        for name, reply in {
            "redirecting": redirecting,
            "slow": slow,
            "dripping": dripping,
            "endless": endless(500),
            "hanging up": hanging_up,
        }.items()
    }
    private = new_hook(tenant, "http://10.0.0.1/hook", CREATED)
    open_session(tenant)

    def first(hook: Hook) -> Json:
        found: Json = eventually(lambda: hook.deliveries() and hook.log())[0]
        return found

    told = {name: (first(hook)["statusCode"], first(hook)["error"]) for name, hook in hooks.items()}
    assert told == {
        "redirecting": (302, None),
        "slow": (None, "It took too long."),
        "dripping": (None, "It took too long."),
        "endless": (500, None),
        "hanging up": (None, "The connection broke off."),
    }
    assert first(hooks["endless"])["answer"] == "x" * 1024
    assert first(private)["error"] == "Its host cannot be reached."


@ON_SQLITE
@pytest.mark.parametrize("reply", [endless(200), trickling])
def test_a_success_that_never_ends_is_one(tenant: Tenant, receiver: Receiver, reply: Any) -> None:
    hook = new_hook(tenant, receiver.endpoint(reply), CREATED)
    open_session(tenant)

    hook.settled("Delivered")
    (attempt,) = hook.log()
    assert attempt["statusCode"] == 200
    assert 0 < len(attempt["answer"]) <= 1024


@ON_SQLITE
@pytest.mark.parametrize("as_date", [False, True])
def test_an_endpoint_may_ask_to_be_left_alone(tenant: Tenant, receiver: Receiver, as_date: bool) -> None:
    def busy(exchange: Exchange, number: int) -> None:
        if number > 1:
            return fine(exchange, number)
        until_then = format_datetime(datetime.fromtimestamp(int(datetime.now(UTC).timestamp()) + 4, UTC), usegmt=True)
        return exchange.answer(b"", f"Retry-After: {until_then if as_date else 3}", status=429)

    endpoint = receiver.endpoint(busy)
    new_hook(tenant, endpoint, CREATED)
    open_session(tenant)

    endpoint.wait(2)
    assert endpoint.times[1] - endpoint.times[0] > 2.5, "the schedule alone says 0.2 s"


@ON_SQLITE
@pytest.mark.parametrize(
    ("fields", "header", "value"),
    [
        ({"auth": "Basic", "user": "ana", "secret": "s"}, "Authorization", "Basic YW5hOnM="),
        ({"auth": "Bearer", "secret": "token"}, "Authorization", "Bearer token"),
        ({"auth": "ApiKey", "secret": "key"}, "X-Api-Key", "key"),
        ({}, "Authorization", None),
    ],
)
def test_we_say_who_we_are(tenant: Tenant, receiver: Receiver, fields: Json, header: str, value: str | None) -> None:
    endpoint = receiver.endpoint()
    hook = new_hook(tenant, endpoint, **fields)
    hook.call("test")

    (exchange,) = endpoint.wait(1)
    assert exchange.headers.get(header) == value


def test_events_of_a_document_or_session_come_in_their_order(tenant: Tenant, receiver: Receiver) -> None:
    endpoint = receiver.endpoint(broken_until(3))
    hook = new_hook(tenant, endpoint, CREATED, CANCELLED)
    session = open_session(tenant)
    ok(tenant.server.api.post(f"/api/signature-sessions/{session['sessionId']}/cancel", headers=tenant.worker))

    hook.settled("Delivered", 2)
    told = [body["type"] for body in endpoint.bodies if body["session"]["id"] == session["sessionId"]]
    assert told == [CREATED] * 3 + [CANCELLED]
    assert endpoint.bodies[-1]["session"]["status"] == "UserCancelled"
    assert sorted(len(hook.log(d["id"])) for d in hook.deliveries()) == [1, 3], "waiting is no try"


def test_an_endpoint_that_fails_throughout_is_paused_and_resumed_without_a_storm(
    tenant: Tenant, receiver: Receiver
) -> None:
    well, watcher = [False], receiver.endpoint()

    def reply(exchange: Exchange, number: int) -> None:
        exchange.over.wait(0.1)  # so that requests would overlap
        (fine if well[0] else broken)(exchange, number)

    endpoint = receiver.endpoint(reply)
    hook = new_hook(tenant, endpoint, CREATED, CANCELLED)
    new_hook(tenant, watcher, "DeliveryPaused", "DeliveryResumed")
    sessions = [open_session(tenant)["sessionId"]]

    (told,) = watcher.wait(1)
    assert (watcher.bodies[0]["type"], watcher.bodies[0]["webhook"]) == ("DeliveryPaused", {"id": hook.id})
    assert hook.read()["pausedAt"]
    assert hook.read()["failingSince"]
    assert len(endpoint.seen) == TRIES
    for _ in range(HELD):
        sessions.append(open_session(tenant)["sessionId"])
    cancelled = sessions[-1]
    ok(tenant.server.api.post(f"/api/signature-sessions/{cancelled}/cancel", headers=tenant.worker))
    hook.settled("Held", HELD + 2)
    assert len(endpoint.seen) == TRIES, "nothing is sent to an endpoint that is paused"
    assert hook.post(f"deliveries/{hook.deliveries()[0]['id']}/replay").json()["code"] == "BadWebhookOperation"

    well[0], resumed_at = True, time.monotonic()
    hook.call("resume")
    hook.settled("Delivered", HELD + 2)
    resumed = endpoint.bodies[TRIES:]
    order = [body["session"]["id"] for body in resumed if body["type"] == CREATED]
    assert sorted(order) == sorted(sessions)
    # Twice a second what is due is looked for, five a second become due: some set out together.
    assert sessions[0] in order[:3], "the oldest first"
    assert [b["type"] for b in resumed if b["session"]["id"] == cancelled] == [CREATED, CANCELLED]
    assert endpoint.at_once <= 4
    # Whatever the load: none sets out before it is due. The cancellation is woken by the event before it.
    early = [n for n, at in enumerate(endpoint.times[TRIES:][: HELD + 1]) if at - resumed_at < n * 0.2 - 0.05]
    assert early == [], "five a second"
    assert hook.read()["pausedAt"] is None
    eventually(lambda: len(watcher.seen) == 2)
    assert watcher.bodies[1]["type"] == "DeliveryResumed"
    assert told.headers["webhook-id"] != watcher.seen[1].headers["webhook-id"]
    first = next(d["id"] for d in hook.deliveries() if d["sessionId"] == sessions[0])
    assert [a["number"] for a in hook.log(first)] == [1, 2, 3, 4, 5]


@ON_SQLITE
def test_an_endpoint_that_answers_now_and_then_is_not_paused(tenant: Tenant, receiver: Receiver) -> None:
    def reply(exchange: Exchange, number: int) -> None:
        (fine if b"a good one" in exchange.body else broken)(exchange, number)

    hook = new_hook(tenant, receiver.endpoint(reply), CREATED)
    open_session(tenant)
    eventually(lambda: hook.deliveries() and hook.log())
    open_session(tenant, callbackArgument="a good one")
    hook.settled("Delivered")

    (failed,) = hook.settled("Failed")
    assert failed["tries"] == TRIES
    assert hook.read()["pausedAt"] is None


@ON_SQLITE
def test_a_test_is_tried_once_also_while_paused_and_pauses_nothing(tenant: Tenant, receiver: Receiver) -> None:
    endpoint = receiver.endpoint(broken)
    hook = new_hook(tenant, endpoint)
    hook.call("pause")
    hook.call("test")

    hook.settled("Failed")
    assert [body["type"] for body in endpoint.bodies] == ["WebhookTested"]
    assert endpoint.bodies[0]["webhook"] == {"id": hook.id}
    hook.call("resume")
    hook.call("test")
    hook.settled("Failed", 2)
    assert hook.read()["pausedAt"] is None


def test_a_replay_is_the_same_event(tenant: Tenant, receiver: Receiver) -> None:
    endpoint = receiver.endpoint()
    hook = new_hook(tenant, endpoint, CREATED)
    open_session(tenant)
    (first,) = hook.settled("Delivered")

    again = hook.call(f"deliveries/{first['id']}/replay")
    hook.settled("Delivered", 2)
    assert again["id"] != first["id"]
    assert again["eventId"] == first["eventId"]
    assert len({exchange.headers["webhook-id"] for exchange in endpoint.seen}) == 1


def test_what_failed_is_replayed_on_demand(tenant: Tenant, receiver: Receiver) -> None:
    endpoint = receiver.endpoint(broken)
    hook = new_hook(tenant, endpoint)
    for _ in range(2):
        hook.call("test")
    hook.settled("Failed", 2)

    endpoint.reply = fine
    assert hook.call("replay-failed") == {"count": 2, "failing": 0}
    hook.settled("Delivered", 2)
    assert hook.call("replay-failed") == {"count": 0, "failing": 0}


def test_while_a_secret_is_rotated_both_sign(tenant: Tenant, receiver: Receiver) -> None:
    endpoint = receiver.endpoint()
    hook = new_hook(tenant, endpoint)
    second = hook.call("rotate-secret")["signingSecret"]
    hook.call("test")
    (both,) = endpoint.wait(1)
    assert event_of(both, hook.secret).id == event_of(both, second).id

    third = hook.call("rotate-secret", previousHours=0)["signingSecret"]
    hook.call("test")
    single = endpoint.wait(2)[1]
    assert event_of(single, third).type == "WebhookTested"
    assert len(single.headers["webhook-signature"].split()) == 1


def test_a_session_says_where_it_is_told(tenant: Tenant, receiver: Receiver) -> None:
    endpoint, others = receiver.endpoint(), receiver.endpoint()
    sign(tenant, webhookUrl=endpoint.url)
    endpoint.wait(1)
    (row,) = ok(tenant.server.api.get("/api/settings/webhooks", headers=tenant.manager))["items"]
    assert (row["url"], row["auth"], row["applicationId"]) == (None, "None", tenant.application_id)
    hook = Hook(tenant, row["id"], "")
    secret = hook.call("rotate-secret")["signingSecret"]
    sign(tenant)
    sign(tenant, webhookUrl=others.url)

    (exchange,) = others.wait(1)
    assert event_of(exchange, secret).type == SIGNED
    assert len(endpoint.seen) == 1
    assert len(hook.deliveries()) == 2
    assert hook.post("pause").json()["code"] == "BadWebhookOperation"
    assert hook.post("test").json()["code"] == "BadWebhookOperation"


def test_one_that_is_removed_is_told_no_more(tenant: Tenant, receiver: Receiver) -> None:
    endpoint: Endpoint = receiver.endpoint(broken)
    hook = new_hook(tenant, endpoint, CREATED)
    open_session(tenant)
    endpoint.wait(1)

    assert tenant.server.api.delete(f"/api/settings/webhooks/{hook.id}", headers=tenant.manager).status_code == 204
    assert hook.post("test").json()["code"] == "WebhookNotFound"
    open_session(tenant)
    last = receiver.endpoint()
    new_hook(tenant, last, CREATED)
    open_session(tenant)
    last.wait(1)
    assert len(endpoint.seen) <= 2, "at most the try that was under way"


@ON_SQLITE
def test_a_feed_reader_gets_what_a_webhook_gets(tenant: Tenant, receiver: Receiver) -> None:
    endpoint = receiver.endpoint()
    new_hook(tenant, endpoint, CREATED)
    open_session(tenant)
    (exchange,) = endpoint.wait(1)
    event_id = exchange.headers["webhook-id"]

    assert ok(tenant.server.api.get(f"/api/events/{event_id}", headers=tenant.worker)) == endpoint.bodies[0]
    stranger = tenant.server.api.get(f"/api/events/{event_id}")
    assert (stranger.status_code, stranger.json()["code"]) == (422, "EventNotFound")
