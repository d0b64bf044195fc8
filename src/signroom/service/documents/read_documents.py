"""Queries for documents, each behind the wall between subscriptions."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from signroom.domain.application import READERS, Caller
from signroom.domain.document import Document, DocumentStatus
from signroom.domain.errors import DocumentNotFound
from signroom.domain.metadata import require_name, require_value
from signroom.ports import Ports
from signroom.ports.store import MetadataSearch, Work


def find_documents(ports: Ports, caller: Caller, wanted: MetadataSearch, limit: int) -> list[Document]:
    """Documents whose metadata has a value under a name, newest first; what nobody has signed yet is left out unless
    the application chose it. Raises: NotAllowed, BadMetadata.
    """
    caller.require(READERS)
    require_name(wanted.name)
    require_value(wanted.value)
    with ports.store.read() as work:
        return work.documents.find(replace(wanted, subscription_id=caller.subscription_id), limit)


def read_document(ports: Ports, caller: Caller, document_id: UUID) -> Document:
    """Raises: NotAllowed, DocumentNotFound, also for another subscription's document and for what is not shown yet."""
    caller.require(READERS)
    with ports.store.read() as work:
        document = work.of(caller).document(document_id)
        if not _shown(work, document):
            raise DocumentNotFound
    return document


def _shown(work: Work, document: Document) -> bool:
    """An upload is the signer's until he has signed it, a local preparation is nothing until it is completed."""
    if document.status is not DocumentStatus.PENDING_SIGNATURE:
        return True
    return document.session_id is not None and work.of(document).session(document.session_id).predefined


def read_document_of_page(ports: Ports, session_id: UUID, document_id: UUID) -> Document:
    """Its files are still there.

    Raises: DocumentNotFound, also for another session's document, and once the session's time is over: a link may
    lie about for years, and its page shows no files then. DocumentPurged.
    """
    with ports.store.read() as work:
        document = work.documents.of_any_tenant(document_id)
        if document.session_id != session_id or ports.clock.now() >= work.sessions.of_any_tenant(session_id).expires_at:
            raise DocumentNotFound
    document.require_files(ports.clock.now())
    return document
