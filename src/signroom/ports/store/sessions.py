"""The part `work.sessions` of a transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from signroom.domain.application import Application
from signroom.domain.branding import Branding
from signroom.domain.document import Document
from signroom.domain.preparation import Preparation
from signroom.domain.session import Session, SessionStatus
from signroom.domain.signature import PdfReading
from signroom.ports.store.position import Position


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """None and empty: any. ``created_from`` is inclusive, ``created_before`` is not."""

    subscription_id: UUID
    statuses: frozenset[SessionStatus] = frozenset()
    created_from: datetime | None = None
    created_before: datetime | None = None
    callback_argument: str | None = None
    before: Position | None = None


@dataclass(frozen=True, slots=True)
class LinkedSession:
    """The session that a link opens, and its application. ``closed``: it, or its subscription, is disabled or being
    deleted.
    """

    session: Session
    application: Application
    closed: bool


@dataclass(frozen=True, slots=True)
class SessionOfPage:
    """A session with all that its page shows."""

    session: Session
    documents: tuple[Document, ...]
    """In order."""
    application: Application
    branding: Branding
    file_name_pattern: str | None
    """For files that the signer chooses; None: any name."""


@dataclass(frozen=True, slots=True)
class SessionToSign:
    """A locked session with all that decides about its signatures."""

    page: SessionOfPage
    """With the documents that were erased."""
    closed: bool
    """As in `LinkedSession`."""
    in_processing: int
    """How many documents of sessions of its subscription are being processed, or wait for it."""


@dataclass(frozen=True, slots=True)
class SessionToFinish:
    """What was prepared for one document, or for several, and their session. Nothing is locked."""

    preparation: Preparation
    page: SessionOfPage
    """With those of the prepared documents that the session still has, erased or not."""
    has_others: bool
    """Whether the session has more documents than the last of these, erased or not."""


class Sessions(Protocol):
    """Sessions. A ``locked`` one cannot be changed by another transaction until this one ends."""

    def of_any_tenant(self, session_id: UUID) -> Session:
        """Raises: SignatureSessionNotFound, SignatureSessionErased."""

    def with_documents_of_any_tenant(self, session_id: UUID) -> tuple[Session, list[Document]]:
        """A session, erased or not, and those of its documents that were not erased, in order. One question.

        Raises: SignatureSessionNotFound.
        """

    def of_page_of_any_tenant(self, session_id: UUID) -> SessionOfPage:
        """The same with what its page shows, without the logo. One question.

        Raises: SignatureSessionNotFound.
        """

    def to_prepare_of_any_tenant(self, session_id: UUID) -> tuple[Session, list[Document], Mapping[UUID, PdfReading]]:
        """As `with_documents_of_any_tenant`, with what was read of PDFs at upload, by the ids of their documents.

        Raises: SignatureSessionNotFound.
        """

    def locked_of_any_tenant(self, session_id: UUID) -> Session:
        """Raises: SignatureSessionNotFound, SignatureSessionErased."""

    def locked_to_sign_of_any_tenant(self, session_id: UUID) -> SessionToSign:
        """Raises: SignatureSessionNotFound, SignatureSessionErased."""

    def to_finish_of_any_tenant(self, session_id: UUID, preparation_id: UUID) -> SessionToFinish:
        """As `Preparations.to_finish_of_any_tenant`, for a preparation that has one document. One question.

        Raises: PreparationNotFound, SignatureSessionErased.
        """

    def sign_alone(self, session: Session, document: Document, now: datetime) -> int | None:
        """Store that a session was signed with its only document, in two statements.

        Both were read without a lock. Returns `SessionToSign.in_processing`, without this document. None when the
        session may not be signed `now`, when its application or subscription is closed, or when its documents have
        changed since: then something may have been written, and the transaction must not be committed.
        """

    def locked_with_documents_of_any_tenant(self, session_id: UUID) -> tuple[Session, list[Document]]:
        """The documents in order, those that were erased among them.

        Raises: SignatureSessionNotFound, SignatureSessionErased.
        """

    def by_link(self, link_hash: bytes) -> LinkedSession:
        """One question. Raises: SignatureSessionNotFound, SignatureSessionErased."""

    def note_opened(self, session: Session, at: datetime) -> bool:
        """Note that the page of a pending session was shown for the first time. False: it was shown before, or the
        session is not pending any more.
        """

    def add(self, session: Session) -> None: ...

    def save(self, session: Session) -> None: ...

    def find(self, wanted: SessionFilter, limit: int, now: datetime) -> list[Session]:
        """At most `limit` that were not erased, newest first. One that is pending after its time counts as expired."""

    def locked_expired(self, now: datetime, limit: int) -> list[Session]:
        """At most `limit` pending ones whose time is over, without those that another transaction has locked."""

    def end_unsigned(self, sessions: Sequence[Session], files_until: datetime) -> None:
        """Save the statuses of these sessions, which have ended unsigned.

        The keys of their documents are free again, without metadata. The files of their documents are kept until
        `files_until`.
        """

    def predefined(self, session_ids: Sequence[UUID]) -> set[UUID]:
        """Of these sessions those whose documents the application chose."""

    def webhook_url(self, session_id: UUID) -> str | None:
        """``webhookUrl`` of a session, without reading the rest of it."""
