"""The part `work.processing` of a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from signroom.domain.application import Subscription
from signroom.domain.document import Document, DocumentEnd
from signroom.domain.signature import PdfReading, Prepared


@dataclass(frozen=True, slots=True)
class InProcessing:
    """A document whose value was accepted, with all that its signed file is made of."""

    document: Document
    prepared: Prepared
    reading: PdfReading | None
    subscription: Subscription
    context_of_session: UUID | None
    """The security context of its session; None without one."""


class Processing(Protocol):
    """Documents from the moment when their values were accepted until they are completed or have failed.

    Many are asked about, and stored, with as many statements as one.
    """

    def to_process(self, session_id: UUID) -> list[tuple[UUID, int]]:
        """The documents of a session that are in processing, in its order: their ids, and the bytes of their files."""

    def of_any_tenant(self, document_ids: Sequence[UUID]) -> list[InProcessing]:
        """Those of these documents that are in processing and have what was prepared for them, in their order."""

    def locked_of_any_tenant(self, document_ids: Sequence[UUID]) -> list[Document]:
        """Those that there are, erased or not, in the order in which `Documents.locked_all` locks them."""

    def save(self, documents: Sequence[Document]) -> None:
        """Store what the end of their processing has changed. There is at least one."""

    def ends_of_session(self, session_id: UUID) -> list[DocumentEnd]:
        """How far the documents of a session have come, each answer once, in the order of the session."""
