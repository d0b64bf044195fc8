"""The part `work.processing` of a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from signroom.domain.application import Subscription
from signroom.domain.document import Document, DocumentEnd
from signroom.domain.session import Session
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
    session_alone: Session | None = None
    """Its session, when that is in processing for the first time and has no other document. Only said when no other
    document was asked for."""


@dataclass(frozen=True, slots=True)
class SessionToSettle:
    """A locked session, and some of its documents, which are locked, too."""

    session: Session
    """It may be erased."""
    documents: list[Document]
    """In order, erased or not."""
    has_others: bool
    """Whether it has more documents than these."""
    waits_for_others: bool
    """Whether one of the others is in processing."""


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

    def locked_to_settle(self, session_id: UUID, document_ids: Sequence[UUID]) -> SessionToSettle:
        """A session with those of these documents that it has.

        Raises: SignatureSessionNotFound, also when it has none of them.
        """

    def save(self, documents: Sequence[Document], session: Session | None = None) -> None:
        """Store what the end of their processing has changed, and the end of their session.

        All were locked by this part of the transaction.
        """

    def end_alone(self, document: Document, session: Session) -> bool:
        """Store the end of a document's processing and that of its session, as `save` does, in two statements.

        Both were read without a lock. False when they, or the documents of the session, have changed since: then
        something may have been written, and the transaction must not be committed.
        """

    def ends_of_session(self, session_id: UUID) -> list[DocumentEnd]:
        """How far the documents of a session have come, each answer once, in the order of the session."""
