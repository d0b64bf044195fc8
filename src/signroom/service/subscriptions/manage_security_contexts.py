"""The security contexts of a subscription: its own authorities, and what it asks of those who sign."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid4

from signroom.domain.application import MANAGERS, READERS, Caller
from signroom.domain.audit import NOTHING, Action, security_context_facts
from signroom.domain.errors import SecurityContextInUse
from signroom.domain.security_context import BUILT_IN, NO_RULES, ContextRules, SecurityContext, require_context
from signroom.ports import ManagementPorts
from signroom.service.events.record_change import record_change


@dataclass(frozen=True, slots=True)
class DescribeContext:
    """The command: all of a context, as it shall be. Certificates are DER."""

    name: str
    roots: tuple[bytes, ...]
    intermediates: tuple[bytes, ...] = ()
    rules: ContextRules = NO_RULES


def list_contexts(ports: ManagementPorts, caller: Caller) -> list[SecurityContext]:
    """The built-in ones, and the subscription's own by name. Raises: NotAllowed."""
    caller.require(READERS)
    with ports.store.ask() as work:
        return [*BUILT_IN, *work.security_contexts.of(caller.subscription_id)]


def create_context(ports: ManagementPorts, caller: Caller, command: DescribeContext) -> SecurityContext:
    """Raises: NotAllowed, BadSecurityContext, NameTaken."""
    caller.require(MANAGERS)
    made = _checked(ports, caller, uuid4(), command)
    with ports.store.work() as work:
        work.security_contexts.add(made)
        facts, now = security_context_facts(made), ports.clock.now()
        record_change(work, caller, Action.SECURITY_CONTEXT_CREATED, made.id, now, before=NOTHING, after=facts)
    return made


def change_context(
    ports: ManagementPorts, caller: Caller, context_id: UUID, command: DescribeContext
) -> SecurityContext:
    """Sessions that are open are judged by it as it is from now on.

    Raises: NotAllowed, SecurityContextNotFound, BadSecurityContext, NameTaken.
    """
    caller.require(MANAGERS)
    changed = _checked(ports, caller, context_id, command)
    with ports.store.work() as work:
        before = security_context_facts(work.security_contexts.locked(caller.subscription_id, context_id))
        work.security_contexts.save(changed)
        after, now = security_context_facts(changed), ports.clock.now()
        record_change(work, caller, Action.SECURITY_CONTEXT_CHANGED, context_id, now, before=before, after=after)
    return changed


def delete_context(ports: ManagementPorts, caller: Caller, context_id: UUID, *, force: bool = False) -> None:
    """With `force` also while sessions need it: nobody can sign in these any more.

    Raises: NotAllowed, SecurityContextNotFound, SecurityContextInUse.
    """
    caller.require(MANAGERS)
    with ports.store.work() as work:
        found = work.security_contexts.locked(caller.subscription_id, context_id)
        in_use = work.security_contexts.in_use(caller.subscription_id, context_id)
        if in_use and not force:
            raise SecurityContextInUse(f"{in_use} of them.")
        work.security_contexts.remove(context_id)
        before, now = security_context_facts(found), ports.clock.now()
        record_change(work, caller, Action.SECURITY_CONTEXT_DELETED, context_id, now, before=before, after=NOTHING)


def _checked(ports: ManagementPorts, caller: Caller, context_id: UUID, command: DescribeContext) -> SecurityContext:
    """Raises: BadSecurityContext."""
    context = require_context(
        SecurityContext(
            id=context_id,
            name=command.name,
            subscription_id=caller.subscription_id,
            roots=tuple(dict.fromkeys(command.roots)),
            intermediates=tuple(dict.fromkeys(command.intermediates)),
            rules=command.rules,
        )
    )
    ports.trust.require_authorities(context)
    return context
