"""Timestamp providers of the whole installation: set by its operator, or by an admin who is alone on it.

A provider is asked for every subscription. Where there are several, none of their admins may say whom all others'
digests go to: that is the operator's to say.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, replace
from typing import TypeAlias
from uuid import UUID, uuid4

from signroom.domain.application import ADMINS, ApplicationCaller, Operator
from signroom.domain.audit import NOTHING, Action, Facts, timestamp_provider_facts
from signroom.domain.errors import BadTimestampProvider, LastTimestampProvider, NotAllowed, TimestampProviderNotFound
from signroom.domain.timestamp import DEFAULT_TIER, TimestampProvider
from signroom.domain.timestamp_provider import (
    MAX_PROVIDERS,
    ProviderAuth,
    StoredProvider,
    provider_owner,
    require_provider,
)
from signroom.ports import ManagementPorts, Ports
from signroom.ports.store import Work
from signroom.service.events.record_change import record_change, record_making
from signroom.service.timestamps.examine_provider import ProviderCheck, examine_provider

Actor: TypeAlias = Operator | ApplicationCaller
_KEPT = "kept"
"""Stands for a stored secret while the form of its provider is checked."""


@dataclass(frozen=True, slots=True)
class DescribeProvider:
    """The command: all of a provider, as it shall be."""

    name: str
    url: str
    context_name: str
    tier: str = DEFAULT_TIER
    priority: int = 1
    auth: ProviderAuth = ProviderAuth.NONE
    user: str | None = None
    secret: str | None = None
    """In clear. None keeps the one that is stored for the same url, auth and user."""


@dataclass(frozen=True, slots=True)
class Providers:
    """All that this installation may ask."""

    stored: tuple[StoredProvider, ...]
    configured: tuple[TimestampProvider, ...]
    """Those of the settings."""


@dataclass(frozen=True, slots=True)
class _Change:
    subject: UUID
    before: StoredProvider | None
    after: StoredProvider | None


def list_providers(ports: ManagementPorts, actor: Actor) -> Providers:
    """Raises: NotAllowed."""
    with ports.store.read() as work:
        _allow(work, actor)
        return Providers(tuple(work.timestamp_providers.all()), tuple(ports.timestamps.configured))


def create_provider(ports: ManagementPorts, actor: Actor, command: DescribeProvider) -> StoredProvider:
    """Raises: NotAllowed, BadTimestampProvider, NameTaken."""
    made = _described(ports, uuid4(), command, None)
    with ports.store.work() as work:
        _allow(work, actor)
        if len(work.timestamp_providers.locked()) >= MAX_PROVIDERS:
            raise BadTimestampProvider(f"There are {MAX_PROVIDERS} already.")
        work.timestamp_providers.add(made)
        _record(work, ports, actor, Action.TIMESTAMP_PROVIDER_CREATED, _Change(made.id, None, made))
    return made


def change_provider(
    ports: ManagementPorts, actor: Actor, provider_id: UUID, command: DescribeProvider, *, force: bool = False
) -> StoredProvider:
    """Raises: NotAllowed, TimestampProviderNotFound, BadTimestampProvider, NameTaken, LastTimestampProvider."""
    with ports.store.work() as work:
        _allow(work, actor)
        known = _locked(work, provider_id)
        changed = _described(ports, provider_id, command, known)
        if changed.tier != known.tier and not force:
            _require_another(work, ports, known)
        work.timestamp_providers.save(changed)
        _record(work, ports, actor, Action.TIMESTAMP_PROVIDER_CHANGED, _Change(provider_id, known, changed))
    return changed


def delete_provider(ports: ManagementPorts, actor: Actor, provider_id: UUID, *, force: bool = False) -> None:
    """With `force` also the last one of its tier.

    Raises: NotAllowed, TimestampProviderNotFound, LastTimestampProvider.
    """
    with ports.store.work() as work:
        _allow(work, actor)
        known = _locked(work, provider_id)
        if not force:
            _require_another(work, ports, known)
        work.timestamp_providers.remove(provider_id)
        _record(work, ports, actor, Action.TIMESTAMP_PROVIDER_DELETED, _Change(provider_id, known, None))


async def try_provider(ports: Ports, actor: Actor, provider_id: UUID) -> list[ProviderCheck]:
    """Get one timestamp on a random digest, and say what was checked. The first check that fails is the last one.

    Raises: NotAllowed, TimestampProviderNotFound, SecretUnreadable.
    """
    provider = await asyncio.to_thread(_read, ports, actor, provider_id)
    return await examine_provider(ports, provider, secrets.token_bytes(32))


def _read(ports: Ports, actor: Actor, provider_id: UUID) -> TimestampProvider:
    with ports.store.read() as work:
        _allow(work, actor)
        stored = work.timestamp_providers.get(provider_id)
    return ports.timestamps.opened(stored)


def _allow(work: Work, actor: Actor) -> None:
    """Raises: NotAllowed."""
    if isinstance(actor, Operator):
        return
    actor.require(ADMINS)
    if len(work.subscriptions.summaries()) > 1:
        raise NotAllowed("With several subscriptions, the operator does it: signroom timestamp-providers.")


def _locked(work: Work, provider_id: UUID) -> StoredProvider:
    """Raises: TimestampProviderNotFound."""
    found = next((one for one in work.timestamp_providers.locked() if one.id == provider_id), None)
    if found is None:
        raise TimestampProviderNotFound
    return found


def _require_another(work: Work, ports: ManagementPorts, provider: StoredProvider) -> None:
    """Raises: LastTimestampProvider."""
    stored = any(one.tier == provider.tier and one.id != provider.id for one in work.timestamp_providers.all())
    if not stored and not any(one.tier == provider.tier for one in ports.timestamps.configured):
        raise LastTimestampProvider(f"The tier is {provider.tier}.")


def _described(
    ports: ManagementPorts, provider_id: UUID, command: DescribeProvider, known: StoredProvider | None
) -> StoredProvider:
    """Raises: BadTimestampProvider."""
    described = StoredProvider(
        id=provider_id,
        name=command.name,
        url=command.url,
        context_name=command.context_name,
        tier=command.tier,
        priority=command.priority,
        auth=command.auth,
        user=command.user,
    )
    if command.secret is None and known is not None:
        # Only where it goes already: whoever may change the address must not get the secret sent to his own.
        same = (known.url, known.auth, known.user) == (command.url, command.auth, command.user)
        described = replace(described, sealed_secret=known.sealed_secret if same else None)
    secret = command.secret
    require_provider(described, _kept(described) if secret is None else secret)
    if secret is None:
        return described
    if command.auth is ProviderAuth.MUTUAL_TLS:
        ports.timestamps.require_client_certificate(secret)
    return replace(described, sealed_secret=ports.secrets.seal(provider_owner(provider_id), secret))


def _kept(provider: StoredProvider) -> str | None:
    return None if provider.sealed_secret is None else _KEPT


def _record(work: Work, ports: ManagementPorts, actor: Actor, action: Action, change: _Change) -> None:
    now, before, after = ports.clock.now(), _facts(change.before), _facts(change.after)
    if isinstance(actor, Operator):
        record_making(work, actor.name, action, change.subject, now, subscription_id=None, before=before, after=after)
    else:
        record_change(work, actor, action, change.subject, now, before=before, after=after)


def _facts(provider: StoredProvider | None) -> Facts:
    return NOTHING if provider is None else timestamp_provider_facts(provider)
