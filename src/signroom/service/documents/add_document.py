"""Store a file as a stream, look at it, then accept or refuse it. Its SHA-256 is computed while it streams.

A refused file leaves nothing behind; a blob without a row can only come from a crash.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from uuid import UUID, uuid4, uuid5

from signroom.domain.application import Application, Caller
from signroom.domain.blob_key import DocumentFolder
from signroom.domain.document import Document, DocumentStatus, StoredFile, clean_file_name
from signroom.domain.document_key import new_key, normalized
from signroom.domain.errors import (
    DocumentKeyNotFound,
    DocumentNotFound,
    FileTooLarge,
    IdempotencyKeyReused,
    Unavailable,
    WrongState,
    about,
)
from signroom.domain.file_validation import FileValidation
from signroom.domain.metadata import NO_METADATA, Metadata, merged
from signroom.domain.session import Session
from signroom.domain.signature import NO_OPTIONS, Inspection, OptionsByType, SignatureType, SigningOptions
from signroom.ports import Ports
from signroom.ports.files import SMALL, ToInspect, Turn
from signroom.ports.store import Work
from signroom.service.documents.check_file import type_by_name, with_name
from signroom.service.documents.discard_blobs import before_recording, discard_blob, discard_unless_recorded, write_new
from signroom.service.documents.file_sources import (
    EarlierDocument,
    FileSource,
    StoredSource,
    at_source,
    local_files,
    local_files_of_all,
    media_type,
    place_of,
    store_source,
)
from signroom.service.documents.manage_document_keys import key_of
from signroom.service.documents.validate_file import require_accepted, require_name

_MOST_TOGETHER = 25
"""Small files that are looked at in one task: so many that what a task costs is little for each."""
_MOST_OCTETS_TOGETHER = 2 << 20
"""Of those. What is scanned takes up to a second of the processor for so much."""
_GROUPS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class NewDocument:
    """What an application says about a document: of a session, or one that it signs itself."""

    file: FileSource | EarlierDocument
    signature_type: SignatureType | None = None
    """None: PDF for a PDF, else CMS."""
    options: OptionsByType = NO_OPTIONS
    data: FileSource | None = None
    """The content of a detached CMS object."""
    metadata: Metadata = NO_METADATA
    key: str | None = None
    fallback_name: str | None = None
    """For a file without a name; None: it must have one."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A stored file that passed pre-flight, on its way to become a document."""

    document_id: UUID
    file: StoredFile
    inspection: Inspection
    options: SigningOptions
    metadata: Metadata = NO_METADATA
    key: str | None = None
    data_key: str | None = None
    uploads: tuple[UUID, ...] = ()
    """Uploads that must not be purged once there is a document."""
    earlier: tuple[UUID, ...] = ()
    """Documents whose files it shares. They may be erased or purged until it is recorded."""
    written: tuple[str, ...] = ()
    """The keys of blobs that were written for it. They are not durable before `keep_files`."""


async def add_document(
    ports: Ports, session_id: UUID, name: str, chunks: AsyncIterator[bytes], idempotency_key: str | None = None
) -> Document:
    """Add an upload of the signer to an open session.

    The same file under the same `idempotency_key` is added once.

    Raises: BadFileName, FileTooLarge, TooManyDocuments, WrongState, FileRejected, another DocumentRejected,
    IdempotencyKeyReused, Unavailable (QueueFull and ShareUsed before the file is taken in, where that is possible).
    """
    clean = clean_file_name(name)
    document_id = uuid4() if idempotency_key is None else uuid5(session_id, idempotency_key)
    found = await asyncio.to_thread(_before_body, ports, session_id, document_id)
    if found.same is not None:
        return _same(found.same, clean, await _digest(chunks, ports.limits.max_file))
    session, validation = found.session, found.validation
    require_name(ports, validation, clean)
    turn = Turn.of_session(session)
    ports.formats.of(turn).require_place()
    folder = DocumentFolder(session_id, document_id)
    # With an idempotency key another request may add the same document now; when it fails, it deletes its own blob.
    key = folder.original() if idempotency_key is None else folder.original_of_request(uuid4())
    stored = await write_new(ports, key, chunks, limit=ports.limits.max_file)
    file = StoredFile(key, clean, media_type(None, clean), stored.length, stored.sha256)
    try:
        with before_recording():
            inspection = await _inspect(ports, turn, file, options=session.options)
            options = session.options.of(inspection.signature_type)
            accepted = Accepted(document_id, _typed(file, inspection), inspection, options, written=(key,))
            await require_accepted(ports, validation, session.subscription_id, accepted.file)
        document = await asyncio.to_thread(_record, ports, session_id, found.application, accepted)
    except BaseException as error:
        await discard_unless_recorded(ports, key, error)
        raise
    if document.original.blob_key != key:  # the same request, at the same time, was faster
        await asyncio.to_thread(discard_blob, ports, key)
    return document


@dataclass(frozen=True, slots=True)
class _BeforeBody:
    """What is known of an upload before its body is read. ``same``: the document that the same request has added."""

    session: Session
    validation: FileValidation
    application: Application
    same: Document | None


def _before_body(ports: Ports, session_id: UUID, document_id: UUID) -> _BeforeBody:
    """Raises: WrongState when the session has ended or takes no uploads, TooManyDocuments when it is full."""
    with ports.store.ask() as work:
        page = work.sessions.of_page_of_any_tenant(session_id)
    session, documents = page.session, page.documents
    validation = ports.store.file_validation(session.subscription_id)
    session.require_not_erased().require_open(ports.clock.now())
    same = next((document for document in documents if document.id == document_id), None)
    if same is None:
        if session.predefined:
            raise WrongState("The application has chosen the documents of this session.")
        session.require_room(len(documents))
    return _BeforeBody(session, validation, page.application, same)


async def _digest(chunks: AsyncIterator[bytes], limit: int) -> bytes:
    """Read to the end: a browser does not hear an answer that comes while it sends. Raises: FileTooLarge."""
    digest, length = hashlib.sha256(), 0
    async for chunk in chunks:
        length += len(chunk)
        if length > limit:
            raise FileTooLarge(f"At most {limit} bytes.")
        digest.update(chunk)
    return digest.digest()


def _same(document: Document, name: str, sha256: bytes) -> Document:
    """Raises: IdempotencyKeyReused."""
    if (document.original.name, document.original.sha256) != (name, sha256):
        raise IdempotencyKeyReused
    return document


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that is stored, with what belongs to it, and that nobody has looked at yet."""

    document_id: UUID
    turn: Turn
    command: NewDocument
    sources: tuple[StoredSource, ...]

    @property
    def file(self) -> StoredFile:
        return self.sources[0].file

    @property
    def data_key(self) -> str | None:
        return self.sources[-1].file.blob_key if len(self.sources) > 1 else self.sources[0].data_key

    @property
    def length(self) -> int:
        """Bytes of the file and of its data. Of data that came with an upload nobody has asked how long they are."""
        return sum(source.file.length for source in self.sources)

    @property
    def is_small(self) -> bool:
        return self.length <= SMALL and self.sources[0].data_key is None

    @property
    def wanted(self) -> SignatureType | None:
        """The signature type that was asked for, or that its name says."""
        return self.command.signature_type or self.sources[0].signature_type or type_by_name(self.file.name)

    def accepted(self, inspection: Inspection) -> Accepted:
        return Accepted(
            document_id=self.document_id,
            file=_typed(self.file, inspection),
            inspection=inspection,
            options=self.command.options.of(inspection.signature_type),
            metadata=self.command.metadata,
            key=self.command.key,
            data_key=self.data_key,
            uploads=tuple(t.upload for t in self.sources if t.upload is not None),
            earlier=tuple(t.earlier for t in self.sources if t.earlier is not None),
            written=tuple(t.file.blob_key for t in self.sources if t.owned),
        )


@asynccontextmanager
async def taken_in(ports: Ports, caller: Caller, session_id: UUID | None, command: NewDocument) -> AsyncIterator[Taken]:
    """Take in a file of an application, with what belongs to it.

    The block inside inspects it, and calls `keep_files` before it records anything. Deletes what it has stored when
    the block inside fails. `session_id` is None for a document that the application signs itself.
    Raises: as `store_source`.
    """
    document_id, turn = uuid4(), Turn.of_caller(caller, session_id)
    folder = DocumentFolder(session_id, document_id)
    taken: list[StoredSource] = []
    begun: list[str] = []
    """Where there may be something: also when its source has failed, or was called off, after the last byte."""
    try:
        with before_recording():
            ports.formats.of(turn).require_place()
            begun.append(folder.original())
            with at_source(command.file):
                taken.append(await store_source(ports, caller, command.file, folder.original(), command.fallback_name))
            if taken[0].file.length > ports.limits.max_file:  # an upload from before the limit was lowered
                raise FileTooLarge(f"At most {ports.limits.max_file} bytes.", path=place_of(command.file))
            if command.data is not None:
                begun.append(folder.data())
                with at_source(command.data, "cmsSignatureOptions.dataFile"):
                    taken.append(await store_source(ports, caller, command.data, folder.data(), "data"))
        yield Taken(document_id, turn, command, tuple(taken))
    except BaseException as error:
        for key in begun:
            await discard_unless_recorded(ports, key, error)
        raise


async def inspected(ports: Ports, taken: Taken, known: Inspection | None = None) -> Accepted:
    """Look at a file that was taken in, unless what was found is `known`. Raises: a DocumentRejected, Unavailable."""
    if known is None:
        options, data_key = taken.command.options, taken.data_key
        with about(place_of(taken.command.file)):
            known = await _inspect(ports, taken.turn, taken.file, kind=taken.wanted, options=options, data_key=data_key)
    return taken.accepted(known)


async def inspect_together(ports: Ports, taken: Sequence[Taken]) -> dict[UUID, Inspection]:
    """What is found in small files of the same session, by the ids of their documents.

    One that is not among them is inspected alone, which says why.
    """
    room = asyncio.Semaphore(_GROUPS_AT_ONCE)

    async def inspect(group: Sequence[Taken]) -> dict[UUID, Inspection]:
        async with room:
            # Who is away, or has no place for them, says so of one document.
            with suppress(Unavailable):
                return await _inspect_group(ports, group)
            return {}

    found: dict[UUID, Inspection] = {}
    for some in await asyncio.gather(*(inspect(group) for group in _groups(taken) if len(group) > 1)):
        found |= some
    return found


def _groups(taken: Sequence[Taken]) -> Iterator[list[Taken]]:
    group: list[Taken] = []
    octets = 0
    for one in taken:
        if group and (len(group) == _MOST_TOGETHER or octets + one.length > _MOST_OCTETS_TOGETHER):
            yield group
            group, octets = [], 0
        group.append(one)
        octets += one.length
    yield group


async def _inspect_group(ports: Ports, group: Sequence[Taken]) -> dict[UUID, Inspection]:
    """Raises: Unavailable."""
    turn = group[0].turn
    async with local_files_of_all(ports, turn, [(one.file, one.data_key) for one in group]) as files:
        along = [(one, *found) for one, found in zip(group, files, strict=True) if found is not None]
        asked = [ToInspect(file, one.wanted, one.command.options, data) for one, file, data in along]
        inspections = await ports.formats.of(turn).inspect_all(asked)
    return {
        one.document_id: with_name(inspection, one.file.name)
        for (one, _, _), inspection in zip(along, inspections, strict=True)
        if inspection is not None
    }


@asynccontextmanager
async def accepted_document(
    ports: Ports, caller: Caller, session_id: UUID | None, command: NewDocument
) -> AsyncIterator[Accepted]:
    """`taken_in`, and `inspected`. Raises: as those."""
    async with taken_in(ports, caller, session_id, command) as taken:
        with before_recording():
            accepted = await inspected(ports, taken)
        yield accepted


def keep_files(ports: Ports, accepted: Sequence[Accepted]) -> None:
    """Make the files durable that were written for these documents, before a row points to them.

    Raises: StorageUnavailable.
    """
    ports.blobs.keep(*(key for one in accepted for key in one.written))


def lock_earlier(work: Work, ports: Ports, accepted: Sequence[Accepted]) -> None:
    """Before documents are recorded: the earlier ones whose files they share must still have them.

    They stay locked until the end of the transaction. Whoever erases one then finds the files in use.

    Raises: DocumentNotFound, DocumentErased, DocumentPurged.
    """
    wanted = {document_id for one in accepted for document_id in one.earlier}
    found = work.documents.locked_all(sorted(wanted)) if wanted else []
    if len(found) < len(wanted):
        raise DocumentNotFound
    for document in found:
        document.require_files(ports.clock.now())
    for application_id in {document.application_id for document in found}:
        if work.applications.of_any_tenant(application_id).deleting_since is not None:
            raise DocumentNotFound  # its files go before its row does


def record_documents(work: Work, ports: Ports, documents: Sequence[tuple[Document, Accepted]]) -> None:
    """Write the rows of accepted files, with the uploads that they use. `lock_earlier` comes first.

    Their keys are bound by `bind_keys`. It takes as many statements for all documents of a session as for one.

    Raises: UploadNotFound, also for one whose day is over.
    """
    # Named by a token of the caller's own, or by a download address, which is a permission in itself.
    uploads = {upload_id for _, accepted in documents for upload_id in accepted.uploads}
    if uploads:
        for upload in work.uploads.locked_all_of_any_tenant(sorted(uploads)):
            upload.require_alive(ports.clock.now())
        work.uploads.note_used(sorted(uploads))
    work.documents.add(*(document for document, _ in documents))


def bind_keys(work: Work, documents: Sequence[tuple[Document, Accepted]]) -> None:
    """Bind the keys that the application has named, and add those of the other documents in one statement.

    Raises: DocumentKeyNotFound, DocumentKeyInUse.
    """
    for document, accepted in documents:
        if accepted.key is not None:
            bind_key(work, document)
    work.document_keys.add([key_of(document) for document, accepted in documents if accepted.key is None])


def bind_key(work: Work, document: Document) -> None:
    """Bind the key that the application has named. Raises: DocumentKeyNotFound, DocumentKeyInUse."""
    found = work.document_keys.locked(document.subscription_id, document.key)
    if found is None:
        raise DocumentKeyNotFound
    work.document_keys.save(found.bind(document.id))


def key_for(accepted: Accepted) -> str:
    """The key that the application has named, or a new one."""
    named = None if accepted.key is None else normalized(accepted.key)
    return named or new_key(secrets.choice)


def require_free_key(work: Work, caller: Caller, document: NewDocument) -> None:
    """Before anything is downloaded or stored. Raises: DocumentKeyNotFound, DocumentKeyInUse."""
    if document.key is None:
        return
    key = normalized(document.key)
    found = None if key is None else work.document_keys.get(caller.subscription_id, key)
    if found is None:
        raise DocumentKeyNotFound
    found.bind(uuid4())


def document_of_session(
    accepted: Accepted, session: Session, application_metadata: Metadata, position: int, ports: Ports
) -> Document:
    return Document(
        id=accepted.document_id,
        subscription_id=session.subscription_id,
        application_id=session.application_id,
        session_id=session.id,
        position=position,
        status=DocumentStatus.PENDING_SIGNATURE,
        original=accepted.file,
        inspection=accepted.inspection,
        created_at=ports.clock.now(),
        key=key_for(accepted),
        metadata=merged(accepted.metadata, session.metadata, application_metadata),
        options=accepted.options,
        data_key=accepted.data_key,
        security_context_id=session.security_context_id,
    )


def _typed(file: StoredFile, inspection: Inspection) -> StoredFile:
    """A PDF and an XML document are what they are; the content of a CMS object is what its sender said."""
    if inspection.signature_type is SignatureType.CMS and inspection.content_type == "application/octet-stream":
        return file
    return replace(file, content_type=inspection.content_type)


async def _inspect(
    ports: Ports,
    turn: Turn,
    stored: StoredFile,
    *,
    kind: SignatureType | None = None,
    options: OptionsByType,
    data_key: str | None = None,
) -> Inspection:
    wanted = kind or type_by_name(stored.name)
    async with local_files(ports, turn, stored, data_key) as (file, data):
        return with_name(await ports.formats.of(turn).inspect(file, wanted, options, data), stored.name)


def _record(ports: Ports, session_id: UUID, application: Application, accepted: Accepted) -> Document:
    keep_files(ports, [accepted])
    with ports.store.work() as work:
        session, others = work.sessions.locked_with_documents_of_any_tenant(session_id)
        session.require_open(ports.clock.now())
        for other in others:
            if other.id == accepted.document_id:
                return _same(other, accepted.file.name, accepted.file.sha256)
        session.require_room(len(others))
        position = max((d.position for d in others), default=-1) + 1
        document = document_of_session(accepted, session, application.default_metadata, position, ports)
        bind_keys(work, [(document, accepted)])
        record_documents(work, ports, [(document, accepted)])
    return document
