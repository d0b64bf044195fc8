"""The two ways in which a session ends without signatures."""

from __future__ import annotations

from uuid import UUID

from signroom.domain.session import Session
from signroom.ports import Ports


def cancel_session(ports: Ports, session_id: UUID) -> Session:
    """The signer gives up. Raises: WrongState."""
    with ports.store.work() as work:
        session, event = work.session_for_update(session_id).cancel(ports.clock.now())
        work.save_session(session)
        work.append_event(event)
    return session


def expire_session(ports: Ports, session_id: UUID) -> Session:
    """End a session whose time is over; quiet when it has ended meanwhile."""
    with ports.store.work() as work:
        session = work.session_for_update(session_id)
        if session.expired(ports.clock.now()):
            session, event = session.expire(ports.clock.now())
            work.save_session(session)
            work.append_event(event)
    return session
