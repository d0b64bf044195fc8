"""Queries. No rule lives here but the wall between subscriptions, the look at the clock, and the first look of all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from signroom.domain.application import READERS, Application, Caller
from signroom.domain.branding import NO_BRANDING, Branding
from signroom.domain.document import Document, DocumentStatus
from signroom.domain.errors import DocumentNotFound, SignatureSessionNotFound
from signroom.domain.metadata import require_name, require_value
from signroom.domain.session import Session
from signroom.ports import MetadataSearch, Ports, SessionFilter, Work
from signroom.service.announce import announce
from signroom.service.end_session import expire_session


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
        found = _load(work, work.session(session_id))
    if found.session.subscription_id != caller.subscription_id:
        raise SignatureSessionNotFound
    return _at_this_time(ports, found)


def read_session_of_page(ports: Ports, session_id: UUID) -> SessionWithDocuments:
    """For the holder of a page token. Raises: SignatureSessionNotFound."""
    with ports.store.read() as work:
        session = work.session(session_id)
        found = replace(_load(work, session), branding=work.branding(session.subscription_id))
    return _at_this_time(ports, found)


def open_page(ports: Ports, session_id: UUID) -> SessionWithDocuments:
    """For the page that its holder's browser runs: the first time is a fact worth telling.

    Raises: SignatureSessionNotFound.
    """
    found = read_session_of_page(ports, session_id)
    if found.session.open(ports.clock.now()) is None:
        return found
    with ports.store.work() as work:
        session = work.session_for_update(session_id)
        opened = session.open(ports.clock.now())  # unless somebody was faster
        if opened is not None:
            session, event = opened
            work.save_session(session)
            announce(work, event, session.subscription_id, session.application_id)
    return replace(found, session=session)


def list_sessions(ports: Ports, caller: Caller, wanted: SessionFilter, limit: int) -> list[Session]:
    """Of the caller's subscription, newest first; `limit` of them at most. Raises: NotAllowed.

    One whose time is over is told as ``Expired``; it is ended when somebody looks at it alone.
    """
    caller.require(READERS)
    now = ports.clock.now()
    with ports.store.read() as work:
        found = work.list_sessions(replace(wanted, subscription_id=caller.subscription_id), limit, now)
    return [s.expire(now)[0] if s.expired(now) else s for s in found]


def find_documents(ports: Ports, caller: Caller, wanted: MetadataSearch, limit: int) -> list[Document]:
    """Documents whose metadata has a value under a name, newest first; what nobody has signed yet is left out unless
    the application chose it. Raises: NotAllowed, BadMetadata.
    """
    caller.require(READERS)
    require_name(wanted.name)
    require_value(wanted.value)
    with ports.store.read() as work:
        return work.find_documents(replace(wanted, subscription_id=caller.subscription_id), limit)


def read_document(ports: Ports, caller: Caller, document_id: UUID) -> Document:
    """Raises: NotAllowed, DocumentNotFound, also for another subscription's document and for what is not shown yet."""
    caller.require(READERS)
    with ports.store.read() as work:
        document = work.document(document_id)
        if document.subscription_id != caller.subscription_id or not _shown(work, document):
            raise DocumentNotFound
    return document


def _shown(work: Work, document: Document) -> bool:
    """An upload is the signer's until he has signed it, a local preparation is nothing until it is completed."""
    if document.status is not DocumentStatus.PENDING_SIGNATURE:
        return True
    return document.session_id is not None and work.session(document.session_id).predefined


def read_document_of_page(ports: Ports, session_id: UUID, document_id: UUID) -> Document:
    """Its files are still there.

    Raises: DocumentNotFound, also for another session's document, and once the session's time is over: a link may
    lie about for years, and its page shows no files then. DocumentPurged.
    """
    with ports.store.read() as work:
        document = work.document(document_id)
        if document.session_id != session_id or ports.clock.now() >= work.session(session_id).expires_at:
            raise DocumentNotFound
    document.require_files(ports.clock.now())
    return document


def _load(work: Work, session: Session) -> SessionWithDocuments:
    return SessionWithDocuments(session, tuple(work.documents(session.id)), work.application(session.application_id))


def _at_this_time(ports: Ports, found: SessionWithDocuments) -> SessionWithDocuments:
    if not found.session.expired(ports.clock.now()):
        return found
    return replace(found, session=expire_session(ports, found.session.id))
