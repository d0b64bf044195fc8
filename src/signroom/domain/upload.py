"""Files on their way: sent ahead of the request that uses them, in one piece or in numbered parts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from signroom.domain.document import StoredFile
from signroom.domain.errors import UploadIncomplete, UploadNotFound

LIFETIME = timedelta(days=1)
"""An upload that nothing has used by then is purged."""
PLAIN_LIMIT = 5 << 20
"""Bytes: larger files come in parts."""
PART_SIZE = 8 << 20
"""Bytes of each part but the last."""
MAX_PARTS = 10_000


@dataclass(frozen=True, slots=True)
class UploadPart:
    """``etag`` is the hexadecimal MD5 of the part, without quotes."""

    number: int
    etag: str
    length: int
    blob_key: str


@dataclass(frozen=True, slots=True)
class Upload:
    id: UUID
    token_hash: bytes
    """SHA-256 of the ``blobToken``; the token itself is handed out once and never stored."""
    subscription_id: UUID
    application_id: UUID
    created_at: datetime
    file: StoredFile | None = None
    """None while parts are coming in."""
    ended_with: bytes | None = None
    """SHA-256 of the ETags that the upload in parts was ended with."""
    used: bool = False
    """A document points to the file: it is not purged any more."""
    extracted_from: bytes | None = None
    """SHA-256 of the signed file that its content was taken from; None for what a caller has sent."""

    def require_alive(self, now: datetime) -> None:
        """Raises: UploadNotFound when its day is over and nothing has used it."""
        if not self.used and now >= self.created_at + LIFETIME:
            raise UploadNotFound("It is more than a day old.")

    def end(self, now: datetime) -> Upload:
        """Its day is over before its time: nobody can use it any more."""
        return replace(self, used=False, created_at=min(self.created_at, now - LIFETIME))

    def complete(self, file: StoredFile, etags: Sequence[str] | None = None) -> Upload:
        """`etags` of its parts, None for an upload in one piece."""
        return replace(self, file=file, ended_with=None if etags is None else _digest(etags))

    def require_ended_with(self, etags: Sequence[str]) -> None:
        """Raises: UploadIncomplete when it was ended with other parts."""
        if self.ended_with != _digest(etags):
            raise UploadIncomplete("It was ended already, with other parts.")

    def require_file(self) -> StoredFile:
        """Raises: UploadIncomplete."""
        if self.file is None:
            raise UploadIncomplete("It was not ended.")
        return self.file


def require_all_parts(parts: Sequence[UploadPart], etags: Sequence[str]) -> None:
    """`etags` as the client has them, quotes included or not, in order. Raises: UploadIncomplete."""
    wanted = _plain(etags)
    missing = [n for n, part in enumerate(parts) if part.number != n]
    if missing or len(parts) != len(wanted):
        raise UploadIncomplete(f"{len(wanted)} parts are listed, {len(parts)} have arrived.")
    wrong = [part.number for part, etag in zip(parts, wanted, strict=True) if part.etag != etag]
    if wrong:
        raise UploadIncomplete(f"Part {wrong[0]} is not the one that is listed.")


def _plain(etags: Sequence[str]) -> list[str]:
    return [etag.strip().removeprefix("W/").strip('"').lower() for etag in etags]


def _digest(etags: Sequence[str]) -> bytes:
    return hashlib.sha256("\n".join(_plain(etags)).encode()).digest()
