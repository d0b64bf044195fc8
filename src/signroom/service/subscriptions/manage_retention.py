"""How long the signed documents of a subscription are kept: read and set, by its managers and by the operator.

It is written into each document when that is completed (`availableUntil`), so that a promise once given stands.
"""

from __future__ import annotations

from dataclasses import replace

from signroom.domain.application import MANAGERS, Caller, Subscription, require_retention
from signroom.ports import Ports
from signroom.ports.store import Store


def retention(ports: Ports, caller: Caller) -> int | None:
    """Days; None: for ever. Raises: NotAllowed."""
    caller.require(MANAGERS)
    with ports.store.read() as work:
        return work.subscriptions.get(caller.subscription_id).retention_days


def change_retention(ports: Ports, caller: Caller, days: int | None) -> int | None:
    """Raises: NotAllowed, BadInput."""
    caller.require(MANAGERS)
    require_retention(days)
    with ports.store.work() as work:
        work.subscriptions.save(replace(work.subscriptions.get(caller.subscription_id), retention_days=days))
    return days


def show_retention(store: Store, name: str) -> Subscription:
    """By the operator. Raises: SubscriptionNotFound."""
    with store.read() as work:
        return work.subscriptions.named(name)


def set_retention(store: Store, name: str, days: int | None) -> Subscription:
    """By the operator. Raises: SubscriptionNotFound, BadInput."""
    require_retention(days)
    with store.work() as work:
        changed = replace(work.subscriptions.named(name), retention_days=days)
        work.subscriptions.save(changed)
    return changed
