"""Who is calling? An API key's secret is 256 random bits, found by its SHA-256 alone."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime

from signroom.domain.application import USE_NOTED_EVERY, ApplicationCaller
from signroom.domain.errors import DatabaseUnavailable, NotAllowed, Unauthenticated
from signroom.domain.secret import hash_secret
from signroom.ports import Ports
from signroom.ports.store import KeyOwner

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_UNKNOWN = "No key of this service has this secret, or it was revoked."
_MALFORMED = (
    "It does not have the form of a key: application|secret, and the secret has 43 letters, digits, '-' or '_'."
)


def authenticate(ports: Ports, secret: str) -> ApplicationCaller:
    """The application behind the secret of a key; never an operator. Raises: Unauthenticated, ApplicationDisabled."""
    now = ports.clock.now()
    found = ports.store.key(hash_secret(secret))
    if found is None:
        raise Unauthenticated(_UNKNOWN if _SECRET.fullmatch(secret) else _MALFORMED)
    caller = _caller(found, now)
    if found.key.use_is_due(now):
        # A key that opens a full or locked database still reads what is in it.
        with suppress(DatabaseUnavailable), ports.store.work() as work:
            work.applications.note_use(found.key.id, now, now - USE_NOTED_EVERY)
    return caller


def authenticate_known(ports: Ports, secret: str) -> ApplicationCaller | None:
    """The same without waiting for anything, for a key that was used a moment ago. None: ask `authenticate`.

    Raises: Unauthenticated, ApplicationDisabled.
    """
    now = ports.clock.now()
    known = ports.store.known_key(hash_secret(secret))
    if known is None or known.key.use_is_due(now):
        return None
    return _caller(known, now)


def _caller(found: KeyOwner, now: datetime) -> ApplicationCaller:
    """Raises: Unauthenticated, ApplicationDisabled."""
    api_key, application = found.key, found.application
    if api_key.revoked_at is not None:
        raise Unauthenticated(_UNKNOWN)  # the same words: nobody learns from us that a key was one
    if api_key.expired(now):
        raise Unauthenticated("It has expired.")
    application.require_open(subscription_closed=found.subscription_closed)
    roles = application.roles if api_key.role is None else frozenset({api_key.role})
    return ApplicationCaller(application, roles, api_key.id)


def require_subscription(ports: Ports, caller: ApplicationCaller, wanted: str) -> None:
    """``X-Subscription`` names one by id or alias (its name); an application belongs to one. Raises: NotAllowed."""
    with ports.store.ask() as work:
        own = work.subscriptions.get(caller.subscription_id)
    if wanted.strip().casefold() not in {str(own.id), own.name.casefold()}:
        raise NotAllowed("The application does not belong to that subscription.")
