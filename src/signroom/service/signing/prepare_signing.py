"""Steps 3 and 4 of the signature cycle: check the certificate, lay out each signature, store it, hand out the bytes.

A document that cannot be prepared does not stop the others: the preparation names it with the reason, and the signer
decides whether they go on without it (`finish_signing`).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import datetime
from uuid import UUID, uuid4

from signroom.domain.document import Document
from signroom.domain.errors import BadInput, CertificateRejected, Refused, WrongState
from signroom.domain.preparation import Preparation, PreparedDocument, RefusedDocument
from signroom.domain.signature import CertificateChain, DigestAlgorithm, PdfReading, Prepared, TrustedChain, XmlLayout
from signroom.ports import Ports
from signroom.ports.files import FileNeeded, content_of
from signroom.service.certificates.judge_certificate import find_context, require_good_certificate
from signroom.service.documents.read_documents import read_document_of_page

_AT_ONCE = 4


def prepare_signing(ports: Ports, session_id: UUID, chain: CertificateChain) -> Preparation:
    """Prepare every document of the session that awaits a signature.

    Raises: WrongState, BadCertificate, a CertificateRejected, Unavailable.
    """
    now = ports.clock.now()
    with ports.store.read() as work:
        session = work.sessions.of_any_tenant(session_id)
        session.require_signable(now)
        waiting = [d for d in work.documents.of_session(session_id) if d.awaits_signature]
        readings = work.documents.readings([d.id for d in waiting])
    if not waiting:
        raise WrongState("There is no document to sign.")
    context = find_context(ports, session.security_context_id)
    trusted = require_good_certificate(ports, chain, context, session.requirements, now)

    def prepare(document: Document) -> PreparedDocument | RefusedDocument:
        try:
            return PreparedDocument(
                document.id, prepare_document(ports, document, trusted, now, readings.get(document.id))
            )
        except (BadInput, CertificateRejected):  # of the certificate: no document is to blame
            raise
        except Refused as error:
            return RefusedDocument(document.id, error.code, error.message, error.detail)

    with ThreadPoolExecutor(max_workers=_AT_ONCE) as threads:
        outcomes = list(threads.map(prepare, waiting))
    preparation = Preparation(
        id=uuid4(),
        session_id=session_id,
        chain=trusted.chain,
        items=tuple(one for one in outcomes if isinstance(one, PreparedDocument)),
        created_at=now,
        refused=tuple(one for one in outcomes if isinstance(one, RefusedDocument)),
    )
    with ports.store.work() as work:
        work.sessions.locked_of_any_tenant(session_id).require_signable(now)
        work.preparations.add(preparation)
    return preparation


def canonical_form(ports: Ports, session_id: UUID, preparation_id: UUID, document_id: UUID) -> bytes:
    """The octets of an XML document that a preparation's signature covers.

    Raises: DocumentNotFound as `read_document_of_page`, PreparationNotFound, WrongState for other formats.
    """
    document = read_document_of_page(ports, session_id, document_id)
    with ports.store.read() as work:
        prepared = work.preparations.prepared(preparation_id, document_id)
    layout = prepared.layout
    if not isinstance(layout, XmlLayout):
        raise WrongState("The document is not XML.")
    with ports.blobs.as_file(document.original.blob_key, content_of(document.original)) as file:
        return ports.formats.canonical(file, layout.options)


def prepare_document(
    ports: Ports, document: Document, trusted: TrustedChain, now: datetime, reading: PdfReading | None
) -> Prepared:
    """With the `reading` of a PDF its file is not fetched.

    Raises: a DocumentRejected, BlobNotFound, BadCertificate, Unavailable.
    """
    algorithm = DigestAlgorithm.SHA256
    if reading is not None:
        with suppress(FileNeeded):
            return ports.formats.prepare(None, document.options, trusted, algorithm=algorithm, now=now, reading=reading)
    with ExitStack() as files:
        file = files.enter_context(ports.blobs.as_file(document.original.blob_key, content_of(document.original)))
        data = None if document.data_key is None else files.enter_context(ports.blobs.as_file(document.data_key, None))
        return ports.formats.prepare(
            file, document.options, trusted, algorithm=algorithm, now=now, data=data, reading=reading
        )
