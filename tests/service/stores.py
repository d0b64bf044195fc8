"""A store between a verb and the real one: a test's own class overrides the step that it wants to go wrong."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from uuid import UUID

from signroom.domain.file_validation import FileValidation
from signroom.ports.store import KeyOwner, LinkedSession, Store, Work


@dataclass
class PassingStore:
    """Hands everything on to `store`."""

    store: Store

    def work(self) -> AbstractContextManager[Work]:
        return self.store.work()

    def unflushed_work(self) -> AbstractContextManager[Work]:
        return self.store.unflushed_work()

    def read(self) -> AbstractContextManager[Work]:
        return self.store.read()

    def ask(self) -> AbstractContextManager[Work]:
        return self.store.ask()

    def key(self, secret_hash: bytes) -> KeyOwner | None:
        return self.store.key(secret_hash)

    def known_key(self, secret_hash: bytes) -> KeyOwner | None:
        return self.store.known_key(secret_hash)

    def by_link(self, link_hash: bytes) -> LinkedSession:
        return self.store.by_link(link_hash)

    def closed(self, session_id: UUID) -> bool:
        return self.store.closed(session_id)

    def known_link(self, link_hash: bytes) -> LinkedSession | None:
        return self.store.known_link(link_hash)

    def known_closed(self, session_id: UUID) -> bool | None:
        return self.store.known_closed(session_id)

    def file_validation(self, subscription_id: UUID) -> FileValidation:
        return self.store.file_validation(subscription_id)

    def known_file_validation(self, subscription_id: UUID) -> FileValidation | None:
        return self.store.known_file_validation(subscription_id)

    def scrub(self) -> bool:
        return self.store.scrub()
