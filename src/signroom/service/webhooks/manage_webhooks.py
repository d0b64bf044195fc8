"""Webhooks of a subscription: made, read, changed, paused, tested and replayed by its managers and by the operator."""

from __future__ import annotations

import secrets as random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from signroom.domain.application import MANAGERS, Caller
from signroom.domain.audit import Action, webhook_facts
from signroom.domain.errors import (
    BadInput,
    BadWebhookOperation,
    DeliveryNotFound,
    TooManyWebhooks,
)
from signroom.domain.event import DeliveryPaused, DeliveryResumed, WebhookTested
from signroom.domain.session import Session
from signroom.domain.webhook import (
    DEFAULT_TYPES,
    MAX_PREVIOUS_LIFETIME,
    MAX_WEBHOOKS,
    PREVIOUS_LIFETIME,
    SECRET_BYTES,
    Attempt,
    Delivery,
    DeliveryStatus,
    Webhook,
    clean_types,
    new_delivery,
    require_description,
    secret_text,
)
from signroom.ports import ManagementPorts
from signroom.ports.secrets import Secrets
from signroom.ports.store import DeliveryFilter, Work
from signroom.service.events.record_change import record_change
from signroom.service.events.record_event import DELIVER_WEBHOOK, record_event, send
from signroom.service.webhooks.deliver_webhook import credentials_owner, key_again, signing_owner
from signroom.service.webhooks.endpoint_credentials import GivenEndpoint, sealed_endpoint
from signroom.service.webhooks.release_deliveries import release_soon


@dataclass(frozen=True, slots=True)
class SetWebhook:
    """The command: all of a webhook, as it shall be. ``endpoint`` None: where each session says.

    Such a webhook without an endpoint is made only with `for_sessions`, so that a forgotten address makes none.
    """

    endpoint: GivenEndpoint | None
    application_id: UUID | None = None
    event_types: Sequence[str] = ()
    description: str | None = None
    for_sessions: bool = False


@dataclass(frozen=True, slots=True)
class ReplayFailed:
    """The command: what of a webhook is sent again.

    ``failing``: also what is still tried after a try that failed. ``since``: only what was made then or later.
    """

    failing: bool = False
    since: datetime | None = None


ALL_FAILED = ReplayFailed()
"""What was given up, and nothing else."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """``count``: deliveries that are sent again. ``failing``: those that are still tried, and were left as they are."""

    count: int
    failing: int


@dataclass(frozen=True, slots=True)
class NewSecret:
    """``text``: the signing secret in clear, shown here and never again."""

    webhook: Webhook
    text: str


@dataclass(frozen=True, slots=True)
class LoggedDelivery:
    delivery: Delivery
    attempts: tuple[Attempt, ...]


# -- webhooks --------------------------------------------------------------------------------------


def list_webhooks(ports: ManagementPorts, caller: Caller) -> list[Webhook]:
    """Raises: NotAllowed."""
    caller.require(MANAGERS)
    with ports.store.read() as work:
        return work.webhooks.of_subscription(caller.subscription_id)


def read_webhook(ports: ManagementPorts, caller: Caller, webhook_id: UUID) -> Webhook:
    """Raises: NotAllowed, WebhookNotFound."""
    caller.require(MANAGERS)
    with ports.store.read() as work:
        return work.of(caller).webhook(webhook_id)


def create_webhook(ports: ManagementPorts, caller: Caller, command: SetWebhook) -> NewSecret:
    """Raises: NotAllowed, BadInput, ApplicationNotFound, TooManyWebhooks, BadWebhookOperation."""
    caller.require(MANAGERS)
    if command.endpoint is None and not command.for_sessions:
        raise BadInput("A webhook needs a url.", path="url")
    require_description(command.description)
    webhook_id, text = uuid4(), _new_secret()
    with ports.store.work() as work:
        # Two at the same time must not both be the last.
        work.webhooks.lock_subscription(caller.subscription_id)
        application_id = _application(work, caller, command.application_id)
        endpoint = None
        if command.endpoint is None:
            _require_none_for_sessions(work, caller, application_id)
        elif _own_addresses(work, caller) >= MAX_WEBHOOKS:
            raise TooManyWebhooks(f"At most {MAX_WEBHOOKS}.")
        else:
            endpoint = sealed_endpoint(command.endpoint, None, ports.secrets, credentials_owner(webhook_id))
        webhook = Webhook(
            id=webhook_id,
            subscription_id=caller.subscription_id,
            application_id=application_id,
            endpoint=endpoint,
            signing_secret=ports.secrets.seal(signing_owner(webhook_id), text),
            event_types=clean_types(command.event_types),
            created_at=ports.clock.now(),
            description=command.description,
        )
        work.webhooks.add(webhook)
        record_change(
            work, caller, Action.WEBHOOK_CREATED, webhook_id, webhook.created_at, after=webhook_facts(webhook)
        )
    return NewSecret(webhook, text)


def change_webhook(ports: ManagementPorts, caller: Caller, webhook_id: UUID, command: SetWebhook) -> Webhook:
    """Raises: NotAllowed, WebhookNotFound, BadInput, BadWebhookOperation, ApplicationNotFound."""
    caller.require(MANAGERS)
    require_description(command.description)
    with ports.store.work() as work:
        webhook = _locked(work, caller, webhook_id)
        changed = replace(webhook, event_types=clean_types(command.event_types), description=command.description)
        if webhook.endpoint is None:
            if command.endpoint is not None or command.application_id not in {None, webhook.application_id}:
                raise BadWebhookOperation("It goes where each session says: make another one for an address.")
        elif command.endpoint is None:
            raise BadInput("A webhook needs a url.", path="url")
        else:
            owner = credentials_owner(webhook_id)
            endpoint = sealed_endpoint(command.endpoint, webhook.endpoint, ports.secrets, owner)
            application = _application(work, caller, command.application_id)
            changed = replace(changed, endpoint=endpoint, application_id=application)
        _save(work, caller, webhook, changed, ports.clock.now())
    return changed


def remove_webhook(ports: ManagementPorts, caller: Caller, webhook_id: UUID) -> None:
    """With its deliveries, also those that are on their way. Raises: NotAllowed, WebhookNotFound."""
    caller.require(MANAGERS)
    with ports.store.work() as work:
        facts = webhook_facts(work.of(caller).webhook(webhook_id))
        work.webhooks.remove(webhook_id)
        record_change(work, caller, Action.WEBHOOK_REMOVED, webhook_id, ports.clock.now(), before=facts)


def rotate_secret(
    ports: ManagementPorts, caller: Caller, webhook_id: UUID, keep: timedelta = PREVIOUS_LIFETIME
) -> NewSecret:
    """A new signing secret; the one before signs beside it for as long as `keep`.

    Raises: NotAllowed, WebhookNotFound, BadInput.
    """
    caller.require(MANAGERS)
    if not timedelta() <= keep <= MAX_PREVIOUS_LIFETIME:
        raise BadInput(
            f"The previous secret is kept for 0 to {MAX_PREVIOUS_LIFETIME.days * 24} hours.", path="previousHours"
        )
    text = _new_secret()
    with ports.store.work() as work:
        webhook = _locked(work, caller, webhook_id)
        sealed = ports.secrets.seal(signing_owner(webhook_id), text)
        now = ports.clock.now()
        changed = webhook.rotated(sealed, now, keep)
        work.webhooks.save(changed)
        record_change(work, caller, Action.WEBHOOK_SECRET_ROTATED, webhook_id, now)
    return NewSecret(changed, text)


def pause_webhook(ports: ManagementPorts, caller: Caller, webhook_id: UUID) -> Webhook:
    """Hold what is sent to it from now on; quiet when it is paused.

    Raises: NotAllowed, WebhookNotFound, BadWebhookOperation.
    """
    caller.require(MANAGERS)
    now = ports.clock.now()
    with ports.store.work() as work:
        webhook = _locked(work, caller, webhook_id)
        if webhook.paused_at is not None:
            return webhook
        paused = webhook.paused(now)
        _save(work, caller, webhook, paused, now)
        record_event(work, DeliveryPaused(None, now, webhook_id), webhook.subscription_id, webhook.application_id)
    return paused


def resume_webhook(ports: ManagementPorts, caller: Caller, webhook_id: UUID) -> Webhook:
    """Send what was held, little by little; quiet when it is not paused. Raises: NotAllowed, WebhookNotFound."""
    caller.require(MANAGERS)
    now = ports.clock.now()
    with ports.store.work() as work:
        webhook = _locked(work, caller, webhook_id)
        if webhook.paused_at is None:
            return webhook
        resumed = webhook.resumed()
        _save(work, caller, webhook, resumed, now)
        record_event(work, DeliveryResumed(None, now, webhook_id), webhook.subscription_id, webhook.application_id)
        release_soon(work, webhook_id)
    return resumed


def send_test(ports: ManagementPorts, caller: Caller, webhook_id: UUID) -> Delivery:
    """Send an event that means nothing, to this webhook alone and once; also to one that is paused.

    Raises: NotAllowed, WebhookNotFound, BadWebhookOperation for one that has no address of its own.
    """
    caller.require(MANAGERS)
    now = ports.clock.now()
    with ports.store.work() as work:
        webhook = _locked(work, caller, webhook_id)
        if webhook.endpoint is None:
            raise BadWebhookOperation("It goes where each session says: open a session to test it.")
        event = WebhookTested(None, now, webhook_id)
        told = record_event(work, event, webhook.subscription_id, webhook.application_id)
        delivery = new_delivery(uuid4(), told, webhook, now)
        send(work, delivery)
        record_change(work, caller, Action.WEBHOOK_TESTED, webhook_id, now)
    return delivery


# -- deliveries ------------------------------------------------------------------------------------


def list_tried(ports: ManagementPorts, caller: Caller, wanted: DeliveryFilter, limit: int) -> list[LoggedDelivery]:
    """Newest first, each with its last attempt alone. Raises: NotAllowed, WebhookNotFound."""
    caller.require(MANAGERS)
    with ports.store.read() as work:
        work.of(caller).webhook(wanted.webhook_id)
        found = work.deliveries.find(wanted, limit)
        last = work.deliveries.last_attempts([delivery.id for delivery in found])
    return [LoggedDelivery(one, (last[one.id],) if one.id in last else ()) for one in found]


def read_delivery(ports: ManagementPorts, caller: Caller, webhook_id: UUID, delivery_id: UUID) -> LoggedDelivery:
    """Raises: NotAllowed, WebhookNotFound, DeliveryNotFound."""
    caller.require(MANAGERS)
    with ports.store.read() as work:
        work.of(caller).webhook(webhook_id)
        delivery = _of(work.of(caller).delivery(delivery_id), webhook_id)
        return LoggedDelivery(delivery, tuple(work.deliveries.attempts(delivery_id)))


def replay_delivery(ports: ManagementPorts, caller: Caller, webhook_id: UUID, delivery_id: UUID) -> Delivery:
    """Send its event again, under the same id, as a delivery of its own; one that is still pending is tried now.

    Raises: NotAllowed, WebhookNotFound, DeliveryNotFound, BadWebhookOperation for one that is held, EventNotFound.
    """
    caller.require(MANAGERS)
    now = ports.clock.now()
    with ports.store.work() as work:
        webhook = _locked(work, caller, webhook_id)
        delivery = _of(work.of(caller).locked_delivery(delivery_id), webhook_id)
        if delivery.status is DeliveryStatus.HELD:
            raise BadWebhookOperation("The delivery is held: resume the webhook.")
        if delivery.status.settled:
            again = new_delivery(uuid4(), work.of(caller).event(delivery.event_id), webhook, now)
            send(work, again)
        else:
            again = replace(delivery, due_at=now)
            work.deliveries.save(again)
            work.enqueue(DELIVER_WEBHOOK, key_again(delivery, now), delivery.id, lane=str(webhook_id))
        told = {"delivery": str(delivery_id)}
        record_change(work, caller, Action.DELIVERIES_REPLAYED, webhook_id, now, after=told)
    return again


def replay_failed(
    ports: ManagementPorts, caller: Caller, webhook_id: UUID, wanted: ReplayFailed = ALL_FAILED
) -> Replayed:
    """Send what failed once more, little by little and as if it had never been tried.

    While the webhook is paused it is held. Raises: NotAllowed, WebhookNotFound.
    """
    caller.require(MANAGERS)
    with ports.store.work() as work:
        webhook = _locked(work, caller, webhook_id)
        count = work.deliveries.hold_failed(webhook_id, failing=wanted.failing, since=wanted.since)
        if count and webhook.paused_at is None:
            release_soon(work, webhook_id)
        told = {"deliveries": count}
        record_change(work, caller, Action.DELIVERIES_REPLAYED, webhook_id, ports.clock.now(), after=told)
        return Replayed(count, work.deliveries.count_failing(webhook_id))


# -- where sessions say ----------------------------------------------------------------------------


def ensure_session_webhook(work: Work, secrets: Secrets, session: Session) -> None:
    """The row that the deliveries to ``webhookUrl`` belong to: one per application, made with its first session."""
    if session.webhook_url is None or _session_webhook(work, session) is not None:
        return
    work.webhooks.lock_subscription(session.subscription_id)
    if _session_webhook(work, session) is not None:
        return  # somebody else was first
    webhook_id = uuid4()
    work.webhooks.add(
        Webhook(
            id=webhook_id,
            subscription_id=session.subscription_id,
            application_id=session.application_id,
            endpoint=None,
            signing_secret=secrets.seal(signing_owner(webhook_id), _new_secret()),
            event_types=DEFAULT_TYPES,
            created_at=session.created_at,
        )
    )


def _session_webhook(work: Work, session: Session) -> Webhook | None:
    return _for_sessions(work.webhooks.to_notify(session.subscription_id), session.application_id)


def _for_sessions(webhooks: Sequence[Webhook], application_id: UUID | None) -> Webhook | None:
    """The one of `webhooks` that the sessions of an application share."""
    own = (one for one in webhooks if one.endpoint is None and one.application_id == application_id)
    return next(own, None)


def _require_none_for_sessions(work: Work, caller: Caller, application_id: UUID | None) -> None:
    """Raises: BadInput without an application, BadWebhookOperation when it has such a webhook already."""
    if application_id is None:
        raise BadInput("A webhook for sessions needs an applicationId.", path="applicationId")
    known = _for_sessions(work.webhooks.of_subscription(caller.subscription_id), application_id)
    if known is not None:
        raise BadWebhookOperation(f"The application has one for its sessions, {known.id}: rotate its secret.")


def _own_addresses(work: Work, caller: Caller) -> int:
    return sum(webhook.endpoint is not None for webhook in work.webhooks.of_subscription(caller.subscription_id))


# -- shared ----------------------------------------------------------------------------------------


def _locked(work: Work, caller: Caller, webhook_id: UUID) -> Webhook:
    return work.of(caller).locked_webhook(webhook_id)


def _save(work: Work, caller: Caller, before: Webhook, after: Webhook, now: datetime) -> None:
    work.webhooks.save(after)
    facts = {"before": webhook_facts(before), "after": webhook_facts(after)}
    record_change(work, caller, Action.WEBHOOK_CHANGED, after.id, now, **facts)


def _of(delivery: Delivery, webhook_id: UUID) -> Delivery:
    if delivery.webhook_id != webhook_id:
        raise DeliveryNotFound
    return delivery


def _application(work: Work, caller: Caller, application_id: UUID | None) -> UUID | None:
    if application_id is None:
        return None
    return work.of(caller).application(application_id).id


def _new_secret() -> str:
    return secret_text(random.token_bytes(SECRET_BYTES))
