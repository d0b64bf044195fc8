"""Deliver one event to one endpoint: a durable job that runs again until the endpoint has taken the event, or until
the schedule of tries is over.

One run does this (the comments in the code have the same numbers):

1. Lock the webhook and the delivery. Finish when one of them was removed, or when the delivery is not pending any more.
2. Hold the delivery when its webhook is paused, or when its application or subscription is disabled. A test is sent
   all the same.
3. Wait when the delivery is not due yet.
4. Wait when an earlier delivery of the same stream is not settled yet. A test does not wait.
5. Wait when the subscription holds its share of the places of this process: endpoints that hang take no place that
   others need. Then claim the try: move `Delivery.due_at` behind the time that the try may take. A second run at the
   same time then finds nothing to do.
6. Read what is to be sent. Fail the delivery when its event is not kept any more, or when it cannot be read.
7. Send it. Nothing is locked while the endpoint is asked.
8. Lock both again and write the attempt down. Stop here when another run has already written this attempt.
9. After a success: mark the delivery as delivered, and wake the next one of its stream. While the run has time left,
   claim some more due deliveries of the same webhook, of each stream one, and repeat 6 to 9 for them together: their
   reads are one question, and their attempts are written in one transaction. This also saves them a turn in the queue,
   of which each endpoint gets a few at a time.
10. After a failure: plan the next try. After the last try give up, and pause a webhook that has failed throughout. Log
    the failure. What was claimed together with it and was not sent yet is due again, and gets another job: its own may
    have looked meanwhile, and wait for the end of the claim.
11. Withdraw the jobs of the deliveries that were delivered on the way.

A crash between 5 and 8 repeats the try, and those that were made since the last 8. An event therefore arrives at least
once, always under the same id.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from signroom.domain.document import Document
from signroom.domain.endpoint import Endpoint
from signroom.domain.errors import (
    DeliveryNotFound,
    EventNotFound,
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
from signroom.ports.outside import Unreachable
from signroom.ports.store import ToSend, Work
from signroom.service.events.record_event import DELIVER_WEBHOOK, first_key, record_event
from signroom.service.webhooks.endpoint_credentials import credentials

_MARGIN = timedelta(seconds=5)
"""How long after the longest try another run may begin the next try."""
_SOON = timedelta(seconds=1)
"""The shortest time that a delivery waits for the one before it in its stream."""
_RELEASED_LATER = timedelta(seconds=10)
"""How long a delivery waits for the one before it when that one is held and will be released."""
_REFUSED_AGAIN = timedelta(seconds=0.25)
"""A delivery without a place waits for this, times the number of those who found none since somebody last found one. So
those who wait come again a few at a time, however many there are."""
_SHORTEST_REFUSED, _LONGEST_REFUSED = timedelta(seconds=2), timedelta(minutes=2)
_TOGETHER = 10
"""Deliveries that are claimed at once. So many events may arrive twice after a crash."""
_TOGETHER_SECONDS = 0.5
"""No try of those that were claimed at once begins later than this after the first. A slow endpoint gets fewer at once,
and a webhook that is paused meanwhile gets no more than these."""
_TURN = 5.0
"""Seconds for which a run takes further deliveries. A process that shuts down waits for the run to end."""


@dataclass(frozen=True, slots=True)
class Send:
    """The try is claimed: send this, as it was when it was read."""

    number: int
    delivery: Delivery
    webhook: Webhook
    endpoint: Endpoint
    event: RecordedEvent
    session: Session | None
    document: Document | None


@dataclass(frozen=True, slots=True)
class WaitFor:
    """The delivery is not due: run its job again after `time`."""

    time: timedelta


@dataclass(frozen=True, slots=True)
class Finished:
    """This job has nothing left to do."""


@dataclass(frozen=True, slots=True)
class GoOnWith:
    """All tries succeeded, and `deliveries`, others of the same webhook, are claimed."""

    deliveries: tuple[Delivery, ...]
    webhook: Webhook
    """As it was when the deliveries were claimed."""


@dataclass(frozen=True, slots=True)
class _Tried:
    """What was sent, and what came of it."""

    send: Send
    attempt: Attempt
    requested_wait: timedelta | None
    """How long the endpoint asks us to wait before the next try."""


_Outcome = WaitFor | Finished


def deliver_webhook(ports: Ports, delivery_id: UUID) -> timedelta | None:
    """Make the next try of a delivery.

    Returns after how long the job must run again, or None when nothing is left to do.
    """
    deadline = time.monotonic() + _TURN
    with ExitStack() as place:
        step = _begin(ports, delivery_id, place)
        if not isinstance(step, Send):
            return step.time if isinstance(step, WaitFor) else None
        tried = _ask(ports, step)
        (outcome,), following = _settle(ports, step.webhook.id, [tried], go_on=time.monotonic() < deadline)
        _tell(ports, tried, outcome)
        if following is not None:
            _go_on(ports, following, deadline)
    return outcome.time if isinstance(outcome, WaitFor) else None


def _go_on(ports: Ports, first: GoOnWith, deadline: float) -> None:
    """Send further claimed deliveries until one fails or the time is over.

    Each of them has a job of its own, which does what this run leaves undone.
    """
    spared_jobs = list[str]()
    following: GoOnWith | None = first
    while following is not None:
        claimed, following = following, None
        try:
            following = _send_together(ports, claimed, deadline, spared_jobs)
        except Unavailable:
            break  # the jobs of those that are left undone try them again
        except Exception:  # noqa: BLE001  (logged: a mistake with others must not fail the job of the first one)
            ports.meter.mistake("delivery")
            break
    # 11. These deliveries need their own jobs no longer.
    if spared_jobs:
        ports.jobs.withdraw(spared_jobs)


def _send_together(ports: Ports, claimed: GoOnWith, deadline: float, spared_jobs: list[str]) -> GoOnWith | None:
    """Steps 6 to 10 for deliveries that were claimed together.

    Raises: Unavailable, after the tries that were made are written down.
    """
    until = min(deadline, time.monotonic() + _TOGETHER_SECONDS)
    tried = list[_Tried]()
    mistaken: Delivery | None = None
    outage: Unavailable | None = None
    begun = set[UUID]()
    for send in _read_tries(ports, claimed):
        if tried and time.monotonic() >= until:
            break
        begun.add(send.delivery.id)
        try:
            tried.append(_ask(ports, send))
        except Unavailable as error:
            outage = error
            break
        except Exception:  # noqa: BLE001  (logged: a mistake with one delivery must not fail the job of the first one)
            ports.meter.mistake("delivery")
            mistaken = send.delivery
            break
        if not tried[-1].attempt.succeeded:
            break
    following = None
    left = [delivery for delivery in claimed.deliveries if delivery.id not in begun]
    if tried or left:
        go_on = mistaken is None and outage is None and time.monotonic() < deadline
        outcomes, following = _settle(ports, claimed.webhook.id, tried, left=left, go_on=go_on)
        for one, outcome in zip(tried, outcomes, strict=True):
            _tell(ports, one, outcome)
            if not isinstance(outcome, WaitFor) and one.send.number == 1:
                spared_jobs.append(first_key(one.send.delivery))
    if mistaken is not None:
        fail_delivery(ports, mistaken.id, "InternalError")
    if outage is not None:
        raise outage
    return following


def _tell(ports: Ports, tried: _Tried, outcome: _Outcome) -> None:
    """Step 10: log a failure."""
    attempt, send = tried.attempt, tried.send
    if attempt.succeeded:
        return
    ports.meter.about(delivery_id=send.delivery.id, session_id=None if send.session is None else send.session.id)
    ports.meter.webhook_refused(
        send.webhook.id,
        urlsplit(send.endpoint.url).hostname or "",
        status=attempt.status_code,
        reason=attempt.error or f"It answered with status {attempt.status_code}.",
        number=attempt.number,
        again_in=outcome.time if isinstance(outcome, WaitFor) else None,
    )


def fail_delivery(ports: Ports, delivery_id: UUID, code: str) -> None:
    """Give up after an error of ours. The attempt in the log has its code, and the delivery can be replayed."""
    now = ports.clock.now()
    try:
        with ports.store.work() as work:
            _, delivery = _found_locked(work, delivery_id)
            if delivery.status is DeliveryStatus.PENDING:
                number = work.deliveries.last_attempt(delivery_id) + 1
                work.deliveries.add_attempt(Attempt(delivery_id, number, now, 0, error=code))
                work.deliveries.save(delivery.failed(now))
    except (DeliveryNotFound, WebhookNotFound):
        return


def key_again(delivery: Delivery, now: datetime) -> str:
    """The key of another job for a delivery that had one. Each moment `now` gives another key."""
    return f"{first_key(delivery)}:{now.timestamp():.6f}"


def _found_locked(work: Work, delivery_id: UUID) -> tuple[Webhook, Delivery]:
    """The same as `_locked`, for a caller who does not know the webhook. Raises: DeliveryNotFound, WebhookNotFound."""
    return _locked(work, work.deliveries.of_any_tenant(delivery_id).webhook_id, delivery_id)


def _locked(work: Work, webhook_id: UUID, delivery_id: UUID) -> tuple[Webhook, Delivery]:
    """Lock both. Every transaction locks the webhook first, so that two transactions never block each other.

    Raises: DeliveryNotFound, WebhookNotFound.
    """
    return work.webhooks.locked_of_any_tenant(webhook_id), work.deliveries.locked_of_any_tenant(delivery_id)


def _begin(ports: Ports, delivery_id: UUID, place: ExitStack) -> Send | WaitFor | Finished:
    """Steps 1 to 6: claim the next try when it is due. Until `place` ends, the run holds a place."""
    now = ports.clock.now()
    with ports.store.work() as work:
        # 1. Lock the webhook and the delivery.
        try:
            webhook, delivery = _found_locked(work, delivery_id)
        except (DeliveryNotFound, WebhookNotFound):
            return Finished()  # the webhook was removed meanwhile
        if delivery.status is not DeliveryStatus.PENDING:
            return Finished()
        # 2. Hold the delivery when nothing is sent to its webhook.
        if not delivery.is_test and work.webhooks.stopped(webhook):
            work.deliveries.save(delivery.held())
            return Finished()
        # 3. Wait when the delivery is not due yet.
        if delivery.due_at > now:
            return WaitFor(delivery.due_at - now)
        # 4. Wait for an earlier delivery of the same stream.
        before = None if delivery.is_test else work.deliveries.earlier(delivery)
        if before is not None:
            wait = _behind(before, now)
            work.deliveries.save(replace(delivery, due_at=now + wait))
            return WaitFor(wait)
        # 5. Wait for a place, or claim the try. 6. Read what is to be sent.
        refused = _without_place(ports, delivery, place)
        return refused or _claim_and_read(ports, work, webhook, delivery, now)


def _claim_and_read(ports: Ports, work: Work, webhook: Webhook, delivery: Delivery, now: datetime) -> Send | Finished:
    """Steps 5 and 6 in one transaction."""
    claimed = _claim(ports, delivery, now)
    work.deliveries.save(claimed)
    (found,) = _what_to_send(work, webhook, [claimed])
    return found if isinstance(found, Send) else _without_event(work, claimed, now)


def _without_place(ports: Ports, delivery: Delivery, place: ExitStack) -> WaitFor | None:
    """Step 5: None when there is a place, which is held until `place` ends.

    A delivery without one stays due: a run of its webhook that succeeds takes it along.
    """
    refused = place.enter_context(ports.delivery_shares.taken(delivery.subscription_id))
    if not refused:
        return None
    return WaitFor(min(max(refused * _REFUSED_AGAIN, _SHORTEST_REFUSED), _LONGEST_REFUSED))


def _claim(ports: Ports, delivery: Delivery, now: datetime) -> Delivery:
    """Step 5: no other run begins a try of this delivery before this try must be over."""
    return replace(delivery, due_at=now + longest_try(ports))


def longest_try(ports: Ports) -> timedelta:
    """How long after it was claimed the try of a delivery may still be under way."""
    return timedelta(seconds=_TOGETHER_SECONDS) + ports.limits.webhook_timeout + _MARGIN


def _read_tries(ports: Ports, claimed: GoOnWith) -> Sequence[Send]:
    """Step 6 for further deliveries. It does not run in the transaction that claims them: an error in it must not undo
    what that transaction settles for those before.
    """
    found = list[Send | Delivery]()
    try:
        with ports.store.ask() as work:
            found = _what_to_send(work, claimed.webhook, claimed.deliveries)
    except Unavailable:
        raise
    except Exception:  # noqa: BLE001  (logged below, for those that cannot be read)
        for delivery in claimed.deliveries:
            found += _read_alone(ports, claimed.webhook, delivery)
    for delivery in (one for one in found if isinstance(one, Delivery)):
        with ports.store.work() as work, suppress(DeliveryNotFound, WebhookNotFound):
            _, current = _locked(work, claimed.webhook.id, delivery.id)
            _without_event(work, current, ports.clock.now())
    return [one for one in found if isinstance(one, Send)]


def _read_alone(ports: Ports, webhook: Webhook, delivery: Delivery) -> list[Send | Delivery]:
    """Step 6 for one of several that could not be read together. Fail it when it is the one. Raises: Unavailable."""
    ports.meter.about(delivery_id=delivery.id, session_id=None)
    try:
        with ports.store.ask() as work:
            return _what_to_send(work, webhook, [delivery])
    except Unavailable:
        raise
    except Exception:  # noqa: BLE001  (logged: a mistake with one delivery must not end the others)
        ports.meter.mistake("delivery")
    fail_delivery(ports, delivery.id, "InternalError")
    return []


def _behind(before: Delivery, now: datetime) -> timedelta:
    """How long a delivery waits for `before`, the one before it in its stream."""
    if before.status is DeliveryStatus.HELD:
        return _RELEASED_LATER
    return max(before.due_at - now, timedelta()) + _SOON


def _what_to_send(work: Work, webhook: Webhook, deliveries: Sequence[Delivery]) -> list[Send | Delivery]:
    """Step 6. The delivery itself when its event is not kept any more, or its endpoint is not known."""
    found = work.deliveries.to_send(deliveries)
    return [_send(webhook, delivery, found.get(delivery.id)) or delivery for delivery in deliveries]


def _send(webhook: Webhook, delivery: Delivery, found: ToSend | None) -> Send | None:
    if found is None or found.event is None:
        return None
    endpoint = webhook.endpoint
    if endpoint is None and found.session is not None and found.session.webhook_url is not None:
        endpoint = Endpoint(found.session.webhook_url)
    if endpoint is None:
        return None
    return Send(found.number, delivery, webhook, endpoint, found.event, found.session, found.document)


def _without_event(work: Work, delivery: Delivery, now: datetime) -> Finished:
    """Step 6: fail a delivery that was held for longer than events are kept."""
    number = work.deliveries.last_attempt(delivery.id) + 1
    work.deliveries.add_attempt(Attempt(delivery.id, number, now, 0, error=EventNotFound.code))
    work.deliveries.save(delivery.failed(now))
    return Finished()


def _ask(ports: Ports, send: Send) -> _Tried:
    """Step 7."""
    ports.meter.about(delivery_id=send.delivery.id, session_id=None if send.session is None else send.session.id)
    now, started = ports.clock.now(), time.monotonic()
    status, error, start, wait = None, None, None, None
    try:
        body = ports.event_bodies.render(ports, send.event, send.session, send.document)
        headers = _headers(ports, send, body, now)
        answer = ports.fetch.deliver(
            send.endpoint.url,
            body,
            headers,
            limit=MAX_ANSWER,
            seconds=ports.limits.webhook_timeout.total_seconds(),
        )
        status, start, wait = answer.status, answer.start, retry_after(answer.retry_after, now)
    except Unreachable as failure:
        error = failure.reason
    except SecretUnreadable as failure:
        error = str(failure)
    if _is_of_erased(send):
        start = None  # an endpoint may repeat what was erased
    took = round((time.monotonic() - started) * 1000)
    error = None if error is None else error[:MAX_ERROR]
    attempt = Attempt(send.delivery.id, send.number, now, took, status, error, start)
    ports.meter.count("webhook_attempt", _outcome(attempt))
    return _Tried(send, attempt, wait)


def _is_of_erased(send: Send) -> bool:
    return any(one is not None and one.erased_at is not None for one in (send.session, send.document))


def _headers(ports: Ports, send: Send, body: bytes, now: datetime) -> Mapping[str, str]:
    """Raises: SecretUnreadable."""
    webhook = send.webhook
    signing = [ports.secrets.unseal(signing_owner(webhook.id), sealed) for sealed in webhook.secrets(now)]
    return {
        "Content-Type": "application/json",
        **signature_headers(send.event.id, body, signing, now),
        **credentials(ports.secrets, send.endpoint, credentials_owner(webhook.id)),
    }


def signing_owner(webhook_id: UUID) -> str:
    """The owner under whose name the signing secrets are sealed."""
    return f"webhook-signature:{webhook_id}"


def credentials_owner(webhook_id: UUID) -> str:
    """The owner under whose name the endpoint's secret is sealed."""
    return f"webhook:{webhook_id}"


def _settle(
    ports: Ports, webhook_id: UUID, tried: Sequence[_Tried], *, left: Sequence[Delivery] = (), go_on: bool
) -> tuple[list[_Outcome], GoOnWith | None]:
    """Steps 8 to 10 for tries of one webhook, of which at most the last has failed.

    Deliveries that were claimed and are `left` are due again. Only with `go_on`, and after successes, further ones are
    claimed.
    """
    now = ports.clock.now()
    with ports.store.work() as work:
        # 8. Write the attempts down.
        try:
            webhook = work.webhooks.locked_of_any_tenant(webhook_id)
        except WebhookNotFound:
            return [Finished() for _ in tried], None  # it was removed meanwhile, with its deliveries
        ids = [one.attempt.delivery_id for one in tried]
        locked = {one.id: one for one in work.deliveries.locked_all([*ids, *(one.id for one in left)])}
        written = work.deliveries.last_numbers(ids)
        # Another run may have made a try, too, and been faster.
        mine = [one for one in tried if written.get(one.attempt.delivery_id, 0) < one.attempt.number]
        mine = [one for one in mine if one.attempt.delivery_id in locked]
        work.deliveries.add_attempt(*(one.attempt for one in mine))
        # 9. After successes: settle the deliveries.
        succeeded = [locked[one.attempt.delivery_id] for one in mine if one.attempt.succeeded]
        if succeeded and webhook.failing_since is not None:
            webhook = replace(webhook, failing_since=None)
            work.webhooks.save(webhook)
        settled = [delivery for delivery in succeeded if not delivery.status.settled]
        given_back = [locked[one.id] for one in left if locked.get(one.id) == one]
        work.deliveries.save(
            *(delivery.delivered(now) for delivery in settled),
            *(replace(one, due_at=one.created_at) for one in given_back),
        )
        _wake_next(work, settled, now)
        ours = {one.attempt.delivery_id for one in mine}
        outcomes = [_rest(locked.get(one), now, is_ours=one in ours) for one in ids]
        # 10. After a failure: plan the next try, or give up.
        if mine and not mine[-1].attempt.succeeded:
            failed = mine[-1]
            delivery = locked[failed.attempt.delivery_id]
            outcomes[tried.index(failed)] = _after_failure(ports, work, (webhook, delivery), failed, now)
        following = None
        if go_on and len(succeeded) == len(tried):
            # 9. Claim others.
            following = _others(ports, work, webhook, now, _most([one.attempt for one in tried]))
        again = set[UUID]() if following is None else {one.id for one in following.deliveries}
        _ring(work, [one for one in given_back if one.id not in again], now)
        return outcomes, following


def _after_failure(
    ports: Ports, work: Work, locked: tuple[Webhook, Delivery], tried: _Tried, now: datetime
) -> _Outcome:
    webhook, delivery = locked
    if webhook.failing_since is None:
        webhook = replace(webhook, failing_since=tried.attempt.at)
        work.webhooks.save(webhook)
    if delivery.status is not DeliveryStatus.PENDING:
        return Finished()
    wait = _waits(ports, delivery).after(delivery.tries + 1, _jitter(), tried.requested_wait)
    if wait is None:
        _give_up(work, webhook, delivery, now)
        return Finished()
    work.deliveries.save(delivery.again(now + wait))
    return WaitFor(wait)


def _most(attempts: Sequence[Attempt]) -> int:
    """How many deliveries an endpoint that has answered like this takes in `_TOGETHER_SECONDS`."""
    each = sum(attempt.milliseconds for attempt in attempts) / 1000 / max(len(attempts), 1)
    return _TOGETHER if each * _TOGETHER <= _TOGETHER_SECONDS else max(1, int(_TOGETHER_SECONDS / each))


def _others(ports: Ports, work: Work, webhook: Webhook, now: datetime, most: int) -> GoOnWith | None:
    """Claim other deliveries of `webhook` that are due, if there are any."""
    due = [] if work.webhooks.stopped(webhook) else work.deliveries.due(webhook.id, now, most)
    if not due:
        return None
    claimed = [_claim(ports, delivery, now) for delivery in due]
    work.deliveries.save(*claimed)
    return GoOnWith(tuple(claimed), webhook)


def _outcome(attempt: Attempt) -> str:
    if attempt.succeeded:
        return "delivered"
    return "not reached" if attempt.status_code is None else "refused"


def _rest(delivery: Delivery | None, now: datetime, *, is_ours: bool) -> _Outcome:
    """What is left to do for a delivery that has succeeded, or whose try another run has written down."""
    if is_ours or delivery is None or delivery.status is not DeliveryStatus.PENDING:
        return Finished()
    return WaitFor(max(delivery.due_at - now, timedelta()))


def _waits(ports: Ports, delivery: Delivery) -> DeliverySchedule:
    """The schedule of a delivery. A test is tried once: its sender wants to know how the endpoint is now."""
    return DeliverySchedule(ports.limits.webhook_waits.before[:1]) if delivery.is_test else ports.limits.webhook_waits


def _jitter() -> float:
    return secrets.randbelow(2001) / 1000 - 1


def _give_up(work: Work, webhook: Webhook, delivery: Delivery, now: datetime) -> None:
    """The last try has failed. Pause a webhook whose every attempt since the first try of this delivery has failed."""
    if delivery.is_test or webhook.endpoint is None or not _failed_throughout(work, webhook, delivery):
        work.deliveries.save(delivery.failed(now))
        _wake_next(work, [delivery], now)
        return
    work.deliveries.save(replace(delivery.held(), due_at=now))
    if webhook.paused_at is None:
        work.webhooks.save(webhook.paused(now))
        record_event(work, DeliveryPaused(None, now, webhook.id), webhook.subscription_id, webhook.application_id)


def _wake_next(work: Work, settled: Sequence[Delivery], now: datetime) -> None:
    """Let the next deliveries of the streams go out now. Those whose jobs have not run yet are due already."""
    waiting = [delivery for delivery in work.deliveries.following(settled) if delivery.due_at > now]
    work.deliveries.save(*(replace(delivery, due_at=now) for delivery in waiting))
    _ring(work, waiting, now)


def _ring(work: Work, deliveries: Sequence[Delivery], now: datetime) -> None:
    """Have deliveries that are due looked at now. Their own jobs may wait until a claim or a wait that is over."""
    for delivery in deliveries:
        work.enqueue(DELIVER_WEBHOOK, key_again(delivery, now), delivery.id, lane=str(delivery.webhook_id))


def _failed_throughout(work: Work, webhook: Webhook, delivery: Delivery) -> bool:
    # The log may also have attempts from before a pause. They do not count.
    first = work.deliveries.attempts(delivery.id)[-(delivery.tries + 1) :][0]
    return webhook.failing_since is not None and webhook.failing_since <= first.at
