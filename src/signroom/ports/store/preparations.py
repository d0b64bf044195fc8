"""The part `work.preparations` of a transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID

from signroom.domain.preparation import Preparation
from signroom.domain.session import Session
from signroom.domain.signature import Prepared


class Preparations(Protocol):
    """What was prepared for signing."""

    def of_any_tenant(self, preparation_id: UUID) -> Preparation:
        """With all its documents. Raises: PreparationNotFound."""

    def to_finish_of_any_tenant(self, preparation_id: UUID, session_id: UUID) -> tuple[Preparation, Session]:
        """The same with its session. One question.

        Raises: PreparationNotFound, also when it is another session's, SignatureSessionErased.
        """

    def prepared(self, preparation_id: UUID, document_id: UUID) -> Prepared:
        """One document's part of a preparation. Raises: PreparationNotFound."""

    def add(self, preparation: Preparation) -> None: ...

    def add_to_signable(self, preparation: Preparation, now: datetime) -> bool:
        """Lock its session, and add it only when the session may be signed `now` and all documents await a signature.

        False: nothing was added.
        """

    def delete_expired(self, before: datetime, limit: int) -> int:
        """Remove at most `limit` that were made before that time and that nobody can finish any more.

        Returns how many were removed.
        """
