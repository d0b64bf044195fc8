"""A signature session and its table of moves (``docs/signature-cycle.md``; states as on the wire).

A move returns the new session and the event to record_event. Nothing here reads a clock or makes an id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import unquote_plus, urlsplit, urlunsplit
from uuid import UUID

from signroom.domain.document import Document, DocumentEnd, DocumentStatus
from signroom.domain.endpoint import require_endpoint_url
from signroom.domain.errors import (
    BadCallbackArgument,
    BadReturnUrl,
    SignatureSessionErased,
    TooManyDocuments,
    WrongState,
)
from signroom.domain.event import (
    Event,
    SessionCancelled,
    SessionCompleted,
    SessionCreated,
    SessionExpired,
    SessionFailed,
    SessionOpened,
    SessionRetried,
    SessionSigned,
)
from signroom.domain.metadata import NO_METADATA, Metadata
from signroom.domain.requirement import CertificateRequirement
from signroom.domain.signature import NO_OPTIONS, CertificateChain, OptionsByType


class SessionStatus(StrEnum):
    PENDING = "Pending"
    PROCESSING = "Processing"
    COMPLETED = "Completed"
    USER_CANCELLED = "UserCancelled"
    EXPIRED = "Expired"
    PROCESSING_ERROR = "ProcessingError"


MOVES: dict[SessionStatus, frozenset[SessionStatus]] = {
    SessionStatus.PENDING: frozenset({SessionStatus.PROCESSING, SessionStatus.USER_CANCELLED, SessionStatus.EXPIRED}),
    SessionStatus.PROCESSING: frozenset({SessionStatus.COMPLETED, SessionStatus.PROCESSING_ERROR}),
    SessionStatus.PROCESSING_ERROR: frozenset({SessionStatus.PROCESSING}),
    SessionStatus.COMPLETED: frozenset(),
    SessionStatus.USER_CANCELLED: frozenset(),
    SessionStatus.EXPIRED: frozenset(),
}

MAX_DOCUMENTS = 100
MAX_TEXT = 1024


@dataclass(frozen=True, slots=True)
class Session:
    id: UUID
    subscription_id: UUID
    application_id: UUID
    status: SessionStatus
    link_hash: bytes
    """SHA-256 of the secret in the page's address; the secret itself is handed out once and never stored."""
    return_url: str | None
    callback_argument: str | None
    disable_downloads: bool
    predefined: bool
    """The application chose the documents; the signer adds and removes nothing."""
    created_at: datetime
    expires_at: datetime
    security_context_id: UUID
    requirements: tuple[CertificateRequirement, ...] = ()
    background: bool = False
    """The signer leaves as soon as his signatures are stored."""
    metadata: Metadata = NO_METADATA
    """For each document that has no value of its own under a name."""
    options: OptionsByType = NO_OPTIONS
    """For each document that has none of its own."""
    result_token: bool = False
    """Add a signed statement of the outcome to the return URL."""
    language: str | None = None
    """Of the signing page; None: as the signer's browser asks."""
    signer_certificate: bytes | None = None
    signer_issuers: tuple[bytes, ...] = ()
    """The issuers of `signer_certificate` in order, DER."""
    processing_error_code: str | None = None
    opened_at: datetime | None = None
    """When its page was shown for the first time."""
    webhook_url: str | None = None
    """Where its events are sent, besides the endpoints of its application and subscription."""
    erased_at: datetime | None = None
    """From then on nothing of it is handed out, and it holds no personal data."""

    def expired(self, now: datetime) -> bool:
        """Only a pending session expires: signatures that were committed before win."""
        return self.status is SessionStatus.PENDING and now >= self.expires_at

    def require_not_erased(self) -> Session:
        """Itself. Raises: SignatureSessionErased."""
        if self.erased_at is not None:
            raise SignatureSessionErased
        return self

    def require_open(self, now: datetime) -> None:
        """Raises: WrongState unless documents may still be added, removed or signed."""
        if self.status is not SessionStatus.PENDING or self.expired(now):
            raise WrongState(f"The session is {SessionStatus.EXPIRED if self.expired(now) else self.status}.")

    def require_signable(self, now: datetime) -> None:
        """Raises: WrongState unless documents may be signed (first time, or again after an error)."""
        if self.status is not SessionStatus.PROCESSING_ERROR:
            self.require_open(now)

    def require_room(self, documents: int, adding: int = 1) -> None:
        """Raises: TooManyDocuments."""
        if documents + adding > MAX_DOCUMENTS:
            raise TooManyDocuments(f"At most {MAX_DOCUMENTS}.")

    def open(self, now: datetime) -> tuple[Session, Event] | None:
        """Its page is shown. None when it was shown before, or is signed or over: the event would be out of order."""
        if self.opened_at is not None or self.status is not SessionStatus.PENDING or self.expired(now):
            return None
        return replace(self, opened_at=now), SessionOpened(self.id, now)

    def sign(self, chain: CertificateChain, now: datetime) -> tuple[Session, Event]:
        """All values are in; `chain` is in order. Raises: WrongState."""
        self.require_signable(now)
        moved = replace(
            self._moved(SessionStatus.PROCESSING),
            signer_certificate=chain.certificate,
            signer_issuers=chain.issuers,
            processing_error_code=None,
        )
        return moved, SessionSigned(self.id, now)

    def give_up(self, documents: list[Document], now: datetime) -> tuple[Session, Event]:
        """No document could be prepared, so there is nothing to sign: it ends with their errors. Raises: WrongState."""
        self.require_signable(now)
        settled = self._moved(SessionStatus.PROCESSING).settle(documents, now)
        if settled is None:
            raise WrongState("A document is being processed.")
        return settled

    def retry(self, now: datetime) -> tuple[Session, Event]:
        """Its failed documents are processed again. Raises: WrongState unless it ended in an error."""
        if self.status is not SessionStatus.PROCESSING_ERROR:
            raise WrongState(f"The session is {self.status}.")
        return replace(self._moved(SessionStatus.PROCESSING), processing_error_code=None), SessionRetried(self.id, now)

    def settle(self, documents: Sequence[Document], now: datetime) -> tuple[Session, Event] | None:
        """Complete or fail once no document is being processed any more; None while one is.

        Documents that were erased count only when there are no others: nobody can sign them any more.

        Raises: WrongState.
        """
        return self.settle_by([document.end for document in documents], now)

    def settle_by(self, ends: Sequence[DocumentEnd], now: datetime) -> tuple[Session, Event] | None:
        """As `settle`, by what it asks of its documents. The same answer of several documents may come once.

        Raises: WrongState.
        """
        ends = [end for end in ends if not end.erased] or ends
        if any(end.status is DocumentStatus.PROCESSING for end in ends):
            return None
        codes = [end.processing_error_code for end in ends if end.status is DocumentStatus.PROCESSING_ERROR]
        if codes:
            failed = replace(self._moved(SessionStatus.PROCESSING_ERROR), processing_error_code=codes[0])
            return failed, SessionFailed(self.id, now)
        return self._moved(SessionStatus.COMPLETED), SessionCompleted(self.id, now)

    def cancel(self, now: datetime) -> tuple[Session, Event]:
        """The signer gives up. Raises: WrongState when the session has ended or signatures are in."""
        self.require_open(now)
        return self._moved(SessionStatus.USER_CANCELLED), SessionCancelled(self.id, now)

    def expire(self, now: datetime) -> tuple[Session, Event]:
        """Its time is over. Raises: WrongState when it is not due or not pending."""
        if not self.expired(now):
            raise WrongState(f"The session is {self.status}.")
        return self._moved(SessionStatus.EXPIRED), SessionExpired(self.id, now)

    def extend(self, now: datetime, more: timedelta, longest: timedelta) -> Session:
        """Somebody is there who needs more time: it stays open for `more`, and ends no earlier than it would have.

        It never stays open for longer than `longest` after it was opened.

        Raises: WrongState when it has ended.
        """
        self.require_open(now)
        return replace(self, expires_at=max(self.expires_at, min(now + more, self.created_at + longest)))

    def erase(self, link_hash: bytes, now: datetime) -> Session:
        """The session without anything personal; its page is found under `link_hash`, which belongs to no link.

        Raises: WrongState while it is open or in processing.
        """
        if self.status in {SessionStatus.PENDING, SessionStatus.PROCESSING}:
            raise WrongState(f"The session is {self.status}.")
        return replace(
            self,
            link_hash=link_hash,
            return_url=None,
            callback_argument=None,
            requirements=(),
            metadata=NO_METADATA,
            options=NO_OPTIONS,
            language=None,
            signer_certificate=None,
            signer_issuers=(),
            webhook_url=None,
            erased_at=now,
        )

    @property
    def signed(self) -> bool:
        """True once signatures were committed, whatever became of them."""
        return self.signer_certificate is not None

    @property
    def return_address(self) -> str | None:
        """Where the browser goes at the end; None without a return URL, or while there is nothing to return with."""
        ended = {
            SessionStatus.COMPLETED,
            SessionStatus.USER_CANCELLED,
            SessionStatus.PROCESSING_ERROR,
            SessionStatus.EXPIRED,
        }
        left = self.background and self.status is SessionStatus.PROCESSING
        if self.return_url is None or not (left or self.status in ended):
            return None
        return with_session_id(self.return_url, self.id)

    def _moved(self, to: SessionStatus) -> Session:
        if to not in MOVES[self.status]:
            raise WrongState(f"The session is {self.status}.")
        return replace(self, status=to)


def new_session(
    *,
    id: UUID,
    subscription_id: UUID,
    application_id: UUID,
    link_hash: bytes,
    return_url: str | None,
    callback_argument: str | None,
    disable_downloads: bool,
    predefined: bool,
    now: datetime,
    expires_at: datetime,
    security_context_id: UUID,
    requirements: tuple[CertificateRequirement, ...] = (),
    background: bool = False,
    metadata: Metadata = NO_METADATA,
    options: OptionsByType = NO_OPTIONS,
    result_token: bool = False,
    language: str | None = None,
    webhook_url: str | None = None,
) -> tuple[Session, Event]:
    """Open a session. Raises: BadReturnUrl, BadCallbackArgument, BadInput for a `webhook_url` that is none."""
    if return_url is not None:
        require_return_url(return_url)
    if webhook_url is not None:
        require_endpoint_url(webhook_url, "webhookUrl")
    # PostgreSQL stores no NUL in a text.
    if callback_argument is not None and (len(callback_argument) > MAX_TEXT or "\0" in callback_argument):
        raise BadCallbackArgument
    session = Session(
        id=id,
        subscription_id=subscription_id,
        application_id=application_id,
        status=SessionStatus.PENDING,
        link_hash=link_hash,
        return_url=return_url,
        callback_argument=callback_argument,
        disable_downloads=disable_downloads,
        predefined=predefined,
        created_at=now,
        expires_at=expires_at,
        security_context_id=security_context_id,
        requirements=requirements,
        background=background,
        metadata=metadata,
        options=options,
        result_token=result_token,
        language=language,
        webhook_url=webhook_url,
    )
    return session, SessionCreated(id, now)


def require_return_url(url: str) -> None:
    """Raises: BadReturnUrl unless `url` is absolute, http or https, and at most 1024 characters.

    Spaces, control characters, quotes and backslashes are refused: browsers and servers read them differently.
    """
    if len(url) > MAX_TEXT or any(c.isspace() or not c.isprintable() or c in "\"'\\<>" for c in url):
        raise BadReturnUrl
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise BadReturnUrl from error
    if parts.scheme.lower() not in {"http", "https"} or not host or "@" in parts.netloc:
        raise BadReturnUrl


def with_session_id(url: str, session_id: UUID) -> str:
    """Add ``signatureSessionId`` to the query of `url`."""
    return with_parameter(url, "signatureSessionId", str(session_id))


def with_parameter(url: str, name: str, value: str) -> str:
    """Add a parameter that needs no escapes; the query of `url` (escapes untouched) and its fragment stay.

    One of that name that is there already goes: of two, programs read the one or the other.
    """
    parts = urlsplit(url)
    others = [one for one in parts.query.split("&") if unquote_plus(one.partition("=")[0]) != name]
    query = "&".join(others)
    return urlunsplit(parts._replace(query=f"{query}&{name}={value}" if query else f"{name}={value}"))
