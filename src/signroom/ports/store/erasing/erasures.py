"""The part `work.erasures` of a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from signroom.domain.document import Document
from signroom.domain.erasure import Erasure, Removed
from signroom.domain.event import RecordedEvent
from signroom.domain.session import Session


class Erasures(Protocol):
    """What was erased, and the rows that stay of it.

    Every other part refuses to read a session or a document that was erased. A ``locked`` one cannot be changed by
    another transaction until this one ends.
    """

    def session_of_any_tenant(self, session_id: UUID) -> Session:
        """Erased or not. Raises: SignatureSessionNotFound."""

    def locked_session_of_any_tenant(self, session_id: UUID) -> Session:
        """Erased or not. Raises: SignatureSessionNotFound."""

    def document_of_any_tenant(self, document_id: UUID) -> Document:
        """Erased or not. Raises: DocumentNotFound."""

    def locked_document_of_any_tenant(self, document_id: UUID) -> Document:
        """Erased or not. Raises: DocumentNotFound."""

    def documents_of_session(self, session_id: UUID) -> list[Document]:
        """Erased or not, in the order of the session."""

    def events_of_session(self, session_id: UUID) -> list[RecordedEvent]:
        """All that are kept, in their order."""

    def find(self, subject_id: UUID) -> Erasure | None:
        """The erasure of that session or document. None when it was not erased."""

    def add(self, erasure: Erasure) -> None: ...

    def save(self, erasure: Erasure) -> None:
        """Only how far it has come changes."""

    def files_not_deleted(self, limit: int) -> list[Erasure]:
        """At most `limit` whose files were not deleted yet, oldest first."""

    def not_ended(self, erased_before: datetime, limit: int) -> list[Erasure]:
        """At most `limit` from before that time that have not ended, oldest first."""

    def expect_late_files(self, beginnings: Sequence[str], look_at: datetime) -> None:
        """The rows of these blobs are gone, or go with this transaction. Those that are there at `look_at` go then."""

    def late_files(self, first: datetime | None, last: datetime, limit: int, but: int = 0) -> list[str]:
        """At most `limit` of those beginnings that are to be looked at between `first` and `last`, in that order.

        Without the first `but` of them.
        """

    def forget_late_files(self, beginnings: Sequence[str]) -> None:
        """Their blobs are gone."""

    def remove_traces(
        self, subscription_id: UUID, session_id: UUID | None, documents: Sequence[Document], now: datetime
    ) -> Removed:
        """Remove what hangs on `documents`, and on their session when that is erased as a whole.

        These are preparations, metadata to search by, readings of PDFs, deliveries with their answers, the provisional
        metadata of keys, what was said in requests that may be repeated, and content that an inspection took out of
        their files, unless a document was made of it: its blobs are due in `late_files` at once. The webhooks of the
        subscription are locked meanwhile. `session_id` None: only the documents are erased.
        """
