"""Step 6 of the signature cycle, a durable job: make the signed file of a document.

One run does this (the comments in the code have the same numbers):

1. Read the document and what was prepared for it. Stop when the document is not in processing any more.
2. Embed the signature value into a new file, with a timestamp when one is wanted.
3. Verify the new file: a PDF by what must have stayed since its upload, other files as a stranger would. Fail unless
   the new signature is there and good, and every earlier one is still what it was.
4. Raise it to the level that is wanted, as far as that goes within a few seconds.
5. Store the new file.
6. Lock the session, then the document, and mark the document. Stop when another run has already done it, and delete
   the new file unless it is the other run's, too. When a higher level is wanted, a job goes on (`archive_document`).
7. End the session when this was its last document.

A run may be repeated at any point without harm, since step 6 happens once. Without timestamps step 5 writes the same
blob again. With them two runs have two timestamps: each has a key of its own, and one of the files is deleted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from uuid import UUID, uuid4

from signroom.domain.application import Subscription
from signroom.domain.document import Document, DocumentStatus, StoredFile, signed_name
from signroom.domain.errors import (
    BadCertificate,
    NotFound,
    SecurityContextNotConfigured,
    TimestampTooLarge,
    VerificationFailed,
)
from signroom.domain.event import DocumentFailed, DocumentSignatureCompleted, Event
from signroom.domain.level import Level
from signroom.domain.qualification import Qualification
from signroom.domain.security_context import EU, SecurityContext, confirms_identity
from signroom.domain.signature import Indication, PdfReading, Prepared, SignatureType, Verdict, XmlLayout
from signroom.ports import Ports
from signroom.ports.files import Turn
from signroom.ports.store import Work
from signroom.service.documents.delete_files import delete_files
from signroom.service.documents.file_sources import local_files, off_the_loop
from signroom.service.events.record_event import record_event
from signroom.service.levels.archive_document import NO_CONTEXT, context_of, enqueue_archiving
from signroom.service.levels.raise_level import (
    SIGNING_SECONDS,
    Patience,
    Proof,
    Raising,
    Standing,
    Stopped,
    archive_end,
)

SIGNED_TYPES = {SignatureType.CMS: "application/pkcs7-signature", SignatureType.XML: "application/xml"}
"""Where the signed file is of another kind than the original."""


async def process_document(ports: Ports, document_id: UUID, *, identity_confirmed: bool | None = None) -> None:
    """Make the signed file of a document whose signature value was accepted.

    `identity_confirmed` is what was found when it was prepared, for a document without a session. A session's is judged
    by its security context.

    Raises: a Refused when it can never succeed (see `fail_document`), Unavailable when it may later.
    """
    # 1. Read the document and what was prepared for it.
    found = await asyncio.to_thread(_read, ports, document_id)
    if found is None:
        return
    document, subscription = found.document, found.subscription
    if document.session_id is not None:
        ports.meter.about(session_id=document.session_id)
        identity_confirmed = found.identity_confirmed
    made = await _make(ports, found)
    context_id = document.security_context_id
    if context_id is None and found.context is not None:  # a row of an older release
        context_id = found.context.id
    qualification = await asyncio.to_thread(_qualification, ports, found)
    verdict = _with_identity(
        made.verdict, found.prepared.chain.certificate, identity_confirmed, context_id, qualification
    )

    def complete(current: Document) -> tuple[Document, Event]:
        event = DocumentSignatureCompleted(current.session_id, ports.clock.now(), current.id)
        kept = subscription.available_until(current.signed_at or ports.clock.now())
        completed = current.complete(
            made.file, verdict, kept, level=made.level, level_detail=made.detail, archive_until=made.archive_until
        )
        return completed.note_level(made.detail or "", final=True) if made.final else completed, event

    try:
        settled = await asyncio.to_thread(_settle, ports, document, complete)
    except NotFound:
        # Another run was faster, and its application was deleted since, with all rows: nothing else leads to the file.
        settled = False
    if not settled:
        # What the document has is left alone, and so is a file that both runs have written.
        await asyncio.to_thread(delete_files, ports, [], [made.file.blob_key])


def fail_document(ports: Ports, document_id: UUID, code: str, detail: str | None = None) -> None:
    """Give up: the document ends as ``ProcessingError`` with `code`, and so does its session once all have ended."""
    with ports.store.read() as work:
        document = work.erasures.document_of_any_tenant(document_id)

    def fail(current: Document) -> tuple[Document, Event]:
        return current.fail(code, detail), DocumentFailed(current.session_id, ports.clock.now(), current.id)

    _settle(ports, document, fail)


@dataclass(frozen=True, slots=True)
class _InProcessing:
    document: Document
    prepared: Prepared
    reading: PdfReading | None
    subscription: Subscription
    context: SecurityContext | None
    """None: it was deleted since the document was prepared."""
    identity_confirmed: bool | None
    """By the security context of the document's session; None without a session."""


def _read(ports: Ports, document_id: UUID) -> _InProcessing | None:
    """None when the document is not in processing any more."""
    # Not as of one moment: what has changed meanwhile is seen under the locks of step 5.
    with ports.store.ask() as work:
        # Erased ones are not in processing. A job that a crash has interrupted at its end may still ask for one.
        document = work.erasures.document_of_any_tenant(document_id)
        if document.status is not DocumentStatus.PROCESSING or document.preparation_id is None:
            return None
        confirmed, session = None, None
        if document.session_id is not None:
            session = work.sessions.of_any_tenant(document.session_id)
            confirmed = confirms_identity(session.security_context_id)
        return _InProcessing(
            document,
            work.preparations.prepared(document.preparation_id, document_id),
            work.documents.readings([document_id]).get(document_id),
            work.subscriptions.get(document.subscription_id),
            context_of(ports, work, document, session),
            confirmed,
        )


@dataclass(frozen=True, slots=True)
class _Made:
    file: StoredFile
    verdict: Verdict
    level: Level
    detail: str | None
    """Why the level that is wanted was not reached."""
    final: bool
    """Trying again would not help."""
    archive_until: datetime | None
    """When the certificate of its archive timestamp ends."""


async def _make(ports: Ports, found: _InProcessing) -> _Made:
    document, prepared = found.document, found.prepared
    value, preparation_id = document.signature_value, document.preparation_id
    if value is None or preparation_id is None:
        raise VerificationFailed("No signature value is stored.")
    wanted, detail, final = document.level_wanted, None, False
    async with AsyncExitStack() as files:
        folder = await files.enter_async_context(off_the_loop(ports.blobs.scratch()))
        turn = Turn.of_document(document)
        context = found.context or ports.default_context
        waits, owner = ports.waits, document.session_id or document.id
        patience = Patience(waits.left(owner, SIGNING_SECONDS), partial(waits.spend, owner))
        raising = Raising(ports, turn, context, patience, document.timestamp_tier, finds_out=False)
        original, data = await files.enter_async_context(local_files(ports, turn, document.original, document.data_key))
        timestamp = None
        if wanted.reaches(Level.B_T):
            try:
                timestamp = await raising.stamp_value(prepared, value)
            except Stopped as stopped:
                detail = stopped.reason
        # 2. Embed the signature value into a new file.
        output = folder / "signed"
        # 3. Verify the new file. A first detached signature is about the original itself.
        content = data if document.inspection.signatures else original
        sign = partial(ports.formats.of(turn).sign, original, prepared, value, output)
        sign = partial(sign, content=content, reading=found.reading)
        try:
            signed = await sign(timestamp=None if timestamp is None else timestamp.token)
        except TimestampTooLarge:  # `raise_to` puts one where there is room
            timestamp, signed = None, await sign()
        _require_good(signed.verdict, document, prepared)
        standing = Standing(
            output,
            signed.stored,
            prepared.signature_type,
            prepared.chain,
            value.value,
            Level.B_B if timestamp is None else Level.B_T,
            () if timestamp is None else (Proof(timestamp.authority, timestamp.time),),
            content,
            signed.reading,
        )
        # 4. Raise it. Whoever had no timestamp a moment ago is not asked again while the signer waits.
        if found.context is None and not standing.level.reaches(wanted):
            detail, final = NO_CONTEXT, True
        if detail is None and not standing.level.reaches(wanted):
            raised = await raising.raise_to(wanted, standing)
            standing, detail, final = raised.standing, raised.detail, raised.final
        # 5. Store the new file.
        keys = document.blob_folder
        alone = standing.level is Level.B_B
        key = keys.signed(preparation_id) if alone else keys.version(preparation_id, standing.level, uuid4())
        await asyncio.to_thread(ports.blobs.write_file, key, output)
    name = signed_name(document.original.name, document.signature_type)
    kind = SIGNED_TYPES.get(document.signature_type, document.original.content_type)
    file = StoredFile(key, name, kind, standing.stored.length, standing.stored.sha256)
    proven = signed.verdict.with_proof(standing.proven_at, prepared.chain.certificate)
    return _Made(file, proven, standing.level, detail, final, archive_end(ports, standing))


def _require_good(verdict: Verdict, document: Document, prepared: Prepared) -> None:
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


def _qualification(ports: Ports, found: _InProcessing) -> Qualification | None:
    """Of the signer's certificate, by the trusted lists. Only their context says anything; nobody is asked for it."""
    document, context = found.document, found.context
    if context is None or context.id != EU.id or document.signed_at is None:
        return None
    with suppress(BadCertificate, SecurityContextNotConfigured):  # the lists may be gone since it was prepared
        chain = found.prepared.chain
        verdict = ports.trust.judge(chain, context, document.signed_at, revocation_may_be_unknown=True, offline=True)
        return verdict.qualification
    return None


def _with_identity(
    verdict: Verdict,
    certificate: bytes,
    confirmed: bool | None,
    context_id: UUID | None,
    qualification: Qualification | None,
) -> Verdict:
    """Nobody has asked about those who signed before, unless they used the same `certificate`."""
    signatures = (
        replace(one, identity_confirmed=confirmed, context_id=context_id, qualification=qualification)
        if one.certificate == certificate
        else one
        for one in verdict.signatures
    )
    return Verdict(tuple(signatures))


def _settle(ports: Ports, document: Document, move: Callable[[Document], tuple[Document, Event]]) -> bool:
    """False when another run was faster, and nothing was changed."""
    with ports.store.work() as work:
        if document.session_id is not None:
            # 6. The session's lock comes first: of two documents of one session that end at the same time, the second
            # must see that the first has ended.
            work.erasures.locked_session_of_any_tenant(document.session_id)
        current = work.erasures.locked_document_of_any_tenant(document.id)
        if current.status is not DocumentStatus.PROCESSING or current.preparation_id != document.preparation_id:
            return False
        moved, event = move(current)
        work.documents.save(moved)
        if moved.awaits_level and moved.level_asked_at is not None:
            enqueue_archiving(work, moved)
        record_event(work, event, current.subscription_id, current.application_id)
        # 7. End the session when this was its last document.
        if document.session_id is not None:
            _settle_session(work, document.session_id, ports)
        return True


def _settle_session(work: Work, session_id: UUID, ports: Ports) -> None:
    session = work.sessions.of_any_tenant(session_id)
    settled = session.settle(work.documents.of_session(session_id), ports.clock.now())
    if settled is not None:
        work.sessions.save(settled[0])
        record_event(work, settled[1], session.subscription_id, session.application_id)
