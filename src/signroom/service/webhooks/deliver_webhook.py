"""One try of a delivery, a durable job that comes back until the event is delivered or the schedule is over.

A run that has delivered goes on with whatever else is due at that endpoint, and takes back the jobs that it has spared:
an event costs a request then and no turn in the queue, of which an endpoint gets a few at a time.

Nothing is locked while the endpoint is asked. A try is claimed before (`Delivery.due_at` moves behind it), so that a
second run at the same time finds nothing to do, and is written down after; a crash in between repeats it: endpoints are
told at least once, always under the same id.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from signroom.domain.document import Document
from signroom.domain.endpoint import Endpoint
from signroom.domain.errors import (
    DeliveryNotFound,
    EventNotFound,
    FileDownloadFailed,
    SecretUnreadable,
    Unavailable,
    WebhookNotFound,
)
from signroom.domain.event import DeliveryPaused, RecordedEvent
from signroom.domain.session import Session
from signroom.domain.webhook import (
    MAX_ANSWER,
    MAX_ERROR,
    Attempt,
    Delivery,
    DeliverySchedule,
    DeliveryStatus,
    Webhook,
    retry_after,
    signature_headers,
)
from signroom.ports import Ports
from signroom.ports.store import Work
from signroom.service.events.record_event import DELIVER_WEBHOOK, first_key, record_event
from signroom.service.webhooks.endpoint_credentials import credentials

_MARGIN = timedelta(seconds=5)
"""Beyond the time that a try may take, until somebody else may begin the next."""
_SOON = timedelta(seconds=1)
"""The least that a delivery waits for the one before it."""
_RELEASED_LATER = timedelta(seconds=10)
"""The same when that one is held and about to be released."""
_TURN = 5.0
"""Seconds for which a run goes on with others; a process that is about to end waits for it."""


@dataclass(frozen=True, slots=True)
class _Try:
    """What is sent, to whom, as it was when the try was claimed."""

    number: int
    delivery: Delivery
    webhook: Webhook
    endpoint: Endpoint
    event: RecordedEvent
    session: Session | None
    document: Document | None


def deliver_webhook(ports: Ports, delivery_id: UUID) -> timedelta | None:
    """After how long to be called again; None: nothing is left to do."""
    over = time.monotonic() + _TURN
    begun = _begin(ports, delivery_id)
    if not isinstance(begun, _Try):
        return begun
    wait, following = _one_try(ports, begun, over)
    if following is not None:
        _go_on(ports, following, over)
    return wait


def _go_on(ports: Ports, first: Delivery, over: float) -> None:
    """Others that are due and claimed, until one fails. Each has a job of its own, which does what is left to do."""
    spared = list[str]()
    following: Delivery | None = first
    while following is not None:
        current, following = following, None
        try:
            begun = _read_try(ports, current)
            if begun is not None:
                wait, following = _one_try(ports, begun, over)
                if wait is None and begun.number == 1:
                    spared.append(first_key(current))
        except Unavailable:
            following = None  # its own job comes back to it
        except Exception:  # noqa: BLE001  (logged: a mistake with the other, while what this job is for is done)
            ports.meter.mistake("delivery")
            fail_delivery(ports, current.id, "InternalError")
    if spared:
        ports.jobs.withdraw(spared)


def _one_try(ports: Ports, begun: _Try, over: float) -> tuple[timedelta | None, Delivery | None]:
    """As `_settle`; nothing is gone on with after `over`."""
    session_id = None if begun.session is None else begun.session.id
    ports.meter.about(delivery_id=begun.delivery.id, session_id=session_id)
    attempt, asked = _ask(ports, begun)
    ports.meter.count("webhook_attempt", _outcome(attempt))
    return _settle(ports, attempt, asked, go_on=time.monotonic() < over)


def fail_delivery(ports: Ports, delivery_id: UUID, code: str) -> None:
    """Give up after an error of ours: the log says which, and the delivery can be replayed."""
    now = ports.clock.now()
    try:
        with ports.store.work() as work:
            _, delivery = _locked(work, delivery_id)
            if delivery.status is DeliveryStatus.PENDING:
                number = work.deliveries.last_attempt(delivery_id) + 1
                work.deliveries.add_attempt(Attempt(delivery_id, number, now, 0, error=code))
                work.deliveries.save(delivery.failed(now))
    except (DeliveryNotFound, WebhookNotFound):
        return


def key_again(delivery: Delivery, now: datetime) -> str:
    """The key of another job for a delivery that had one: each moment has its own."""
    return f"{first_key(delivery)}:{now.timestamp():.6f}"


def _locked(work: Work, delivery_id: UUID) -> tuple[Webhook, Delivery]:
    """The webhook first, as everywhere: two who want both never wait for each other. Raises: NotFound."""
    webhook = work.webhooks.locked(work.deliveries.get(delivery_id).webhook_id)
    return webhook, work.deliveries.locked(delivery_id)


def _begin(ports: Ports, delivery_id: UUID) -> _Try | timedelta | None:
    """Claim the next try; or how long to wait for it; None when there is none."""
    now = ports.clock.now()
    with ports.store.work() as work:
        try:
            webhook, delivery = _locked(work, delivery_id)
        except (DeliveryNotFound, WebhookNotFound):
            return None  # the webhook was removed meanwhile
        if delivery.status is not DeliveryStatus.PENDING:
            return None
        if webhook.paused_at is not None and not delivery.is_test:
            work.deliveries.save(delivery.held())
            return None
        if delivery.due_at > now:
            return delivery.due_at - now
        before = None if delivery.is_test else work.deliveries.earlier(delivery)
        if before is not None:
            wait = _behind(before, now)
            work.deliveries.save(replace(delivery, due_at=now + wait))
            return wait
        return _what_to_send(work, webhook, _claim(ports, work, delivery, now), now)


def _claim(ports: Ports, work: Work, delivery: Delivery, now: datetime) -> Delivery:
    """Nobody else tries it before this try must be over."""
    claimed = replace(delivery, due_at=now + ports.limits.webhook_timeout + _MARGIN)
    work.deliveries.save(claimed)
    return claimed


def _read_try(ports: Ports, claimed: Delivery) -> _Try | None:
    """Not in the transaction that claims it: whatever is wrong with it must not undo what was settled there."""
    try:
        with ports.store.work() as work:
            return _what_to_send(work, work.webhooks.get(claimed.webhook_id), claimed, ports.clock.now())
    except (DeliveryNotFound, WebhookNotFound):
        return None


def _behind(before: Delivery, now: datetime) -> timedelta:
    if before.status is DeliveryStatus.HELD:
        return _RELEASED_LATER
    return max(before.due_at - now, timedelta()) + _SOON


def _what_to_send(work: Work, webhook: Webhook, delivery: Delivery, now: datetime) -> _Try | None:
    number = work.deliveries.last_attempt(delivery.id) + 1
    session = None if delivery.session_id is None else work.sessions.get(delivery.session_id)
    document = None if delivery.document_id is None else work.documents.get(delivery.document_id)
    endpoint = webhook.endpoint
    if endpoint is None and session is not None and session.webhook_url is not None:
        endpoint = Endpoint(session.webhook_url)
    try:
        event = work.feed.get(delivery.event_id)
        if endpoint is None:
            raise EventNotFound
    except EventNotFound as error:
        # Held for longer than events are kept.
        work.deliveries.add_attempt(Attempt(delivery.id, number, now, 0, error=error.code))
        work.deliveries.save(delivery.failed(now))
        return None
    return _Try(number, delivery, webhook, endpoint, event, session, document)


def _ask(ports: Ports, begun: _Try) -> tuple[Attempt, timedelta | None]:
    """What became of it, and how long the endpoint wants to be left alone."""
    now, started = ports.clock.now(), time.monotonic()
    status, error, start, wait = None, None, None, None
    try:
        body = ports.event_bodies.render(ports, begun.event, begun.session, begun.document)
        headers = _headers(ports, begun, body, now)
        answer = ports.fetch.deliver(
            begun.endpoint.url,
            body,
            headers,
            limit=MAX_ANSWER,
            seconds=ports.limits.webhook_timeout.total_seconds(),
        )
        status, start, wait = answer.status, answer.start, retry_after(answer.retry_after, now)
    except FileDownloadFailed as failure:
        error = failure.detail or failure.code
    except SecretUnreadable as failure:
        error = str(failure)
    took = round((time.monotonic() - started) * 1000)
    error = None if error is None else error[:MAX_ERROR]
    return Attempt(begun.delivery.id, begun.number, now, took, status, error, start), wait


def _headers(ports: Ports, begun: _Try, body: bytes, now: datetime) -> Mapping[str, str]:
    """Raises: SecretUnreadable."""
    webhook = begun.webhook
    signing = [ports.secrets.unseal(signing_owner(webhook.id), sealed) for sealed in webhook.secrets(now)]
    return {
        "Content-Type": "application/json",
        **signature_headers(begun.event.id, body, signing, now),
        **credentials(ports.secrets, begun.endpoint, credentials_owner(webhook.id)),
    }


def signing_owner(webhook_id: UUID) -> str:
    """For whom the signing secrets are sealed."""
    return f"webhook-signature:{webhook_id}"


def credentials_owner(webhook_id: UUID) -> str:
    """For whom the endpoint's secret is sealed."""
    return f"webhook:{webhook_id}"


def _settle(
    ports: Ports, attempt: Attempt, asked: timedelta | None, *, go_on: bool
) -> tuple[timedelta | None, Delivery | None]:
    """Write the try down. When the next one is due, None when there is none; and with `go_on`, after a success,
    another delivery of the webhook that is due, claimed.
    """
    now = ports.clock.now()
    with ports.store.work() as work:
        try:
            webhook, delivery = _locked(work, attempt.delivery_id)
        except (DeliveryNotFound, WebhookNotFound):
            return None, None  # the webhook was removed meanwhile
        if work.deliveries.last_attempt(delivery.id) >= attempt.number:
            return _rest(delivery, now), None  # somebody else has made this try too, and was faster
        work.deliveries.add_attempt(attempt)
        if attempt.succeeded:
            if webhook.failing_since is not None:
                work.webhooks.save(replace(webhook, failing_since=None))
            if not delivery.status.settled:
                work.deliveries.save(delivery.delivered(now))
                _wake_next(work, delivery, now)
            return None, _another(ports, work, webhook, now) if go_on else None
        if webhook.failing_since is None:
            webhook = replace(webhook, failing_since=attempt.at)
            work.webhooks.save(webhook)
        if delivery.status is not DeliveryStatus.PENDING:
            return None, None
        wait = _waits(ports, delivery).after(delivery.tries + 1, _jitter(), asked)
        if wait is None:
            _give_up(work, webhook, delivery, now)
        else:
            work.deliveries.save(delivery.again(now + wait))
        return wait, None


def _another(ports: Ports, work: Work, webhook: Webhook, now: datetime) -> Delivery | None:
    following = None if webhook.paused_at is not None else work.deliveries.due(webhook.id, now)
    return None if following is None else _claim(ports, work, following, now)


def _outcome(attempt: Attempt) -> str:
    if attempt.succeeded:
        return "delivered"
    return "not reached" if attempt.status_code is None else "refused"


def _rest(delivery: Delivery, now: datetime) -> timedelta | None:
    return max(delivery.due_at - now, timedelta()) if delivery.status is DeliveryStatus.PENDING else None


def _waits(ports: Ports, delivery: Delivery) -> DeliverySchedule:
    """Who tests an endpoint wants to know how it is, once."""
    return DeliverySchedule(ports.limits.webhook_waits.before[:1]) if delivery.is_test else ports.limits.webhook_waits


def _jitter() -> float:
    return secrets.randbelow(2001) / 1000 - 1


def _give_up(work: Work, webhook: Webhook, delivery: Delivery, now: datetime) -> None:
    """Its last try failed. Pause an endpoint that has not answered well since before the first one."""
    if delivery.is_test or webhook.endpoint is None or not _failed_throughout(work, webhook, delivery):
        work.deliveries.save(delivery.failed(now))
        _wake_next(work, delivery, now)
        return
    work.deliveries.save(delivery.held())
    if webhook.paused_at is None:
        work.webhooks.save(webhook.paused(now))
        record_event(work, DeliveryPaused(None, now, webhook.id), webhook.subscription_id, webhook.application_id)


def _wake_next(work: Work, settled: Delivery, now: datetime) -> None:
    """What came after it in its stream need not wait any longer; whose job has not run yet does not wait."""
    following = work.deliveries.following(settled)
    if following is not None and following.due_at > now:
        work.deliveries.save(replace(following, due_at=now))
        work.enqueue(DELIVER_WEBHOOK, key_again(following, now), following.id, lane=str(following.webhook_id))


def _failed_throughout(work: Work, webhook: Webhook, delivery: Delivery) -> bool:
    # The log may have tries from before a pause.
    first = work.deliveries.attempts(delivery.id)[-(delivery.tries + 1) :][0]
    return webhook.failing_since is not None and webhook.failing_since <= first.at
