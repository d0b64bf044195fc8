"""Step 6 of the signature cycle for many small documents of a session: a durable job that goes on in chunks.

For each chunk one run does this (the comments in the code have the same numbers):

1. Read the documents and what was prepared for them. Those that are not in processing any more are left alone.
2. Embed all values and verify all new files, in one task of a limited process.
3. Store the new files that are good.
4. In one transaction: lock the session, then the documents, and mark them. End the session when they were its last.

A document that is not signed in its chunk, whatever the reason, gets a job of its own (`process_document`): that one
tries again, or says what is wrong, and no other document waits for it.

A run may be repeated at any point without harm. A chunk that was not marked is made once more, under the same keys.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from uuid import UUID

from signroom.domain.document import DocumentStatus
from signroom.domain.errors import NotFound, Unavailable, VerificationFailed
from signroom.domain.qualification import Qualification
from signroom.domain.signature import CertificateChain
from signroom.ports import Ports
from signroom.ports.files import Signed, ToSign, Turn
from signroom.service.documents.delete_files import delete_files
from signroom.service.documents.file_sources import local_files_of_all, off_the_loop
from signroom.service.signing.chunks import SMALL, in_chunks
from signroom.service.signing.enqueue_processing import enqueue_alone, goes_along
from signroom.service.signing.settle_documents import (
    Processed,
    SignedFile,
    completion,
    failure,
    qualification_of,
    read_in_processing,
    require_good,
    settle_documents,
    stored_file,
)

_AT_ONCE = 2
"""Chunks of a session: one is signed while the files of the other are read or stored."""
_OF_OURS = "InternalError"


async def process_session(ports: Ports, session_id: UUID) -> int:
    """Make the signed files of the small documents of a session whose signature values were accepted.

    Returns how many of them got a job of their own. Raises: Unavailable when some are left that may succeed later.
    """
    ports.meter.about(session_id=session_id)
    found = await asyncio.to_thread(_to_process, ports, session_id)
    room = asyncio.Semaphore(_AT_ONCE)

    async def process(chunk: Sequence[tuple[UUID, int]]) -> int:
        async with room:
            return await _process(ports, [document_id for document_id, _ in chunk])

    chunks = in_chunks(found, lambda one: one[1])
    outcomes = await asyncio.gather(*map(process, chunks), return_exceptions=True)
    errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    for error in sorted(errors, key=lambda error: isinstance(error, Unavailable)):
        raise error  # the other chunks are done
    return sum(outcome for outcome in outcomes if isinstance(outcome, int))


def give_up_session(ports: Ports, session_id: UUID, code: str) -> None:
    """The job failed for good. What it has left ends as ``ProcessingError`` with `code`.

    After an error of ours each document gets a job of its own first: at most one of them is to blame.
    """
    ids = [document_id for document_id, _ in _to_process(ports, session_id)]
    documents = [found.document for found in read_in_processing(ports, ids) if goes_along(found.document)]
    if not documents:
        return
    if code == _OF_OURS:
        _hand_over(ports, [document.id for document in documents])
    else:
        settle_documents(ports, [failure(ports, document, code) for document in documents])


def _to_process(ports: Ports, session_id: UUID) -> list[tuple[UUID, int]]:
    """The ids of its small documents, with the bytes of their files. A larger one has a job of its own."""
    with ports.store.ask() as work:
        found = work.processing.to_process(session_id)
    return [(document_id, length) for document_id, length in found if length <= SMALL]


async def _process(ports: Ports, ids: Sequence[UUID]) -> int:
    """Returns how many of them got a job of their own. Raises: Unavailable."""
    # 1. Read the documents and what was prepared for them.
    found = await asyncio.to_thread(read_in_processing, ports, ids)
    along = [one for one in found if goes_along(one.document)]
    made = await _make(ports, along) if along else {}
    # 4. Mark the documents.
    await asyncio.to_thread(_complete, ports, along, made)
    elsewhere = {one.document.id for one in found} - {one.document.id for one in along}
    left = [document_id for document_id in ids if document_id not in elsewhere and document_id not in made]
    return await asyncio.to_thread(_hand_over, ports, left) if left else 0


async def _make(ports: Ports, found: Sequence[Processed]) -> dict[UUID, SignedFile]:
    """The signed files that are good, stored, by the ids of their documents."""
    turn = Turn.of_document(found[0].document)
    async with AsyncExitStack() as files:
        folder = await files.enter_async_context(off_the_loop(ports.blobs.scratch()))
        wanted = [(one.document.original, one.document.data_key) for one in found]
        opened = await files.enter_async_context(local_files_of_all(ports, turn, wanted))
        # 2. Embed all values and verify all new files.
        asked: list[tuple[Processed, ToSign]] = []
        for one, local in zip(found, opened, strict=True):
            document, value = one.document, one.document.signature_value
            if local is not None and value is not None:
                original, data = local
                # A first detached signature is about the original itself.
                content = data if document.inspection.signatures else original
                output = folder / str(document.id)
                asked.append((one, ToSign(original, one.prepared, value, output, content, one.parts.reading)))
        signed = await ports.formats.of(turn).sign_all([to_sign for _, to_sign in asked])
        made: dict[UUID, SignedFile] = {}
        outputs: dict[str, Path] = {}
        for (one, to_sign), result in zip(asked, signed, strict=True):
            file = None if result is None else _good_file(one, result)
            if file is not None:
                made[one.document.id] = file
                outputs[file.file.blob_key] = to_sign.output
        # 3. Store the new files.
        if outputs:
            await asyncio.to_thread(ports.blobs.write_files, outputs)
    return made


def _good_file(found: Processed, signed: Signed) -> SignedFile | None:
    """None when the file is not what it must be."""
    document = found.document
    if document.preparation_id is None:
        return None
    try:
        require_good(signed.verdict, document, found.prepared)
    except VerificationFailed:
        return None
    key = document.blob_folder.signed(document.preparation_id)
    return SignedFile(stored_file(document, key, signed.stored), signed.verdict)


def _complete(ports: Ports, found: Sequence[Processed], made: Mapping[UUID, SignedFile]) -> None:
    judged: dict[tuple[CertificateChain, UUID | None, datetime | None], Qualification | None] = {}
    settlements = []
    for one in found:
        file = made.get(one.document.id)
        if file is None:
            continue
        # Of all documents of a consent it is the same.
        question = one.prepared.chain, None if one.context is None else one.context.id, one.document.signed_at
        if question not in judged:
            judged[question] = qualification_of(ports, one)
        confirmed = one.identity_confirmed
        settlements.append(completion(ports, one, file, judged[question], identity_confirmed=confirmed))
    if not settlements:
        return
    try:
        settled = settle_documents(ports, settlements)
    except NotFound:
        # Another run was faster, and its application was deleted since, with all rows: nothing else leads to the files.
        settled = set()
    late = [file.file.blob_key for document_id, file in made.items() if document_id not in settled]
    if late:
        # What the documents have is left alone, and so are files that both runs have written.
        delete_files(ports, [], late)


def _hand_over(ports: Ports, ids: Sequence[UUID]) -> int:
    """Give each document that is still in processing a job of its own. A second time it is the same job."""
    with ports.store.work() as work:
        documents = work.processing.locked_of_any_tenant(ids)
        left = [document for document in documents if document.status is DocumentStatus.PROCESSING]
        if left:
            enqueue_alone(work, left, work.documents.in_processing(left[0].subscription_id))
    return len(left)
