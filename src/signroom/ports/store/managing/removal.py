"""The part `work.removal` of a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from signroom.domain.application import Application, Subscription
from signroom.domain.document import Document
from signroom.domain.session import Session
from signroom.domain.upload import Upload


@dataclass(frozen=True, slots=True)
class InUse:
    """What somebody still waits for."""

    open_sessions: int
    documents_in_processing: int


class Removal(Protocol):
    """What belongs to an application or a subscription that is deleted, in the order in which it goes.

    Sessions and documents are found here whether they were erased or not.
    """

    def in_use(self, application_ids: Sequence[UUID], now: datetime) -> InUse: ...

    def applications(self) -> list[Application]:
        """Those that are being deleted, by themselves or with their subscription."""

    def subscriptions(self) -> list[Subscription]:
        """Those that are being deleted and have no application any more."""

    def locked_pending(self, application_id: UUID, limit: int) -> list[Session]:
        """Sessions that nobody has signed, whether their time is over or not."""

    def ended(self, application_id: UUID, limit: int) -> list[Session]:
        """Sessions that nothing moves any more but a retry."""

    def locked_ended(self, session_ids: Sequence[UUID]) -> list[Session]:
        """Those of them that are still so."""

    def locked_documents(self, document_ids: Sequence[UUID]) -> list[Document]:
        """Those of them that are still there."""

    def local_documents(self, application_id: UUID, limit: int) -> list[Document]:
        """Documents without a session that are not in processing."""

    def locked_uploads(self, application_id: UUID, limit: int) -> list[Upload]:
        """Without those that another transaction has locked."""

    def remove(self, sessions: Sequence[UUID], documents: Sequence[UUID]) -> None:
        """The rows of sessions and documents, with their keys, events, erasures and what finds a person in them.

        What else hangs on them is gone.
        """

    def remove_application(self, application_id: UUID) -> bool:
        """Its keys, events, erasures and the row. False while anything else belongs to it: then nothing is removed.

        A key that a document of another application has goes over to that application.
        """

    def remove_subscription(self, subscription_id: UUID) -> bool:
        """Its settings, events and the row. False while anything else belongs to it: then nothing is removed."""
