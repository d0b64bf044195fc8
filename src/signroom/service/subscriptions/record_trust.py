"""Write into the audit log what an operator has put into the trust folder by a command: roots, lists, policies."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from signroom.domain.application import Operator
from signroom.domain.audit import Action, Facts
from signroom.domain.security_context import SecurityContext
from signroom.domain.signature_policy import SignaturePolicy
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


def record_policies(ports: ManagementPorts, operator: Operator, kept: Sequence[SignaturePolicy]) -> None:
    """`kept`: the signature policies that the operator has now, all of them."""
    after: Facts = {"kept": [f"{one.oid} {one.digest.hex()}" for one in kept]}
    with ports.store.work() as work:
        now, action = ports.clock.now(), Action.SIGNATURE_POLICIES_IMPORTED
        record_making(work, operator.name, action, _POLICIES, now, subscription_id=None, after=after)


_POLICIES = UUID("5f0d1c4e-6b0a-4d7e-9a55-1a6c1c2f7b3d")
"""What such an entry is about: all of them together."""
