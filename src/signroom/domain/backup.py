"""What a backup says of itself: the manifest. Only a backup that has one is whole.

signroom-backups.json               whose backups lie here
backups/{id}/database.db            the database, as an SQLite file, of whatever database
backups/{id}/files.jsonl            a line for each stored file: key, length, digest
backups/{id}/secret.key             only where it was asked for
backups/{id}/manifest.json          written last
files/{key}                         the stored files, of all backups, under the same keys as in the service
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from signroom.domain.blob_key import is_blob_key
from signroom.domain.errors import BackupDamaged, BackupNewer

FORMAT = 1
MARKER = "signroom-backups.json"
FILES = "files/"
BACKUPS = "backups/"


class BackupKind(StrEnum):
    """What it was made for."""

    BACKUP = "backup"
    """The installation went on: what happened since is not in it."""
    EXPORT = "export"
    """The installation had been stopped, and goes on elsewhere."""


class Loss(StrEnum):
    """Why a file that a row points to is not in the backup."""

    MISSING = "missing"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A stored file as the list of a backup names it. ``length`` in bytes, ``sha256`` raw; None: a row has none."""

    key: str
    length: int | None
    sha256: bytes | None
    loss: Loss | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A file that belongs to one backup alone."""

    length: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Manifest:
    """One whole backup."""

    id: str
    kind: BackupKind
    made_at: datetime
    made_by: str
    """The version of Signroom."""
    installation_id: UUID
    schema: str
    """The newest migration of its database."""
    key_fingerprint: str
    """Of the secret key: says whether another is the same one, and nothing else."""
    database: Part
    files: Part
    """The list of the stored files."""
    file_count: int
    file_bytes: int
    lost: int
    """Files of the list that were missing or had changed when the backup was made."""
    files_included: bool
    """False for an export whose files stay where they are."""
    rows: Mapping[str, int]
    """By table."""
    secret_key: Part | None = None

    @property
    def folder(self) -> str:
        """The beginning of the names of its own files."""
        return folder_of(self.id)


@dataclass(frozen=True, slots=True)
class Installation:
    """What an installation knows of itself, in its database."""

    id: UUID
    backed_up_at: datetime | None = None
    """When its last whole backup was begun."""
    backup_place: str | None = None
    """Of the last one."""
    restored_at: datetime | None = None
    restored_from: datetime | None = None
    """When the backup was made from which it was restored last."""
    backup_places: frozenset[str] = frozenset()
    """Of all backups that its audit log knows."""


def folder_of(backup_id: str) -> str:
    return f"{BACKUPS}{backup_id}/"


def marker_text(installation_id: UUID) -> bytes:
    return json.dumps({"format": FORMAT, "installation": str(installation_id)}).encode()


def owner_in(marker: bytes) -> UUID:
    """The installation whose backups lie beside this marker. Raises: BackupDamaged, BackupNewer."""
    found = _parsed(marker)
    try:
        return UUID(found["installation"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BackupDamaged(f"{MARKER} cannot be read.") from error


def manifest_text(m: Manifest) -> bytes:
    """As JSON, for people too."""
    value = {
        "format": FORMAT,
        "id": m.id,
        "kind": m.kind,
        "madeAt": m.made_at.astimezone(UTC).isoformat(),
        "madeBy": m.made_by,
        "installation": str(m.installation_id),
        "schema": m.schema,
        "keyFingerprint": m.key_fingerprint,
        "database": _part_value(m.database),
        "files": _part_value(m.files),
        "fileCount": m.file_count,
        "fileBytes": m.file_bytes,
        "lost": m.lost,
        "filesIncluded": m.files_included,
        "rows": dict(m.rows),
        "secretKey": None if m.secret_key is None else _part_value(m.secret_key),
    }
    return json.dumps(value, indent=2).encode()


def manifest_of(text: bytes) -> Manifest:
    """Raises: BackupDamaged, BackupNewer for one in a form that this version does not know."""
    found = _parsed(text)
    try:
        made_at = datetime.fromisoformat(found["madeAt"])
        return Manifest(
            id=str(found["id"]),
            kind=BackupKind(found["kind"]),
            made_at=made_at.astimezone(UTC),
            made_by=str(found["madeBy"]),
            installation_id=UUID(found["installation"]),
            schema=str(found["schema"]),
            key_fingerprint=str(found["keyFingerprint"]),
            database=_part_of(found["database"]),
            files=_part_of(found["files"]),
            file_count=int(found["fileCount"]),
            file_bytes=int(found["fileBytes"]),
            lost=int(found["lost"]),
            files_included=bool(found["filesIncluded"]),
            rows={str(table): int(count) for table, count in found["rows"].items()},
            secret_key=None if found["secretKey"] is None else _part_of(found["secretKey"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BackupDamaged("Its manifest cannot be read.") from error


def file_line(file: KeptFile) -> bytes:
    """One line of the list of files."""
    value: dict[str, object] = {"key": file.key, "length": file.length}
    value["sha256"] = None if file.sha256 is None else file.sha256.hex()
    if file.loss is not None:
        value["loss"] = file.loss
    return json.dumps(value).encode() + b"\n"


def file_of(line: bytes) -> KeptFile:
    """Raises: BackupDamaged."""
    try:
        found = json.loads(line)
        if not is_blob_key(found["key"]):
            raise BackupDamaged("Its list of files names what is no file of the service.")
        digest = found["sha256"]
        loss = found.get("loss")
        return KeptFile(
            str(found["key"]),
            None if found["length"] is None else int(found["length"]),
            None if digest is None else bytes.fromhex(digest),
            None if loss is None else Loss(loss),
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise BackupDamaged("Its list of files cannot be read.") from error


def _parsed(text: bytes) -> dict[str, Any]:
    """Raises: BackupDamaged, BackupNewer."""
    try:
        found = json.loads(text)
        form = int(found["format"])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise BackupDamaged("Its manifest cannot be read.") from error
    if form > FORMAT:
        raise BackupNewer("Install the newer version here first.")
    if not isinstance(found, dict):
        raise BackupDamaged("Its manifest cannot be read.")
    return found


def _part_value(part: Part) -> dict[str, object]:
    return {"length": part.length, "sha256": part.sha256.hex()}


def _part_of(value: Mapping[str, Any]) -> Part:
    return Part(int(value["length"]), bytes.fromhex(value["sha256"]))
