"""The whole outside on one page: what the verbs need, as promises and refusals.

Drivers live in the rooms of the same names (``blobs/``, ``store/``, ``jobs/`` ...) and are known by name only to
``wiring``. Nothing foreign crosses a port: a driver catches its library's errors at the call and raises ours.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol
from uuid import UUID

from signroom.domain.application import ApiKey, Application, Role, Subscription
from signroom.domain.branding import Branding, Logo
from signroom.domain.certificate import Certificate
from signroom.domain.document import Document, DocumentStatus
from signroom.domain.document_key import DocumentKey
from signroom.domain.event import RecordedEvent
from signroom.domain.examination import Examination
from signroom.domain.file_validation import FileValidation
from signroom.domain.key_source import KeySources
from signroom.domain.preparation import Preparation
from signroom.domain.security_context import SecurityContext
from signroom.domain.session import Session, SessionStatus
from signroom.domain.signature import (
    NO_OPTIONS,
    CertificateChain,
    DigestAlgorithm,
    DigestValue,
    Inspection,
    Prepared,
    SignatureType,
    SigningOptions,
    Verdict,
)
from signroom.domain.upload import Upload, UploadPart
from signroom.domain.validation import TrustVerdict
from signroom.domain.webhook import Attempt, Delivery, DeliveryStatus, Waits, Webhook


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, aware, in UTC."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a streamed upload came to. ``length`` in bytes; ``sha256`` raw."""

    length: int
    sha256: bytes


class Blobs(Protocol):
    """Immutable files under keys: a second write of a key brings the same bytes again."""

    async def write_stream(self, key: str, chunks: AsyncIterator[bytes], *, limit: int) -> Stored:
        """Store `chunks` as they come, hashing on the way; durable when this returns.

        Raises: FileTooLarge past `limit` bytes (nothing stays behind), StorageUnavailable.
        """

    def write_file(self, key: str, file: Path) -> None:
        """Store a finished file, durable when this returns. `file` may be moved away. Raises: StorageUnavailable."""

    def read_stream(self, key: str) -> AsyncIterator[bytes]:
        """The blob in chunks. Raises: BlobNotFound at the first chunk, StorageUnavailable."""

    def as_file(self, key: str) -> AbstractContextManager[Path]:
        """The blob as a local file, for reading only. Raises: BlobNotFound, StorageUnavailable."""

    def scratch(self) -> AbstractContextManager[Path]:
        """A folder for files on their way into the store, on the same disk where there is one; emptied afterwards."""

    def answers(self) -> bool:
        """True when the store can be reached and written to; asks it without writing."""

    def delete(self, key: str) -> None:
        """Forget a blob; quiet when there is none. Raises: StorageUnavailable."""


MAX_PAGE_TEXT = 50_000


class Formats(Protocol):
    """Bytes -> prepared -> signed. No network, no key. Runs off the event loop, in limited processes.

    Each raises ProcessingUnavailable when the processes are exhausted or restarting, and StorageUnavailable when a
    file cannot be read or written. ``data`` is the content of a detached CMS object that is signed once more.
    """

    def inspect(
        self,
        file: Path,
        wanted: SignatureType | None = None,
        options: SigningOptions = NO_OPTIONS,
        data: Path | None = None,
    ) -> Inspection:
        """Say what `file` is and what stands in the way of signing it as `wanted`.

        None: PDF for a PDF, else CMS. Raises: a DocumentRejected.
        """

    def prepare(
        self,
        file: Path,
        kind: SignatureType,
        chain: CertificateChain,
        *,
        algorithm: DigestAlgorithm,
        now: datetime,
        options: SigningOptions = NO_OPTIONS,
        data: Path | None = None,
    ) -> Prepared:
        """Lay out one signature and return the bytes to be signed. Raises: a DocumentRejected, BadCertificate."""

    def canonical(self, file: Path, options: SigningOptions) -> bytes:
        """The octets of an XML document whose digest is signed. Raises: a DocumentRejected."""

    def check_values(self, pairs: Sequence[tuple[Prepared, bytes]]) -> tuple[bytes, ...]:
        """Verify each value with its certificate over ``to_sign``; returns them as CMS wants them.

        ECDSA values may come as r||s (IEEE P1363) or DER. Raises: SignatureRejected.
        """

    def embed(self, original: Path, prepared: Prepared, value: bytes, output: Path) -> Stored:
        """Write the signed file to `output`. Raises: DocumentRejected when `original` is not what was prepared."""

    def verify(self, file: Path, kind: SignatureType, data: Path | None = None) -> Verdict:
        """Judge `file` like a stranger's: all signatures, no trust in how it was made.

        `data` is the content of a detached CMS object. Raises: DocumentRejected.
        """

    def examine(
        self,
        file: Path,
        data: Path | None = None,
        data_hashes: tuple[DigestValue, ...] = (),
        extract_to: Path | None = None,
    ) -> Examination:
        """Take a signed file of any type apart, for inspection; encapsulated content goes to `extract_to`.

        Raises: NotSigned, a DocumentRejected.
        """

    def preview(self, file: Path, page: int, width: int) -> bytes:
        """A picture (PNG) of a page of a PDF, counted from 0, `width` pixels wide or less.

        Raises: PreviewNotAvailable.
        """

    def page_text(self, file: Path, page: int) -> str:
        """The words of a page of a PDF, counted from 0, at most `MAX_PAGE_TEXT` characters.

        Raises: PreviewNotAvailable.
        """


class Recent(Protocol):
    """What can be made again, kept for a while in a bounded room. Safe to call from threads."""

    def get(self, key: str) -> bytes | None: ...

    def put(self, key: str, value: bytes) -> None:
        """Older values may be forgotten for it; one that is larger than the room is not kept."""


class Pictures(Protocol):
    """Strangers' pictures, decoded where they can do no harm."""

    def read_logo(self, content: bytes) -> Logo:
        """What kind of picture `content` is: a PNG, JPEG or WebP that can be shown.

        Raises: BadLogo, ProcessingUnavailable.
        """


class NamePatterns(Protocol):
    """Regular expressions that managers write, in time that grows with the name only."""

    def require_valid(self, pattern: str) -> None:
        """Raises: BadFileNamePattern, with what is wrong and where."""

    def matches(self, pattern: str, name: str) -> bool:
        """True when `pattern` matches all of `name`. Raises: BadFileNamePattern."""


class Trust(Protocol):
    """Certificates read and judged. DER goes in and out, never library types."""

    def read(self, der: bytes) -> Certificate:
        """Raises: BadCertificate."""

    def require_configured(self, context: SecurityContext) -> None:
        """Raises: SecurityContextNotConfigured when the context has no roots here."""

    def judge(
        self,
        chain: CertificateChain,
        context: SecurityContext,
        at: datetime,
        *,
        revocation_may_be_unknown: bool = False,
    ) -> TrustVerdict:
        """Build a path to a root of `context` and check it as of `at` (RFC 5280, 6): signatures, validity,
        constraints, revocation by CRL or OCSP.

        Never raises for what is wrong with the certificate. Raises: BadCertificate for what is none,
        SecurityContextNotConfigured. May fetch: call from threads.
        """


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer that is on its way. ``name`` is the file name that the answer or the address suggests."""

    name: str | None
    content_type: str | None
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint said to a delivery. ``retry_after``: its header as it came; ``start``: of its body."""

    status: int
    retry_after: str | None
    start: bytes


class Exchange(Protocol):
    """Small answers, such as those about revocation."""

    def exchange(self, url: str, *, limit: int, body: bytes | None = None, content_type: str | None = None) -> bytes:
        """GET, or POST `body`, and the answer's bytes; blocks, call from threads. Raises: FileDownloadFailed."""


class Fetch(Exchange, Protocol):
    """Files and small answers from addresses that strangers wrote: guarded against reaching our own network."""

    def stream(self, url: str, *, limit: int) -> AbstractAsyncContextManager[Fetched]:
        """GET `url`; at most `limit` bytes. Raises: FileDownloadFailed, FileTooLarge (from ``chunks`` too)."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, limit: int) -> bytes:
        """POST `body` to an application's endpoint: any 2xx is an answer, its first `limit` bytes must be all.

        No redirect is followed: `headers` may hold credentials. Raises: FileDownloadFailed.
        """

    def deliver(self, url: str, body: bytes, headers: Mapping[str, str], *, limit: int, seconds: float) -> Answer:
        """POST `body` and say what came back, whatever the status; over after `seconds`, blocks, call from threads.

        No redirect is followed, and what goes beyond `limit` bytes or the time is not read: it changes nothing any
        more. Raises: FileDownloadFailed when there was no answer at all.
        """


class DemoAuthority(Protocol):
    """The per-install certification authority of the sandbox."""

    def issue(self, public_key: bytes, name: str, now: datetime) -> CertificateChain:
        """A 24 h leaf for a SubjectPublicKeyInfo. Raises: BadInput, CertificateKeyNotSupported."""

    def crl(self, now: datetime) -> bytes:
        """Its list of revoked certificates, DER."""


class Tokens(Protocol):
    """Short-lived, signed tokens. They carry an id and a purpose, nothing else."""

    def issue(self, purpose: str, subject: str, now: datetime) -> str: ...

    def read(self, purpose: str, token: str, now: datetime, *, max_age: timedelta) -> str:
        """The subject. Raises: BadToken, TokenExpired."""

    def derive(self, purpose: str, subject: str) -> str:
        """256 bits that only this installation can make for `subject`, always the same; URL-safe."""


class Secrets(Protocol):
    """Other people's secrets that we must be able to send, unreadable in the database."""

    def seal(self, owner: str, secret: str) -> bytes:
        """`secret` encrypted; it opens only for the same `owner`."""

    def unseal(self, owner: str, sealed: bytes) -> str:
        """Raises: SecretUnreadable."""


class ResultTokens(Protocol):
    """Signed statements that applications can check by themselves (RFC 7519), and the keys to do it with."""

    def issue(self, claims: Mapping[str, str | int]) -> str:
        """A JWS in compact form."""

    def key_set(self) -> Mapping[str, object]:
        """The public keys (RFC 7517, 5)."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page of a list ended: lists are ordered by time and id, newest first."""

    created_at: datetime
    id: UUID


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
class MetadataSearch:
    """Name and value as a whole; the name's case is ignored."""

    subscription_id: UUID
    name: str
    value: str
    before: Position | None = None


@dataclass(frozen=True, slots=True)
class EventFilter:
    """None: any."""

    type: str | None = None
    session_id: UUID | None = None
    application_id: UUID | None = None


ANY_EVENT = EventFilter()


@dataclass(frozen=True, slots=True)
class LostEvent:
    """An event that a process of the version before has written, with its owners as they were found."""

    type: str
    session_id: UUID | None
    document_id: UUID | None
    at: datetime
    subscription_id: UUID
    application_id: UUID


@dataclass(frozen=True, slots=True)
class FeedBounds:
    """Positions of the oldest and the newest event that is kept; 0 and 0 when there is none."""

    oldest: int
    newest: int


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """``status`` None: any."""

    webhook_id: UUID
    status: DeliveryStatus | None = None
    before: Position | None = None


@dataclass(frozen=True, slots=True)
class Remembered:
    """What an Idempotency-Key stood for: ``request`` is the SHA-256 of the body, ``subject`` what came of it."""

    request: bytes
    subject: UUID
    created_at: datetime


class Work(Protocol):
    """One transaction. It commits when its ``with`` block ends without an error; all or nothing.

    ``for_update`` variants lock the row until the end, so that two requests cannot decide on the same state.
    """

    def session(self, session_id: UUID) -> Session:
        """Raises: SignatureSessionNotFound."""

    def session_for_update(self, session_id: UUID) -> Session:
        """Raises: SignatureSessionNotFound."""

    def session_by_link(self, link_hash: bytes) -> Session:
        """Raises: SignatureSessionNotFound."""

    def add_session(self, session: Session) -> None: ...

    def save_session(self, session: Session) -> None: ...

    def list_sessions(self, wanted: SessionFilter, limit: int, now: datetime) -> list[Session]:
        """At most `limit`, newest first. One that is pending after its time counts as expired."""

    def document(self, document_id: UUID) -> Document:
        """Raises: DocumentNotFound."""

    def document_by_signed_file(self, subscription_id: UUID, sha256: bytes) -> Document | None:
        """The newest document whose signed file has that digest."""

    def document_for_update(self, document_id: UUID) -> Document:
        """Raises: DocumentNotFound."""

    def documents(self, session_id: UUID) -> list[Document]:
        """In the order of the session."""

    def add_document(self, document: Document) -> None: ...

    def save_document(self, document: Document) -> None: ...

    def remove_document(self, document_id: UUID) -> None: ...

    def find_documents(self, wanted: MetadataSearch, limit: int) -> list[Document]:
        """At most `limit`, newest first. Of those that await a signature only what an application has chosen."""

    def document_key(self, subscription_id: UUID, key: str) -> DocumentKey | None:
        """None also for another subscription's key."""

    def document_key_for_update(self, subscription_id: UUID, key: str) -> DocumentKey | None: ...

    def add_document_keys(self, keys: Sequence[DocumentKey]) -> None: ...

    def save_document_key(self, key: DocumentKey) -> None:
        """Only its document changes."""

    def release_document_keys(self, document_ids: Sequence[UUID]) -> None:
        """The keys of these documents are free again."""

    def unused_document_keys(self, wanted: MetadataSearch, limit: int) -> list[DocumentKey]:
        """At most `limit` without a document, oldest first."""

    def upload(self, token_hash: bytes) -> Upload:
        """Raises: UploadNotFound."""

    def upload_by_id(self, upload_id: UUID) -> Upload:
        """Raises: UploadNotFound."""

    def upload_for_update(self, upload_id: UUID) -> Upload:
        """Raises: UploadNotFound."""

    def add_upload(self, upload: Upload) -> None: ...

    def save_upload(self, upload: Upload) -> None: ...

    def remove_upload(self, upload_id: UUID) -> None:
        """With its parts."""

    def upload_parts(self, upload_id: UUID) -> list[UploadPart]:
        """In the order of their numbers."""

    def put_upload_part(self, upload_id: UUID, part: UploadPart) -> None:
        """A part that is there already is replaced."""

    def remove_upload_parts(self, upload_id: UUID) -> None: ...

    def abandoned_uploads(self, before: datetime, limit: int) -> list[Upload]:
        """Uploads from before that time that nothing has used."""

    def part_keys(self, upload_ids: Sequence[UUID]) -> list[str]:
        """The keys of the blobs of their parts."""

    def remove_uploads(self, upload_ids: Sequence[UUID]) -> None:
        """With their parts; quiet about those that are gone."""

    def expired_sessions_for_update(self, now: datetime, limit: int) -> list[Session]:
        """Pending ones whose time is over, but for those that somebody else holds."""

    def end_unsigned(self, sessions: Sequence[Session], files_until: datetime) -> None:
        """Save their states; keys of their documents are free again, files of their documents have until then."""

    def limit_unsigned(self, created_before: datetime, until: datetime, limit: int) -> int:
        """Give the files of documents that nobody will sign any more until then: of sessions that ended unsigned, and
        of local signatures from before that time. How many were without a limit; at most `limit`.
        """

    def documents_past(self, before: datetime, after: Position | None, limit: int) -> list[Document]:
        """Not purged, available until some time before that; by that time and id, those behind `after`."""

    def predefined_sessions(self, session_ids: Sequence[UUID]) -> set[UUID]:
        """Of these sessions those whose documents the application chose."""

    def files_in_use(self, keys: Sequence[str], besides: Sequence[UUID]) -> set[str]:
        """Of these keys those that documents which are not purged point to, `besides` some."""

    def mark_purged(self, document_ids: Sequence[UUID], now: datetime) -> set[UUID]:
        """Their files are gone, with what was prepared from them. Returns those that were not marked before."""

    def remove_documents(self, document_ids: Sequence[UUID]) -> None: ...

    def forget_preparations(self, before: datetime, limit: int) -> int:
        """Remove some that were made before that time and that nobody can finish any more; returns how many."""

    def forget_events(self, before: datetime, limit: int) -> int:
        """Remove some from the beginning of the feed, never the newest; returns how many."""

    def forget_deliveries(self, before: datetime, limit: int) -> int:
        """Remove some that were settled before that time, with their attempts; returns how many."""

    def take_lost_events(self, before: datetime, limit: int) -> list[LostEvent]:
        """Remove some events without an owner from before that time, in their order, and return them."""

    def idempotent(self, application_id: UUID, key: bytes) -> Remembered | None:
        """What an Idempotency-Key (its SHA-256) stood for."""

    def remember(self, application_id: UUID, key: bytes, remembered: Remembered, *, stale_before: datetime) -> None:
        """What the key stood for before that time is forgotten.

        Raises: AlreadyDone when the key is there, or is being written at this moment.
        """

    def forget_idempotent(self, before: datetime, limit: int) -> int:
        """Remove some from before that time; returns how many."""

    def forget_nonces(self, now: datetime, limit: int) -> int:
        """Remove some that are over; returns how many."""

    def spend_nonce(self, nonce: bytes, expires_at: datetime) -> bool:
        """True the first time; it is remembered until `expires_at` at least. Raises: AlreadyDone."""

    def preparation(self, preparation_id: UUID) -> Preparation:
        """With all its documents. Raises: PreparationNotFound."""

    def prepared(self, preparation_id: UUID, document_id: UUID) -> Prepared:
        """One document's part of a preparation. Raises: PreparationNotFound."""

    def add_preparation(self, preparation: Preparation) -> None: ...

    def append_event(self, event: RecordedEvent) -> None:
        """Its position is given when the transaction commits (verbs call `announce`)."""

    def events_after(
        self, subscription_id: UUID, position: int, limit: int, wanted: EventFilter = ANY_EVENT
    ) -> list[RecordedEvent]:
        """At most `limit`, in the order of their positions; what is missing in front of one never appears later."""

    def feed_bounds(self) -> FeedBounds:
        """Of all events together. What is read after this call has no event at or before ``newest`` missing."""

    def document_statuses(self, session_id: UUID) -> list[DocumentStatus]:
        """Of the documents of a session, and nothing else of them."""

    def event(self, event_id: UUID) -> RecordedEvent:
        """Raises: EventNotFound."""

    def enqueue(
        self, job: str, key: str, subject: UUID, *, delay: timedelta = timedelta(), lane: str | None = None
    ) -> None:
        """Run `job` on `subject` once this transaction has committed, after `delay`; the same `key` is run once only.

        `lane` is needed for jobs of ``Queue.DELIVERIES`` and for no other: whom the job is for (an endpoint's id), so
        that a slow one holds up only itself.
        """

    def webhooks(self, subscription_id: UUID) -> list[Webhook]:
        """The oldest first."""

    def webhooks_to_tell(self, subscription_id: UUID) -> Sequence[Webhook]:
        """The same, for a transaction that adds deliveries: until its end none is removed. Looked up once in it."""

    def webhook(self, webhook_id: UUID) -> Webhook:
        """Raises: WebhookNotFound."""

    def webhook_for_update(self, webhook_id: UUID) -> Webhook:
        """Raises: WebhookNotFound."""

    def add_webhook(self, webhook: Webhook) -> None: ...

    def save_webhook(self, webhook: Webhook) -> None: ...

    def remove_webhook(self, webhook_id: UUID) -> None:
        """With its deliveries and their log."""

    def lock_subscription(self, subscription_id: UUID) -> None:
        """Who does the same waits. Raises: SubscriptionNotFound."""

    def session_webhook_url(self, session_id: UUID) -> str | None:
        """``webhookUrl`` of a session, without reading the rest of it."""

    def delivery(self, delivery_id: UUID) -> Delivery:
        """Raises: DeliveryNotFound."""

    def delivery_for_update(self, delivery_id: UUID) -> Delivery:
        """Raises: DeliveryNotFound."""

    def add_delivery(self, delivery: Delivery) -> None: ...

    def save_delivery(self, delivery: Delivery) -> None: ...

    def earlier_delivery(self, delivery: Delivery) -> Delivery | None:
        """One of the same webhook and stream that is older and still pending or held: the oldest."""

    def following_delivery(self, delivery: Delivery) -> Delivery | None:
        """The oldest other one of the same webhook and stream that is pending."""

    def due_delivery(self, webhook_id: UUID, now: datetime) -> Delivery | None:
        """The one that is pending and due for the longest, with nothing before it in its stream; no test."""

    def held_deliveries(self, webhook_id: UUID, limit: int) -> list[Delivery]:
        """At most `limit`, the oldest first, for update."""

    def hold_failed_deliveries(self, webhook_id: UUID) -> int:
        """Make those that failed held ones, as if they had never been tried. How many there were."""

    def list_deliveries(self, wanted: DeliveryFilter, limit: int) -> list[Delivery]:
        """At most `limit`, newest first."""

    def attempts(self, delivery_id: UUID) -> list[Attempt]:
        """The log of a delivery, in order."""

    def last_attempt(self, delivery_id: UUID) -> int:
        """The number of the newest line in its log; 0 when there is none."""

    def append_attempt(self, attempt: Attempt) -> None: ...

    def subscription(self, name: str) -> Subscription:
        """Raises: SubscriptionNotFound."""

    def file_validation(self, subscription_id: UUID) -> FileValidation: ...

    def save_file_validation(self, subscription_id: UUID, validation: FileValidation) -> None: ...

    def branding(self, subscription_id: UUID) -> Branding: ...

    def logo(self, subscription_id: UUID) -> Logo | None: ...

    def save_branding(self, subscription_id: UUID, branding: Branding, logo: Logo | None) -> None: ...

    def save_subscription(self, subscription: Subscription) -> None: ...

    def add_subscription(self, subscription: Subscription) -> None:
        """Raises: NameTaken."""

    def subscription_of(self, subscription_id: UUID) -> Subscription:
        """Raises: SubscriptionNotFound."""

    def application(self, application_id: UUID) -> Application:
        """Raises: ApplicationNotFound."""

    def application_for_update(self, application_id: UUID) -> Application:
        """Raises: ApplicationNotFound."""

    def applications_by_name(self, name: str) -> list[Application]:
        """One per subscription at most."""

    def save_application(self, application: Application) -> None: ...

    def add_application(self, application: Application) -> None:
        """Raises: NameTaken."""

    def api_key(self, secret_hash: bytes) -> tuple[ApiKey, Application] | None:
        """The key with that hash and its application, or None."""

    def add_api_key(self, key: ApiKey) -> None: ...


class Queue(StrEnum):
    """Where a job waits; each has its own places in every process that runs jobs."""

    DOCUMENTS = "signroom-documents"
    DELIVERIES = "signroom-deliveries"
    """With lanes: a few at a time per lane, over all processes."""
    MAINTENANCE = "signroom-maintenance"
    """One at a time in each process."""


PATIENCE = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Job:
    """What a job does. Both functions may run twice, even at the same time."""

    run: Callable[[UUID], timedelta | None]
    """Runs to its end. A time instead of None: run me again after that; the caller of the port has its own back-off.

    `Unavailable` is tried again with growing waits, without a place or a thread being held, for `patience`; any
    other error is final.
    """
    give_up: Callable[[UUID, str], None]
    """Called with an error code when `run` failed for good: nobody may wait for ever."""
    queue: Queue = Queue.DOCUMENTS
    patience: timedelta = PATIENCE


@dataclass(frozen=True, slots=True)
class Schedule:
    """Something that is done again and again: once per `every`, whatever the number of processes.

    A run that fails is logged and not repeated: the next one is due anyway. Rarely two may run at the same time.
    """

    name: str
    every: timedelta
    run: Callable[[], None]


@dataclass(frozen=True, slots=True)
class DeadJob:
    """A job that failed for good. ``since`` in UTC; ``failed_step`` is the engine's name of it."""

    id: str
    job: str
    subject: UUID
    since: datetime
    failed_step: str


@dataclass(frozen=True, slots=True)
class JobsState:
    """All processes together."""

    jobs: Mapping[tuple[Queue, str], int]
    """Unfinished jobs by queue and the engine's status: ``ENQUEUED`` (due), ``PENDING`` (running), ``DELAYED``."""
    oldest_due: datetime | None
    """Since when the oldest job waits that could run, in UTC."""
    dead: int
    executors: int
    """Processes that execute jobs at this moment."""


class Jobs(Protocol):
    """What is asked of the job engine beside `Work.enqueue`. Each raises DatabaseUnavailable."""

    def dead(self, limit: int) -> list[DeadJob]:
        """Jobs that failed for good and were not retried since, newest first."""

    def retry(self, job_id: str) -> str:
        """Run a dead job again from the step that failed, once; returns the new run's id. Raises: DeadJobNotFound."""

    def state(self) -> JobsState: ...

    def withdraw(self, keys: Sequence[str]) -> None:
        """Take back jobs that wait in their queue and that nobody needs any more; all others are left alone."""


class Watch(Protocol):
    async def changed(self, seconds: float) -> bool:
        """True as soon as there was an event since the watch began, or since the last True; False after `seconds`.

        Now and then also True for nothing: look, and wait again.
        """


class Changes(Protocol):
    """Wakes who waits for an event, on the event loop: no thread is held, and nobody asks the database by himself."""

    @property
    def over(self) -> bool:
        """The server stops: every watch was rung, nobody shall wait any more."""

    def watch(self, subject: UUID) -> AbstractContextManager[Watch]:
        """Events of a session, or of a subscription. Begin it before you look, so that nothing falls in between."""


class Store(Protocol):
    def work(self) -> AbstractContextManager[Work]:
        """A transaction that may write."""

    def read(self) -> AbstractContextManager[Work]:
        """A transaction that only reads; never waits for a writer."""


class Migrations(StrEnum):
    MISSING = "missing"
    BEHIND = "behind"
    CURRENT = "current"
    NEWER = "newer"
    """Of a version that is being rolled out: its tables can be used."""


@dataclass(frozen=True, slots=True)
class DatabaseCondition:
    """How a database is, for `signroom doctor`."""

    product: str
    version: str
    ahead: float
    """Seconds by which its clock is before ours; negative: behind."""
    migrations: Migrations
    sealed: tuple[UUID, bytes] | None
    """A subscription and a sealed secret of it, to see whether our key opens it."""
    signing: tuple[UUID, bytes] | None
    """The same of a webhook and its signing secret."""
    read_only: bool = False
    """True for a standby."""
    free_connections: int | None = None
    """None: it knows no limit."""


class Obstacle(StrEnum):
    """Why an address of ours does not answer."""

    UNKNOWN_NAME = "the name is not known"
    REFUSED = "nothing listens there"
    TLS = "its certificate is not accepted"
    SILENT = "it does not answer in time"
    NO_HTTP = "it does not speak HTTP"


@dataclass(frozen=True, slots=True)
class Probed:
    """What an address of ours answered. ``body`` is its first bytes."""

    status: int
    body: bytes
    date: datetime | None
    """By the server's clock, whole seconds."""


class Answering(Protocol):
    """A request that is being answered."""

    def answered(self, route: str, status: int) -> None:
        """`route` is the template, never the address. Status 0: nobody waited for the answer."""


class Timed(Protocol):
    """`Meter.timed`, for a driver that times what it does."""

    def __call__(self, kind: str, name: str, **about: str) -> AbstractContextManager[None]: ...


class Meter(Protocol):
    """Counts and times what happens, for whoever watches this process.

    What is given as `kind`, `name`, `what` or `outcome` is one of few words. Ids and places of the outside go to log
    lines and traces alone; secrets, names and contents nowhere.
    """

    def timed(self, kind: str, name: str, **about: str) -> AbstractContextManager[None]:
        """Time what runs inside, like the ``format`` step ``embed``; `about` is for the trace."""

    def count(self, what: str, outcome: str) -> None:
        """One more of `what`, like a ``webhook_attempt`` that was ``delivered``."""

    def request(self, method: str, headers: Mapping[str, str]) -> AbstractContextManager[Answering]:
        """Time a request. A trace that the caller began (W3C ``traceparent``) is gone on with."""

    def mistake(self, what: str) -> None:
        """Log the exception that is being handled: an error of ours that ended `what` and nothing else."""

    def about(self, **ids: UUID | None) -> None:
        """Whom log lines and traces are about from here to the end of this request or job, ``session_id=...``; None:
        about none of that kind any more."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A number as it is at this moment, under the name of a metric without its prefix."""

    name: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What this installation accepts. ``max_file`` in bytes."""

    max_file: int
    session_lifetime: timedelta
    page_token_lifetime: timedelta
    download_lifetime: timedelta
    events_kept: timedelta
    """How long a receiver of events may be down and still catch up."""

    webhook_waits: Waits
    """When deliveries are tried again."""
    webhook_timeout: timedelta
    """For one try of a delivery, from the look-up of the name to the answer."""


class EventBodies(Protocol):
    """Events as the wire tells them to applications."""

    def render(self, ports: Ports, event: RecordedEvent, session: Session | None, document: Document | None) -> bytes:
        """JSON in UTF-8, made now: its download addresses are fresh."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything a verb may need, built once by ``wiring``."""

    store: Store
    jobs: Jobs
    changes: Changes
    blobs: Blobs
    formats: Formats
    trust: Trust
    fetch: Fetch
    pictures: Pictures
    name_patterns: NamePatterns
    secrets: Secrets
    previews: Recent
    default_context: SecurityContext
    demo: DemoAuthority | None
    """None in production: the demo key is not offered there."""
    key_sources: KeySources
    tokens: Tokens
    result_tokens: ResultTokens
    event_bodies: EventBodies
    clock: Clock
    limits: Limits
    meter: Meter
    public_url: str
    """Without a trailing slash."""


__all__ = [
    "ApiKey",
    "Blobs",
    "Clock",
    "DemoAuthority",
    "Formats",
    "Limits",
    "Ports",
    "Role",
    "Store",
    "Tokens",
    "Trust",
    "Work",
]
