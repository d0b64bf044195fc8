"""Steps 3 and 4 of the signature cycle: check the certificate, lay out each signature, store it, hand out the bytes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

from signroom.domain.document import Document
from signroom.domain.errors import WrongState
from signroom.domain.preparation import Preparation, PreparedDocument
from signroom.domain.signature import CertificateChain, DigestAlgorithm
from signroom.ports import Ports

_AT_ONCE = 4
MAX_ISSUERS = 10


def prepare_signing(ports: Ports, session_id: UUID, chain: CertificateChain) -> Preparation:
    """Prepare every document of the session that awaits a signature.

    Raises: WrongState, BadCertificate, a CertificateRejected, a DocumentRejected, Unavailable.
    """
    now = ports.clock.now()
    with ports.store.read() as work:
        session = work.session(session_id)
        session.require_signable(now)
        waiting = [d for d in work.documents(session_id) if d.awaits_signature]
    if not waiting:
        raise WrongState("There is no document to sign.")
    ports.trust.read(chain.certificate).require_fit_for_signing(now)
    ports.trust.require_trusted(chain, now)

    def prepare(document: Document) -> PreparedDocument:
        with ports.blobs.as_file(document.original.blob_key) as file:
            return PreparedDocument(document.id, ports.formats.prepare(file, chain, DigestAlgorithm.SHA256, now))

    with ThreadPoolExecutor(max_workers=_AT_ONCE) as threads:
        items = tuple(threads.map(prepare, waiting))
    preparation = Preparation(uuid4(), session_id, chain, items, now)
    with ports.store.work() as work:
        work.session_for_update(session_id).require_signable(now)
        work.add_preparation(preparation)
    return preparation
