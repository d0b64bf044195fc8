"""The page's address holds a durable link; its calls carry a short token made from it.

The link's secret is stored as a hash. The token names one session, and its subscription; it is signed, not stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from signroom.domain.errors import ApplicationDisabled, BadToken, SignatureSessionNotFound, TokenRequired
from signroom.domain.secret import hash_secret
from signroom.domain.session import Session
from signroom.ports import Ports

_PURPOSE = "page"
_SEPARATOR = "~"


@dataclass(frozen=True, slots=True)
class PageToken:
    session_id: UUID
    token: str
    expires_at: datetime


def session_of_link(ports: Ports, link: str) -> Session:
    """The session whose page a link opens, also when it has ended. Raises: BadToken, ApplicationDisabled."""
    try:
        found = ports.store.by_link(hash_secret(link))
    except SignatureSessionNotFound as error:
        raise BadToken from error
    if found.closed:
        raise ApplicationDisabled
    return found.session


def page_token(ports: Ports, session_id: UUID, subscription_id: UUID) -> PageToken:
    """For a session whose link, or whose hand-over, was shown."""
    now = ports.clock.now()
    token = ports.tokens.issue(_PURPOSE, f"{session_id}{_SEPARATOR}{subscription_id}", now)
    return PageToken(session_id, token, now + ports.limits.page_token_lifetime)


def page_link(ports: Ports, session_id: UUID) -> str:
    """Derived, not drawn: a repeated request gets the same address, and none is stored."""
    return ports.tokens.derive("link", str(session_id))


def link_of(ports: Ports, session: Session) -> str | None:
    """The link that the session was opened with. None when the secret key that made it is not known any more."""
    for link in ports.tokens.derivations("link", str(session.id)):
        if hash_secret(link) == session.link_hash:
            return link
    return None


def is_known_open(ports: Ports, session_id: UUID) -> bool:
    """As `require_open_application`, without waiting for anything. False: ask it. Raises: ApplicationDisabled."""
    closed = ports.store.known_closed(session_id)
    if closed:
        raise ApplicationDisabled
    return closed is False


def require_open_application(ports: Ports, session_id: UUID) -> None:
    """The page of a session is closed while its application is disabled or being deleted. Raises: ApplicationDisabled.

    Whoever has a leaked key may have opened sessions: nobody is to sign what they put there.
    """
    if ports.store.closed(session_id):
        raise ApplicationDisabled


def session_of_token(ports: Ports, token: str | None) -> UUID:
    """Raises: TokenRequired, BadToken, TokenExpired."""
    return owner_of_token(ports, token)[0]


def owner_of_token(ports: Ports, token: str | None) -> tuple[UUID, UUID | None]:
    """The session and its subscription, without a look at the database.

    A token of an older version does not name the subscription.

    Raises: TokenRequired, BadToken, TokenExpired.
    """
    if not token:
        raise TokenRequired
    life = ports.limits.page_token_lifetime
    subject = ports.tokens.read(_PURPOSE, token, ports.clock.now(), max_age=life)
    session_id, _, subscription_id = subject.partition(_SEPARATOR)
    return UUID(session_id), UUID(subscription_id) if subscription_id else None
