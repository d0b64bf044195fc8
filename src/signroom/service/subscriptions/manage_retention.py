"""How long the signed documents of a subscription are kept: read and set, by its managers and by the operator.

It is written into each document when that is completed (`availableUntil`), so that a promise once given stands.
"""

from __future__ import annotations

from dataclasses import replace

from signroom.domain.application import MANAGERS, Caller, require_retention
from signroom.domain.audit import Action, subscription_facts
from signroom.ports import ManagementPorts
from signroom.service.events.record_change import record_change


def read_retention(ports: ManagementPorts, caller: Caller) -> int | None:
    """Days; None: for ever. Raises: NotAllowed."""
    caller.require(MANAGERS)
    with ports.store.read() as work:
        return work.subscriptions.get(caller.subscription_id).retention_days


def set_retention(ports: ManagementPorts, caller: Caller, days: int | None) -> int | None:
    """Days; None: for ever. Raises: NotAllowed, BadInput."""
    caller.require(MANAGERS)
    require_retention(days)
    with ports.store.work() as work:
        found = work.subscriptions.locked(caller.subscription_id)
        changed = replace(found, retention_days=days)
        work.subscriptions.save(changed)
        record_change(
            work,
            caller,
            Action.SUBSCRIPTION_CHANGED,
            found.id,
            ports.clock.now(),
            before=subscription_facts(found),
            after=subscription_facts(changed),
        )
    return days
