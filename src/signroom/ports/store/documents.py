"""The part `work.documents` of a transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from signroom.domain.document import Document, DocumentStatus
from signroom.domain.signature import PdfReading
from signroom.ports.store.position import Position


@dataclass(frozen=True, slots=True)
class MetadataSearch:
    """Name and value as a whole; the name's case is ignored."""

    subscription_id: UUID
    name: str
    value: str
    before: Position | None = None


class Documents(Protocol):
    """Documents with their metadata. A ``locked`` one cannot be changed by another transaction until this one ends."""

    def of_any_tenant(self, document_id: UUID) -> Document:
        """Raises: DocumentNotFound, DocumentErased."""

    def to_download_of_any_tenant(self, document_id: UUID) -> tuple[Document, bool]:
        """With whether its subscription is disabled or being deleted. One question.

        Raises: DocumentNotFound, DocumentErased.
        """

    def locked_of_any_tenant(self, document_id: UUID) -> Document:
        """Raises: DocumentNotFound, DocumentErased."""

    def locked_all(self, document_ids: Sequence[UUID]) -> list[Document]:
        """Those that there are, in the order in which an erasure locks them. Raises: DocumentErased."""

    def of_session(self, session_id: UUID) -> list[Document]:
        """In the order of the session, those that were erased among them."""

    def statuses_of_session(self, session_id: UUID) -> list[DocumentStatus]:
        """The statuses of the documents of a session, without reading the rest of them."""

    def in_processing(self, subscription_id: UUID) -> int:
        """How many documents of sessions of the subscription are being processed, or wait for it."""

    def unfinished_local(self, signed_before: datetime, limit: int) -> list[Document]:
        """At most `limit` local signatures in processing whose value was accepted before `signed_before`."""

    def by_signed_file(self, subscription_id: UUID, sha256: bytes) -> Document | None:
        """The newest document of the subscription whose signed file has that digest, erased or not."""

    def find(self, wanted: MetadataSearch, limit: int) -> list[Document]:
        """At most `limit`, newest first. Of those that await a signature only what an application has chosen."""

    def signed_between(
        self, subscription_id: UUID, since: datetime, until: datetime, after: Position | None, limit: int
    ) -> list[tuple[Document, bytes | None]]:
        """Completed ones whose value was accepted from `since` until before `until`, in that order, each with the
        certificate of its session's signer. They are from behind `after`, whose ``created_at`` is the time of the
        signature.
        """

    def readings(self, document_ids: Sequence[UUID]) -> dict[UUID, PdfReading]:
        """What was read of PDFs at upload, for those of `document_ids` that have it."""

    def add(self, *documents: Document) -> None:
        """With the readings of their inspections, where there are any. As many statements for all as for one."""

    def save(self, *documents: Document) -> None:
        """All but their keys, see `set_keys`. As many statements for all as for one."""

    def without_key(self, limit: int) -> list[Document]:
        """At most `limit` whose key is not stored yet: a version that gave no keys has stored them.

        Local signatures that wait for their value are left out: their caller may have named a key for them. So are
        documents that another transaction is about to change.
        """

    def set_keys(self, keys: Mapping[UUID, str]) -> None:
        """Store the keys of old documents, by the documents' ids."""

    def remove(self, *document_ids: UUID) -> None:
        """With the keys that they got when they were made: nobody was told of them."""

    def limit_unsigned(self, created_before: datetime, until: datetime, limit: int) -> int:
        """Keep the files of documents that nobody will sign any more until `until`, where they have no limit yet.

        These are documents of sessions that ended unsigned, and of local signatures that were prepared before
        `created_before`. At most `limit` are changed. Returns how many were.
        """

    def due_for_purge(self, before: datetime, after: Position | None, limit: int) -> list[Document]:
        """At most `limit` that are neither purged nor erased and were available until some time before `before`.

        They are ordered by that time and by id. Only those behind `after` are returned.
        """

    def due_for_renewal(self, now: datetime, until: datetime, limit: int) -> list[UUID]:
        """At most `limit` whose archive timestamp ends between `now` and `until`, the first to end first.

        Left out are those for which another one was asked for already, and whose files are gone or soon will be.
        """

    def without_archive_end(self, after: UUID | None, limit: int) -> list[Document]:
        """At most `limit` of level B-LTA of which it is not known when their archive timestamp ends.

        They are ordered by id. Only those behind `after` are returned.
        """

    def with_files_after(self, after: UUID | None, now: datetime, limit: int) -> list[Document]:
        """At most `limit` whose files are kept at `now`, in the order of their ids. Only those behind `after`."""

    def files_in_use(self, keys: Sequence[str], besides: Sequence[UUID]) -> set[str]:
        """Of these keys of blobs those that a document needs which is not purged, not erased and not of `besides`."""

    def mark_purged(self, document_ids: Sequence[UUID], now: datetime) -> set[UUID]:
        """Their files are gone, with what was prepared from them. Returns those that were not marked before."""
