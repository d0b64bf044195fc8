"""Where a file of a request comes from: sent along, uploaded before, at a URL, or at an address of ours."""

from __future__ import annotations

import asyncio
import mimetypes
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from signroom.domain.application import Caller
from signroom.domain.document import StoredFile, clean_file_name
from signroom.domain.errors import (
    BadDownloadToken,
    BadFileName,
    BadInput,
    BlobNotFound,
    ExpiredDownloadToken,
    FileChanged,
    FileDownloadFailed,
    FileTooLarge,
    NotFound,
    SignroomError,
    StorageUnavailable,
    joined_path,
)
from signroom.domain.signature import SignatureType
from signroom.ports import Ports
from signroom.ports.files import Stored, Turn, content_of
from signroom.ports.outside import Fetched, Unreachable
from signroom.service.documents.discard_blobs import write_new
from signroom.service.documents.download_file import DOWNLOADS, Download, open_download
from signroom.service.documents.upload_files import find_upload

T = TypeVar("T")

_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][\w.+-]{0,49}/[\w.+-]{1,49}", re.ASCII)
OCTETS = "application/octet-stream"


_BEGINNING = 64
"""Bytes."""
_OPENED_OF_SESSION, _OPENED_OF_SUBSCRIPTION = 2, 8
"""Stored files at the same time. Each holds one of 32 threads."""
_ASKED_IN_VAIN = 2
"""So often a store that does not answer is waited for. One such file alone may be damaged: the others go on."""


@dataclass(frozen=True, slots=True)
class Content:
    """The file came along in the request. `chunks` makes its content anew at each call."""

    chunks: Callable[[], AsyncIterator[bytes]]
    name: str | None = None
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class UploadToken:
    """The file was uploaded before. A `name` or a `content_type` of the request replaces the upload's."""

    token: str
    name: str | None = None
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """The file is at `url`: somewhere on the network, or at an address that this server handed out."""

    url: str
    name: str | None = None
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class EarlierDocument:
    """The signed file of a document of the caller's subscription, to be signed once more."""

    document_id: UUID


LocalFiles = tuple[Path, Path | None]
"""A file, and the data that belong to it where there are any."""
FileSource = Content | UploadToken | Address


def place_of(source: FileSource | EarlierDocument, field: str = "file") -> str:
    """Where the request says which file it is. `field` is the one that the file stands in."""
    match source:
        case Content():
            return f"{field}.content"
        case UploadToken():
            return f"{field}.blobToken"
        case Address():
            return f"{field}.url"
        case EarlierDocument():
            return "id"


@contextmanager
def at_source(source: FileSource | EarlierDocument, field: str = "file") -> Iterator[None]:
    """What goes wrong inside is wrong with the file that `field` of the request says."""
    try:
        yield
    except SignroomError as error:
        error.path = place_of(source, field) if error.path is None else joined_path(field, error.path)
        raise


@dataclass(frozen=True, slots=True)
class StoredSource:
    """A file that is stored. ``upload`` names the upload that it is a part of, if any; ``earlier`` the document."""

    file: StoredFile
    owned: bool
    """Stored for this request: forgotten again when it fails."""
    upload: UUID | None = None
    earlier: UUID | None = None
    signature_type: SignatureType | None = None
    """Of an earlier document: it is signed in the same format again."""
    data_key: str | None = None
    """The blob with the content that the detached signature of an earlier document is about."""


async def store_source(
    ports: Ports, caller: Caller, source: FileSource | EarlierDocument, key: str, fallback_name: str | None
) -> StoredSource:
    """Store the file of `source` under `key`, or find where it is stored already.

    What was stored for this request is durable only once it is kept (`Blobs.keep`): it may be refused.

    Raises: BadInput, BadFileName without a name and a `fallback_name`, FileTooLarge, UploadNotFound,
    UploadIncomplete, FileDownloadFailed, StorageUnavailable. For an earlier document: DocumentNotFound, DocumentPurged,
    WrongState.
    """
    limit = ports.limits.max_file
    match source:
        case Content():
            beginning = bytearray()
            stored = await write_new(ports, key, _noting(source.chunks(), beginning), limit=limit)
            name = _name(source.name or fallback_name or _name_of(source.content_type, bytes(beginning)), fallback_name)
            file = StoredFile(key, name, media_type(source.content_type, name), stored.length, stored.sha256)
            return StoredSource(file, owned=True)
        case UploadToken():
            upload = await asyncio.to_thread(find_upload, ports, caller, source.token)
            file = _renamed(upload.require_file(), source, fallback_name)
            return StoredSource(file, owned=False, upload=upload.id)
        case Address():
            return await _store_from_address(ports, caller, source, key, fallback_name)
        case EarlierDocument():
            return await asyncio.to_thread(_signed_file, ports, caller, source.document_id)


def _signed_file(ports: Ports, caller: Caller, document_id: UUID) -> StoredSource:
    """Raises: DocumentNotFound, DocumentPurged, WrongState."""
    with ports.store.read() as work:
        document = work.of(caller).document(document_id)
    signed = document.require_signed()
    document.require_files(ports.clock.now())
    kind, data_key = document.signature_type, document.content_key
    return StoredSource(signed, owned=False, earlier=document.id, signature_type=kind, data_key=data_key)


async def _store_from_address(
    ports: Ports, caller: Caller, source: Address, key: str, fallback_name: str | None
) -> StoredSource:
    """An address that this server handed out leads to a file that is stored already; others are downloaded."""
    limit = ports.limits.max_file
    token = own_download(ports, source.url)
    if token is not None:
        own = await asyncio.to_thread(_own_file, ports, caller, token)
        _require_fitting(own.file.length, limit)
        file = _renamed(own.file, source, fallback_name)
        return StoredSource(file, owned=False, upload=own.upload, earlier=own.document)
    async with _fetched(ports, source.url) as fetched:
        name = _name(source.name or fetched.name, fallback_name)
        stored = await write_new(ports, key, fetched.chunks, limit=limit)
    kind = media_type(source.content_type or fetched.content_type, name)
    return StoredSource(StoredFile(key, name, kind, stored.length, stored.sha256), owned=True)


@asynccontextmanager
async def as_local_file(
    ports: Ports, caller: Caller, source: FileSource, folder: Path, field: str = "file"
) -> AsyncIterator[Path]:
    """The file of `source` for reading, kept nowhere after the block; `folder` is for files on their way.

    `field` is the field of the request that the file stands in.

    Raises: as `store_source`, and BlobNotFound.
    """
    target = folder / "source"
    stored: StoredSource | None = None
    with at_source(source, field):
        match source:
            case Content():
                await _write(target, source.chunks(), ports.limits.max_file)
            case Address() if own_download(ports, source.url) is None:
                async with _fetched(ports, source.url) as fetched:
                    await _write(target, fetched.chunks, ports.limits.max_file)
            case UploadToken() | Address():
                stored = await store_source(ports, caller, source, "", "file")  # it is stored: nothing is written
    if stored is None:
        yield target
        return
    async with local_files(ports, Turn.of_caller(caller), stored.file) as (file, _):
        yield file


@asynccontextmanager
async def off_the_loop(manager: AbstractContextManager[T]) -> AsyncIterator[T]:
    """Entered and left in threads: a blob may be fetched as a whole, a folder may hold gigabytes to be removed."""
    entering = asyncio.create_task(asyncio.to_thread(manager.__enter__))
    try:
        entered = await asyncio.shield(entering)
    except asyncio.CancelledError:
        # The thread goes on: what it opens must be closed.
        await asyncio.wait({entering})
        if entering.exception() is None:
            await asyncio.to_thread(manager.__exit__, None, None, None)
        raise
    try:
        yield entered
    finally:
        await asyncio.to_thread(manager.__exit__, None, None, None)


@asynccontextmanager
async def local_files(
    ports: Ports, turn: Turn, stored: StoredFile, data: StoredFile | str | None = None
) -> AsyncIterator[tuple[Path, Path | None]]:
    """A stored file for reading, and the data that belong to it where there are any.

    Of `data` that are given by their key alone nobody knows what they must be. Raises: as `Blobs.as_file`.
    """
    async with _opened(ports, turn, stored.blob_key, content_of(stored)) as file:
        if data is None:
            yield file, None
            return
        key, expected = _data_expected(data)
        async with _opened(ports, turn, key, expected) as other:
            yield file, other


@asynccontextmanager
async def local_files_of_all(
    ports: Ports, turn: Turn, wanted: Sequence[tuple[StoredFile, StoredFile | str | None]]
) -> AsyncIterator[list[LocalFiles | None]]:
    """Small files as `local_files` has them, each with its data, opened one after the other in one thread.

    None for one that cannot be opened: to open it alone says why. Once the store has not answered for two of them,
    nobody asks it any more, and it is None for all that are left. Raises: StorageUnavailable when none could be opened
    because the store does not answer.
    """
    async with AsyncExitStack() as files:
        async with in_line(ports, turn):
            opened = await files.enter_async_context(off_the_loop(_all_opened(ports, wanted)))
        yield opened


@contextmanager
def _all_opened(
    ports: Ports, wanted: Sequence[tuple[StoredFile, StoredFile | str | None]]
) -> Iterator[list[LocalFiles | None]]:
    opened: list[LocalFiles | None] = []
    away: list[StorageUnavailable] = []
    with ExitStack() as files:
        for stored, data in wanted:
            if len(away) == _ASKED_IN_VAIN:
                opened.append(None)
                continue
            try:
                file = files.enter_context(ports.blobs.as_file(stored.blob_key, content_of(stored)))
                other = None if data is None else files.enter_context(ports.blobs.as_file(*_data_expected(data)))
            except (BlobNotFound, FileChanged):
                opened.append(None)
            except StorageUnavailable as error:
                away.append(error)
                opened.append(None)
            else:
                opened.append((file, other))
        if away and not any(opened):
            raise away[-1]
        yield opened


def _data_expected(data: StoredFile | str) -> tuple[str, Stored | None]:
    """Its key, and what it must be. Of data that are given by their key alone nobody knows that."""
    return (data, None) if isinstance(data, str) else (data.blob_key, content_of(data))


@asynccontextmanager
async def _opened(ports: Ports, turn: Turn, key: str, expected: Stored | None) -> AsyncIterator[Path]:
    """A blob as a file. While it is fetched and compared it holds a thread: nobody takes the threads of others."""
    async with AsyncExitStack() as files:
        async with in_line(ports, turn):
            file = await files.enter_async_context(off_the_loop(ports.blobs.as_file(key, expected)))
        yield file


@asynccontextmanager
async def in_line(ports: Ports, turn: Turn) -> AsyncIterator[None]:
    """The block reads a stored file as a whole: a few for a session, and some for all of a subscription."""
    own = _OPENED_OF_SUBSCRIPTION if turn.session_id is None else _OPENED_OF_SESSION
    of_all = ("open", turn.subscription_id)
    async with ports.lines.passed(("open", turn), own), ports.lines.passed(of_all, _OPENED_OF_SUBSCRIPTION):
        yield


@asynccontextmanager
async def _fetched(ports: Ports, url: str) -> AsyncIterator[Fetched]:
    """The file at a stranger's `url`. Raises: FileDownloadFailed, FileTooLarge (from its chunks too)."""
    try:
        async with ports.fetch.stream(url, limit=ports.limits.max_file) as fetched:
            yield replace(fetched, chunks=_download(fetched.chunks))
    except Unreachable as error:
        raise FileDownloadFailed(error.reason) from error


async def _download(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """`chunks` themselves. What breaks off is told here already: whoever stores them knows no `Unreachable`."""
    try:
        async for chunk in chunks:
            yield chunk
    except Unreachable as error:
        raise FileDownloadFailed(error.reason) from error


def own_download(ports: Ports, url: str) -> str | None:
    """The token in an address that we handed out, absolute or relative; None for other addresses."""
    path = url.removeprefix(ports.public_url) if url.startswith(ports.public_url + "/") else url
    if not path.startswith("/") or path.startswith("//"):
        return None
    if not path.lower().startswith(DOWNLOADS):
        raise BadInput("A relative url must be one that this server handed out.", path="url")
    return path[len(DOWNLOADS) :].rstrip("/")


def _own_file(ports: Ports, caller: Caller, token: str) -> Download:
    """The file of an address that this server handed out. An upload is its owner's alone, like its ``blobToken``.

    Raises: FileDownloadFailed. A wrong address in a request says nothing about the rights of its sender.
    """
    try:
        own = open_download(ports, token)
        if own.upload is not None:
            with ports.store.read() as work:
                work.of(caller).upload(own.upload).require_alive(ports.clock.now())
        return own
    except (BadDownloadToken, ExpiredDownloadToken, NotFound) as error:
        raise FileDownloadFailed(error.message) from error


def media_type(given: str | None, name: str) -> str:
    """What a client says a file is, when that is a media type at all; else what its name says."""
    plain = (given or "").partition(";")[0].strip()
    if _MEDIA_TYPE.fullmatch(plain) and plain.lower() != OCTETS:
        return plain.lower()
    return mimetypes.guess_type(name)[0] or OCTETS


def _renamed(file: StoredFile, source: FileSource, fallback_name: str | None) -> StoredFile:
    name = _name(source.name or file.name, fallback_name)
    kind = media_type(source.content_type or file.content_type, name)
    return StoredFile(file.blob_key, name, kind, file.length, file.sha256)


async def _noting(chunks: AsyncIterator[bytes], beginning: bytearray) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        if not beginning:
            beginning += chunk[:_BEGINNING]
        yield chunk


def _name_of(content_type: str | None, beginning: bytes) -> str:
    """For a content without a name: by its media type, else by how it begins."""
    plain = (content_type or "").partition(";")[0].strip().lower()
    extension = mimetypes.guess_extension(plain) if plain and plain != OCTETS else None
    if extension is None:
        begin = beginning.lstrip()
        extension = ".pdf" if begin.startswith(b"%PDF-") else ".xml" if begin.startswith(b"<") else ""
    return f"document{extension}"


def _name(name: str | None, fallback: str | None) -> str:
    if not name:
        if fallback is None:
            raise BadInput("A file needs its name.", path="name")
        return fallback
    try:
        return clean_file_name(name)
    except BadFileName:
        if fallback is None:
            raise
        return fallback


def _require_fitting(length: int, limit: int) -> None:
    if length > limit:
        raise FileTooLarge(f"At most {limit} bytes.")


async def _write(target: Path, chunks: AsyncIterator[bytes], limit: int) -> None:
    """Raises: FileTooLarge, StorageUnavailable when the disk is full."""
    length = 0
    try:
        with target.open("wb") as file:
            async for chunk in chunks:
                length += len(chunk)
                _require_fitting(length, limit)
                await asyncio.to_thread(file.write, chunk)
    except OSError as error:
        raise StorageUnavailable from error
