"""Take a document out of an open session again."""

from __future__ import annotations

from uuid import UUID

from signroom.domain.errors import DocumentNotFound, WrongState
from signroom.ports import Ports
from signroom.service.documents.discard_blobs import discard_blob


def remove_document(ports: Ports, session_id: UUID, document_id: UUID) -> None:
    """Raises: DocumentNotFound, WrongState."""
    with ports.store.work() as work:
        session = work.sessions.locked_of_any_tenant(session_id)
        session.require_open(ports.clock.now())
        if session.predefined:
            raise WrongState("The application has chosen the documents of this session.")
        document = work.documents.of_any_tenant(document_id)
        if document.session_id != session_id:
            raise DocumentNotFound
        work.documents.remove(document_id)
    discard_blob(ports, document.original.blob_key)
