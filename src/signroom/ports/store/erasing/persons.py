"""The part `work.persons` of a transaction: where a person's numbers occur."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol
from uuid import UUID

from signroom.domain.document import Document
from signroom.domain.person import PersonTrace
from signroom.domain.session import Session


class Persons(Protocol):
    """An index by numbers that say who somebody is. A schedule keeps it: every change of a row makes it due again."""

    def find(self, subscription_id: UUID, identifier: str, limit: int) -> list[PersonTrace]:
        """At most `limit` sessions and documents of the subscription that have `identifier`, sessions first."""

    def is_due(self) -> bool:
        """Whether a session or a document has changed since it was read for the index."""

    def due_sessions(self, limit: int) -> list[Session]:
        """At most `limit` that are due, locked, without those that another transaction has locked."""

    def due_documents(self, limit: int) -> list[Document]:
        """At most `limit` that are due, locked, without those that another transaction has locked."""

    def put_all(self, found: Sequence[tuple[Session | Document, Collection[str]]]) -> None:
        """Each of these has these identifiers, and no others. None of them is due any more."""
