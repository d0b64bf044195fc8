"""One event of the feed, told as its webhooks tell it."""

from __future__ import annotations

from uuid import UUID

from signroom.domain.application import READERS, Caller
from signroom.ports import Ports


def read_event_body(ports: Ports, caller: Caller, event_id: UUID) -> bytes:
    """JSON. Raises: NotAllowed, EventNotFound, also for another subscription's event."""
    caller.require(READERS)
    with ports.store.read() as work:
        own = work.of(caller)
        event = own.event(event_id)
        session = None if event.session_id is None else own.session_or_erased(event.session_id)
        document = None if event.document_id is None else own.document_or_erased(event.document_id)
    return ports.event_bodies.render(ports, event, session, document)
