"""The models of what was erased."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from signroom.api.shapes.wire import Wire


class ErasedDocumentModel(Wire):
    """What stays of a document: by `sha256` a signed file is known to be the one that was signed here."""

    id: UUID
    key: str
    formatted_key: str
    status: str
    sha256: str | None
    """Of the signed file, in hexadecimal; null for a document that was not signed."""
    level: str | None
    date_signed: datetime | None
    signatures_intact: bool | None
    """Whether all signatures were good when it was signed."""


class RemovedModel(Wire):
    """How much was removed, by kind."""

    documents: int
    files: int
    preparations: int
    deliveries: int
    metadata_values: int
    idempotency_keys: int


class ErasureModel(Wire):
    """What was erased, and what stays. It has no personal data."""

    id: UUID
    kind: str
    """`Session` or `Document`."""
    erased_at: datetime
    removed: RemovedModel
    documents: list[ErasedDocumentModel]
    files_deleted_at: datetime | None


class PersonRequest(Wire):
    """`identifier`: a CPF, a codice fiscale, or another number of a certificate's subject, with or without dots."""

    identifier: str


class ErasePersonRequest(PersonRequest):
    dry_run: bool = False
    """Only say what would be erased."""


class PersonTraceModel(Wire):
    kind: str
    """`Session` or `Document`."""
    id: UUID
    session_id: UUID | None
    application_id: UUID
    status: str
    created_at: datetime


class FoundPersonModel(Wire):
    items: list[PersonTraceModel]
    complete: bool
    """false: there may be more."""


class RefusedTraceModel(Wire):
    kind: str
    id: UUID
    code: str


class PersonErasureModel(Wire):
    erased: list[ErasureModel]
    refused: list[RefusedTraceModel]
    found: list[PersonTraceModel]
    """With `dryRun`: what would be erased."""
    complete: bool
    """false: something is left; ask again."""
