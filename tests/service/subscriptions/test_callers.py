"""What an application and an operator may do: the same verbs, each within one subscription."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from signroom.domain.application import Application, ApplicationCaller, OperatorCaller, Role
from signroom.domain.document import DocumentStatus
from signroom.domain.errors import (
    ApplicationNotFound,
    BadInput,
    NotAllowed,
    NotFound,
    SignatureSessionNotFound,
    SubscriptionNotFound,
    WebhookNotFound,
    WrongState,
)
from signroom.domain.session import SessionStatus
from signroom.domain.signature import CheckedValue
from signroom.service.access.operators import (
    act_for_application,
    act_for_session,
    act_for_subscription,
    this_operator,
)
from signroom.service.signing.retry_processing import retry_session
from signroom.service.subscriptions.manage_applications import (
    create_application,
    create_subscription,
    find_application,
    read_application,
    set_frame_origins,
    set_return_urls,
)
from signroom.service.subscriptions.manage_branding import SetBranding, read_branding, set_branding
from signroom.service.subscriptions.manage_file_validation import (
    SetFileValidation,
    read_file_validation,
    set_file_validation,
)
from signroom.service.subscriptions.manage_keys import CreateKey, create_key
from signroom.service.subscriptions.manage_retention import read_retention, set_retention
from signroom.service.webhooks.endpoint_credentials import GivenEndpoint
from signroom.service.webhooks.manage_webhooks import (
    SetWebhook,
    create_webhook,
    list_webhooks,
    pause_webhook,
    read_webhook,
)
from signroom.worker.steps import jobs
from tests.service.conftest import Room

HOOK = SetWebhook(GivenEndpoint("https://app.example/hook"))


@pytest.fixture
def operator(room: Room) -> OperatorCaller:
    """Acts for the subscription of the room."""
    return act_for_subscription(room.ports, this_operator(), "Acme")


@pytest.fixture
def stranger(room: Room) -> OperatorCaller:
    """Acts for another subscription."""
    other = create_subscription(room.ports, this_operator(), "Other")
    return this_operator().acting_for(other.id)


def failed_session(room: Room) -> UUID:
    session = room.session()
    document = room.document(session)
    accepted = document.accept_signature(uuid4(), CheckedValue(b"value"), room.clock.now())
    with room.ports.store.work() as work:
        work.documents.save(replace(accepted, status=DocumentStatus.PROCESSING_ERROR))
        work.sessions.save(replace(session, status=SessionStatus.PROCESSING_ERROR))
    return session.id


def test_what_the_operator_sets_the_application_reads(room: Room, operator: OperatorCaller) -> None:
    ports, caller = room.ports, room.caller
    asyncio.run(set_branding(ports, operator, SetBranding(name="Acme Ltd")))
    set_file_validation(ports, operator, SetFileValidation(r".*\.pdf"))
    set_retention(ports, operator, 30)
    set_return_urls(ports, operator, caller.application.id, ["https://app.example/"])
    set_frame_origins(ports, operator, caller.application.id, ["https://app.example"])
    webhook = create_webhook(ports, operator, HOOK).webhook

    assert read_branding(ports, caller).branding.name == "Acme Ltd"
    assert read_file_validation(ports, caller).file_name_pattern == r".*\.pdf"
    assert read_retention(ports, caller) == 30
    application = read_application(ports, caller, caller.application.id)
    assert (application.return_urls, application.frame_origins) == (("https://app.example/",), ("https://app.example",))
    assert [w.id for w in list_webhooks(ports, caller)] == [webhook.id]


def test_an_event_is_of_the_webhook_s_application_whoever_caused_it(room: Room, operator: OperatorCaller) -> None:
    room.service.jobs.start(jobs(room.ports), execute=False)
    webhook = create_webhook(room.ports, operator, replace(HOOK, application_id=room.caller.application.id)).webhook

    pause_webhook(room.ports, operator, webhook.id)

    with room.ports.store.read() as work:
        (event,) = work.feed.after(room.caller.subscription_id, 0, 10)
    assert (event.type, event.application_id) == ("DeliveryPaused", room.caller.application.id)


def test_the_operator_needs_no_role_and_an_application_does(room: Room, operator: OperatorCaller) -> None:
    worker = ApplicationCaller(room.caller.application, frozenset({Role.WORKER}))
    verbs: list[Callable[..., object]] = [read_branding, read_file_validation, read_retention, list_webhooks]
    for verb in verbs:
        verb(room.ports, operator)
        with pytest.raises(NotAllowed):
            verb(room.ports, worker)


def test_an_operator_who_acts_for_one_subscription_sees_no_other(
    room: Room, operator: OperatorCaller, stranger: OperatorCaller
) -> None:
    ports, application = room.ports, room.caller.application
    webhook = create_webhook(ports, operator, HOOK).webhook
    session = failed_session(room)

    refusals: list[tuple[type[NotFound], Callable[[], object]]] = [
        (ApplicationNotFound, lambda: set_return_urls(ports, stranger, application.id, [])),
        (ApplicationNotFound, lambda: create_key(ports, stranger, application.id, CreateKey(role=Role.ADMIN))),
        (ApplicationNotFound, lambda: find_application(ports, stranger, application.name)),
        (WebhookNotFound, lambda: read_webhook(ports, stranger, webhook.id)),
        (SignatureSessionNotFound, lambda: retry_session(ports, stranger, session)),
    ]
    for error, call in refusals:
        with pytest.raises(error):
            call()
    assert list_webhooks(ports, stranger) == []


def test_the_operator_retries_a_session_of_any_subscription(room: Room) -> None:
    room.service.jobs.start(jobs(room.ports), execute=False)
    session = failed_session(room)
    caller = act_for_session(room.ports, this_operator(), session)

    assert retry_session(room.ports, caller, session) == 1
    with pytest.raises(WrongState):
        retry_session(room.ports, caller, session)
    with pytest.raises(SignatureSessionNotFound):
        act_for_session(room.ports, this_operator(), uuid4())


@pytest.mark.parametrize("role", list(Role))
def test_only_an_operator_makes_a_key_with_a_role_of_its_own(room: Room, operator: OperatorCaller, role: Role) -> None:
    application, command = room.caller.application.id, CreateKey(role=role)

    assert create_key(room.ports, operator, application, command).key.role is role
    with pytest.raises(NotAllowed):
        create_key(room.ports, room.caller, application, command)
    assert create_key(room.ports, room.caller, application, CreateKey()).key.role is None


def test_an_application_makes_no_key_that_has_expired(room: Room, operator: OperatorCaller) -> None:
    application, now = room.caller.application.id, room.clock.now()
    command = CreateKey(expires_at=now)

    with pytest.raises(BadInput):
        create_key(room.ports, room.caller, application, command)
    assert create_key(room.ports, operator, application, command).key.expired(now)
    later = CreateKey(expires_at=now + timedelta(seconds=1))
    assert not create_key(room.ports, room.caller, application, later).key.expired(now)


def test_a_manager_makes_no_key_for_an_application_of_admins(room: Room) -> None:
    manager = ApplicationCaller(room.caller.application, frozenset({Role.MANAGER}))

    with pytest.raises(NotAllowed):
        create_key(room.ports, manager, room.caller.application.id, CreateKey())


def test_an_application_is_found_by_its_name(room: Room, operator: OperatorCaller, stranger: OperatorCaller) -> None:
    def acts_for(name: str, subscription: str | None = None) -> tuple[OperatorCaller, Application]:
        return act_for_application(room.ports, this_operator(), name, subscription)

    assert acts_for("Portal") == (operator, room.caller.application)
    other = create_application(room.ports, stranger, "Portal")
    assert acts_for("Portal", "Other") == (stranger, other)
    assert acts_for("Portal", "Acme") == (operator, room.caller.application)
    with pytest.raises(BadInput):
        acts_for("Portal")
    with pytest.raises(ApplicationNotFound):
        acts_for("Shop")
    with pytest.raises(SubscriptionNotFound):
        acts_for("Portal", "Nobody")
