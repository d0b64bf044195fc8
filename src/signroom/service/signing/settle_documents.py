"""What one document and a chunk of a session have in common, from their accepted values to their end.

`read_in_processing` reads what signed files are made of, `require_good` judges one that was written, and
`settle_documents` ends the processing of documents, and that of their session with the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from signroom.domain.document import Document, DocumentStatus, StoredFile, signed_name
from signroom.domain.errors import BadCertificate, SecurityContextNotConfigured, VerificationFailed
from signroom.domain.event import DocumentFailed, DocumentSignatureCompleted, Event
from signroom.domain.level import Level
from signroom.domain.qualification import Qualification
from signroom.domain.security_context import EU, SecurityContext, confirms_identity
from signroom.domain.session import Session
from signroom.domain.signature import Indication, Prepared, SignatureType, Verdict, XmlLayout
from signroom.ports import Ports
from signroom.ports.files import Stored
from signroom.ports.store import InProcessing, SessionToSettle, Work
from signroom.service.events.record_event import record_event
from signroom.service.levels.archive_document import context_of, enqueue_archiving

SIGNED_TYPES = {SignatureType.CMS: "application/pkcs7-signature", SignatureType.XML: "application/xml"}
"""Where the signed file is of another kind than the original."""
Move = Callable[[Document], tuple[Document, Event]]
"""The end of a document's processing: the document as it is then, and what is told."""


@dataclass(frozen=True, slots=True)
class Processed:
    """A document in processing, with what its signed file is made of, and by what its signer is judged."""

    parts: InProcessing
    context: SecurityContext | None
    """None: it was deleted since the document was prepared."""

    @property
    def document(self) -> Document:
        return self.parts.document

    @property
    def prepared(self) -> Prepared:
        return self.parts.prepared

    @property
    def identity_confirmed(self) -> bool | None:
        """By the security context of the document's session; None without a session."""
        of_session = self.parts.context_of_session
        return None if of_session is None else confirms_identity(of_session)


@dataclass(frozen=True, slots=True)
class SignedFile:
    """A signed file that is stored, and the verdict on it."""

    file: StoredFile
    verdict: Verdict
    level: Level = Level.B_B
    detail: str | None = None
    """Why the level that is wanted was not reached."""
    final: bool = False
    """Trying again would not help."""
    archive_until: datetime | None = None
    """When the certificate of its archive timestamp ends."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """`document` as it was read, and how its processing ends."""

    document: Document
    move: Move
    session: Session | None = None
    """Its session as it was read with it, when it has no other document (`InProcessing.session_alone`)."""


class _ChangedMeanwhile(Exception):
    """What is to be settled is not as it was read any more."""


def read_in_processing(ports: Ports, document_ids: Sequence[UUID]) -> list[Processed]:
    """Those of them that are in processing, and have what was prepared for them."""
    # Not as of one moment: what has changed meanwhile is seen under the locks of `settle_documents`.
    contexts: dict[UUID | None, SecurityContext | None] = {}
    with ports.store.ask() as work:
        found = work.processing.of_any_tenant(document_ids)
        for parts in found:
            asked = parts.document.security_context_id or parts.context_of_session
            if asked not in contexts:
                contexts[asked] = context_of(ports, work, parts.document, parts.context_of_session)
    return [Processed(one, contexts[one.document.security_context_id or one.context_of_session]) for one in found]


def require_good(verdict: Verdict, document: Document, prepared: Prepared) -> None:
    """The new signature is there, ours and whole; every earlier one is still what it was."""
    if len(verdict.signatures) != document.inspection.signatures + 1 or not verdict.intact:
        raise VerificationFailed
    # A PDF's are in the order they were made; in a CMS object they are a set (RFC 5652, 5.1).
    last = verdict.signatures[-1:] if document.signature_type is SignatureType.PDF else verdict.signatures
    # An XML signature on one element covers that element: its digest was compared when it was embedded.
    layout = prepared.layout
    element = isinstance(layout, XmlLayout) and layout.options.element_id is not None
    ours = [s for s in last if s.certificate == prepared.chain.certificate and (s.covers_whole_file or element)]
    if not ours:
        raise VerificationFailed("The last signature is not the one that was made.")
    if all(s.indication is not Indication.TOTAL_PASSED for s in ours):
        raise VerificationFailed(ours[-1].reason)


def stored_file(document: Document, key: str, stored: Stored) -> StoredFile:
    """The signed file of `document`, stored under `key`."""
    kind = SIGNED_TYPES.get(document.signature_type, document.original.content_type)
    name = signed_name(document.original.name, document.signature_type)
    return StoredFile(key, name, kind, stored.length, stored.sha256)


def qualification_of(ports: Ports, found: Processed) -> Qualification | None:
    """Of the signer's certificate, by the trusted lists. Only their context says anything; nobody is asked for it."""
    document, context = found.document, found.context
    if context is None or context.id != EU.id or document.signed_at is None:
        return None
    with suppress(BadCertificate, SecurityContextNotConfigured):  # the lists may be gone since it was prepared
        chain = found.prepared.chain
        verdict = ports.trust.judge(chain, context, document.signed_at, revocation_may_be_unknown=True, offline=True)
        return verdict.qualification
    return None


def completion(
    ports: Ports,
    found: Processed,
    made: SignedFile,
    qualification: Qualification | None,
    *,
    identity_confirmed: bool | None,
) -> Settlement:
    """The document has its signed file."""
    context_id = found.document.security_context_id
    if context_id is None and found.context is not None:  # a row of an older release
        context_id = found.context.id
    certificate = found.prepared.chain.certificate
    # Nobody has asked about those who signed before, unless they used the same certificate.
    signatures = (
        replace(one, identity_confirmed=identity_confirmed, context_id=context_id, qualification=qualification)
        if one.certificate == certificate
        else one
        for one in made.verdict.signatures
    )
    verdict = Verdict(tuple(signatures))

    def complete(current: Document) -> tuple[Document, Event]:
        event = DocumentSignatureCompleted(current.session_id, ports.clock.now(), current.id)
        kept = found.parts.subscription.available_until(current.signed_at or ports.clock.now())
        completed = current.complete(
            made.file, verdict, kept, level=made.level, level_detail=made.detail, archive_until=made.archive_until
        )
        return completed.note_level(made.detail or "", final=True) if made.final else completed, event

    return Settlement(found.document, complete, found.parts.session_alone)


def failure(ports: Ports, document: Document, code: str, detail: str | None = None) -> Settlement:
    """The document ends as ``ProcessingError`` with `code`."""

    def fail(current: Document) -> tuple[Document, Event]:
        return current.fail(code, detail), DocumentFailed(current.session_id, ports.clock.now(), current.id)

    return Settlement(document, fail)


def settle_documents(ports: Ports, settlements: Sequence[Settlement]) -> set[UUID]:
    """End the processing of some documents of one session, or of one without a session.

    Returns the ids of those that were changed. Of the others another run was faster. However many they are, the
    database is asked as often as for one.

    Raises: SignatureSessionNotFound when its application was deleted since.
    """
    first = settlements[0]
    if len(settlements) == 1 and first.session is not None and _settle_alone(ports, first, first.session):
        return {first.document.id}
    session_id = first.document.session_id
    with ports.store.work() as work:
        ids = [settlement.document.id for settlement in settlements]
        # The session's lock comes first: of two runs that end documents of one session at the same time, the second
        # must see what the first has ended.
        found = None if session_id is None else work.processing.locked_to_settle(session_id, ids)
        documents = work.processing.locked_of_any_tenant(ids) if found is None else found.documents
        locked = {document.id: document for document in documents}
        moved, events = [], []
        for settlement in settlements:
            seen, current = settlement.document, locked.get(settlement.document.id)
            if current is None or current.status is not DocumentStatus.PROCESSING:
                continue
            if current.preparation_id == seen.preparation_id:
                document, event = settlement.move(current)
                moved.append(document)
                events.append(event)
        if not moved:
            return set()
        ended = None if found is None else _save_with_session(ports, work, found, moved)
        if found is None:
            work.processing.save(moved)
        for document, event in zip(moved, events, strict=True):
            _record(work, document, event)
        if ended is not None and found is not None:
            record_event(work, ended, found.session.subscription_id, found.session.application_id)
    return {document.id for document in moved}


def _settle_alone(ports: Ports, settlement: Settlement, seen: Session) -> bool:
    """The same for the only document of a session, without another look at them: each change says what it changes.

    False when something has changed since they were read, and nothing was written.
    """
    document, event = settlement.move(settlement.document)
    settled = seen.settle_by([document.end], ports.clock.now())
    if settled is None:
        return False
    session, ended = settled
    with suppress(_ChangedMeanwhile):
        with ports.store.work() as work:
            if not work.processing.end_alone(document, session):
                raise _ChangedMeanwhile
            _record(work, document, event)
            record_event(work, ended, session.subscription_id, session.application_id)
        return True
    return False


def _record(work: Work, document: Document, event: Event) -> None:
    if document.awaits_level and document.level_asked_at is not None:
        enqueue_archiving(work, document)
    record_event(work, event, document.subscription_id, document.application_id)


def _save_with_session(ports: Ports, work: Work, found: SessionToSettle, moved: Sequence[Document]) -> Event | None:
    """Store `moved`, and the end of their session when they were its last. Then the event of it."""
    if found.waits_for_others:
        work.processing.save(moved)
        return None
    if found.has_others:
        work.processing.save(moved)
        moved, ends = [], work.processing.ends_of_session(found.session.id)
    else:  # nobody else can say more about them
        now_as = {document.id: document for document in moved}
        ends = [now_as.get(document.id, document).end for document in found.documents]
    settled = found.session.settle_by(ends, ports.clock.now())
    work.processing.save(moved, None if settled is None else settled[0])
    return None if settled is None else settled[1]
