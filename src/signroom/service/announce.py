"""Tell a fact: into the feed, and to the endpoints that want to know it. In the transaction that makes it one."""

from __future__ import annotations

from uuid import UUID, uuid4

from signroom.domain.event import Event, recorded
from signroom.ports import Work


def announce(work: Work, event: Event, subscription_id: UUID, application_id: UUID | None) -> None:
    """`application_id` None: it concerns the whole subscription."""
    work.append_event(recorded(event, uuid4(), subscription_id, application_id))
