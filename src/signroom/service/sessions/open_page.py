"""Open the page of a session. The first time is recorded as the event `SessionOpened`.

No call of a page is taken without a token, and a link gives one only after the event is stored. So the event comes
before everything that a page does, whatever its program calls first, and it is never left out.
"""

from __future__ import annotations

from uuid import UUID

from signroom.domain.errors import BadToken, SignatureSessionNotFound
from signroom.domain.session import Session
from signroom.ports import Ports
from signroom.service.access.page_tokens import PageToken, page_token, session_of_link
from signroom.service.events.record_event import record_event
from signroom.service.sessions.read_sessions import SessionOfPage, read_session_of_page


def renew_page_token(ports: Ports, link: str) -> PageToken:
    """A fresh token for a link, also of a session that has ended: its page explains itself.

    Raises: BadToken, ApplicationDisabled.
    """
    session = session_of_link(ports, link)
    try:
        _record_opening(ports, session)
    except SignatureSessionNotFound as error:  # it was deleted meanwhile
        raise BadToken from error
    return page_token(ports, session.id, session.subscription_id)


def open_page(ports: Ports, session_id: UUID) -> SessionOfPage:
    """The session as its page shows it first. Its token may be of a process of an older version, which told nothing.

    Raises: SignatureSessionNotFound.
    """
    found = read_session_of_page(ports, session_id)
    if not _record_opening(ports, found.session):
        return found
    return read_session_of_page(ports, session_id)  # it may have moved on meanwhile


def _record_opening(ports: Ports, session: Session) -> bool:
    """Record that the page of a session is opened. Returns False when it was recorded before, or is too late."""
    now = ports.clock.now()
    opened = session.open(now)
    if opened is None:
        return False
    with ports.store.work() as work:
        # Only as it is now: somebody may have been faster.
        if work.sessions.note_opened(session, now):
            record_event(work, opened[1], session.subscription_id, session.application_id)
        else:
            work.sessions.of_any_tenant(session.id)
    return True
