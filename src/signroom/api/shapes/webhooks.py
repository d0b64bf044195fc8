"""The models of webhooks: what they say, and how they are managed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from signroom.api.shapes.contract import DocumentModel, SessionSummary
from signroom.api.shapes.wire import Wire

# -- what an endpoint gets -------------------------------------------------------------------------


class WebhookDocument(DocumentModel):
    """The document as `GET /api/documents/{id}` shows it, with its status and what it belongs to.

    The `documents` of a session are shorter: they have no `signers` and no `metadata`, but `dateSigned`.
    """

    status: str
    session_id: UUID | None
    callback_argument: str | None
    event_id: UUID
    processing_error_code: str | None
    processing_error_detail: str | None


class DocumentEvent(Wire):
    """The whole document. The id of the event is `document.eventId`."""

    type: str
    document: WebhookDocument


class SessionEvent(Wire):
    """The session in short, without its documents: read it for more. The id of the event is `eventId`."""

    type: str
    session: SessionSummary
    event_id: UUID


class ErasedReference(Wire):
    id: UUID
    key: str
    session_id: UUID | None


class ErasedDocumentEvent(Wire):
    """Every event of a document that was erased, `DocumentErased` among them.

    It is not called `document`: a document has files and signers.
    """

    type: str
    erased_document: ErasedReference
    event_id: UUID


class WebhookReference(Wire):
    id: UUID


class WebhookEvent(Wire):
    """`DeliveryPaused`, `DeliveryResumed`, `WebhookTested`."""

    type: str
    webhook: WebhookReference | None
    event_id: UUID


class ApiKeyReference(Wire):
    id: UUID
    application_id: UUID | None


class ApiKeyEvent(Wire):
    """`ApiKeyCreated`, `ApiKeyChanged`, `ApiKeyRevoked`."""

    type: str
    api_key: ApiKeyReference
    event_id: UUID


class ApplicationReference(Wire):
    id: UUID


class ApplicationEvent(Wire):
    """`ApplicationDisabled`, `ApplicationEnabled`, `ApplicationDeleted`."""

    type: str
    application: ApplicationReference
    event_id: UUID


# -- how they are managed --------------------------------------------------------------------------


class WebhookRequest(Wire):
    """`auth` is `None`, `Basic`, `Bearer` or `ApiKey` (the header `X-Api-Key`)."""

    url: str | None = None
    """Where events are sent. Left out only with `forSessions`."""
    for_sessions: bool | None = None
    """Instead of `url`: the webhook of an application's sessions that name an address of their own (`webhookUrl`).
    Make it before the first of them, and you know the secret that signs what is sent there. Needs `applicationId`.
    """
    auth: str | None = None
    user: str | None = None
    secret: str | None = None
    application_id: UUID | None = None
    event_types: Annotated[list[str], msgspec.Meta(max_length=50)] | None = None
    description: str | None = None


class RotateSecretRequest(Wire):
    previous_hours: Annotated[int, msgspec.Meta(ge=0, le=720)] | None = None


class WebhookModel(Wire):
    id: UUID
    application_id: UUID | None
    url: str | None
    """null: where each session says (`webhookUrl`)."""
    auth: str
    user: str | None
    has_secret: bool
    event_types: list[str]
    description: str | None
    created_at: datetime
    previous_secret_until: datetime | None
    failing_since: datetime | None
    paused_at: datetime | None


class NewWebhookModel(Wire):
    """`signingSecret` is shown here and never again."""

    webhook: WebhookModel
    signing_secret: str


class WebhookList(Wire):
    items: list[WebhookModel]


class DeliveryModel(Wire):
    id: UUID
    webhook_id: UUID
    event_id: UUID
    event_type: str
    session_id: UUID | None
    document_id: UUID | None
    status: str
    """`Pending`, `Delivered`, `Failed` or `Held`."""
    tries: int
    last_status_code: int | None
    """Of the last try: the status of the answer. Null: there was no answer, or no try yet."""
    last_error: str | None
    """Of the last try: why there was no answer."""
    created_at: datetime
    next_try_at: datetime | None
    settled_at: datetime | None


class DeliveryList(Wire):
    items: list[DeliveryModel]
    next_cursor: str | None


class AttemptModel(Wire):
    number: int
    at: datetime
    milliseconds: int
    status_code: int | None
    error: str | None
    """Why there was no answer."""
    answer: str | None
    """The start of the answer's body."""


class LoggedDeliveryModel(Wire):
    delivery: DeliveryModel
    attempts: list[AttemptModel]


class ReplayFailedRequest(Wire):
    failing: bool | None = None
    """Also what is still tried after a try that failed: a pause of hours is cut short."""
    since: datetime | None = None
    """Only deliveries that were made then or later."""


class ReplayedModel(Wire):
    count: int
    """How many are sent again."""
    failing: int
    """How many are still tried after a try that failed, and were left as they are."""


AnyEvent = DocumentEvent | SessionEvent | WebhookEvent | ApiKeyEvent | ApplicationEvent | ErasedDocumentEvent
"""What an endpoint may be told, and what `GET /api/events/{event_id}` answers."""
