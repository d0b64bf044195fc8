"""A signer who is there and needs more time gets it: nobody loses what they have begun to read."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from signroom.domain.session import Session
from signroom.ports import Ports

EXTENSION = timedelta(minutes=30)
"""How long the link works from the moment that somebody asks for more time."""


def extend_session(ports: Ports, session_id: UUID) -> Session:
    """Let the session's link work for longer, up to the longest life that this installation allows.

    Asked for again, or at the longest life, it changes nothing.

    Raises: SignatureSessionNotFound, WrongState when the session has ended.
    """
    with ports.store.work() as work:
        session = work.sessions.locked_of_any_tenant(session_id)
        extended = session.extend(ports.clock.now(), EXTENSION, ports.limits.longest_session)
        if extended != session:
            work.sessions.save(extended)
    return extended


def can_be_extended(ports: Ports, session: Session) -> bool:
    """True when asking for more time may still help."""
    return session.expires_at < session.created_at + ports.limits.longest_session
