"""Applications and subscriptions: listed, renamed, strict, disabled and enabled; and who may do it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from signroom.domain.application import Application, ApplicationCaller, Caller, OperatorCaller, Role
from signroom.domain.errors import (
    ApplicationDisabled,
    ApplicationNotFound,
    BadInput,
    NameTaken,
    NotAllowed,
    OwnApplication,
)
from signroom.domain.event import SessionCreated
from signroom.domain.secret import hash_secret
from signroom.domain.session import Session
from signroom.domain.webhook import DeliveryStatus
from signroom.ports import Ports
from signroom.ports.store import DeliveryFilter
from signroom.service.access.authenticate import authenticate
from signroom.service.access.operators import act_for_subscription, this_operator
from signroom.service.access.page_tokens import (
    is_known_open,
    page_link,
    require_open_application,
)
from signroom.service.documents.download_file import DOWNLOADS, FileKind, location, open_download
from signroom.service.events.record_event import record_event
from signroom.service.sessions.open_page import renew_page_token
from signroom.service.subscriptions.disable_tenants import (
    disable_application,
    disable_subscription,
    enable_application,
    enable_subscription,
    list_subscriptions,
    rename_subscription,
)
from signroom.service.subscriptions.manage_applications import (
    ChangeApplication,
    change_application,
    create_application,
    create_subscription,
    list_applications,
    set_default_metadata,
    set_frame_origins,
    set_return_urls,
    summarize_application,
)
from signroom.service.subscriptions.manage_keys import CreateKey, NewKey, create_key, revoke_key
from signroom.service.subscriptions.manage_retention import set_retention
from signroom.service.webhooks.deliver_webhook import deliver_webhook
from signroom.service.webhooks.endpoint_credentials import GivenEndpoint
from signroom.service.webhooks.manage_webhooks import (
    SetWebhook,
    create_webhook,
    ensure_session_webhook,
    list_webhooks,
    resume_webhook,
)
from signroom.service.webhooks.release_deliveries import release_deliveries
from signroom.worker.steps import jobs
from tests.harness.waiting import SECONDS
from tests.service.conftest import Room


@pytest.fixture
def operator(room: Room) -> OperatorCaller:
    room.service.jobs.start(jobs(room.ports), execute=False)
    return act_for_subscription(room.ports, this_operator(), "Acme")


@pytest.fixture
def shop(room: Room, operator: OperatorCaller) -> Application:
    return create_application(room.ports, operator, "Shop", [Role.WORKER])


def secret(key: NewKey) -> str:
    return key.text.partition("|")[2]


def session_of(room: Room, application: Application) -> Session:
    """A session of the application whose page can be opened."""
    session = room.session()
    link = hash_secret(page_link(room.ports, session.id))
    owned = replace(session, application_id=application.id, link_hash=link)
    with room.ports.store.work() as work:
        work.sessions.save(owned)
    return owned


def test_a_list_tells_the_keys_and_their_last_use(room: Room, operator: OperatorCaller, shop: Application) -> None:
    keys = [create_key(room.ports, operator, shop.id, CreateKey()) for _ in range(3)]
    ended = create_key(room.ports, operator, shop.id, CreateKey(expires_at=room.clock.now() - timedelta(days=1)))
    revoke_key(room.ports, operator, shop.id, keys[0].key.id)
    authenticate(room.ports, secret(keys[1]))

    portal, summary = list_applications(room.ports, operator)

    assert (portal.application.name, portal.keys, portal.usable_keys, portal.last_used_at) == ("Portal", 0, 0, None)
    assert (summary.keys, summary.usable_keys, summary.last_used_at) == (4, 2, room.clock.now())
    assert summary.application.created_at == room.clock.now()
    assert summarize_application(room.ports, operator, shop.id) == summary
    assert ended.text not in str(summary)
    other = create_subscription(room.ports, this_operator(), "Other")
    stranger = act_for_subscription(room.ports, this_operator(), other.name)
    assert list_applications(room.ports, stranger) == []
    with pytest.raises(ApplicationNotFound):
        summarize_application(room.ports, stranger, shop.id)


def test_another_name_is_one_that_is_free(room: Room, operator: OperatorCaller, shop: Application) -> None:
    key = create_key(room.ports, operator, shop.id, CreateKey())

    renamed = change_application(room.ports, operator, shop.id, ChangeApplication(name=" Store "))

    assert renamed.name == authenticate(room.ports, secret(key)).application.name == "Store"
    assert change_application(room.ports, operator, shop.id, ChangeApplication(name="Store")) == renamed
    with pytest.raises(NameTaken):
        change_application(room.ports, operator, shop.id, ChangeApplication(name="Portal"))
    with pytest.raises(BadInput):
        change_application(room.ports, operator, shop.id, ChangeApplication(name="a|b"))
    strict = change_application(room.ports, operator, shop.id, ChangeApplication(strict=True))
    assert (strict.name, authenticate(room.ports, secret(key)).application.strict) == ("Store", True)


def test_a_disabled_application_opens_nothing(room: Room, operator: OperatorCaller, shop: Application) -> None:
    key, session = create_key(room.ports, operator, shop.id, CreateKey()), session_of(room, shop)
    link, mine = page_link(room.ports, session.id), session_of(room, room.caller.application)

    disabled = disable_application(room.ports, operator, shop.id)

    with pytest.raises(ApplicationDisabled):
        authenticate(room.ports, secret(key))
    with pytest.raises(ApplicationDisabled):
        renew_page_token(room.ports, link)
    with pytest.raises(ApplicationDisabled):
        require_open_application(room.ports, session.id)
    require_open_application(room.ports, mine.id)
    room.clock.advance(hours=1)
    assert disable_application(room.ports, operator, shop.id) == disabled  # once more: the first moment stays
    enable_application(room.ports, operator, shop.id)
    assert enable_application(room.ports, operator, shop.id).disabled_at is None
    authenticate(room.ports, secret(key))
    renew_page_token(room.ports, link)
    assert room.told() == ["ApiKeyCreated", "ApplicationDisabled", "ApplicationEnabled", "SessionOpened"]


def test_a_page_that_was_just_open_is_closed_at_once(room: Room, operator: OperatorCaller, shop: Application) -> None:
    session = session_of(room, shop)
    assert not is_known_open(room.ports, session.id)
    require_open_application(room.ports, session.id)
    assert is_known_open(room.ports, session.id)

    disable_application(room.ports, operator, shop.id)

    assert not is_known_open(room.ports, session.id)
    with pytest.raises(ApplicationDisabled):
        require_open_application(room.ports, session.id)
    with pytest.raises(ApplicationDisabled):  # from memory
        is_known_open(room.ports, session.id)


def test_a_disabled_subscription_opens_nothing(room: Room, operator: OperatorCaller, shop: Application) -> None:
    key, session = create_key(room.ports, operator, shop.id, CreateKey()), session_of(room, shop)
    document = room.document(session)
    token = location(room.ports, document, FileKind.ORIGINAL).partition(DOWNLOADS)[2]
    open_download(room.ports, token)

    disabled = disable_subscription(room.ports, operator)

    with pytest.raises(ApplicationDisabled, match="subscription"):
        authenticate(room.ports, secret(key))
    with pytest.raises(ApplicationDisabled):
        require_open_application(room.ports, session.id)
    with pytest.raises(ApplicationDisabled):
        open_download(room.ports, token)
    assert disable_subscription(room.ports, operator) == disabled
    set_retention(room.ports, operator, 30)  # what else is set does not open it
    with pytest.raises(ApplicationDisabled):
        authenticate(room.ports, secret(key))
    assert enable_subscription(room.ports, operator).disabled_at is None
    authenticate(room.ports, secret(key))


def test_a_setting_that_is_saved_meanwhile_does_not_open_a_subscription(room: Room, operator: OperatorCaller) -> None:
    held, saving = threading.Event(), threading.Event()

    def save() -> None:
        held.wait(SECONDS)
        saving.set()
        set_retention(room.ports, operator, 30)

    thread = threading.Thread(target=save)
    thread.start()
    with room.ports.store.work() as work:
        found = work.subscriptions.locked(operator.subscription_id)
        held.set()
        saving.wait(SECONDS)
        time.sleep(0.1)  # without a lock it reads the subscription as it was
        work.subscriptions.save(replace(found, disabled_at=room.clock.now()))
    thread.join(SECONDS)

    with room.ports.store.read() as work:
        after = work.subscriptions.get(operator.subscription_id)
    assert (after.retention_days, after.closed) == (30, True)


def test_subscriptions_are_listed_and_renamed(room: Room, operator: OperatorCaller, shop: Application) -> None:
    create_subscription(room.ports, this_operator(), "Other")

    rename_subscription(room.ports, operator, "Zeta")

    found = [(one.subscription.name, one.applications) for one in list_subscriptions(room.ports, this_operator())]
    assert found == [("Other", 0), ("Zeta", 2)]
    assert authenticate(room.ports, secret(create_key(room.ports, operator, shop.id, CreateKey())))
    with pytest.raises(NameTaken):
        rename_subscription(room.ports, operator, "Other")


@pytest.mark.parametrize("close", ["application", "subscription"])
def test_webhooks_hold_what_they_would_send_until_it_is_enabled(
    room: Room, operator: OperatorCaller, shop: Application, close: str
) -> None:
    """A webhook of the application, and the one for addresses that sessions name: nobody can pause that."""
    wanted = SetWebhook(GivenEndpoint("https://app.example/hook"), shop.id, ["SessionCreated"])
    hook = create_webhook(room.ports, operator, wanted).webhook
    session = replace(session_of(room, shop), webhook_url="https://app.example/session")
    with room.ports.store.work() as work:
        work.sessions.save(session)
        ensure_session_webhook(work, room.ports.secrets, session)
        record_event(work, SessionCreated(session.id, room.clock.now()), session.subscription_id, shop.id)
    with room.ports.store.read() as work:
        (delivery,) = work.deliveries.find(DeliveryFilter(hook.id), 10)

    _close(room, operator, shop.id, close)
    assert deliver_webhook(room.ports, delivery.id) is None
    resume_webhook(room.ports, operator, hook.id)
    assert release_deliveries(room.ports, hook.id) is None

    def status() -> DeliveryStatus:
        with room.ports.store.read() as work:
            return work.deliveries.of_any_tenant(delivery.id).status

    assert status() is DeliveryStatus.HELD
    with room.ports.store.work() as work:
        assert [work.webhooks.stopped(one) for one in list_webhooks(room.ports, operator)] == [True, True]
    _close(room, operator, shop.id, close, again_open=True)
    assert release_deliveries(room.ports, hook.id) is None
    assert status() is DeliveryStatus.PENDING


def _close(room: Room, operator: OperatorCaller, application: UUID, what: str, *, again_open: bool = False) -> None:
    if what == "application":
        (enable_application if again_open else disable_application)(room.ports, operator, application)
    else:
        (enable_subscription if again_open else disable_subscription)(room.ports, operator)


def make_strict(ports: Ports, caller: Caller, application_id: UUID) -> Application:
    return change_application(ports, caller, application_id, ChangeApplication(strict=True))


@pytest.mark.parametrize("verb", [disable_application, enable_application, make_strict])
def test_managers_manage_and_what_is_an_admins_only_admins(
    room: Room, operator: OperatorCaller, shop: Application, verb: Callable[..., Any]
) -> None:
    def caller(*roles: Role) -> ApplicationCaller:
        return replace(room.caller, roles=frozenset(roles))

    chief = create_application(room.ports, operator, "Chief", [Role.ADMIN])
    verb(room.ports, caller(Role.MANAGER), shop.id)
    verb(room.ports, caller(Role.ADMIN), chief.id)
    with pytest.raises(NotAllowed):
        verb(room.ports, caller(Role.WORKER, Role.MONITOR), shop.id)
    with pytest.raises(NotAllowed):
        verb(room.ports, caller(Role.MANAGER), chief.id)
    other = create_subscription(room.ports, this_operator(), "Other")
    with pytest.raises(ApplicationNotFound):
        verb(room.ports, replace(operator, subscription_id=other.id), shop.id)


@pytest.mark.parametrize(
    "verb",
    [
        disable_application,
        enable_application,
        lambda ports, caller, one: change_application(ports, caller, one, ChangeApplication(strict=True)),
        lambda ports, caller, one: set_return_urls(ports, caller, one, []),
        lambda ports, caller, one: set_frame_origins(ports, caller, one, []),
        lambda ports, caller, one: set_default_metadata(ports, caller, one, ()),
    ],
)
def test_an_application_whose_keys_are_admins_is_for_admins(
    room: Room, operator: OperatorCaller, shop: Application, verb: Callable[..., Any]
) -> None:
    manager = replace(room.caller, roles=frozenset({Role.MANAGER}))
    chief = create_application(room.ports, operator, "Chief", [Role.ADMIN])
    key = create_key(room.ports, operator, shop.id, CreateKey(role=Role.ADMIN)).key
    for one in (shop, chief):
        with pytest.raises(NotAllowed):
            verb(room.ports, manager, one.id)
        verb(room.ports, replace(manager, roles=frozenset({Role.ADMIN})), one.id)
    revoke_key(room.ports, operator, shop.id, key.id)
    verb(room.ports, manager, shop.id)


def test_a_manager_sets_what_their_own_application_has(room: Room, operator: OperatorCaller) -> None:
    own = room.caller.application.id
    create_key(room.ports, operator, own, CreateKey(role=Role.ADMIN))
    manager = replace(room.caller, roles=frozenset({Role.MANAGER}))

    set_return_urls(room.ports, manager, own, ["https://app.example/"])
    with pytest.raises(NotAllowed):  # its name is an admin's, as the application has the role Admin
        change_application(room.ports, manager, own, ChangeApplication("Other"))


def test_nobody_shuts_themselves_out(room: Room, operator: OperatorCaller) -> None:
    with pytest.raises(OwnApplication):
        disable_application(room.ports, room.caller, room.caller.application.id)
    disable_application(room.ports, operator, room.caller.application.id)
