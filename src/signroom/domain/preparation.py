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
class Preparation:
    id: UUID
    session_id: UUID | None
    """None for a local signature."""
    chain: CertificateChain
    items: tuple[PreparedDocument, ...]
    created_at: datetime

    def require_exactly(self, documents: Collection[UUID]) -> None:
        """Raises: SignatureMissing unless `documents` are exactly those that the signer consented to."""
        if len(documents) != len(self.items) or set(documents) != {item.document_id for item in self.items}:
            raise SignatureMissing
