"""The part `work.document_keys` of a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from signroom.domain.document_key import DocumentKey
from signroom.ports.store.documents import MetadataSearch


class DocumentKeys(Protocol):
    """Keys that are printed on documents. A ``locked`` one cannot be changed by another transaction until this one
    ends.
    """

    def get(self, subscription_id: UUID, key: str) -> DocumentKey | None:
        """None also for another subscription's key."""

    def locked(self, subscription_id: UUID, key: str) -> DocumentKey | None:
        """None also for another subscription's key."""

    def add(self, keys: Sequence[DocumentKey]) -> None: ...

    def save(self, key: DocumentKey) -> None:
        """Only its document changes."""

    def of_documents(self, document_ids: Sequence[UUID]) -> dict[UUID, str]:
        """The keys that are bound to these documents, by document."""

    def unused(self, subscription_id: UUID, wanted: MetadataSearch | None, limit: int) -> list[DocumentKey]:
        """At most `limit` without a document, oldest first."""
