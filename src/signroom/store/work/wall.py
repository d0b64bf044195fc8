"""The wall between tenants: rows of one subscription, read by the statements of the parts."""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

from signroom.domain.application import Application
from signroom.domain.document import Document
from signroom.domain.errors import (
    ApplicationNotFound,
    DeliveryNotFound,
    DocumentNotFound,
    EventNotFound,
    NotFound,
    SignatureSessionNotFound,
    UploadNotFound,
    WebhookNotFound,
)
from signroom.domain.event import RecordedEvent
from signroom.domain.session import Session
from signroom.domain.upload import Upload
from signroom.domain.webhook import Delivery, Webhook
from signroom.ports.store import Work
from signroom.ports.store.wall import Owned

_Row = TypeVar("_Row", bound=Owned)


class SqlTenantRows:
    """What `work.of(owner)` returns."""

    def __init__(self, work: Work, subscription_id: UUID) -> None:
        self._work = work
        self._subscription_id = subscription_id

    def session(self, session_id: UUID) -> Session:
        return self.session_or_erased(session_id).require_not_erased()

    def session_with_documents(self, session_id: UUID) -> tuple[Session, list[Document]]:
        session, documents = self._work.sessions.with_documents_of_any_tenant(session_id)
        return self._own(session, SignatureSessionNotFound).require_not_erased(), documents

    def locked_session(self, session_id: UUID) -> Session:
        return self.locked_session_or_erased(session_id).require_not_erased()

    def document(self, document_id: UUID) -> Document:
        return self.document_or_erased(document_id).require_not_erased()

    def locked_document(self, document_id: UUID) -> Document:
        return self.locked_document_or_erased(document_id).require_not_erased()

    def session_or_erased(self, session_id: UUID) -> Session:
        return self._own(self._work.erasures.session_of_any_tenant(session_id), SignatureSessionNotFound)

    def locked_session_or_erased(self, session_id: UUID) -> Session:
        return self._own(self._work.erasures.locked_session_of_any_tenant(session_id), SignatureSessionNotFound)

    def document_or_erased(self, document_id: UUID) -> Document:
        return self._own(self._work.erasures.document_of_any_tenant(document_id), DocumentNotFound)

    def locked_document_or_erased(self, document_id: UUID) -> Document:
        return self._own(self._work.erasures.locked_document_of_any_tenant(document_id), DocumentNotFound)

    def upload_by_token(self, token_hash: bytes) -> Upload:
        return self._own(self._work.uploads.by_token_of_any_tenant(token_hash), UploadNotFound)

    def upload(self, upload_id: UUID) -> Upload:
        return self._own(self._work.uploads.of_any_tenant(upload_id), UploadNotFound)

    def locked_upload(self, upload_id: UUID) -> Upload:
        return self._own(self._work.uploads.locked_of_any_tenant(upload_id), UploadNotFound)

    def webhook(self, webhook_id: UUID) -> Webhook:
        return self._own(self._work.webhooks.of_any_tenant(webhook_id), WebhookNotFound)

    def locked_webhook(self, webhook_id: UUID) -> Webhook:
        return self._own(self._work.webhooks.locked_of_any_tenant(webhook_id), WebhookNotFound)

    def delivery(self, delivery_id: UUID) -> Delivery:
        return self._own(self._work.deliveries.of_any_tenant(delivery_id), DeliveryNotFound)

    def locked_delivery(self, delivery_id: UUID) -> Delivery:
        return self._own(self._work.deliveries.locked_of_any_tenant(delivery_id), DeliveryNotFound)

    def event(self, event_id: UUID) -> RecordedEvent:
        return self._own(self._work.feed.of_any_tenant(event_id), EventNotFound)

    def application(self, application_id: UUID) -> Application:
        return self._own(self._work.applications.of_any_tenant(application_id), ApplicationNotFound)

    def locked_application(self, application_id: UUID) -> Application:
        return self._own(self._work.applications.locked_of_any_tenant(application_id), ApplicationNotFound)

    def application_named(self, name: str) -> Application:
        for application in self._work.applications.named_of_any_tenant(name):
            if application.subscription_id == self._subscription_id:
                return application
        raise ApplicationNotFound

    def _own(self, row: _Row, missing: type[NotFound]) -> _Row:
        """The row itself. Raises: `missing` when it belongs to another subscription."""
        if row.subscription_id != self._subscription_id:
            raise missing
        return row
