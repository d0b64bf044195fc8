"""Events that a process of the version before has written, while both versions run: it knows no owners and no ids.

They are told again, as this version tells facts, and so get into the feed and to the endpoints.
"""

from __future__ import annotations

from datetime import timedelta

from signroom.domain.event import TYPES, Event
from signroom.ports import Ports
from signroom.ports.store import LegacyEvent
from signroom.service.events.record_event import record_event

_AT_ONCE = 200
_AGE = timedelta(seconds=10)


def import_legacy_events(ports: Ports) -> int:
    """Returns how many. Taken and told again in one transaction: once, however often this runs."""
    adopted = 0
    while True:
        with ports.store.work() as work:
            found = work.feed.take_legacy(ports.clock.now() - _AGE, _AT_ONCE)
            for lost in found:
                record_event(work, _event(lost), lost.subscription_id, lost.application_id)
        adopted += len(found)
        if len(found) < _AT_ONCE:
            return adopted


def _event(lost: LegacyEvent) -> Event:
    kind = TYPES[lost.type]
    if lost.document_id is None:
        return kind(lost.session_id, lost.at)
    return kind(lost.session_id, lost.at, lost.document_id)  # type: ignore[call-arg]
