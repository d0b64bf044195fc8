"""A preparation: what one consent covers, stored before any key is used.

A session may have several (two tabs, a change of certificate); the first one that is finished wins.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from signroom.domain.errors import SignatureMissing
from signroom.domain.signature import CertificateChain, Prepared


@dataclass(frozen=True, slots=True)
class PreparedDocument:
    document_id: UUID
    prepared: Prepared


@dataclass(frozen=True, slots=True)
class RefusedDocument:
    """A document that cannot be signed, although pre-flight let it pass. The others are signed without it."""

    document_id: UUID
    code: str
    message: str
    """In English, for logs and for who calls the page's API."""
    detail: str | None


@dataclass(frozen=True, slots=True)
class Preparation:
    id: UUID
    session_id: UUID | None
    """None for a local signature."""
    chain: CertificateChain
    items: tuple[PreparedDocument, ...]
    created_at: datetime
    refused: tuple[RefusedDocument, ...] = ()
    """Those that the consent leaves out."""

    @property
    def document_ids(self) -> frozenset[UUID]:
        """Every document that awaited a signature when this was made, the refused ones included."""
        return frozenset((*(item.document_id for item in self.items), *(one.document_id for one in self.refused)))

    def require_exactly(self, documents: Collection[UUID]) -> None:
        """Raises: SignatureMissing unless `documents` are exactly those that the signer consented to."""
        if len(documents) != len(self.items) or set(documents) != {item.document_id for item in self.items}:
            raise SignatureMissing
