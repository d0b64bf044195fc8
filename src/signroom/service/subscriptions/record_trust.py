"""Write into the audit log whom an operator has let the whole installation trust, by a command."""

from __future__ import annotations

from collections.abc import Sequence

from signroom.domain.application import Operator
from signroom.domain.audit import Action, Facts
from signroom.domain.security_context import SecurityContext
from signroom.ports import ManagementPorts
from signroom.service.events.record_change import record_making


def require_log(ports: ManagementPorts) -> None:
    """Nothing is changed that could not be recorded. Raises: DatabaseUnavailable."""
    with ports.store.read() as work:
        work.audit_log.find(None, None, 1)


def record_trust(ports: ManagementPorts, operator: Operator, context: SecurityContext, kept: Sequence[str]) -> None:
    """`kept`: what is trusted now because of the command: fingerprints of roots, or lists with their numbers."""
    if not kept:
        return
    after: Facts = {"name": context.name, "kept": sorted(kept)}
    with ports.store.work() as work:
        now = ports.clock.now()
        record_making(work, operator.name, Action.TRUST_CHANGED, context.id, now, subscription_id=None, after=after)
