"""Every change of a subscription's settings is in the audit log: who, what, before and after, and no secret."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from signroom.domain.application import ApplicationCaller, OperatorCaller, Role
from signroom.domain.audit import Action, Change
from signroom.domain.endpoint import EndpointAuth
from signroom.domain.errors import NotAllowed, NotFound
from signroom.ports.store import ChangeFilter
from signroom.service.access.operators import act_for_subscription, this_operator
from signroom.service.maintenance.delete_expired import delete_expired_audit_entries
from signroom.service.subscriptions.manage_applications import (
    create_application,
    create_subscription,
    set_default_metadata,
    set_frame_origins,
    set_return_urls,
)
from signroom.service.subscriptions.manage_branding import SetBranding, set_branding
from signroom.service.subscriptions.manage_file_validation import SetFileValidation, set_file_validation
from signroom.service.subscriptions.manage_keys import CreateKey, create_key, end_key, revoke_key, rotate_key
from signroom.service.subscriptions.manage_retention import set_retention
from signroom.service.subscriptions.read_audit_log import read_audit_log
from signroom.service.webhooks.endpoint_credentials import GivenEndpoint
from signroom.service.webhooks.manage_webhooks import (
    SetWebhook,
    change_webhook,
    create_webhook,
    pause_webhook,
    remove_webhook,
    replay_failed,
    resume_webhook,
    rotate_secret,
    send_test,
)
from signroom.worker.steps import jobs
from tests.service.conftest import Room

SECRET = "s3cret-of-the-endpoint"
ENDPOINT = GivenEndpoint(f"https://app.example:8443/{SECRET}", EndpointAuth.BEARER, None, SECRET)
HOOK, DESCRIBED = SetWebhook(ENDPOINT), SetWebhook(ENDPOINT, description="x")


@pytest.fixture
def operator(room: Room) -> OperatorCaller:
    return act_for_subscription(room.ports, this_operator(), "Acme")


def entries(room: Room, operator: OperatorCaller, wanted: ChangeFilter | None = None) -> list[Change]:
    return read_audit_log(room.ports, operator, None, 100, wanted or ChangeFilter())


def test_every_change_is_there_without_its_secrets(room: Room, operator: OperatorCaller) -> None:
    room.service.jobs.start(jobs(room.ports), execute=False)
    ports, application, now = room.ports, room.caller.application, room.clock.now()
    key = create_key(ports, operator, application.id, CreateKey())
    hook = create_webhook(ports, operator, HOOK).webhook
    changes: list[tuple[Action, Callable[[], object]]] = [
        (Action.APPLICATION_CREATED, lambda: create_application(ports, operator, "Shop")),
        (
            Action.APPLICATION_CHANGED,
            lambda: set_return_urls(ports, operator, application.id, [f"https://a.b/{SECRET}"]),
        ),
        (Action.APPLICATION_CHANGED, lambda: set_frame_origins(ports, operator, application.id, ["https://a.b"])),
        (Action.APPLICATION_CHANGED, lambda: set_default_metadata(ports, operator, application.id, (("a", ("b",)),))),
        (Action.API_KEY_CREATED, lambda: create_key(ports, operator, application.id, CreateKey())),
        (Action.API_KEY_CHANGED, lambda: end_key(ports, operator, application.id, key.key.id, now + timedelta(9))),
        (Action.API_KEY_CHANGED, lambda: rotate_key(ports, operator, application.id, key.key.id)),
        (Action.API_KEY_REVOKED, lambda: revoke_key(ports, operator, application.id, key.key.id)),
        (Action.SUBSCRIPTION_CHANGED, lambda: set_retention(ports, operator, 30)),
        (Action.BRANDING_CHANGED, lambda: asyncio.run(set_branding(ports, operator, SetBranding(name="Acme AG")))),
        (
            Action.FILE_VALIDATION_CHANGED,
            lambda: set_file_validation(ports, operator, SetFileValidation("a.*", ENDPOINT)),
        ),
        (Action.WEBHOOK_CREATED, lambda: create_webhook(ports, operator, HOOK)),
        (
            Action.WEBHOOK_CHANGED,
            lambda: change_webhook(ports, operator, hook.id, DESCRIBED),
        ),
        (Action.WEBHOOK_CHANGED, lambda: pause_webhook(ports, operator, hook.id)),
        (Action.WEBHOOK_CHANGED, lambda: resume_webhook(ports, operator, hook.id)),
        (Action.WEBHOOK_SECRET_ROTATED, lambda: rotate_secret(ports, operator, hook.id)),
        (Action.WEBHOOK_TESTED, lambda: send_test(ports, operator, hook.id)),
        (Action.DELIVERIES_REPLAYED, lambda: replay_failed(ports, operator, hook.id)),
        (Action.WEBHOOK_REMOVED, lambda: remove_webhook(ports, operator, hook.id)),
    ]
    for action, change in changes:
        before = len(entries(room, operator))
        change()
        newest = entries(room, operator)[0]
        assert (newest.action, newest.actor) == (action, operator.name), action
        assert len(entries(room, operator)) > before

    written = repr(entries(room, operator))
    assert SECRET not in written
    assert key.text.partition("|")[2] not in written
    assert "https://app.example:8443" in written


def test_only_what_differs_is_told(room: Room, operator: OperatorCaller) -> None:
    set_retention(room.ports, operator, 30)
    set_retention(room.ports, operator, 60)

    newest = entries(room, operator)[0]

    assert (newest.before, newest.after) == ({"retentionDays": 30}, {"retentionDays": 60})


def test_a_change_by_api_names_the_application_and_its_key(room: Room, operator: OperatorCaller) -> None:
    key = create_key(room.ports, operator, room.caller.application.id, CreateKey(role=Role.MANAGER)).key
    caller = ApplicationCaller(room.caller.application, frozenset({Role.MANAGER}), key.id)

    set_retention(room.ports, caller, 30)

    (found,) = entries(room, operator, ChangeFilter(key_id=key.id))
    assert (found.actor, found.action) == ("application Portal", Action.SUBSCRIPTION_CHANGED)
    assert read_audit_log(room.ports, caller, None, 1)[0] == found


def test_a_change_that_fails_is_not_there(room: Room, operator: OperatorCaller) -> None:
    before = entries(room, operator)

    with pytest.raises(NotFound):
        revoke_key(room.ports, operator, room.caller.application.id, room.caller.application.id)

    assert entries(room, operator) == before


def test_the_log_is_read_page_by_page_and_by_filter(room: Room, operator: OperatorCaller) -> None:
    for days in range(1, 6):
        set_retention(room.ports, operator, days)
        room.clock.advance(days=1)
    whole = entries(room, operator)

    first = read_audit_log(room.ports, operator, None, 2)
    second = read_audit_log(room.ports, operator, first[-1].position, 2)

    assert first + second == whole[:4]
    since = room.clock.now() - timedelta(days=2)
    assert [c.after for c in entries(room, operator, ChangeFilter(since=since))] == [
        {"retentionDays": 5},
        {"retentionDays": 4},
    ]
    assert entries(room, operator, ChangeFilter(action=Action.WEBHOOK_REMOVED)) == []
    assert len(entries(room, operator, ChangeFilter(subject_id=operator.subscription_id))) >= 5


def test_others_read_nothing_of_it(room: Room, operator: OperatorCaller) -> None:
    set_retention(room.ports, operator, 30)
    other = this_operator().acting_for(create_subscription(room.ports, this_operator(), "Other").id)

    assert [c.action for c in entries(room, other)] == [Action.SUBSCRIPTION_CREATED]
    with pytest.raises(NotAllowed):
        read_audit_log(room.ports, ApplicationCaller(room.caller.application, frozenset({Role.WORKER})), None, 1)


def test_old_entries_are_forgotten(room: Room, operator: OperatorCaller) -> None:
    set_retention(room.ports, operator, 30)
    room.clock.advance(days=room.ports.limits.audit_kept.days)
    set_retention(room.ports, operator, 60)
    room.clock.advance(seconds=1)

    assert delete_expired_audit_entries(room.ports) >= 1
    assert [c.after for c in entries(room, operator)] == [{"retentionDays": 60}]
