"""Events that a process of the version before has written, while both versions run: it knows no owners and no ids.

They are told again, as this version tells facts, and so get into the feed and to the endpoints.
"""

from __future__ import annotations

from datetime import timedelta

from signroom.domain.event import TYPES, Event
from signroom.ports import LostEvent, Ports
from signroom.service.announce import announce

_AT_ONCE = 200
_AGE = timedelta(seconds=10)


def adopt_events(ports: Ports) -> int:
    """Returns how many. Taken and told again in one transaction: once, however often this runs."""
    adopted = 0
    while True:
        with ports.store.work() as work:
            found = work.take_lost_events(ports.clock.now() - _AGE, _AT_ONCE)
            for lost in found:
                announce(work, _event(lost), lost.subscription_id, lost.application_id)
        adopted += len(found)
        if len(found) < _AT_ONCE:
            return adopted


def _event(lost: LostEvent) -> Event:
    kind = TYPES[lost.type]
    if lost.document_id is None:
        return kind(lost.session_id, lost.at)
    return kind(lost.session_id, lost.at, lost.document_id)  # type: ignore[call-arg]
