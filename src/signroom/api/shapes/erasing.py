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
