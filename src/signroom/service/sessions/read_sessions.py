"""Queries for sessions, each as of now. The first look at a session is recorded as an event.

A session and its documents are read in one transaction: a completed session never comes with documents in processing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from signroom.domain.application import READERS, Application, Caller
from signroom.domain.branding import NO_BRANDING, Branding
from signroom.domain.document import Document
from signroom.domain.session import Session
from signroom.ports import Ports
from signroom.ports.store import SessionFilter, Work
from signroom.service.events.record_event import record_event
from signroom.service.sessions.end_session import expire_session


@dataclass(frozen=True, slots=True)
class SessionWithDocuments:
    session: Session
    documents: tuple[Document, ...]
    application: Application
    branding: Branding = NO_BRANDING


def read_session(ports: Ports, caller: Caller, session_id: UUID) -> SessionWithDocuments:
    """For an application. Raises: NotAllowed, SignatureSessionNotFound, also for another subscription's session."""
    caller.require(READERS)
    with ports.store.read() as work:
        found = _load(work, work.of(caller).session(session_id))
    return _at_this_time(ports, found)


def read_session_of_page(ports: Ports, session_id: UUID) -> SessionWithDocuments:
    """For the holder of a page token. Raises: SignatureSessionNotFound."""
    with ports.store.read() as work:
        found = _load_for_page(work, work.sessions.of_any_tenant(session_id))
    return _at_this_time(ports, found)


def open_page(ports: Ports, session_id: UUID) -> SessionWithDocuments:
    """For the page that its holder's browser runs: the first time is a fact worth telling.

    Raises: SignatureSessionNotFound.
    """
    found = read_session_of_page(ports, session_id)
    if found.session.open(ports.clock.now()) is None:
        return found
    with ports.store.work() as work:
        session = work.sessions.locked_of_any_tenant(session_id)
        opened = session.open(ports.clock.now())  # unless somebody was faster
        if opened is not None:
            session, event = opened
            work.sessions.save(session)
            record_event(work, event, session.subscription_id, session.application_id)
        # What was read before may be older than the session is now.
        return _load_for_page(work, session)


def list_sessions(ports: Ports, caller: Caller, wanted: SessionFilter, limit: int) -> list[Session]:
    """Of the caller's subscription, newest first; `limit` of them at most. Raises: NotAllowed.

    One whose time is over is told as ``Expired``; it is ended when somebody looks at it alone.
    """
    caller.require(READERS)
    now = ports.clock.now()
    with ports.store.read() as work:
        found = work.sessions.find(replace(wanted, subscription_id=caller.subscription_id), limit, now)
    return [s.expire(now)[0] if s.expired(now) else s for s in found]


def _load(work: Work, session: Session) -> SessionWithDocuments:
    documents = [document for document in work.documents.of_session(session.id) if document.erased_at is None]
    return SessionWithDocuments(session, tuple(documents), work.of(session).application(session.application_id))


def _load_for_page(work: Work, session: Session) -> SessionWithDocuments:
    return replace(_load(work, session), branding=work.subscriptions.branding(session.subscription_id))


def _at_this_time(ports: Ports, found: SessionWithDocuments) -> SessionWithDocuments:
    if not found.session.expired(ports.clock.now()):
        return found
    expire_session(ports, found.session.id)
    with ports.store.read() as work:  # somebody may have signed in time
        return replace(_load(work, work.of(found.session).session(found.session.id)), branding=found.branding)
