"""Send what was held while a webhook was paused, a durable job: little by little, so that an endpoint that has just
come back is not knocked over by days of events.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

from signroom.domain.errors import WebhookNotFound
from signroom.ports import Ports
from signroom.ports.store import Work
from signroom.service.events.record_event import DELIVER_WEBHOOK
from signroom.service.webhooks.deliver_webhook import key_again, longest_try

RELEASE_DELIVERIES = "release-deliveries"
"""The job's name."""
AT_ONCE = 100
PACE = timedelta(milliseconds=200)
"""Between two deliveries: five a second."""
_AFTER_AN_ERROR = timedelta(minutes=5)


def release_soon(work: Work, webhook_id: UUID, delay: timedelta = timedelta()) -> None:
    """Once this transaction has committed. Each time anew: what was held since is released too."""
    key = f"{RELEASE_DELIVERIES}:{webhook_id}:{uuid4()}"
    work.enqueue(RELEASE_DELIVERIES, key, webhook_id, delay=delay, lane=str(webhook_id))


def release_deliveries(ports: Ports, webhook_id: UUID) -> timedelta | None:
    """The next hundred, oldest first, each a moment after the one before; when to be called for the rest."""
    now = ports.clock.now()
    with ports.store.work() as work:
        try:
            webhook = work.webhooks.locked_of_any_tenant(webhook_id)
        except WebhookNotFound:
            return None
        if work.webhooks.stopped(webhook):
            return None
        held = work.deliveries.locked_held(webhook_id, AT_ONCE)
        for number, delivery in enumerate(held):
            wait = PACE * number
            if now < delivery.due_at <= now + longest_try(ports):
                # A try may be under way. When it succeeds, the event is not sent a second time.
                wait = max(wait, delivery.due_at - now)
            work.deliveries.save(delivery.released(now + wait))
            work.enqueue(DELIVER_WEBHOOK, key_again(delivery, now), delivery.id, delay=wait, lane=str(webhook_id))
    return PACE * AT_ONCE if len(held) == AT_ONCE else None


def release_later(ports: Ports, webhook_id: UUID, _code: str) -> None:
    """After an error of ours: nothing is left held for ever."""
    with ports.store.work() as work:
        release_soon(work, webhook_id, _AFTER_AN_ERROR)
