"""Queries for sessions, each as of now.

A session and its documents are read as they are at one moment: a completed session never comes with documents in
processing. It is one question to the database, since nothing is asked for more often.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from signroom.domain.application import READERS, Caller
from signroom.domain.document import Document
from signroom.domain.session import Session
from signroom.ports import Ports
from signroom.ports.store import SessionFilter, SessionOfPage
from signroom.service.sessions.end_session import expire_session


@dataclass(frozen=True, slots=True)
class SessionWithDocuments:
    session: Session
    documents: tuple[Document, ...]


def read_session(ports: Ports, caller: Caller, session_id: UUID) -> SessionWithDocuments:
    """For an application. Raises: NotAllowed, SignatureSessionNotFound, also for another subscription's session."""
    caller.require(READERS)
    found = _of_caller(ports, caller, session_id)
    if not found.session.expired(ports.clock.now()):
        return found
    expire_session(ports, session_id)
    return _of_caller(ports, caller, session_id)  # somebody may have signed in time


def read_session_of_page(ports: Ports, session_id: UUID) -> SessionOfPage:
    """For the holder of a page token. Raises: SignatureSessionNotFound."""
    found = _of_page(ports, session_id)
    if not found.session.expired(ports.clock.now()):
        return found
    expire_session(ports, session_id)
    return _of_page(ports, session_id)  # somebody may have signed in time


def list_sessions(ports: Ports, caller: Caller, wanted: SessionFilter, limit: int) -> list[Session]:
    """Of the caller's subscription, newest first; `limit` of them at most. Raises: NotAllowed.

    One whose time is over is told as ``Expired``; it is ended when somebody looks at it alone.
    """
    caller.require(READERS)
    now = ports.clock.now()
    with ports.store.read() as work:
        found = work.sessions.find(replace(wanted, subscription_id=caller.subscription_id), limit, now)
    return [s.expire(now)[0] if s.expired(now) else s for s in found]


def _of_caller(ports: Ports, caller: Caller, session_id: UUID) -> SessionWithDocuments:
    with ports.store.ask() as work:
        session, documents = work.of(caller).session_with_documents(session_id)
    return SessionWithDocuments(session, tuple(documents))


def _of_page(ports: Ports, session_id: UUID) -> SessionOfPage:
    with ports.store.ask() as work:
        found = work.sessions.of_page_of_any_tenant(session_id)
    found.session.require_not_erased()
    return found
