"""Put an installation back from a backup, or let an exported one go on here.

1. Everything is looked at before anything is changed: the manifest, the version, the secret key, every byte of the
   backup, what is here already, the room on the disk.
2. Files come first. A file that is here already and is the same is left alone, so that an interrupted restore goes on.
3. The database comes last, all of it or nothing. Until then this installation is as empty as it was.

After a restore positions of events go on far above all that the lost database can have given: a reader who has read on
after the backup misses nothing that comes. After an import they go on where they were, because nothing came in between.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from signroom.domain.audit import NOTHING, Action, Change, Facts
from signroom.domain.backup import FILES, BackupKind, KeptFile, Manifest
from signroom.domain.blob_key import signed_document_of
from signroom.domain.errors import BackupDamaged, BackupNewer, InstallationNotEmpty, OtherSecretKey
from signroom.ports.keeping import Inventory, KeepingPorts
from signroom.service.keeping.copy_files import Copied, Way, copy_files, require_room, require_scratch
from signroom.service.keeping.places import DATABASE, KEY, chosen, listed, part_of
from signroom.service.keeping.verify_backup import same, verify_backup

EVENT_JUMP = 1_000_000_000
"""More events than an installation can record between a backup and its loss."""
_NAMED = 20
_AT_ONCE = 500
_ROOM = 3
"""Times the database: the copy that is brought to this version, what SQLite writes beside it, the one in its place."""


@dataclass(frozen=True, slots=True)
class RestoreBackup:
    """The command."""

    kind: BackupKind = BackupKind.BACKUP
    backup_id: str | None = None
    """None: the newest."""
    overwrite: bool = False
    """Replace an installation that is here."""
    accept_other_key: bool = False
    """Go on without the secret key of the backup: links and sealed secrets are lost."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of it."""

    manifest: Manifest
    copied: Copied
    lost: tuple[KeptFile, ...]
    """The first of the files that the backup itself does not have."""
    signed_since: tuple[UUID, ...]
    """The first of the documents whose signed files are here, and of which the restored database knows nothing."""
    replaced: Path | None = None
    """Where the database lies that was here before."""


def restore_backup(ports: KeepingPorts, command: RestoreBackup) -> Restored:
    """Raises: BackupNotFound, BackupDamaged, BackupNewer, BackupNoRoom, BackupUnderWay, OtherSecretKey,
    InstallationNotEmpty, InstallationInUse, DatabaseDamaged, Unavailable.
    """
    manifest = chosen(ports.place, command.kind, command.backup_id)
    if not ports.database.knows(manifest.schema):
        raise BackupNewer(f"It is of version {manifest.made_by}: install that one, or a newer one, first.")
    _require_key(ports, command, manifest)
    with ports.database.keeping(), ports.files.scratch() as scratch, ports.inventory(scratch) as inventory:
        ports.database.require_unused()
        if not command.overwrite and not ports.database.is_empty():
            raise InstallationNotEmpty("To replace it: --overwrite.")
        require_scratch(ports.files, _ROOM * manifest.database.length)
        verified = verify_backup(ports.place, manifest)
        if verified.damaged:
            raise BackupDamaged(f"{verified.damaged} of its files are; the first is {verified.named[0]}.")
        inventory.want(listed(ports.place, manifest))
        inventory.found(ports.files.each(""))
        others = _require_same(ports, inventory, manifest, overwrite=command.overwrite)
        with part_of(ports.place, manifest, DATABASE, manifest.database) as stored:
            shutil.copyfile(stored, file := scratch / DATABASE)
        file.chmod(0o600)
        _make_ready(ports, command, manifest, file)
        copied = Copied()
        if manifest.files_included:
            require_room(ports.files, inventory.copy_bytes())
            for key in others:
                ports.files.delete(key)
            copied = asyncio.run(copy_files(Way(ports.place, FILES, ports.files, ""), inventory))
        _put_key_back(ports, manifest)
        replaced = ports.database.install(file)
        lost = [wanted for wanted in inventory.wanted() if wanted.loss is not None][:_NAMED]
        return Restored(manifest, copied, tuple(lost), tuple(_signed_since(inventory)), replaced)


def _require_key(ports: KeepingPorts, command: RestoreBackup, manifest: Manifest) -> None:
    """Raises: OtherSecretKey."""
    own = ports.secret_key.fingerprints()
    if manifest.key_fingerprint in {"", *own} or command.accept_other_key:
        return
    if not own and manifest.secret_key is not None:
        return  # it is put back
    if manifest.secret_key is not None:
        where = f"{ports.place.name.rstrip('/')}/{manifest.folder}{KEY}"
        raise OtherSecretKey(
            f"It is another one. The right one is in {where}: set it, or remove the one that is set here, and "
            "the restore puts the right one back."
        )
    what = "There is none here yet" if not own else "It is another one"
    raise OtherSecretKey(
        f"{what}: set the one that was in use when the backup was made. To go on without it, and lose open links and "
        "the secrets of endpoints: --accept-other-key."
    )


def _put_key_back(ports: KeepingPorts, manifest: Manifest) -> None:
    """Where there is none. Raises: BackupDamaged, StorageUnavailable."""
    if manifest.secret_key is None or ports.secret_key.fingerprints():
        return
    with part_of(ports.place, manifest, KEY, manifest.secret_key) as file:
        secret = file.read_bytes()
    if ports.secret_key.fingerprint_of(secret) != manifest.key_fingerprint:
        raise BackupDamaged("Its secret key is another one.")
    ports.secret_key.install(secret)


def _require_same(ports: KeepingPorts, inventory: Inventory, manifest: Manifest, *, overwrite: bool) -> list[str]:
    """The keys of files that are here and differ from those of the backup.

    Raises: InstallationNotEmpty when they must not be replaced, BackupDamaged when files that the backup only refers to
    are not here.
    """
    absent = inventory.to_copy("", 1)
    if not manifest.files_included:
        if absent:
            raise BackupDamaged(
                f"The file {absent[0][0].key} is not in SIGNROOM_BLOB_URL: set it to the files of the exported "
                "installation, or export with --with-files."
            )
        return []
    others = [file.key for file in _present(inventory) if not same(ports.files, file.key, file)]
    other_lengths = [file.key for file in _absent(inventory)]
    if (others or other_lengths) and not overwrite:
        first = (others or other_lengths)[0]
        raise InstallationNotEmpty(f"The file {first} differs from that of the backup. To replace it: --overwrite.")
    inventory.forget(others)
    return others


def _present(inventory: Inventory) -> Iterator[KeptFile]:
    after = ""
    while some := inventory.present(after, _AT_ONCE):
        yield from some
        after = some[-1].key


def _absent(inventory: Inventory) -> Iterator[KeptFile]:
    """Those of other lengths."""
    after = ""
    while some := inventory.to_copy(after, _AT_ONCE):
        yield from (file for file, other in some if other)
        after = some[-1][0].key


def _make_ready(ports: KeepingPorts, command: RestoreBackup, manifest: Manifest, file: Path) -> None:
    """Bring the copied database to this version, and let it go on here. Raises: BackupDamaged."""
    restored = command.kind is BackupKind.BACKUP
    action = Action.RESTORED if restored else Action.IMPORTED
    facts: Facts = {"backup": manifest.id, "place": ports.place.name, "madeAt": manifest.made_at.isoformat()}
    change = Change(
        uuid4(), ports.clock.now(), None, ports.actor, None, action, manifest.installation_id, NOTHING, facts
    )
    with ports.database.open(file) as snapshot:
        snapshot.make_current()
        snapshot.prepare(change, made_at=manifest.made_at, jump=EVENT_JUMP if restored else 0)


def _signed_since(inventory: Inventory) -> list[UUID]:
    """Documents whose signed files are here without a row."""
    found: list[UUID] = []
    after = ""
    while (some := inventory.needless(after, _AT_ONCE)) and len(found) < _NAMED:
        documents = (signed_document_of(key) for key in some)
        found.extend(document for document in documents if document is not None)
        after = some[-1]
    return found[:_NAMED]
