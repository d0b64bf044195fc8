"""Close an application or a subscription for a while, and open it again.

While it is closed:

- Its keys open nothing (403 ``ApplicationDisabled``): from the next request on, on other machines within a second.
- The pages of its sessions are closed. An operator whose application has leaked does not know which sessions the thief
  has opened: nobody is to sign what the thief put there. Where only a key has leaked it is enough to revoke that key;
  pages then go on.
- Its webhooks hold what they would send, also those that go where each session says.
- What was signed before is processed to its end: no signature is lost.

Nothing is thrown away, so opening it again is enough to go on: sessions whose time is not over can be signed, and what
was held is sent.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from signroom.domain.application import (
    MANAGERS,
    Application,
    ApplicationCaller,
    Caller,
    Operator,
    OperatorCaller,
    Subscription,
)
from signroom.domain.audit import Action, application_facts, subscription_facts
from signroom.domain.errors import ApplicationDisabled as ApplicationIsDisabled
from signroom.domain.errors import OwnApplication
from signroom.domain.event import ApplicationDisabled, ApplicationEnabled
from signroom.ports import ManagementPorts
from signroom.ports.store import SubscriptionSummary, Work
from signroom.service.events.record_change import record_change
from signroom.service.events.record_event import record_event
from signroom.service.subscriptions.manage_applications import clean_name, require_changeable
from signroom.service.webhooks.release_deliveries import release_soon


def disable_application(ports: ManagementPorts, caller: Caller, application_id: UUID) -> Application:
    """Quiet when it is disabled. Raises: NotAllowed, ApplicationNotFound, OwnApplication."""
    caller.require(MANAGERS)
    require_another(caller, application_id)
    now = ports.clock.now()
    with ports.store.work() as work:
        found = _changeable(work, caller, application_id, now)
        if found.disabled_at is not None:
            return found
        disabled = replace(found, disabled_at=now)
        _save(work, caller, found, disabled, now)
        record_event(work, ApplicationDisabled(None, now), found.subscription_id, found.id)
    return disabled


def enable_application(ports: ManagementPorts, caller: Caller, application_id: UUID) -> Application:
    """Quiet when it is not disabled.

    Raises: NotAllowed, ApplicationNotFound, ApplicationDisabled when it is being deleted: nothing opens it again.
    """
    caller.require(MANAGERS)
    now = ports.clock.now()
    with ports.store.work() as work:
        found = _changeable(work, caller, application_id, now)
        if found.deleting_since is not None:
            raise ApplicationIsDisabled("It is being deleted.")
        if found.disabled_at is None:
            return found
        enabled = replace(found, disabled_at=None)
        _save(work, caller, found, enabled, now)
        record_event(work, ApplicationEnabled(None, now), found.subscription_id, found.id)
        _release(work, found.subscription_id, found.id)
    return enabled


def list_subscriptions(ports: ManagementPorts, _operator: Operator) -> list[SubscriptionSummary]:
    """All of this installation, by name. Holding an `Operator` is the permission."""
    with ports.store.read() as work:
        return work.subscriptions.summaries()


def rename_subscription(ports: ManagementPorts, caller: OperatorCaller, name: str) -> Subscription:
    """Raises: BadInput, NameTaken."""
    clean = clean_name(name)
    with ports.store.work() as work:
        found = work.subscriptions.locked(caller.subscription_id)
        renamed = replace(found, name=clean)
        _save_subscription(work, caller, found, renamed, ports.clock.now())
    return renamed


def disable_subscription(ports: ManagementPorts, caller: OperatorCaller) -> Subscription:
    """With all its applications. Quiet when it is disabled."""
    now = ports.clock.now()
    with ports.store.work() as work:
        found = work.subscriptions.locked(caller.subscription_id)
        if found.disabled_at is not None:
            return found
        disabled = replace(found, disabled_at=now)
        _save_subscription(work, caller, found, disabled, now)
    return disabled


def enable_subscription(ports: ManagementPorts, caller: OperatorCaller) -> Subscription:
    """Applications that were disabled by themselves stay so. Quiet when it is not disabled.

    Raises: ApplicationDisabled when it is being deleted.
    """
    now = ports.clock.now()
    with ports.store.work() as work:
        found = work.subscriptions.locked(caller.subscription_id)
        if found.deleting_since is not None:
            raise ApplicationIsDisabled("The subscription is being deleted.")
        if found.disabled_at is None:
            return found
        enabled = replace(found, disabled_at=None)
        _save_subscription(work, caller, found, enabled, now)
        _release(work, found.id, None)
    return enabled


def require_another(caller: Caller, application_id: UUID) -> None:
    """Nobody locks themselves out by mistake: there might be nobody left who opens again. Raises: OwnApplication."""
    if isinstance(caller, ApplicationCaller) and caller.application.id == application_id:
        raise OwnApplication


def _changeable(work: Work, caller: Caller, application_id: UUID, now: datetime) -> Application:
    """The application, locked. Raises: NotAllowed, ApplicationNotFound."""
    found = work.of(caller).locked_application(application_id)
    require_changeable(work, caller, found, now)
    return found


def _save(work: Work, caller: Caller, before: Application, after: Application, now: datetime) -> None:
    work.applications.save(after)
    facts = {"before": application_facts(before), "after": application_facts(after)}
    record_change(work, caller, Action.APPLICATION_CHANGED, after.id, now, **facts)


def _save_subscription(
    work: Work, caller: OperatorCaller, before: Subscription, after: Subscription, now: datetime
) -> None:
    work.subscriptions.save(after)
    facts = {"before": subscription_facts(before), "after": subscription_facts(after)}
    record_change(work, caller, Action.SUBSCRIPTION_CHANGED, after.id, now, **facts)


def _release(work: Work, subscription_id: UUID, application_id: UUID | None) -> None:
    """Send what its webhooks have held. `application_id` None: those of the whole subscription."""
    for webhook in work.webhooks.of_subscription(subscription_id):
        if webhook.paused_at is None and application_id in {None, webhook.application_id}:
            release_soon(work, webhook.id)
