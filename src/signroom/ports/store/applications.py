"""The part `work.applications` of a transaction."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from signroom.domain.application import ApiKey, Application


class Applications(Protocol):
    """Applications and their API keys. A ``locked`` one cannot be changed by another transaction until this one
    ends.
    """

    def of_any_tenant(self, application_id: UUID) -> Application:
        """Raises: ApplicationNotFound."""

    def locked_of_any_tenant(self, application_id: UUID) -> Application:
        """Raises: ApplicationNotFound."""

    def named_of_any_tenant(self, name: str) -> list[Application]:
        """One per subscription at most."""

    def add(self, application: Application) -> None:
        """Raises: NameTaken."""

    def save(self, application: Application) -> None: ...

    def by_key(self, secret_hash: bytes) -> tuple[ApiKey, Application] | None:
        """The key with that hash and its application, or None."""

    def add_key(self, key: ApiKey) -> None: ...
