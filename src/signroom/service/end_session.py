"""The ways in which a session ends without signatures."""

from __future__ import annotations

from uuid import UUID

from signroom.domain.application import WORKERS, Caller
from signroom.domain.errors import SignatureSessionNotFound
from signroom.domain.event import Event
from signroom.domain.session import Session, SessionStatus
from signroom.ports import Ports, Work
from signroom.service.announce import announce


def cancel_session(ports: Ports, session_id: UUID) -> Session:
    """The signer gives up. Raises: WrongState."""
    with ports.store.work() as work:
        session, event = work.session_for_update(session_id).cancel(ports.clock.now())
        _end(work, session, event)
    return session


def withdraw_session(ports: Ports, caller: Caller, session_id: UUID) -> None:
    """The application ends a session that nobody has signed yet; quiet when it was cancelled already.

    Raises: NotAllowed, SignatureSessionNotFound, WrongState.
    """
    caller.require(WORKERS)
    with ports.store.work() as work:
        session = work.session_for_update(session_id)
        if session.subscription_id != caller.subscription_id:
            raise SignatureSessionNotFound
        if session.status is not SessionStatus.USER_CANCELLED:
            _end(work, *session.cancel(ports.clock.now()))


def expire_session(ports: Ports, session_id: UUID) -> Session:
    """End a session whose time is over; quiet when it has ended meanwhile."""
    with ports.store.work() as work:
        session = work.session_for_update(session_id)
        if session.expired(ports.clock.now()):
            session, event = session.expire(ports.clock.now())
            _end(work, session, event)
    return session


def _end(work: Work, session: Session, event: Event) -> None:
    work.save_session(session)
    # What will never be signed does not hold a key that is printed on somebody's paper.
    work.release_document_keys([d.id for d in work.documents(session.id)])
    announce(work, event, session.subscription_id, session.application_id)
