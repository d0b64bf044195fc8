"""The database: what verbs read and write in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from signroom.domain.application import ApiKey, Application, Subscription
from signroom.domain.branding import Branding, Logo
from signroom.domain.document import Document, DocumentStatus
from signroom.domain.document_key import DocumentKey
from signroom.domain.event import RecordedEvent
from signroom.domain.file_validation import FileValidation
from signroom.domain.preparation import Preparation
from signroom.domain.session import Session, SessionStatus
from signroom.domain.signature import (
    Prepared,
)
from signroom.domain.upload import Upload, UploadPart
from signroom.domain.webhook import Attempt, Delivery, DeliveryStatus, Webhook


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
class LegacyEvent:
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
class StoredResult:
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

    def delete_expired_preparations(self, before: datetime, limit: int) -> int:
        """Remove some that were made before that time and that nobody can finish any more; returns how many."""

    def delete_expired_events(self, before: datetime, limit: int) -> int:
        """Remove some from the beginning of the feed, never the newest; returns how many."""

    def delete_expired_deliveries(self, before: datetime, limit: int) -> int:
        """Remove some that were settled before that time, with their attempts; returns how many."""

    def take_legacy_events(self, before: datetime, limit: int) -> list[LegacyEvent]:
        """Remove some events without an owner from before that time, in their order, and return them."""

    def find_result(self, application_id: UUID, key: bytes) -> StoredResult | None:
        """What an Idempotency-Key (its SHA-256) stood for."""

    def store_result(
        self, application_id: UUID, key: bytes, remembered: StoredResult, *, stale_before: datetime
    ) -> None:
        """What the key stood for before that time is forgotten.

        Raises: AlreadyDone when the key is there, or is being written at this moment.
        """

    def delete_expired_idempotent(self, before: datetime, limit: int) -> int:
        """Remove some from before that time; returns how many."""

    def delete_expired_nonces(self, now: datetime, limit: int) -> int:
        """Remove some that are over; returns how many."""

    def spend_nonce(self, nonce: bytes, expires_at: datetime) -> bool:
        """True the first time; it is remembered until `expires_at` at least. Raises: AlreadyDone."""

    def preparation(self, preparation_id: UUID) -> Preparation:
        """With all its documents. Raises: PreparationNotFound."""

    def prepared(self, preparation_id: UUID, document_id: UUID) -> Prepared:
        """One document's part of a preparation. Raises: PreparationNotFound."""

    def add_preparation(self, preparation: Preparation) -> None: ...

    def append_event(self, event: RecordedEvent) -> None:
        """Its position is given when the transaction commits (verbs call `record_event`)."""

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


class Store(Protocol):
    def work(self) -> AbstractContextManager[Work]:
        """A transaction that may write."""

    def read(self) -> AbstractContextManager[Work]:
        """A transaction that only reads; never waits for a writer."""
