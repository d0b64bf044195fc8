"""Steps 3 and 4 of the signature cycle: check the certificate, lay out each signature, store it, hand out the bytes.

A document that cannot be prepared does not stop the others: the preparation names it with the reason, and the signer
decides whether they go on without it (`finish_signing`).

Most preparations have to wait for nothing but the database: up to four PDFs that were read at upload, and a certificate
about which nobody is asked. They take all steps in one thread. Otherwise the certificate waits in its line, and
documents wait for the sandbox.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

from signroom.domain.document import Document
from signroom.domain.errors import BadInput, CertificateRejected, Refused, WrongState
from signroom.domain.level import Level
from signroom.domain.preparation import Preparation, PreparedDocument, RefusedDocument
from signroom.domain.security_context import SecurityContext
from signroom.domain.session import Session
from signroom.domain.signature import CertificateChain, DigestAlgorithm, PdfReading, Prepared, TrustedChain, XmlLayout
from signroom.ports import Ports
from signroom.ports.files import FileNeeded, ToPrepare, Turn
from signroom.service.certificates.judge_certificate import (
    find_context,
    judging,
    only_computes,
    require_good_certificate,
)
from signroom.service.documents.file_sources import local_files, local_files_of_all
from signroom.service.documents.read_documents import read_document_of_page
from signroom.service.signing.chunks import in_chunks

_AT_ONCE = 4
_TIMESTAMP_ROOM = 12 << 10
"""Bytes for a signature timestamp. Tokens have 2 to 8 KB. One that is larger gets a place of its own in the file."""
T = TypeVar("T")
_Outcome = PreparedDocument | RefusedDocument
_Files = tuple[Path | None, Path | None]


async def prepare_signing(ports: Ports, session_id: UUID, chain: CertificateChain) -> Preparation:
    """Prepare every document of the session that awaits a signature.

    Each is signed with the digest that the session's security context accepts, SHA-256 where it does.

    Raises: WrongState, BadCertificate, a CertificateRejected, DigestNotAccepted, Unavailable.
    """
    now = ports.clock.now()

    def begin() -> _Begun | Preparation:
        begun = _begin(ports, session_id, now)
        if not only_computes(ports, begun.context, chain):
            return begun
        return end_soon(replace(begun, trusted=judge(begun)))

    def judge(begun: _Begun) -> TrustedChain:
        return require_good_certificate(ports, chain, begun.context, begun.session.requirements, now)

    def end_soon(begun: _Begun) -> _Begun | Preparation:
        outcomes = _prepare_few(ports, begun, now)
        return begun if outcomes is None else end(begun, outcomes)

    def end(begun: _Begun, outcomes: Sequence[_Outcome]) -> Preparation:
        preparation = Preparation(
            id=uuid4(),
            session_id=session_id,
            chain=begun.evidence.chain,
            items=tuple(one for one in outcomes if isinstance(one, PreparedDocument)),
            created_at=now,
            refused=tuple(one for one in outcomes if isinstance(one, RefusedDocument)),
        )
        _record(ports, session_id, preparation, now)
        return preparation

    begun = await asyncio.to_thread(begin)
    if isinstance(begun, _Begun) and begun.trusted is None:
        trusted = await judging(ports, Turn.of_session(begun.session), judge, begun)
        begun = await asyncio.to_thread(end_soon, replace(begun, trusted=trusted))
    if isinstance(begun, Preparation):
        return begun
    readings = begun.readings
    chunks = in_chunks(begun.waiting, lambda document: 0 if document.id in readings else document.original.length)
    preparing = _Preparing(ports, Turn.of_session(begun.session), begun.evidence, now, begun.digest, readings)
    outcomes = [one for some in await _all(map(preparing.chunk, chunks)) for one in some]
    return await asyncio.to_thread(end, begun, outcomes)


@dataclass(frozen=True, slots=True)
class _Begun:
    """What a preparation begins with, as it was read."""

    session: Session
    waiting: Sequence[Document]
    readings: Mapping[UUID, PdfReading]
    context: SecurityContext
    digest: DigestAlgorithm
    trusted: TrustedChain | None = None
    """None while the certificate was not judged."""

    @property
    def evidence(self) -> TrustedChain:
        if self.trusted is None:
            raise ValueError("a certificate that nobody has judged")
        return self.trusted


def _begin(ports: Ports, session_id: UUID, now: datetime) -> _Begun:
    """Raises: WrongState, SecurityContextNotFound, SecurityContextNotConfigured, DigestNotAccepted."""
    session, waiting, readings = _read(ports, session_id, now)
    if not waiting:
        raise WrongState("There is no document to sign.")
    context = find_context(ports, session.subscription_id, session.security_context_id)
    return _Begun(session, waiting, readings, context, context.rules.digest_at(now))


def _prepare_few(ports: Ports, begun: _Begun, now: datetime) -> list[PreparedDocument] | None:
    """All documents without a file and without the sandbox; None when one of them needs either."""
    if not all(document.id in begun.readings for document in begun.waiting):
        return None
    asked = [_from_reading(document, begun.readings[document.id]) for document in begun.waiting]
    formats = ports.formats.of(Turn.of_session(begun.session))
    prepared = formats.prepare_few(asked, begun.evidence, algorithm=begun.digest, now=now)
    if prepared is None:
        return None
    return [PreparedDocument(document.id, one) for document, one in zip(begun.waiting, prepared, strict=True)]


@dataclass(frozen=True, slots=True)
class _Preparing:
    """What all documents of a preparation have in common."""

    ports: Ports
    turn: Turn
    trusted: TrustedChain
    now: datetime
    digest: DigestAlgorithm
    readings: Mapping[UUID, PdfReading]
    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    async def chunk(self, documents: Sequence[Document]) -> list[_Outcome]:
        """Prepare documents together, and alone those that did not go along.

        Raises: BadInput, CertificateRejected: of the certificate, no document is to blame; Unavailable.
        """
        async with self.room:
            prepared = await self._together(documents) if len(documents) > 1 else {}
            return [await self._outcome(document, prepared.get(document.id)) for document in documents]

    async def _outcome(self, document: Document, prepared: Prepared | None) -> _Outcome:
        try:
            if prepared is None:
                reading = self.readings.get(document.id)
                prepared = await prepare_document(
                    self.ports, document, self.trusted, self.now, reading=reading, digest=self.digest
                )
            return PreparedDocument(document.id, prepared)
        except (BadInput, CertificateRejected):
            raise
        except Refused as error:
            return RefusedDocument(document.id, error.code, error.message, error.detail)

    async def _together(self, documents: Sequence[Document]) -> dict[UUID, Prepared]:
        """Those that succeed, by the ids of their documents. A PDF that was read at upload is not opened."""
        unread = [document for document in documents if document.id not in self.readings]
        async with AsyncExitStack() as files:
            local: dict[UUID, _Files | None] = {document.id: (None, None) for document in documents}
            if unread:
                wanted = [(document.original, document.data_key) for document in unread]
                opened = await files.enter_async_context(local_files_of_all(self.ports, self.turn, wanted))
                local |= zip((document.id for document in unread), opened, strict=True)
            along = [(document, found) for document in documents if (found := local[document.id]) is not None]
            asked = [
                ToPrepare(file, document.options, data, self.readings.get(document.id), _timestamp_room(document))
                for document, (file, data) in along
            ]
            formats = self.ports.formats.of(self.turn)
            prepared = await formats.prepare_all(asked, self.trusted, algorithm=self.digest, now=self.now)
        return {document.id: one for (document, _), one in zip(along, prepared, strict=True) if one is not None}


def _from_reading(document: Document, reading: PdfReading) -> ToPrepare:
    return ToPrepare(None, document.options, None, reading, _timestamp_room(document))


def _timestamp_room(document: Document) -> int:
    return _TIMESTAMP_ROOM if document.level_wanted.reaches(Level.B_T) else 0


async def _all(outcomes: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All outcomes in order. Raises: the first error; what has not ended by then is called off."""
    tasks = [asyncio.create_task(outcome) for outcome in outcomes]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _read(ports: Ports, session_id: UUID, now: datetime) -> tuple[Session, list[Document], Mapping[UUID, PdfReading]]:
    with ports.store.ask() as work:  # what has changed meanwhile is seen when the preparation is recorded
        session, documents, readings = work.sessions.to_prepare_of_any_tenant(session_id)
    session.require_not_erased().require_signable(now)
    return session, [d for d in documents if d.awaits_signature], readings


def _record(ports: Ports, session_id: UUID, preparation: Preparation, now: datetime) -> None:
    """Raises: WrongState, also when one of its documents was signed, removed or erased meanwhile.

    Should a loss of power take the preparation back, the signer signs once more. What finishes it is flushed.
    """
    with ports.store.unflushed_work() as work:
        if work.preparations.add_to_signable(preparation, now):
            return
        work.sessions.of_any_tenant(session_id).require_signable(now)
        raise WrongState("The documents have changed while they were prepared; prepare again.")


async def canonical_form(ports: Ports, session_id: UUID, preparation_id: UUID, document_id: UUID) -> bytes:
    """The octets of an XML document that a preparation's signature covers.

    Raises: DocumentNotFound as `read_document_of_page`, PreparationNotFound, WrongState for other formats.
    """
    document, prepared = await asyncio.to_thread(_prepared, ports, session_id, preparation_id, document_id)
    layout = prepared.layout
    if not isinstance(layout, XmlLayout):
        raise WrongState("The document is not XML.")
    turn = Turn.of_document(document)
    async with local_files(ports, turn, document.original) as (file, _):
        return await ports.formats.of(turn).canonical(file, layout.options)


def _prepared(ports: Ports, session_id: UUID, preparation_id: UUID, document_id: UUID) -> tuple[Document, Prepared]:
    document = read_document_of_page(ports, session_id, document_id)
    with ports.store.read() as work:
        return document, work.preparations.prepared(preparation_id, document_id)


async def prepare_document(
    ports: Ports,
    document: Document,
    trusted: TrustedChain,
    now: datetime,
    *,
    reading: PdfReading | None,
    digest: DigestAlgorithm,
) -> Prepared:
    """With the `reading` of a PDF its file is not fetched, where the signature has SHA-256.

    Raises: a DocumentRejected, BlobNotFound, BadCertificate, Unavailable.
    """
    turn, room = Turn.of_document(document), _timestamp_room(document)
    prepare = partial(ports.formats.of(turn).prepare, algorithm=digest, now=now, timestamp_room=room)
    if reading is not None:
        with suppress(FileNeeded):
            return await prepare(None, document.options, trusted, reading=reading)
    async with local_files(ports, turn, document.original, document.data_key) as (file, data):
        return await prepare(file, document.options, trusted, data=data, reading=reading)


async def prepare_new(
    ports: Ports, document: Document, trusted: TrustedChain, now: datetime, *, digest: DigestAlgorithm
) -> Prepared:
    """A document that was inspected just now: without the sandbox where that will do.

    Raises: a DocumentRejected, BlobNotFound, BadCertificate, Unavailable.
    """
    reading, formats = document.inspection.reading, ports.formats.of(Turn.of_document(document))
    if reading is not None:
        asked = [_from_reading(document, reading)]
        few = await asyncio.to_thread(formats.prepare_few, asked, trusted, algorithm=digest, now=now)
        if few is not None:
            return few[0]
    return await prepare_document(ports, document, trusted, now, reading=reading, digest=digest)
