"""The ways in which a session ends without signatures: cancelled by one of the two, or by time."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from signroom.domain.application import WORKERS, Caller
from signroom.domain.document import UNSIGNED_LIFETIME
from signroom.domain.event import Event
from signroom.domain.session import Session, SessionStatus
from signroom.ports import Ports
from signroom.ports.store import Work
from signroom.service.events.record_event import record_event

_AT_ONCE = 200


def cancel_session(ports: Ports, session_id: UUID) -> Session:
    """The signer gives up. Raises: WrongState."""
    with ports.store.work() as work:
        session, event = work.sessions.locked_of_any_tenant(session_id).cancel(ports.clock.now())
        end_unsigned(work, session, event)
    return session


def withdraw_session(ports: Ports, caller: Caller, session_id: UUID) -> None:
    """The application ends a session that nobody has signed yet; quiet when it was cancelled already.

    Raises: NotAllowed, SignatureSessionNotFound, WrongState.
    """
    caller.require(WORKERS)
    with ports.store.work() as work:
        session = work.of(caller).locked_session(session_id)
        if session.status is not SessionStatus.USER_CANCELLED:
            end_unsigned(work, *session.cancel(ports.clock.now()))


def expire_session(ports: Ports, session_id: UUID) -> Session:
    """End a session whose time is over; quiet when it has ended meanwhile."""
    with ports.store.work() as work:
        session = work.sessions.locked_of_any_tenant(session_id)
        if session.expired(ports.clock.now()):
            session, event = session.expire(ports.clock.now())
            end_unsigned(work, session, event)
    return session


def expire_sessions(ports: Ports) -> int:
    """End all sessions whose time is over; returns how many. May run late, twice, and in several places at once."""
    ended = 0
    while True:
        now = ports.clock.now()
        with ports.store.work() as work:
            found = [session.expire(now) for session in work.sessions.locked_expired(now, _AT_ONCE)]
            _end_all(work, found)
        ended += len(found)
        if len(found) < _AT_ONCE:
            return ended


def end_unsigned(work: Work, session: Session, event: Event) -> None:
    """Store that a session has ended without signatures, in the transaction that ends it."""
    _end_all(work, [(session, event)])


def _end_all(work: Work, ended: Sequence[tuple[Session, Event]]) -> None:
    if not ended:
        return
    # What will never be signed does not hold a key that is printed on somebody's paper, nor its files for long.
    work.sessions.end_unsigned([session for session, _ in ended], ended[0][1].at + UNSIGNED_LIFETIME)
    for session, event in ended:
        record_event(work, event, session.subscription_id, session.application_id)
