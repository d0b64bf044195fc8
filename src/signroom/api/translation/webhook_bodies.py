"""What an endpoint is told, as the wire contract says it."""

from __future__ import annotations

import msgspec

from signroom.api.shapes.webhooks import (
    AnyEvent,
    ApiKeyEvent,
    ApiKeyReference,
    ApplicationEvent,
    ApplicationReference,
    DocumentEvent,
    ErasedDocumentEvent,
    ErasedReference,
    SessionEvent,
    WebhookDocument,
    WebhookEvent,
    WebhookReference,
)
from signroom.api.translation.models import document_model, session_summary
from signroom.domain.document import Document
from signroom.domain.event import OF_APPLICATIONS, RecordedEvent
from signroom.domain.session import Session
from signroom.ports import Ports


class WebhookBodies:
    """The ``EventBodies`` port."""

    def render(self, ports: Ports, event: RecordedEvent, session: Session | None, document: Document | None) -> bytes:
        return msgspec.json.encode(_body(ports, event, session, document))


def _body(ports: Ports, event: RecordedEvent, session: Session | None, document: Document | None) -> AnyEvent:
    if document is not None and document.erased_at is not None:
        reference = ErasedReference(id=document.id, key=document.key, session_id=document.session_id)
        return ErasedDocumentEvent(type=event.type, erased_document=reference, event_id=event.id)
    if document is not None:
        return DocumentEvent(type=event.type, document=_document(ports, event, session, document))
    if session is not None:
        return SessionEvent(type=event.type, session=session_summary(session), event_id=event.id)
    return _of_settings(event)


def _of_settings(event: RecordedEvent) -> AnyEvent:
    """About what managers manage."""
    if event.api_key_id is not None:
        return ApiKeyEvent(
            type=event.type, api_key=ApiKeyReference(event.api_key_id, event.application_id), event_id=event.id
        )
    if event.type in OF_APPLICATIONS and event.application_id is not None:
        return ApplicationEvent(
            type=event.type, application=ApplicationReference(event.application_id), event_id=event.id
        )
    webhook = None if event.webhook_id is None else WebhookReference(id=event.webhook_id)
    return WebhookEvent(type=event.type, webhook=webhook, event_id=event.id)


def _document(ports: Ports, event: RecordedEvent, session: Session | None, document: Document) -> WebhookDocument:
    return WebhookDocument(
        **msgspec.structs.asdict(document_model(ports, document)),
        status=document.status.value,
        session_id=document.session_id,
        callback_argument=None if session is None else session.callback_argument,
        event_id=event.id,
        processing_error_code=document.processing_error_code,
        processing_error_detail=document.processing_error_detail,
    )
