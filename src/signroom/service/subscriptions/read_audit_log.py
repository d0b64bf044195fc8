"""Who changed what in a subscription: for its managers and for the operator."""

from __future__ import annotations

from signroom.domain.application import MANAGERS, Caller
from signroom.domain.audit import Change
from signroom.ports import ManagementPorts
from signroom.ports.store import ANY_CHANGE, ChangeFilter


def read_audit_log(
    ports: ManagementPorts, caller: Caller, before: int | None, limit: int, wanted: ChangeFilter = ANY_CHANGE
) -> list[Change]:
    """At most `limit` changes, newest first, from below the position `before`; None: from the newest.

    Raises: NotAllowed.
    """
    caller.require(MANAGERS)
    with ports.store.read() as work:
        return work.audit_log.find(caller.subscription_id, before, limit, wanted)


def read_installation_log(ports: ManagementPorts, limit: int, wanted: ChangeFilter = ANY_CHANGE) -> list[Change]:
    """What operators did with the whole installation, like a backup, newest first. For commands only."""
    with ports.store.read() as work:
        return work.audit_log.find(None, None, limit, wanted)
