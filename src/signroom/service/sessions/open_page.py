"""Open the page of a session. The first time is recorded as the event `SessionOpened`.

No call of a page is taken without a token, and a link gives one only after the event is stored. So the event comes
before everything that a page does, whatever its program calls first, and it is never left out.
"""

from __future__ import annotations

from uuid import UUID

from signroom.domain.errors import BadToken, SignatureSessionNotFound
from signroom.domain.secret import hash_secret
from signroom.domain.session import Session
from signroom.ports import Ports
from signroom.ports.store import SessionOfPage
from signroom.service.access.page_tokens import PageToken, page_token, session_of_link
from signroom.service.events.record_event import record_event
from signroom.service.sessions.read_sessions import read_session_of_page


def renew_page_token(ports: Ports, link: str) -> PageToken:
    """A fresh token for a link, also of a session that has ended: its page explains itself.

    Raises: BadToken, ApplicationDisabled.
    """
    shown = ports.store.known_link(hash_secret(link))
    if shown is not None and not shown.closed and _is_opened_first(ports, shown.session):
        return page_token(ports, shown.session.id, shown.session.subscription_id)
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
    if session.open(ports.clock.now()) is None:
        return False
    if not _is_opened_first(ports, session):
        with ports.store.ask() as work:
            work.sessions.of_any_tenant(session.id)
    return True


def _is_opened_first(ports: Ports, session: Session) -> bool:
    """Record that the page of a session is opened, as long as the session is pending, and nobody has done so before.

    That is asked of the row: `session` may be of a moment ago.
    """
    now = ports.clock.now()
    opened = session.open(now)
    if opened is None:
        return False
    with ports.store.work() as work:
        is_first = work.sessions.note_opened(session, now)
        if is_first:
            record_event(work, opened[1], session.subscription_id, session.application_id)
    return is_first
