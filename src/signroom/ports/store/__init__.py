"""The database: what verbs read and write in one transaction.

`Work` is a transaction. Its parts are each in a file of this folder, with the types that they need.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from signroom.domain.file_validation import FileValidation
from signroom.ports.store.applications import Applications, ApplicationSummary, KeyOwner
from signroom.ports.store.audit_log import ANY_CHANGE, AuditLog, ChangeFilter
from signroom.ports.store.deliveries import FAILING, Deliveries, DeliveryFilter, ToSend
from signroom.ports.store.document_keys import DocumentKeys
from signroom.ports.store.documents import Documents, MetadataSearch
from signroom.ports.store.erasing.erasures import Erasures
from signroom.ports.store.erasing.persons import Persons
from signroom.ports.store.feed import ANY_EVENT, EventFilter, Feed, FeedBounds, LegacyEvent
from signroom.ports.store.file_comparison import ComparisonPass, FileComparison
from signroom.ports.store.managing.removal import Removal
from signroom.ports.store.managing.security_contexts import SecurityContexts
from signroom.ports.store.managing.timestamp_providers import TimestampProviders
from signroom.ports.store.position import Position
from signroom.ports.store.preparations import Preparations
from signroom.ports.store.processing import InProcessing, Processing, SessionToSettle
from signroom.ports.store.rotation import Rotation
from signroom.ports.store.sessions import (
    LinkedSession,
    SessionFilter,
    SessionOfPage,
    Sessions,
    SessionToFinish,
    SessionToSign,
)
from signroom.ports.store.spent import ERASED, Spent, StoredResult
from signroom.ports.store.statistics import Statistics
from signroom.ports.store.subscriptions import Subscriptions, SubscriptionSummary
from signroom.ports.store.uploads import Uploads
from signroom.ports.store.wall import Owned, TenantRows
from signroom.ports.store.webhooks import Webhooks

__all__ = [
    "ANY_CHANGE",
    "ANY_EVENT",
    "ERASED",
    "FAILING",
    "ApplicationSummary",
    "ChangeFilter",
    "ComparisonPass",
    "DeliveryFilter",
    "EventFilter",
    "FeedBounds",
    "InProcessing",
    "KeyOwner",
    "LegacyEvent",
    "LinkedSession",
    "MetadataSearch",
    "Position",
    "SessionFilter",
    "SessionOfPage",
    "SessionToFinish",
    "SessionToSettle",
    "SessionToSign",
    "Store",
    "StoredResult",
    "SubscriptionSummary",
    "ToSend",
    "Work",
]


class Work(Protocol):
    """One transaction. It commits when its ``with`` block ends without an error; all or nothing.

    What a method called ``locked`` returns is locked until the end, so that two requests cannot decide on the same
    state. What a verb reads for a caller it reads through `of`.
    """

    def of(self, owner: Owned) -> TenantRows:
        """The rows of the owner's subscription: `work.of(caller).session(id)`."""

    @property
    def sessions(self) -> Sessions: ...

    @property
    def documents(self) -> Documents: ...

    @property
    def document_keys(self) -> DocumentKeys: ...

    @property
    def file_comparison(self) -> FileComparison: ...

    @property
    def uploads(self) -> Uploads: ...

    @property
    def preparations(self) -> Preparations: ...

    @property
    def processing(self) -> Processing: ...

    @property
    def webhooks(self) -> Webhooks: ...

    @property
    def deliveries(self) -> Deliveries: ...

    @property
    def feed(self) -> Feed: ...

    @property
    def subscriptions(self) -> Subscriptions: ...

    @property
    def applications(self) -> Applications: ...

    @property
    def spent(self) -> Spent: ...

    @property
    def erasures(self) -> Erasures: ...

    @property
    def persons(self) -> Persons: ...

    @property
    def removal(self) -> Removal: ...

    @property
    def security_contexts(self) -> SecurityContexts: ...

    @property
    def timestamp_providers(self) -> TimestampProviders: ...

    @property
    def audit_log(self) -> AuditLog: ...

    @property
    def rotation(self) -> Rotation: ...

    @property
    def statistics(self) -> Statistics: ...

    def enqueue(
        self,
        job: str,
        key: str,
        subject: UUID,
        *,
        delay: timedelta = timedelta(),
        lane: str | None = None,
        order: int = 0,
    ) -> None:
        """Run `job` on `subject` once this transaction has committed, after `delay`; the same `key` is run once only.

        `lane` is needed for jobs of ``Queue.DELIVERIES`` and for no other. It says whom the job is for (an endpoint's
        id), so that a slow endpoint holds up only itself. Of jobs that are due those with a lower `order` go first.
        """


class Store(Protocol):
    """Opens transactions."""

    def work(self) -> AbstractContextManager[Work]:
        """A transaction that may write."""

    def unflushed_work(self) -> AbstractContextManager[Work]:
        """The same, but its commit does not wait for the disk.

        A loss of power may take the last of these back. It is for what a caller loses nothing by but time, and what a
        later, flushed transaction builds on: once that is committed, this is on the disk, too. No event is recorded in
        it: whoever hears of one may act on it elsewhere. Raises: ValueError at the end when there is one.
        """

    def read(self) -> AbstractContextManager[Work]:
        """A transaction that only reads. It is never blocked by one that writes."""

    def ask(self) -> AbstractContextManager[Work]:
        """The same for one question, or for some that need not be answered as of one moment. It costs less."""

    def key(self, secret_hash: bytes) -> KeyOwner | None:
        """The key with that hash and its application, or None. A change that another process has committed is seen
        within two seconds, one of this process at once.
        """

    def known_key(self, secret_hash: bytes) -> KeyOwner | None:
        """The same from memory alone, without waiting for anything. None may also mean: ask `key`."""

    def known_link(self, link_hash: bytes) -> LinkedSession | None:
        """What `by_link` has answered a moment ago, once, and from memory alone. The session may have changed since."""

    def by_link(self, link_hash: bytes) -> LinkedSession:
        """The session that a link opens, as it is now. Then `known_closed` knows it, too.

        Raises: SignatureSessionNotFound, SignatureSessionErased.
        """

    def closed(self, session_id: UUID) -> bool:
        """Whether the page of a session is closed: its application or its subscription is disabled, or is being
        deleted. A change is seen as in `key`.
        """

    def known_closed(self, session_id: UUID) -> bool | None:
        """The same from memory alone, without waiting for anything. None: ask `closed`."""

    def file_validation(self, subscription_id: UUID) -> FileValidation:
        """`NO_VALIDATION` when none was saved. A change is seen as in `key`."""

    def known_file_validation(self, subscription_id: UUID) -> FileValidation | None:
        """The same from memory alone, without waiting for anything. None: ask `file_validation`."""

    def scrub(self) -> bool:
        """Take what was deleted and overwritten out of the files of the database, where they are ours to write.

        False when somebody reads it at this moment: ask again later. Raises: DatabaseUnavailable.
        """
