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
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from uuid import UUID, uuid4

from signroom.domain.document import Document, DocumentStatus
from signroom.domain.errors import NotFound, PreparationNotFound, TimestampTooLarge, VerificationFailed
from signroom.domain.level import Level
from signroom.ports import Ports
from signroom.ports.files import Turn
from signroom.ports.jobs import Queue
from signroom.service.documents.delete_files import delete_files
from signroom.service.documents.file_sources import local_files, off_the_loop
from signroom.service.levels.archive_document import NO_CONTEXT
from signroom.service.levels.raise_level import (
    SIGNING_SECONDS,
    Patience,
    Proof,
    Raising,
    Standing,
    Stopped,
    archive_end,
)
from signroom.service.signing.settle_documents import (
    Processed,
    Settlement,
    SignedFile,
    completion,
    failure,
    qualification_of,
    read_in_processing,
    require_good,
    settle_documents,
    stored_file,
)

_RUSH = 4
"""Jobs that wait for a place."""
_RUSH_SECONDS = SIGNING_SECONDS / 2
"""In a rush, instead of `SIGNING_SECONDS`: a place that waits for the outside is one that the next documents do not
get. They would be completed too late, whatever is left of their own time."""
_LEAST_SECONDS = 2.0
"""For everything from outside: an authority of a usual speed answers within them."""


async def process_document(ports: Ports, document_id: UUID, *, identity_confirmed: bool | None = None) -> None:
    """Make the signed file of a document whose signature value was accepted.

    `identity_confirmed` is what was found when it was prepared, for a document without a session. A session's is judged
    by its security context.

    Raises: a Refused when it can never succeed (see `fail_document`), Unavailable when it may later.
    """
    found = await asyncio.to_thread(find_in_processing, ports, document_id)
    if found is not None:
        await process_found(ports, found, identity_confirmed=identity_confirmed)


async def process_found(ports: Ports, found: Processed, *, identity_confirmed: bool | None = None) -> None:
    """The same for what `find_in_processing` has found."""
    document = found.document
    if document.session_id is not None:
        ports.meter.about(session_id=document.session_id)
        identity_confirmed = found.identity_confirmed
    made = await _make(ports, found)
    await asyncio.to_thread(_complete, ports, found, made, identity_confirmed)


def _complete(ports: Ports, found: Processed, made: SignedFile, identity_confirmed: bool | None) -> None:
    qualification = qualification_of(ports, found)
    settlement = completion(ports, found, made, qualification, identity_confirmed=identity_confirmed)
    if not _settle(ports, settlement):
        # What the document has is left alone, and so is a file that both runs have written.
        delete_files(ports, [], [made.file.blob_key])


def _settle(ports: Ports, settlement: Settlement) -> bool:
    """False when another run was faster, and nothing was changed."""
    # 6. and 7. Lock the session, then the document, and mark the document. End the session.
    try:
        return bool(settle_documents(ports, [settlement]))
    except NotFound:
        # Another run was faster, and its application was deleted since, with all rows: nothing else leads to the file.
        return False


def fail_document(ports: Ports, document_id: UUID, code: str, detail: str | None = None) -> None:
    """Give up: the document ends as ``ProcessingError`` with `code`, and so does its session once all have ended."""
    with ports.store.read() as work:
        document = work.erasures.document_of_any_tenant(document_id)
    settle_documents(ports, [failure(ports, document, code, detail)])


def find_in_processing(ports: Ports, document_id: UUID) -> Processed | None:
    """None when the document is not in processing any more. Raises: DocumentNotFound, PreparationNotFound."""
    # 1. Read the document and what was prepared for it.
    found = read_in_processing(ports, [document_id])
    if found:
        return found[0]
    with ports.store.ask() as work:
        # Erased ones are not in processing. A job that a crash has interrupted at its end may still ask for one.
        document = work.erasures.document_of_any_tenant(document_id)
    if document.status is DocumentStatus.PROCESSING and document.preparation_id is not None:
        raise PreparationNotFound
    return None


async def _patience(ports: Ports, document: Document) -> Patience:
    """What its session has left for the outside, less what the document has waited for its turn.

    So many documents at once are completed first, as they stand. Their levels come when the rush is over. Of seconds
    that are too few for an answer nothing is used.
    """
    owner = document.session_id or document.id
    waited = timedelta() if document.signed_at is None else ports.clock.now() - document.signed_at
    waiting = await asyncio.to_thread(ports.jobs.waiting, [Queue.DOCUMENTS, Queue.SESSIONS], _RUSH)
    # The clocks of two machines differ: what was signed in the future has not waited.
    left = (SIGNING_SECONDS if waiting < _RUSH else _RUSH_SECONDS) - max(0.0, waited.total_seconds())
    seconds = left if left >= _LEAST_SECONDS else 0.0
    return Patience(min(ports.waits.left(owner, SIGNING_SECONDS), seconds), partial(ports.waits.spend, owner))


async def _make(ports: Ports, found: Processed) -> SignedFile:
    document, prepared = found.document, found.prepared
    value, preparation_id = document.signature_value, document.preparation_id
    if value is None or preparation_id is None:
        raise VerificationFailed("No signature value is stored.")
    wanted, detail, final = document.level_wanted, None, False
    async with AsyncExitStack() as files:
        folder = await files.enter_async_context(off_the_loop(ports.blobs.scratch()))
        turn = Turn.of_document(document)
        context = found.context or ports.default_context
        patience = await _patience(ports, document) if wanted.reaches(Level.B_T) else Patience(0.0)
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
        sign = partial(sign, content=content, reading=found.parts.reading)
        try:
            signed = await sign(timestamp=None if timestamp is None else timestamp.token)
        except TimestampTooLarge:  # `raise_to` puts one where there is room
            timestamp, signed = None, await sign()
        require_good(signed.verdict, document, prepared)
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
    file = stored_file(document, key, standing.stored)
    proven = signed.verdict.with_proof(standing.proven_at, prepared.chain.certificate)
    return SignedFile(file, proven, standing.level, detail, final, archive_end(ports, standing))
