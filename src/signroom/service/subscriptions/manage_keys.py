"""API keys of an application: make, list, revoke, end, rotate."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from signroom.domain.application import ADMINS, MANAGERS, ApiKey, Application, ApplicationCaller, Caller, Role
from signroom.domain.audit import Action, api_key_facts
from signroom.domain.errors import ApiKeyRevoked as KeyIsRevoked
from signroom.domain.errors import BadInput, NotAllowed
from signroom.domain.event import ApiKeyChanged, ApiKeyCreated, ApiKeyRevoked
from signroom.domain.secret import hash_secret
from signroom.ports import ManagementPorts
from signroom.ports.store import Work
from signroom.service.events.record_change import record_change
from signroom.service.events.record_event import record_event
from signroom.service.subscriptions.manage_applications import require_manageable

MAX_DESCRIPTION = 255
OVERLAP = timedelta(hours=24)
"""How long the key before goes on working when nothing is said."""
MAX_OVERLAP = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as handed out, once: ``name|secret``."""

    text: str
    key: ApiKey


@dataclass(frozen=True, slots=True)
class CreateKey:
    """The command. ``role`` None: the key has the roles of its application."""

    description: str | None = None
    expires_at: datetime | None = None
    role: Role | None = None


def create_key(ports: ManagementPorts, caller: Caller, application_id: UUID, command: CreateKey) -> NewKey:
    """A new key of an application; its secret is shown here and never again.

    Nobody hands out more than they have: an application makes keys with the roles of their application, and needs the
    role Admin when those have it. An operator may make a key of any role, also one that has expired already. Where
    the installation bounds the life of keys, a key without a last moment gets one.

    Raises: NotAllowed, BadInput, ApplicationNotFound.
    """
    caller.require(MANAGERS)
    now = ports.clock.now()
    if isinstance(caller, ApplicationCaller):
        _require_grantable(command, now)
    if command.description is not None and (len(command.description) > MAX_DESCRIPTION or "\0" in command.description):
        raise BadInput(f"A description has at most {MAX_DESCRIPTION} characters.", path="description")
    with ports.store.work() as work:
        owner = _manageable(work, caller, application_id)
        new = _new_key(owner, caller, replace(command, expires_at=command.expires_at or _end(ports, now)), now)
        _add(work, caller, owner, new, now)
    return new


def list_keys(ports: ManagementPorts, caller: Caller, application_id: UUID) -> list[ApiKey]:
    """Newest first, revoked and expired ones too. Raises: NotAllowed, ApplicationNotFound."""
    caller.require(MANAGERS)
    with ports.store.read() as work:
        return work.applications.keys_of(work.of(caller).application(application_id).id)


def revoke_key(ports: ManagementPorts, caller: Caller, application_id: UUID, key_id: UUID) -> ApiKey:
    """Take a key back: it opens nothing from now on. Quiet when that was done before.

    Raises: NotAllowed, ApplicationNotFound, ApiKeyNotFound.
    """
    caller.require(MANAGERS)
    now = ports.clock.now()
    with ports.store.work() as work:
        owner = _manageable(work, caller, application_id)
        key = _manageable_key(work, caller, owner, key_id)
        return key if key.revoked_at is not None else _revoked(work, caller, owner, key, now)


def end_key(ports: ManagementPorts, caller: Caller, application_id: UUID, key_id: UUID, at: datetime) -> ApiKey:
    """Give a key a last moment, earlier or later than the one before.

    Raises: NotAllowed, ApplicationNotFound, ApiKeyNotFound, ApiKeyRevoked, BadInput for a moment that is over.
    """
    caller.require(MANAGERS)
    now = ports.clock.now()
    with ports.store.work() as work:
        owner = _manageable(work, caller, application_id)
        return _ended(work, caller, owner, _manageable_key(work, caller, owner, key_id), at=at, now=now)


def rotate_key(
    ports: ManagementPorts, caller: Caller, application_id: UUID, key_id: UUID, overlap: timedelta = OVERLAP
) -> NewKey:
    """A new key like this one; this one goes on working for as long as `overlap`, so that its users can change.

    Without any overlap this one is revoked.

    Raises: NotAllowed, ApplicationNotFound, ApiKeyNotFound, ApiKeyRevoked, BadInput.
    """
    caller.require(MANAGERS)
    if not timedelta() <= overlap <= MAX_OVERLAP:
        raise BadInput(f"The key before goes on for 0 to {MAX_OVERLAP.days * 24} hours.", path="previousHours")
    now = ports.clock.now()
    with ports.store.work() as work:
        owner = _manageable(work, caller, application_id)
        key = _manageable_key(work, caller, owner, key_id)
        if not key.usable(now):
            raise KeyIsRevoked("It was revoked or has expired: there is nothing to hand over. Make another key.")
        new = _new_key(owner, caller, CreateKey(key.description, _end(ports, now), key.role), now)
        _add(work, caller, owner, new, now)
        if not overlap:
            _revoked(work, caller, owner, key, now)
        elif key.expires_at is None or now + overlap < key.expires_at:
            _ended(work, caller, owner, key, at=now + overlap, now=now)
    return new


def _manageable(work: Work, caller: Caller, application_id: UUID) -> Application:
    """The application, for a caller who may manage its keys. Raises: NotAllowed, ApplicationNotFound."""
    owner = work.of(caller).application(application_id)
    require_manageable(caller, owner)
    return owner


def _manageable_key(work: Work, caller: Caller, owner: Application, key_id: UUID) -> ApiKey:
    """The key, locked, for a caller who has its role. A key may have a mightier role than its application.

    Raises: NotAllowed, ApiKeyNotFound.
    """
    key = work.applications.locked_key(owner.id, key_id)
    if key.role is Role.ADMIN:
        caller.require(ADMINS)
    return key


def _revoked(work: Work, caller: Caller, owner: Application, key: ApiKey, now: datetime) -> ApiKey:
    revoked = key.revoked(now)
    work.applications.save_key(revoked)
    facts = {"before": api_key_facts(key), "after": api_key_facts(revoked)}
    record_change(work, caller, Action.API_KEY_REVOKED, key.id, now, **facts)
    record_event(work, ApiKeyRevoked(None, now, key.id), owner.subscription_id, owner.id)
    return revoked


def _ended(work: Work, caller: Caller, owner: Application, key: ApiKey, *, at: datetime, now: datetime) -> ApiKey:
    ended = key.ending(at, now)
    work.applications.save_key(ended)
    facts = {"before": api_key_facts(key), "after": api_key_facts(ended)}
    record_change(work, caller, Action.API_KEY_CHANGED, key.id, now, **facts)
    record_event(work, ApiKeyChanged(None, now, key.id), owner.subscription_id, owner.id)
    return ended


def _add(work: Work, caller: Caller, owner: Application, new: NewKey, now: datetime) -> None:
    work.applications.add_key(new.key)
    record_change(work, caller, Action.API_KEY_CREATED, new.key.id, now, after=api_key_facts(new.key))
    record_event(work, ApiKeyCreated(None, now, new.key.id), owner.subscription_id, owner.id)


def _end(ports: ManagementPorts, now: datetime) -> datetime | None:
    lifetime = ports.limits.api_key_lifetime
    return None if lifetime is None else now + lifetime


def _require_grantable(command: CreateKey, now: datetime) -> None:
    """What an application may not ask for, whatever its roles are. Raises: NotAllowed, BadInput."""
    if command.role is not None:
        raise NotAllowed("Only an operator makes a key with a role of its own.")
    if command.expires_at is not None and command.expires_at <= now:
        raise BadInput("expiresOn is in the past.", path="expiresOn")


def _new_key(owner: Application, maker: Caller, command: CreateKey, now: datetime) -> NewKey:
    secret = secrets.token_urlsafe(32)
    key = ApiKey(
        id=uuid4(),
        application_id=owner.id,
        secret_hash=hash_secret(secret),
        role=command.role,
        created_at=now,
        expires_at=command.expires_at,
        description=command.description,
        created_by=maker.name,
    )
    return NewKey(f"{owner.name}|{secret}", key)
