"""Tell a fact: into the feed, and to the endpoints that want to know it. In the transaction that makes it one."""

from __future__ import annotations

from uuid import UUID, uuid4

from signroom.domain.event import Event, RecordedEvent, recorded
from signroom.domain.webhook import Delivery, Webhook, new_delivery
from signroom.ports.store import Work

DELIVER_WEBHOOK = "deliver-webhook"
"""The job's name."""


def record_event(work: Work, event: Event, subscription_id: UUID, application_id: UUID | None) -> RecordedEvent:
    """`application_id` None: it concerns the whole subscription."""
    told = recorded(event, uuid4(), subscription_id, application_id)
    work.feed.append(told)
    for webhook in work.webhooks.to_notify(subscription_id):
        if _wants(work, webhook, told):
            send(work, new_delivery(uuid4(), told, webhook, told.at))
    return told


def send(work: Work, delivery: Delivery) -> None:
    """A new delivery and its job. One to a webhook that is paused is held by the job: only there the row is locked,
    so that none is left behind by somebody who resumes at this moment.
    """
    work.deliveries.add(delivery)
    work.enqueue(DELIVER_WEBHOOK, first_key(delivery), delivery.id, lane=str(delivery.webhook_id))


def first_key(delivery: Delivery) -> str:
    """The key of a delivery's own job."""
    return f"{DELIVER_WEBHOOK}:{delivery.id}"


def _wants(work: Work, webhook: Webhook, event: RecordedEvent) -> bool:
    if event.type not in webhook.event_types or webhook.application_id not in {None, event.application_id}:
        return False
    if webhook.endpoint is not None:
        return True
    return event.session_id is not None and work.sessions.webhook_url(event.session_id) is not None
