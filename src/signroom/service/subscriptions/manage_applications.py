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
    Caller,
    Role,
    Subscription,
    require_frame_origin,
)
from signroom.domain.errors import ApplicationNotFound, BadInput, NotFound
from signroom.domain.metadata import Metadata
from signroom.domain.secret import hash_secret
from signroom.domain.session import require_return_url
from signroom.ports import Ports
from signroom.ports.operations import Clock
from signroom.ports.store import Store, Work

MAX_NAME = 100
MAX_DESCRIPTION = 255
MAX_RETURN_URLS = 100
MAX_FRAME_ORIGINS = 20


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as handed out, once: ``name|secret``."""

    text: str
    key: ApiKey


def create_subscription(store: Store, name: str) -> Subscription:
    """Raises: BadInput, NameTaken."""
    subscription = Subscription(uuid4(), _clean(name))
    with store.work() as work:
        work.subscriptions.add(subscription)
    return subscription


def create_application(store: Store, subscription: str, name: str, roles: Iterable[Role] = ()) -> Application:
    """By the operator. Raises: BadInput, NameTaken, SubscriptionNotFound."""
    with store.work() as work:
        owner = work.subscriptions.named(subscription)
        application = Application(uuid4(), owner.id, _clean(name), frozenset(roles))
        work.applications.add(application)
    return application


def create_key(
    store: Store,
    clock: Clock,
    application: str,
    role: Role,
    *,
    expires_at: datetime | None = None,
    subscription: str | None = None,
) -> NewKey:
    """By the operator: a new key for an application by name; its secret is shown here and never again.

    Raises: ApplicationNotFound, BadInput when several subscriptions have one of that name and none is given.
    """
    with store.work() as work:
        owner = _named(work, application, subscription)
        new = _new_key(owner, clock.now(), role, expires_at, None)
        work.applications.add_key(new.key)
    return new


def set_return_urls(
    store: Store, application: str, urls: Sequence[str], *, subscription: str | None = None
) -> Application:
    """By the operator: where sessions of an application may return to. Raises: ApplicationNotFound, BadReturnUrl."""
    with store.work() as work:
        found = work.applications.locked(_named(work, application, subscription).id)
        changed = replace(found, return_urls=_return_urls(urls))
        work.applications.save(changed)
    return changed


def set_frame_origins(
    store: Store, application: str, origins: Sequence[str], *, subscription: str | None = None
) -> Application:
    """By the operator: whose pages may show the signing page in a frame.

    Raises: ApplicationNotFound, BadFrameOrigin, BadInput.
    """
    with store.work() as work:
        found = work.applications.locked(_named(work, application, subscription).id)
        changed = replace(found, frame_origins=_frame_origins(origins))
        work.applications.save(changed)
    return changed


def add_application(ports: Ports, caller: Caller, name: str, roles: Iterable[Role]) -> Application:
    """By another application of the same subscription. Raises: NotAllowed, BadInput, NameTaken."""
    caller.require(ADMINS)
    application = Application(uuid4(), caller.subscription_id, _clean(name), frozenset(roles))
    with ports.store.work() as work:
        work.applications.add(application)
    return application


def add_key(
    ports: Ports, caller: Caller, application_id: UUID, description: str | None, expires_at: datetime | None
) -> NewKey:
    """A key with the application's own roles; nobody hands out more than he has.

    Raises: NotAllowed, BadInput, ApplicationNotFound.
    """
    caller.require(MANAGERS)
    now = ports.clock.now()
    if expires_at is not None and expires_at <= now:
        raise BadInput("expiresOn is in the past.")
    if description is not None and (len(description) > MAX_DESCRIPTION or "\0" in description):
        raise BadInput(f"A description has at most {MAX_DESCRIPTION} characters.")
    with ports.store.work() as work:
        owner = _of_caller(work.applications.get(application_id), caller)
        if Role.ADMIN in owner.roles:
            caller.require(ADMINS)
        new = _new_key(owner, now, None, expires_at, description)
        work.applications.add_key(new.key)
    return new


def read_application(ports: Ports, caller: Caller, application_id: UUID) -> Application:
    """Its settings. Raises: NotAllowed, ApplicationNotFound."""
    caller.require(MANAGERS)
    with ports.store.read() as work:
        return _of_caller(work.applications.get(application_id), caller)


def set_default_metadata(ports: Ports, caller: Caller, application_id: UUID, metadata: Metadata) -> Application:
    """Raises: NotAllowed, ApplicationNotFound."""
    return _change(ports, caller, application_id, lambda found: replace(found, default_metadata=metadata))


def change_return_urls(ports: Ports, caller: Caller, application_id: UUID, urls: Sequence[str]) -> Application:
    """Raises: NotAllowed, ApplicationNotFound, BadReturnUrl, BadInput for too many."""
    return _change(ports, caller, application_id, lambda found: replace(found, return_urls=_return_urls(urls)))


def change_frame_origins(ports: Ports, caller: Caller, application_id: UUID, origins: Sequence[str]) -> Application:
    """Raises: NotAllowed, ApplicationNotFound, BadFrameOrigin, BadInput for too many."""
    return _change(ports, caller, application_id, lambda found: replace(found, frame_origins=_frame_origins(origins)))


def _change(
    ports: Ports, caller: Caller, application_id: UUID, change: Callable[[Application], Application]
) -> Application:
    caller.require(MANAGERS)
    with ports.store.work() as work:
        changed = change(_of_caller(work.applications.locked(application_id), caller))
        work.applications.save(changed)
    return changed


def ensure_application(store: Store, subscription: str, name: str) -> Application:
    """The application called `name`, made together with its subscription when missing."""
    with store.work() as work:
        try:
            owner = work.subscriptions.named(subscription)
        except NotFound:
            owner = Subscription(uuid4(), _clean(subscription))
            work.subscriptions.add(owner)
        known = [a for a in work.applications.named(name) if a.subscription_id == owner.id]
        if known:
            return known[0]
        application = Application(uuid4(), owner.id, _clean(name))
        work.applications.add(application)
    return application


def _named(work: Work, name: str, subscription: str | None) -> Application:
    found = work.applications.named(name)
    if subscription is not None:
        owner = work.subscriptions.named(subscription)
        found = [a for a in found if a.subscription_id == owner.id]
    if len(found) > 1:
        raise BadInput(f"Several subscriptions have an application '{name}': say which.")
    if not found:
        raise ApplicationNotFound
    return found[0]


def _of_caller(application: Application, caller: Caller) -> Application:
    if application.subscription_id != caller.subscription_id:
        raise ApplicationNotFound
    return application


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
