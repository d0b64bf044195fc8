"""How long the signed documents of a subscription are kept: read and set, by its managers and by the operator.

It is written into each document when that is completed (`availableUntil`), so that a promise once given stands.
"""

from __future__ import annotations

from dataclasses import replace

from signroom.domain.application import MANAGERS, Caller, require_retention
from signroom.ports import ManagementPorts


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
        work.subscriptions.save(replace(work.subscriptions.get(caller.subscription_id), retention_days=days))
    return days
