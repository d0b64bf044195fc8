"""Subscriptions, applications and their API keys."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid4

from signroom.domain.application import (
    ADMINS,
    MANAGERS,
    ApiKey,
    Application,
    ApplicationCaller,
    Caller,
    Operator,
    Role,
    Subscription,
    require_frame_origin,
)
from signroom.domain.errors import BadInput, NotAllowed, NotFound
from signroom.domain.metadata import Metadata
from signroom.domain.secret import hash_secret
from signroom.domain.session import require_return_url
from signroom.ports import ManagementPorts

MAX_NAME = 100
MAX_DESCRIPTION = 255
MAX_RETURN_URLS = 100
MAX_FRAME_ORIGINS = 20


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


def create_subscription(
    ports: ManagementPorts,
    operator: Operator,  # noqa: ARG001  (holding an Operator is the permission)
    name: str,
) -> Subscription:
    """Raises: BadInput, NameTaken."""
    subscription = Subscription(uuid4(), _clean(name))
    with ports.store.work() as work:
        work.subscriptions.add(subscription)
    return subscription


def ensure_application(
    ports: ManagementPorts,
    operator: Operator,  # noqa: ARG001  (holding an Operator is the permission)
    subscription: str,
    name: str,
) -> Application:
    """The application called `name`, made together with its subscription when missing. Raises: BadInput."""
    with ports.store.work() as work:
        try:
            owner = work.subscriptions.named(subscription)
        except NotFound:
            owner = Subscription(uuid4(), _clean(subscription))
            work.subscriptions.add(owner)
        known = [a for a in work.applications.named_of_any_tenant(name) if a.subscription_id == owner.id]
        if known:
            return known[0]
        application = Application(uuid4(), owner.id, _clean(name))
        work.applications.add(application)
    return application


def create_application(ports: ManagementPorts, caller: Caller, name: str, roles: Iterable[Role] = ()) -> Application:
    """An application of the caller's subscription. Raises: NotAllowed, BadInput, NameTaken."""
    caller.require(ADMINS)
    application = Application(uuid4(), caller.subscription_id, _clean(name), frozenset(roles))
    with ports.store.work() as work:
        work.applications.add(application)
    return application


def create_key(ports: ManagementPorts, caller: Caller, application_id: UUID, command: CreateKey) -> NewKey:
    """A new key of an application; its secret is shown here and never again.

    Nobody hands out more than they have: an application makes keys with the roles of their application, and needs the
    role Admin when those have it. An operator may make a key of any role, also one that has expired already.

    Raises: NotAllowed, BadInput, ApplicationNotFound.
    """
    caller.require(MANAGERS)
    now = ports.clock.now()
    if isinstance(caller, ApplicationCaller):
        _require_grantable(command, now)
    if command.description is not None and (len(command.description) > MAX_DESCRIPTION or "\0" in command.description):
        raise BadInput(f"A description has at most {MAX_DESCRIPTION} characters.")
    with ports.store.work() as work:
        owner = work.of(caller).application(application_id)
        if Role.ADMIN in owner.roles:
            caller.require(ADMINS)
        new = _new_key(owner, now, command.role, command.expires_at, command.description)
        work.applications.add_key(new.key)
    return new


def find_application(ports: ManagementPorts, caller: Caller, name: str) -> Application:
    """The application of that name in the caller's subscription. Raises: NotAllowed, ApplicationNotFound."""
    caller.require(MANAGERS)
    with ports.store.read() as work:
        return work.of(caller).application_named(name)


def read_application(ports: ManagementPorts, caller: Caller, application_id: UUID) -> Application:
    """Its settings. Raises: NotAllowed, ApplicationNotFound."""
    caller.require(MANAGERS)
    with ports.store.read() as work:
        return work.of(caller).application(application_id)


def set_default_metadata(
    ports: ManagementPorts, caller: Caller, application_id: UUID, metadata: Metadata
) -> Application:
    """Raises: NotAllowed, ApplicationNotFound."""
    return _change(ports, caller, application_id, lambda found: replace(found, default_metadata=metadata))


def set_return_urls(ports: ManagementPorts, caller: Caller, application_id: UUID, urls: Sequence[str]) -> Application:
    """Where sessions of an application may return to.

    Raises: NotAllowed, ApplicationNotFound, BadReturnUrl, BadInput for too many.
    """
    return _change(ports, caller, application_id, lambda found: replace(found, return_urls=_return_urls(urls)))


def set_frame_origins(
    ports: ManagementPorts, caller: Caller, application_id: UUID, origins: Sequence[str]
) -> Application:
    """Whose pages may show the signing page of an application's sessions in a frame.

    Raises: NotAllowed, ApplicationNotFound, BadFrameOrigin, BadInput for too many.
    """
    return _change(ports, caller, application_id, lambda found: replace(found, frame_origins=_frame_origins(origins)))


def _change(
    ports: ManagementPorts, caller: Caller, application_id: UUID, change: Callable[[Application], Application]
) -> Application:
    caller.require(MANAGERS)
    with ports.store.work() as work:
        changed = change(work.of(caller).locked_application(application_id))
        work.applications.save(changed)
    return changed


def _require_grantable(command: CreateKey, now: datetime) -> None:
    """What an application may not ask for, whatever its roles are. Raises: NotAllowed, BadInput."""
    if command.role is not None:
        raise NotAllowed("Only an operator makes a key with a role of its own.")
    if command.expires_at is not None and command.expires_at <= now:
        raise BadInput("expiresOn is in the past.")


def _new_key(
    owner: Application, now: datetime, role: Role | None, expires_at: datetime | None, description: str | None
) -> NewKey:
    secret = secrets.token_urlsafe(32)
    key = ApiKey(uuid4(), owner.id, hash_secret(secret), role, now, expires_at, description)
    return NewKey(f"{owner.name}|{secret}", key)


def _return_urls(urls: Sequence[str]) -> tuple[str, ...]:
    if len(urls) > MAX_RETURN_URLS:
        raise BadInput(f"At most {MAX_RETURN_URLS} return URLs.")
    for url in urls:
        require_return_url(url)
    return tuple(dict.fromkeys(urls))


def _frame_origins(origins: Sequence[str]) -> tuple[str, ...]:
    if len(origins) > MAX_FRAME_ORIGINS:
        raise BadInput(f"At most {MAX_FRAME_ORIGINS} origins.")
    for origin in origins:
        require_frame_origin(origin)
    return tuple(dict.fromkeys(origins))


def _clean(name: str) -> str:
    clean = name.strip()
    if not clean or len(clean) > MAX_NAME or not clean.isprintable() or "|" in clean:
        raise BadInput(f"A name has 1 to {MAX_NAME} printable characters and no '|'.")
    return clean
