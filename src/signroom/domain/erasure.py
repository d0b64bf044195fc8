"""What is erased for good, and what stays of it: enough to confirm the signed file that somebody else holds.

An erasure has three moments. At `Erasure.erased_at` all personal data leaves the database, in one transaction, and
nothing is handed out any more. At `Erasure.files_deleted_at` the files are gone. At `Erasure.ended_at` the files were
looked for again, and what a request in the middle of its work had left behind is gone, too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from signroom.domain.document import PURGE_GRACE, Document


class ErasedKind(StrEnum):
    """What was erased. The values are in rows of every version: they stay."""

    SESSION = "Session"
    DOCUMENT = "Document"


@dataclass(frozen=True, slots=True)
class Removed:
    """How much was removed, by kind."""

    documents: int = 0
    """Whose files, names, metadata and certificates are gone; their rows stay without them."""
    files: int = 0
    """Stored files that no other document needs, content that an inspection took out of them included."""
    preparations: int = 0
    deliveries: int = 0
    """Deliveries to webhooks, with the answers of the endpoints."""
    metadata_values: int = 0
    idempotency_keys: int = 0


@dataclass(frozen=True, slots=True)
class KeptProof:
    """What stays of a document: by it a copy that somebody holds is still known to be the one that was signed."""

    document_id: UUID
    key: str
    status: str
    sha256: str | None
    """Of the signed file, in hexadecimal; None for a document that was not signed."""
    level: str | None
    signed_at: datetime | None
    intact: bool | None
    """Whether its signatures were good when it was made; None for a document that was not signed."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """That something was erased, and how far this has come. It holds no personal data."""

    id: UUID
    """Of the session or the document."""
    kind: ErasedKind
    subscription_id: UUID
    application_id: UUID
    erased_at: datetime
    removed: Removed
    proofs: tuple[KeptProof, ...]
    files_deleted_at: datetime | None = None
    ended_at: datetime | None = None

    def with_files_deleted(self, now: datetime) -> Erasure:
        """Its files were deleted now. It ends when whatever was begun before it is over, too."""
        first = self if self.files_deleted_at is not None else replace(self, files_deleted_at=now)
        return first if now < self.erased_at + PURGE_GRACE else replace(first, ended_at=now)


def proof_of(document: Document) -> KeptProof:
    signed = document.signed
    return KeptProof(
        document.id,
        document.key,
        document.status.value,
        None if signed is None else signed.sha256.hex(),
        document.versions[-1].level.value if document.versions else None,
        document.signed_at,
        None if document.verdict is None else document.verdict.intact,
    )
