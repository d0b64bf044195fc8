"""Back an installation up while it runs, or export one that was stopped.

1. A snapshot of the database comes first: from then on nothing that is written matters. Files are written before the
   rows that point to them, and are never changed, so every file of the snapshot is there unless it was deleted since.
2. The files that the snapshot names are copied, those that are there already left out.
3. A file that was not found was deleted with its row, most likely. So another snapshot is taken. A file that two
   snapshots name and that was found at neither time is missing for good, and the list says so.
4. The manifest is written last. What has none is no backup, and is removed by the next one.
5. Backups that are too old go, then the files that no backup names.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

from signroom.domain.audit import NOTHING, Action, Change, Facts
from signroom.domain.backup import (
    BACKUPS,
    FILES,
    BackupKind,
    Installation,
    KeptFile,
    Manifest,
    Part,
    file_line,
    folder_of,
    manifest_text,
)
from signroom.domain.errors import BackupPlaceRefused
from signroom.ports.keeping import Inventory, KeepingPorts
from signroom.service.keeping.copy_files import (
    Copied,
    Way,
    copy_files,
    require_room,
    require_scratch,
    room_is_told,
)
from signroom.service.keeping.places import (
    DATABASE,
    KEY,
    LIST,
    MANIFEST,
    listed,
    manifests,
    mark,
    put_file,
    put_text,
    require_own_place,
)

_ROUNDS = 5
_SMALL = 1 << 20
"""Bytes for the manifest and the list, roughly."""
_NAMED = 20
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class BackUp:
    """The command. ``keep``: how many backups stay, this one included."""

    kind: BackupKind = BackupKind.BACKUP
    keep: int = 7
    with_secret_key: bool = False
    with_files: bool = True
    start_again: bool = False
    """Begin anew at a place that has lost its backups."""
    while_running: bool = False
    """Of an export: the service may run."""


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What came of it."""

    manifest: Manifest
    copied: Copied
    lost: tuple[KeptFile, ...]
    """The first of the files that rows name and that are missing or have changed."""
    removed: int
    """Backups that were too old."""


@dataclass(frozen=True, slots=True)
class _Contents:
    """What goes into the manifest."""

    database: Path
    schema: str
    rows: dict[str, int]
    copied: Copied


@dataclass(frozen=True, slots=True)
class _Making:
    """A backup that is being made."""

    ports: KeepingPorts
    command: BackUp
    installation: Installation
    inventory: Inventory
    scratch: Path
    now: datetime


def back_up(ports: KeepingPorts, command: BackUp) -> BackedUp:
    """Raises: BackupPlaceRefused, BackupNoRoom, BackupUnderWay, DatabaseNotCurrent, DatabaseDamaged, InstallationInUse,
    BackupDamaged, BackupNewer, Unavailable.
    """
    with ports.database.keeping(), ports.files.scratch() as scratch, ports.inventory(scratch) as inventory:
        installation = ports.database.installation()
        if command.kind is BackupKind.EXPORT and not command.while_running:
            ports.database.require_unused()
        known = require_own_place(ports.place, installation, start_again=command.start_again)
        if known and command.kind is BackupKind.EXPORT:
            raise BackupPlaceRefused("Something else lies there: choose an empty folder or prefix.")
        earlier = manifests(ports.place) if known else []
        if any(manifest.kind is BackupKind.EXPORT for manifest in earlier):
            raise BackupPlaceRefused("An export lies there: choose an empty folder or prefix.")
        ports.place.close_to_others()  # not before it is known whose it is
        require_scratch(ports.files, ports.database.size())
        making = _Making(ports, command, installation, inventory, scratch, ports.clock.now())
        if not known:
            # First: a place that was begun and never finished is gone on with.
            asyncio.run(mark(ports.place, installation))
        contents = asyncio.run(_fill(making, earlier))
        ports.database.require_kept()
        with room_is_told(ports.place, contents.database.stat().st_size + _SMALL):
            manifest = asyncio.run(_write(making, contents))
        lost = [file for file in inventory.wanted() if file.loss is not None][:_NAMED]
        removed = 0
        if command.kind is BackupKind.BACKUP:
            ports.database.record_backup(_change(ports, installation.id, manifest), ports.place.name)
            kept = [*earlier, manifest][-max(1, command.keep) :]
            removed = len(earlier) + 1 - len(kept)
            _prune(ports, scratch, kept)
    return BackedUp(manifest, contents.copied, tuple(lost), removed)


async def _fill(making: _Making, earlier: list[Manifest]) -> _Contents:
    """Steps 1 to 3."""
    ports, inventory = making.ports, making.inventory
    for manifest in earlier:
        inventory.know(listed(ports.place, manifest))
    inventory.found((key.removeprefix(FILES), length) for key, length in ports.place.each(FILES))
    file, missing, copied = making.scratch / DATABASE, set[str](), Copied()
    for number in range(_ROUNDS):
        file.unlink(missing_ok=True)
        ports.database.snapshot(file)
        with ports.database.open(file) as snapshot:
            inventory.want(snapshot.files(making.now))
            contents = _Contents(file, snapshot.schema, dict(snapshot.rows()), copied)
        if not making.command.with_files:
            return contents
        require_room(ports.place, inventory.copy_bytes() + file.stat().st_size)
        came = await copy_files(Way(ports.files, "", ports.place, FILES), inventory)
        copied.files += came.files
        copied.bytes += came.bytes
        now_missing = inventory.lost()
        if now_missing <= missing or number == _ROUNDS - 1:
            break
        missing = now_missing
    return contents


async def _write(making: _Making, contents: _Contents) -> Manifest:
    """Step 4. Raises: StorageUnavailable."""
    ports, command = making.ports, making.command
    backup_id = f"{making.now:%Y%m%dT%H%M%SZ}-{uuid4().hex[:8]}"
    folder, lines = folder_of(backup_id), making.scratch / LIST
    count, size, lost = 0, 0, 0
    with lines.open("wb") as target:
        for file in making.inventory.wanted():
            target.write(file_line(file))
            count, size, lost = count + 1, size + (file.length or 0), lost + (file.loss is not None)
    secret: Part | None = None
    if command.with_secret_key:
        secret = await put_text(ports.place, folder + KEY, ports.secret_key.content())
    fingerprints = ports.secret_key.fingerprints()
    manifest = Manifest(
        id=backup_id,
        kind=command.kind,
        made_at=making.now,
        made_by=ports.version,
        installation_id=making.installation.id,
        schema=contents.schema,
        key_fingerprint=fingerprints[0] if fingerprints else "",
        database=await put_file(ports.place, folder + DATABASE, contents.database),
        files=await put_file(ports.place, folder + LIST, lines),
        file_count=count,
        file_bytes=size,
        lost=lost,
        files_included=command.with_files,
        rows=contents.rows,
        secret_key=secret,
    )
    await put_text(ports.place, folder + MANIFEST, manifest_text(manifest))
    return manifest


def _prune(ports: KeepingPorts, scratch: Path, kept: list[Manifest]) -> None:
    """Step 5. A manifest goes before what it names. Raises: StorageUnavailable."""
    folder = scratch / "prune"
    folder.mkdir()
    folders = tuple(manifest.folder for manifest in kept)
    old = [key for key, _ in ports.place.each(BACKUPS) if not key.startswith(folders)]
    for key in sorted(old, key=lambda key: not key.endswith(f"/{MANIFEST}")):
        ports.place.delete(key)
    with ports.inventory(folder) as inventory:
        inventory.want(file for manifest in kept for file in listed(ports.place, manifest) if file.loss is None)
        inventory.found((key.removeprefix(FILES), length) for key, length in ports.place.each(FILES))
        after = ""
        while some := inventory.needless(after, _AT_ONCE):
            for key in some:
                ports.place.delete(FILES + key)
            after = some[-1]


def _change(ports: KeepingPorts, installation_id: UUID, manifest: Manifest) -> Change:
    facts: Facts = {"backup": manifest.id, "place": ports.place.name, "lostFiles": manifest.lost}
    return Change(uuid4(), manifest.made_at, None, ports.actor, None, Action.BACKED_UP, installation_id, NOTHING, facts)
