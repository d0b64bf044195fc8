"""The security contexts of a subscription: its own authorities, and what it asks of those who sign."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar
from uuid import UUID, uuid4

from signroom.domain.application import MANAGERS, READERS, Caller
from signroom.domain.audit import NOTHING, Action, security_context_facts
from signroom.domain.errors import SecurityContextInUse, SecurityContextNotFound, TooManySecurityContexts
from signroom.domain.level import Level
from signroom.domain.requirement import CertificateRequirement
from signroom.domain.security_context import (
    BUILT_IN,
    MAX_CONTEXTS,
    NO_RULES,
    ContextRules,
    DigestRule,
    KeyRule,
    ResponderRule,
    RevocationRule,
    SecurityContext,
    require_context,
)
from signroom.ports import ManagementPorts
from signroom.service.events.record_change import record_change

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DescribeContext:
    """The command: all of a context, as it shall be. Certificates are DER."""

    name: str
    roots: tuple[bytes, ...]
    intermediates: tuple[bytes, ...] = ()
    rules: ContextRules = NO_RULES


@dataclass(frozen=True, slots=True)
class PatchContext:
    """The command: what of a context shall be another; None stays as it is. The level is cleared by `clear_level`."""

    name: str | None = None
    roots: tuple[bytes, ...] | None = None
    intermediates: tuple[bytes, ...] | None = None
    policies: tuple[str, ...] | None = None
    purposes: tuple[str, ...] | None = None
    revocation: RevocationRule | None = None
    keys: tuple[KeyRule, ...] | None = None
    requirements: tuple[CertificateRequirement, ...] | None = None
    level: Level | None = None
    clear_level: bool = False
    digests: tuple[DigestRule, ...] | None = None
    responders: ResponderRule | None = None
    timestamp_roots: tuple[bytes, ...] | None = None

    def applied_to(self, context: SecurityContext) -> DescribeContext:
        old = context.rules
        rules = ContextRules(
            policies=_given(self.policies, old.policies),
            purposes=_given(self.purposes, old.purposes),
            revocation=_given(self.revocation, old.revocation),
            keys=_given(self.keys, old.keys),
            requirements=_given(self.requirements, old.requirements),
            level=None if self.clear_level else _given(self.level, old.level),
            digests=_given(self.digests, old.digests),
            responders=_given(self.responders, old.responders),
            timestamp_roots=_given(self.timestamp_roots, old.timestamp_roots),
        )
        roots, intermediates = (self.roots, context.roots), (self.intermediates, context.intermediates)
        return DescribeContext(_given(self.name, context.name), _given(*roots), _given(*intermediates), rules)


def list_contexts(ports: ManagementPorts, caller: Caller) -> list[SecurityContext]:
    """The built-in ones, and the subscription's own by name. Raises: NotAllowed."""
    caller.require(READERS)
    with ports.store.ask() as work:
        return [*BUILT_IN, *work.security_contexts.of(caller.subscription_id)]


def find_context(ports: ManagementPorts, caller: Caller, wanted: str) -> SecurityContext:
    """The one with that name or id, built in or the subscription's own. Raises: NotAllowed, SecurityContextNotFound."""
    for context in list_contexts(ports, caller):
        if wanted in {context.name, str(context.id)}:
            return context
    raise SecurityContextNotFound


def create_context(ports: ManagementPorts, caller: Caller, command: DescribeContext) -> SecurityContext:
    """Raises: NotAllowed, BadSecurityContext, NameTaken, TooManySecurityContexts."""
    caller.require(MANAGERS)
    made = _checked(ports, caller, uuid4(), command)
    with ports.store.work() as work:
        if work.security_contexts.lock_and_count(caller.subscription_id) >= MAX_CONTEXTS:
            raise TooManySecurityContexts(f"At most {MAX_CONTEXTS}.")
        work.security_contexts.add(made)
        facts, now = security_context_facts(made), ports.clock.now()
        record_change(work, caller, Action.SECURITY_CONTEXT_CREATED, made.id, now, before=NOTHING, after=facts)
    return made


def change_context(
    ports: ManagementPorts, caller: Caller, context_id: UUID, command: DescribeContext | PatchContext
) -> SecurityContext:
    """Sessions that are open are judged by it as it is from now on. Of two patches at a time none is lost.

    Raises: NotAllowed, SecurityContextNotFound, BadSecurityContext, NameTaken.
    """
    caller.require(MANAGERS)
    with ports.store.work() as work:
        found = work.security_contexts.locked(caller.subscription_id, context_id)
        wanted = command.applied_to(found) if isinstance(command, PatchContext) else command
        changed = _checked(ports, caller, context_id, wanted)
        before = security_context_facts(found)
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


def _given(new: T | None, old: T) -> T:
    return old if new is None else new


def _checked(ports: ManagementPorts, caller: Caller, context_id: UUID, command: DescribeContext) -> SecurityContext:
    """Raises: BadSecurityContext."""
    context = require_context(
        SecurityContext(
            id=context_id,
            name=command.name,
            subscription_id=caller.subscription_id,
            roots=tuple(dict.fromkeys(command.roots)),
            intermediates=tuple(dict.fromkeys(command.intermediates)),
            rules=replace(command.rules, timestamp_roots=tuple(dict.fromkeys(command.rules.timestamp_roots))),
        )
    )
    ports.trust.require_authorities(context)
    return context
