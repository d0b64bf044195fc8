"""A place of backups: whose they are, which of them are whole, and what each of them lists."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

from signroom.domain.backup import (
    BACKUPS,
    MARKER,
    BackupKind,
    Installation,
    KeptFile,
    Manifest,
    Part,
    file_of,
    manifest_of,
    marker_text,
    owner_in,
)
from signroom.domain.errors import (
    BackupDamaged,
    BackupNotFound,
    BackupPlaceRefused,
    BlobNotFound,
    FileChanged,
    SignroomError,
)
from signroom.ports.files import Stored
from signroom.ports.keeping import FileTree

DATABASE = "database.db"
LIST = "files.jsonl"
KEY = "secret.key"
MANIFEST = "manifest.json"
_MOST = 1 << 20
"""Bytes of a manifest."""
_CHUNK = 1 << 20


def require_own_place(place: FileTree, installation: Installation, *, start_again: bool) -> bool:
    """True when the backups of this installation lie there already, False when nothing does.

    Raises: BackupPlaceRefused, BackupDamaged, BackupNewer, StorageUnavailable.
    """
    marker = place.content(MARKER, _MOST)
    if marker is not None:
        if owner_in(marker) != installation.id:
            raise BackupPlaceRefused("The backups of another installation lie there: choose another place.")
        return True
    if not place.is_empty():
        raise BackupPlaceRefused("Something else lies there: choose an empty folder or prefix.")
    if place.name in {installation.backup_place, *installation.backup_places} and not start_again:
        raise BackupPlaceRefused(
            "A backup was made there, and nothing is there now: is the disk mounted? To begin anew: --start-again."
        )
    return False


async def mark(place: FileTree, installation: Installation) -> None:
    """From now on the place belongs to this installation. Raises: StorageUnavailable."""
    text = marker_text(installation.id)
    await place.write_stream(MARKER, _one(text), limit=len(text))


def manifests(place: FileTree) -> list[Manifest]:
    """Of all whole backups, the newest last.

    Raises: BackupDamaged when one cannot be read, BackupNewer, StorageUnavailable.
    """
    found = []
    for key, _ in place.each(BACKUPS):
        if key.endswith(f"/{MANIFEST}"):
            text = place.content(key, _MOST)
            if text is not None:
                with _about(key):
                    manifest = manifest_of(text)
                    if f"{manifest.folder}{MANIFEST}" != key:
                        raise BackupDamaged("Its manifest is that of another backup.")
                    found.append(manifest)
    return sorted(found, key=lambda manifest: (manifest.made_at, manifest.id))


def chosen(place: FileTree, kind: BackupKind, backup_id: str | None) -> Manifest:
    """The backup of that id, or the newest. Raises: BackupNotFound, BackupDamaged, BackupNewer, StorageUnavailable."""
    found = [m for m in manifests(place) if m.kind is kind and backup_id in {None, m.id}]
    if not found:
        raise BackupNotFound
    return found[-1]


def listed(place: FileTree, manifest: Manifest) -> Iterator[KeptFile]:
    """What its list of files names. Raises: BackupDamaged, StorageUnavailable."""
    with part_of(place, manifest, LIST, manifest.files) as file, file.open("rb") as lines:
        for line in lines:
            yield file_of(line)


@contextmanager
def part_of(place: FileTree, manifest: Manifest, name: str, part: Part) -> Iterator[Path]:
    """A file of one backup, compared with its manifest. Raises: BackupDamaged, StorageUnavailable."""
    with as_damage(name), place.as_file(manifest.folder + name, Stored(part.length, part.sha256)) as file:
        yield file


@contextmanager
def as_damage(what: str) -> Iterator[None]:
    """Raises: BackupDamaged in place of a file that is missing or has changed."""
    try:
        yield
    except (BlobNotFound, FileChanged) as error:
        raise BackupDamaged(f"{what}: {error.message}") from error


@contextmanager
def _about(key: str) -> Iterator[None]:
    try:
        yield
    except SignroomError as error:
        raise error.of(key) from error


async def put_file(place: FileTree, key: str, file: Path) -> Part:
    """Raises: StorageUnavailable."""

    async def chunks() -> AsyncIterator[bytes]:
        with file.open("rb") as source:
            while chunk := source.read(_CHUNK):
                yield chunk

    stored = await place.write_stream(key, chunks(), limit=file.stat().st_size)
    return Part(stored.length, stored.sha256)


async def put_text(place: FileTree, key: str, text: bytes) -> Part:
    """Raises: StorageUnavailable."""
    stored = await place.write_stream(key, _one(text), limit=len(text))
    return Part(stored.length, stored.sha256)


async def _one(text: bytes) -> AsyncIterator[bytes]:
    yield text
