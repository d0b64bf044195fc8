"""Documents: look them up, download them, upload files for them, and the keys that are printed on them."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from signroom_client import models, options
from signroom_client.calling import listing, operation
from signroom_client.decoding import decode
from signroom_client.downloads import Downloadable, Target, download, file_of
from signroom_client.errors import ForbiddenError
from signroom_client.files import AnyFile, FileReference
from signroom_client.requests import Id, metadata, pages
from signroom_client.service import Connected, segment
from signroom_client.uploads import Progress, Room, sent
from signroom_client.words import Level


class DocumentOperations(Connected):
    @operation
    async def get_document(self, document_id: Id) -> models.Document:
        """The document, its files and who signed it.

        Example:
            document = signroom.get_document(document_id)
            print(document.level, [signer.certificate.subject_display_name for signer in document.signers])
        """
        return await self._document_by_id(document_id)

    @operation
    async def list_document_versions(self, document_id: Id) -> tuple[models.DocumentVersion, ...]:
        """One for each level that the signed file has reached, the newest last; empty before it is signed.

        Example:
            newest = signroom.list_document_versions(document_id)[-1]
            signed = signroom.download_bytes(newest.file)
        """
        path = f"api/documents/{segment(document_id)}/versions"
        return decode(tuple[models.DocumentVersion, ...], await self._service.get(path))

    @operation
    async def extend_document(self, document_id: Id, level: Level | str = Level.B_LTA) -> models.Document:
        """Have the signed file reach `level`. The service goes on until it has; ``DocumentArchived`` tells it.

        Raises `RefusedError` for a document that is not signed, or whose files are gone.

        Example:
            signroom.extend_document(document_id, Level.B_LTA)
        """
        path = f"api/documents/{segment(document_id)}/extend"
        return decode(models.Document, await self._service.post(path, {"level": str(level)}))

    @operation
    async def erase_document(self, document_id: Id) -> models.Erasure:
        """Erase one document, for good; its session stays without it. Erased already: the same answer.

        Needs the role Manager. Raises `RefusedError` while it is being processed, or its session is open.

        Example:
            manager.erase_document(document_id)
        """
        return decode(models.Erasure, await self._service.delete(f"api/documents/{segment(document_id)}"))

    @operation
    async def find_document_by_key(self, key: str) -> models.Document | None:
        """The document with this key, however it is written; None when there is none (yet).

        Example:
            document = signroom.find_document_by_key("5RLK-W7P2-9MXT-4HQC")
            print("unknown" if document is None else document.id)
        """
        if not _plausible(key):
            return None
        found = decode(_FoundDocument, await self._service.get(f"api/documents/keys/{segment(key.strip())}"))
        return found.document if found.found else None

    @listing
    async def list_documents(
        self, metadata_name: str, metadata_value: str, *, page_size: int = 50
    ) -> AsyncGenerator[models.Document, None]:
        """All documents with this metadata, newest first. The name's case does not matter.

        Example:
            for document in signroom.list_documents("case", "42"):
                print(document.id, document.signed_file)
        """
        params = [("metadataName", metadata_name), ("metadataValue", metadata_value)]
        async for item in pages(self._service, models.Document, "api/documents", params, page_size):
            yield item

    @operation
    async def get_document_signers(self, document_id: Id) -> tuple[models.Signer, ...]:
        """One entry per signature, with certificate and validation; empty before it is signed.

        Example:
            for signer in signroom.get_document_signers(document_id):
                print(signer.date, signer.validation_results)
        """
        path = f"api/documents/{segment(document_id)}/signers"
        return decode(tuple[models.Signer, ...], await self._service.get(path))

    @operation
    async def upload(self, file: AnyFile, *, on_progress: Progress | None = None) -> FileReference:
        """Send a file ahead; what is returned may go into several requests, within a day.

        `on_progress` hears how many bytes the service has, and how many there are (None for a stream): after each
        part, of some MiB. An error that it raises ends the upload.

        Raises also ValueError for a file without bytes: the service would refuse it (``EmptyFile``).

        Example:
            plans = signroom.upload(Path("plans.pdf"), on_progress=lambda done, all: print(done, "of", all))
            session = signroom.create_session(documents=plans)
        """
        reference = await sent(self._service, file, Room(0), on_progress)
        if reference.content is not None:
            raise ValueError("The file is empty.")
        return reference

    @operation
    async def download(self, file: Downloadable, target: Target, *, on_progress: Progress | None = None) -> int:
        """Write a file, or the signed file of a document, to a path or a stream; returns its length.

        At a path it appears when it is whole, or not at all; a stream is written to as bytes arrive, and is awaited by
        the async client if it wants to be. Addresses that are over are renewed for a document that
        was signed. Raises also `DownloadError` and `OSError`.

        `on_progress` hears how many bytes are written, and how many there are. It begins again where a connection
        broke. An error that it raises ends the download.

        Example:
            for document in signroom.get_session(session_id).documents:
                signroom.download(document, f"signed-{document.id}.pdf")
        """
        return await self._download(file, target, on_progress)

    @operation
    async def download_bytes(self, file: Downloadable, *, on_progress: Progress | None = None) -> bytes:
        """The same into memory.

        Example:
            contents = [signroom.download_bytes(document) for document in ended.documents]
        """
        target = io.BytesIO()
        await self._download(file, target, on_progress)
        return target.getvalue()

    # -- document keys ---------------------------------------------------------------------------

    @operation
    async def allocate_document_key(
        self, *, provisional_metadata: options.MetadataInput | None = None
    ) -> models.DocumentKey:
        """A key to print on a document before it is signed. Give it as `document_key` later.

        Example:
            key = signroom.allocate_document_key(provisional_metadata={"case": "42"})
            print(key.formatted_key)  # print it on the document
        """
        body = {"provisionalMetadata": metadata(provisional_metadata)}
        return decode(models.DocumentKey, await self._service.post("api/document-keys", body))

    @operation
    async def allocate_document_keys(
        self, count: int, *, provisional_metadata: options.MetadataInput | None = None
    ) -> tuple[models.DocumentKey, ...]:
        """1 to 100 keys at once.

        Example:
            keys = signroom.allocate_document_keys(10, provisional_metadata={"case": "42"})
        """
        body = {"count": count, "provisionalMetadata": metadata(provisional_metadata)}
        return decode(tuple[models.DocumentKey, ...], await self._service.post("api/document-keys/batch", body))

    @operation
    async def query_document_key(self, key: str) -> models.DocumentKeyInfo | None:
        """What is known of a key; None for one that was never allocated.

        Example:
            info = signroom.query_document_key("5RLK-W7P2-9MXT-4HQC")
            print(info is not None and info.has_document)
        """
        if not _plausible(key):
            return None
        answer = await self._service.get(f"api/document-keys/{segment(key.strip())}")
        return decode(models.DocumentKeyInfo, answer) if decode(_Found, answer).found else None

    @operation
    async def unused_document_keys(self, metadata_name: str, metadata_value: str) -> tuple[models.DocumentKey, ...]:
        """Keys that have no document yet, by their provisional metadata.

        Example:
            print([key.formatted_key for key in signroom.unused_document_keys("case", "42")])
        """
        params = [("metadataName", metadata_name), ("metadataValue", metadata_value)]
        answer = await self._service.get("api/document-keys/unused", params)
        return decode(tuple[models.DocumentKey, ...], answer)

    # -- shared ----------------------------------------------------------------------------------

    async def _document_by_id(self, document_id: Id) -> models.Document:
        return decode(models.Document, await self._service.get(f"api/documents/{segment(document_id)}"))

    async def _download(self, wanted: Downloadable, target: Target, on_progress: Progress | None) -> int:
        try:
            return await download(self._service, file_of(wanted), target, on_progress)
        except ForbiddenError as error:
            if error.code != "ExpiredDownloadToken" or not isinstance(wanted, models.DocumentSummary):
                raise
        fresh = await self._document_by_id(wanted.id)
        return await download(self._service, file_of(fresh), target, on_progress)


def _plausible(key: str) -> bool:
    """What people type into a form goes into a path: nothing that is no key at all."""
    return re.fullmatch(r"[0-9A-Za-z -]{1,64}", key.strip()) is not None


@dataclass(frozen=True, slots=True)
class _Found:
    found: bool


@dataclass(frozen=True, slots=True)
class _FoundDocument:
    found: bool
    document: models.Document | None = None
