"""The wall between tenants: what a verb may read when it acts for a caller.

`work.of(caller)` reads rows of the caller's subscription only. A row of another subscription is not found, exactly as
a row that is missing. What reads a row of any subscription by its id or by its name says so in its name, which ends
with ``of_any_tenant``. That is for jobs, for the operator and for the page, whose token names one session.

Methods that take the id of something that was read before (`work.documents.of_session(session.id)`) have no wall of
their own.
"""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from signroom.domain.application import Application
from signroom.domain.document import Document
from signroom.domain.event import RecordedEvent
from signroom.domain.session import Session
from signroom.domain.upload import Upload
from signroom.domain.webhook import Delivery, Webhook


class Owned(Protocol):
    """What belongs to a subscription: a caller, a session, a document."""

    @property
    def subscription_id(self) -> UUID: ...


class TenantRows(Protocol):
    """The rows of one subscription. A ``locked`` one cannot be changed by another transaction until this one ends."""

    def session(self, session_id: UUID) -> Session:
        """Raises: SignatureSessionNotFound, SignatureSessionErased."""

    def session_with_documents(self, session_id: UUID) -> tuple[Session, list[Document]]:
        """One question. Documents that were erased are left out.

        Raises: SignatureSessionNotFound, SignatureSessionErased.
        """

    def locked_session(self, session_id: UUID) -> Session:
        """Raises: SignatureSessionNotFound, SignatureSessionErased."""

    def document(self, document_id: UUID) -> Document:
        """Raises: DocumentNotFound, DocumentErased."""

    def locked_document(self, document_id: UUID) -> Document:
        """Raises: DocumentNotFound, DocumentErased."""

    def session_or_erased(self, session_id: UUID) -> Session:
        """Erased or not. Raises: SignatureSessionNotFound."""

    def locked_session_or_erased(self, session_id: UUID) -> Session:
        """Erased or not. Raises: SignatureSessionNotFound."""

    def document_or_erased(self, document_id: UUID) -> Document:
        """Erased or not. Raises: DocumentNotFound."""

    def locked_document_or_erased(self, document_id: UUID) -> Document:
        """Erased or not. Raises: DocumentNotFound."""

    def upload_by_token(self, token_hash: bytes) -> Upload:
        """Raises: UploadNotFound."""

    def upload(self, upload_id: UUID) -> Upload:
        """Raises: UploadNotFound."""

    def locked_upload(self, upload_id: UUID) -> Upload:
        """Raises: UploadNotFound."""

    def webhook(self, webhook_id: UUID) -> Webhook:
        """Raises: WebhookNotFound."""

    def locked_webhook(self, webhook_id: UUID) -> Webhook:
        """Raises: WebhookNotFound."""

    def delivery(self, delivery_id: UUID) -> Delivery:
        """Raises: DeliveryNotFound."""

    def locked_delivery(self, delivery_id: UUID) -> Delivery:
        """Raises: DeliveryNotFound."""

    def event(self, event_id: UUID) -> RecordedEvent:
        """Raises: EventNotFound."""

    def application(self, application_id: UUID) -> Application:
        """Raises: ApplicationNotFound."""

    def locked_application(self, application_id: UUID) -> Application:
        """Raises: ApplicationNotFound."""

    def application_named(self, name: str) -> Application:
        """Raises: ApplicationNotFound."""
