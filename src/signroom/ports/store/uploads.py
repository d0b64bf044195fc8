"""The part `work.uploads` of a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from signroom.domain.upload import Upload, UploadPart
from signroom.ports.store.position import Position


class Uploads(Protocol):
    """Uploads with their parts. A ``locked`` one cannot be changed by another transaction until this one ends."""

    def by_token_of_any_tenant(self, token_hash: bytes) -> Upload:
        """Raises: UploadNotFound."""

    def of_any_tenant(self, upload_id: UUID) -> Upload:
        """Raises: UploadNotFound."""

    def locked_of_any_tenant(self, upload_id: UUID) -> Upload:
        """Raises: UploadNotFound."""

    def locked_all_of_any_tenant(self, upload_ids: Sequence[UUID]) -> list[Upload]:
        """In an order that is always the same, so that two transactions never wait for each other.

        Raises: UploadNotFound when one of them is missing.
        """

    def note_used(self, upload_ids: Sequence[UUID]) -> None:
        """A document needs them: they are not removed when their day is over."""

    def add(self, upload: Upload) -> None:
        """Raises: ApplicationDisabled when its application was deleted."""

    def save(self, upload: Upload) -> None: ...

    def remove_all(self, upload_ids: Sequence[UUID]) -> None:
        """Remove these uploads with their parts. Ids that are not there are ignored."""

    def parts(self, upload_id: UUID) -> list[UploadPart]:
        """In the order of their numbers."""

    def put_part(self, upload_id: UUID, part: UploadPart) -> None:
        """Add a part. A part with the same number is replaced."""

    def remove_parts(self, upload_id: UUID) -> None: ...

    def abandoned(self, before: datetime, after: Position | None, limit: int) -> list[Upload]:
        """At most `limit` from before that time that nothing has used, oldest first, behind `after`."""

    def part_keys(self, upload_ids: Sequence[UUID]) -> list[str]:
        """The keys of the blobs of their parts."""
