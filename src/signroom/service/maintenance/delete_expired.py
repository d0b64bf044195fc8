"""Rows that were only needed for a while: preparations, idempotency keys, nonces, events, deliveries,
answers from outside.

Each verb returns how many it has removed, some at a time; it may run late, twice, and in several places at once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from signroom.ports import Ports
from signroom.ports.store import Work
from signroom.service.access.idempotency import LIFETIME

_AT_ONCE = 200
_PREPARATIONS_KEPT = timedelta(days=1)
"""After they were made, when their session is over: `finish` may be asked again by a nervous network."""


def delete_expired_preparations(ports: Ports) -> int:
    """Of sessions that have ended for good, and of local signatures that were made or never will be."""
    before = ports.clock.now() - _PREPARATIONS_KEPT
    return _all(ports, lambda work: work.preparations.delete_expired(before, _AT_ONCE))


def delete_expired_idempotency_keys(ports: Ports) -> int:
    """Those that mean nothing any more."""
    before = ports.clock.now() - LIFETIME
    return _all(ports, lambda work: work.spent.delete_expired_results(before, _AT_ONCE))


def delete_expired_nonces(ports: Ports) -> int:
    """Those whose tokens are over."""
    now = ports.clock.now()
    return _all(ports, lambda work: work.spent.delete_expired_nonces(now, _AT_ONCE))


def delete_expired_events(ports: Ports) -> int:
    """Those that are older than `Limits.events_kept`, from the beginning of the feed; never the newest."""
    before = ports.clock.now() - ports.limits.events_kept
    return _all(ports, lambda work: work.feed.delete_expired(before, _AT_ONCE))


def delete_expired_audit_entries(ports: Ports) -> int:
    """Those that are older than `Limits.audit_kept`."""
    before = ports.clock.now() - ports.limits.audit_kept
    return _all(ports, lambda work: work.audit_log.delete_expired(before, _AT_ONCE))


def delete_expired_deliveries(ports: Ports) -> int:
    """Settled ones that are as old."""
    before = ports.clock.now() - ports.limits.events_kept
    return _all(ports, lambda work: work.deliveries.delete_expired(before, _AT_ONCE))


def delete_expired_answers(ports: Ports) -> int:
    """Those about revocation, and issuers, that do not count any more."""
    deleted = 0
    while True:
        some = ports.answers.delete_expired(ports.clock.now(), _AT_ONCE)
        deleted += some
        if some < _AT_ONCE:
            return deleted


def _all(ports: Ports, some: Callable[[Work], int]) -> int:
    forgotten = 0
    while True:
        with ports.store.work() as work:
            found = some(work)
        forgotten += found
        if found < _AT_ONCE:
            return forgotten
