"""An installation as a whole: its database, its files, and the place where copies of both are kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from signroom.domain.audit import Change
from signroom.domain.backup import Installation, KeptFile, Loss
from signroom.ports.files import Blobs, Stored
from signroom.ports.operations import Clock


class FileTree(Blobs, Protocol):
    """Blobs that can be listed: the files of the service, or a place for backups."""

    @property
    def name(self) -> str:
        """A folder, or an address without credentials, as people read it."""

    def each(self, prefix: str) -> Iterator[tuple[str, int]]:
        """The keys below `prefix` (empty, or ended by a slash) with their lengths in bytes, in no order.

        Raises: StorageUnavailable.
        """

    def is_empty(self) -> bool:
        """True when nothing is stored at all. Raises: StorageUnavailable."""

    def content(self, key: str, limit: int) -> bytes | None:
        """A small blob as a whole; None when there is none. Raises: StorageUnavailable, FileTooLarge."""

    def close_to_others(self) -> None:
        """A folder is for its owner alone from now on. Raises: StorageUnavailable."""

    def room(self) -> int | None:
        """Bytes that are free on its disk; None for an object store."""

    def scratch_room(self) -> int:
        """Bytes that are free for files on their way (`scratch`)."""


class Snapshot(Protocol):
    """A database as it was at one moment, in an SQLite file that nobody else has open."""

    @property
    def schema(self) -> str:
        """Its newest migration."""

    def rows(self) -> Mapping[str, int]:
        """How many rows each table has."""

    def files(self, now: datetime) -> Iterator[KeptFile]:
        """The files that its rows need from `now` on, in no order; a key may come twice."""

    def make_current(self) -> None:
        """Bring its tables to this version. Raises: BackupDamaged when SQLite finds it damaged."""

    def prepare(self, change: Change, *, made_at: datetime, jump: int) -> None:
        """Let it go on in a new place: nobody holds a lease of its jobs, and `change` is in its audit log.

        With a `jump` of more than 0 it was restored from a backup made at `made_at`: positions of events go on so
        much higher, above all that were given after the backup.
        """


class KeptDatabase(Protocol):
    """The database of this installation."""

    def keeping(self) -> AbstractContextManager[None]:
        """Held by one command at a time, until it ends or dies. Raises: BackupUnderWay."""

    def require_kept(self) -> None:
        """Raises: DatabaseUnavailable when what `keeping` holds was lost with its connection."""

    def installation(self) -> Installation:
        """Raises: DatabaseNotCurrent, DatabaseUnavailable."""

    def record_backup(self, change: Change, place: str) -> None:
        """Remember the last backup, in the audit log too. Raises: DatabaseUnavailable."""

    def size(self) -> int:
        """Bytes that a snapshot may take."""

    def snapshot(self, file: Path) -> None:
        """Write the whole database as it is at one moment to a new SQLite `file`, while others go on writing.

        Raises: DatabaseNotCurrent, DatabaseDamaged, DatabaseUnavailable.
        """

    def open(self, file: Path) -> AbstractContextManager[Snapshot]:
        """A snapshot. Raises: BackupDamaged when it is none."""

    def knows(self, schema: str) -> bool:
        """False for a migration of a newer version."""

    def require_unused(self) -> None:
        """A damaged database counts as any other. Raises: InstallationInUse, DatabaseUnavailable."""

    def is_empty(self) -> bool:
        """True when nobody has used it yet. Raises: DatabaseDamaged, DatabaseUnavailable."""

    def install(self, snapshot: Path) -> Path | None:
        """Put a current snapshot in the place of what is there: all of it or nothing. The content is compared.

        Returns where the database lies that was here and was used; None where there is none.
        Raises: InstallationInUse, BackupDamaged, DatabaseNotCurrent for tables of a newer version, DatabaseUnavailable.
        """


class Inventory(Protocol):
    """What is wanted, known and there of some files: on the disk, so that millions fit."""

    def want(self, files: Iterable[KeptFile]) -> None:
        """What is wanted, in place of what was wanted before."""

    def know(self, files: Iterable[KeptFile]) -> None:
        """Files of earlier backups. Their digests count where a row has none."""

    def found(self, files: Iterable[tuple[str, int]]) -> None:
        """What is there."""

    def forget(self, keys: Iterable[str]) -> None:
        """These are not there any more."""

    def stored(self, key: str, stored: Stored) -> None:
        """A wanted file was copied, and this is what it is."""

    def lose(self, key: str, loss: Loss | None) -> None:
        """A wanted file cannot be copied; None: it can after all."""

    def to_copy(self, after: str, limit: int) -> list[tuple[KeptFile, bool]]:
        """Wanted files that are not there as they should be, by key; True: something else is there."""

    def present(self, after: str, limit: int) -> list[KeptFile]:
        """Wanted files that are there with the length that they should have, by key."""

    def copy_bytes(self) -> int:
        """The lengths of all that is `to_copy`, as far as they are known."""

    def lost(self) -> set[str]:
        """The keys of wanted files that are missing; those that have changed are not among them."""

    def wanted(self) -> Iterator[KeptFile]:
        """All that is wanted with what is known of it, by key."""

    def needless(self, after: str, limit: int) -> list[str]:
        """What is there and not wanted, by key."""


class SecretKey(Protocol):
    """The secret key of this installation."""

    def fingerprints(self) -> tuple[str, ...]:
        """Of the keys that are set here, the newest first; empty when there is none yet."""

    def content(self) -> bytes:
        """Makes one when there is none yet."""

    def fingerprint_of(self, secret: bytes) -> str: ...

    def install(self, secret: bytes) -> None:
        """Keep it in the data folder, where none is."""


class Inventories(Protocol):
    """Opens an `Inventory` in a folder for files on their way."""

    def __call__(self, folder: Path) -> AbstractContextManager[Inventory]: ...


@dataclass(frozen=True, slots=True)
class KeepingPorts:
    """What the verbs of backup, restore, export and import need."""

    database: KeptDatabase
    files: FileTree
    """Of the service."""
    place: FileTree
    """Of the backups."""
    inventory: Inventories
    secret_key: SecretKey
    clock: Clock
    actor: str
    """Who runs the command."""
    version: str
    """Of Signroom."""
