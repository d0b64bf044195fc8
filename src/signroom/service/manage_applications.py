"""Subscriptions, applications and their API keys."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from signroom.domain.application import ApiKey, Application, Role, Subscription
from signroom.domain.errors import ApplicationNotFound, BadInput, NotFound
from signroom.ports import Clock, Store
from signroom.service.authenticate import hash_secret

MAX_NAME = 100


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as handed out, once: ``name|secret``."""

    text: str
    key: ApiKey


def create_subscription(store: Store, name: str) -> Subscription:
    """Raises: BadInput, NameTaken."""
    subscription = Subscription(uuid4(), _clean(name))
    with store.work() as work:
        work.add_subscription(subscription)
    return subscription


def create_application(store: Store, subscription: str, name: str) -> Application:
    """Raises: BadInput, NameTaken, SubscriptionNotFound."""
    with store.work() as work:
        application = Application(uuid4(), work.subscription(subscription).id, _clean(name))
        work.add_application(application)
    return application


def create_key(
    store: Store, clock: Clock, application: str, role: Role, *, expires_at: datetime | None = None
) -> NewKey:
    """A new key for an application by name; its secret is shown here and never again. Raises: ApplicationNotFound."""
    secret = secrets.token_urlsafe(32)
    with store.work() as work:
        owner = work.application_by_name(application)
        key = ApiKey(uuid4(), owner.id, hash_secret(secret), role, clock.now(), expires_at)
        work.add_api_key(key)
    return NewKey(f"{owner.name}|{secret}", key)


def ensure_application(store: Store, subscription: str, name: str) -> Application:
    """The application called `name`, made together with its subscription when missing."""
    with store.work() as work:
        try:
            return work.application_by_name(name)
        except ApplicationNotFound:
            pass
        try:
            owner = work.subscription(subscription)
        except NotFound:
            owner = Subscription(uuid4(), _clean(subscription))
            work.add_subscription(owner)
        application = Application(uuid4(), owner.id, _clean(name))
        work.add_application(application)
    return application


def _clean(name: str) -> str:
    clean = name.strip()
    if not clean or len(clean) > MAX_NAME or not clean.isprintable() or "|" in clean:
        raise BadInput(f"A name has 1 to {MAX_NAME} printable characters and no '|'.")
    return clean
