"""Go on with a session on another device: a code that one device shows and another reads, once.

The code is an address of the page with a token in place of the link. Whoever opens it first gets the link; the token
is signed, not stored, and remembered only once it is spent.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from signroom.domain.errors import (
    AlreadyDone,
    ApplicationDisabled,
    BadToken,
    HandOverEnded,
    HandOverNotAvailable,
    SignatureSessionNotFound,
    TokenExpired,
)
from signroom.ports import Ports
from signroom.service.access.page_tokens import PageToken, link_of, page_token

LIFETIME = timedelta(minutes=5)
_PURPOSE = "hand-over"
_SEPARATOR = "~"


@dataclass(frozen=True, slots=True)
class HandOver:
    address: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class TakenOver:
    token: PageToken
    link: str
    """The session's own: the second device needs it when its token is over."""


def offers_hand_over(ports: Ports) -> bool:
    """A second device reaches the page only by its public address, and uses keys only on a secure one."""
    return ports.public_url.startswith("https://")


def is_hand_over(link: str) -> bool:
    """Links of sessions have no dot, signed tokens do."""
    return "." in link


def begin_hand_over(ports: Ports, session_id: UUID) -> HandOver:
    """Raises: HandOverNotAvailable, WrongState unless the session can still be signed."""
    if not offers_hand_over(ports):
        raise HandOverNotAvailable
    now = ports.clock.now()
    with ports.store.read() as work:
        session = work.sessions.of_any_tenant(session_id)
    session.require_signable(now)
    if link_of(ports, session) is None:
        # The operator has removed the secret key that made it: the second device would get no address.
        raise HandOverNotAvailable
    token = ports.tokens.issue(_PURPOSE, _SEPARATOR.join((str(session_id), secrets.token_urlsafe(9))), now)
    return HandOver(f"{ports.public_url}/sign/{token}", now + LIFETIME)


def take_over(ports: Ports, code: str) -> TakenOver:
    """Raises: BadToken, HandOverEnded when it is too old or was used, ApplicationDisabled."""
    now = ports.clock.now()
    try:
        subject = ports.tokens.read(_PURPOSE, code, now, max_age=LIFETIME)
    except TokenExpired as error:
        raise HandOverEnded from error
    session_id, _, nonce = subject.partition(_SEPARATOR)
    if not nonce:
        raise BadToken
    try:
        with ports.store.work() as work:
            session = work.sessions.of_any_tenant(UUID(session_id))
            if work.applications.closed_to_session(session.id):
                raise ApplicationDisabled
            first = work.spent.spend_nonce(hashlib.sha256(subject.encode()).digest(), now + LIFETIME)
    except SignatureSessionNotFound as error:
        raise BadToken from error
    except AlreadyDone as error:  # at the same time, elsewhere
        raise HandOverEnded from error
    link = link_of(ports, session)
    if not first or link is None:
        raise HandOverEnded
    return TakenOver(page_token(ports, session.id, session.subscription_id), link)
