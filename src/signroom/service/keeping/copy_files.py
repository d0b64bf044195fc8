"""Stored files from one tree into another: some at a time, each compared, those that are there left alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from signroom.domain.backup import KeptFile, Loss
from signroom.domain.errors import BackupNoRoom, BlobNotFound, FileChanged, StorageUnavailable
from signroom.ports.files import Stored
from signroom.ports.keeping import FileTree, Inventory

_AT_ONCE = 4
_LARGEST = 1 << 50
_MARGIN = 1 << 20
"""Bytes that a disk needs for its own."""
_MB = 1 << 20


@dataclass(frozen=True, slots=True)
class Way:
    """From where to where files are copied. A prefix stands before their keys there."""

    source: FileTree
    source_prefix: str
    target: FileTree
    target_prefix: str


@dataclass(slots=True)
class Copied:
    """How much was copied. ``bytes`` counts what went over."""

    files: int = 0
    bytes: int = 0


async def copy_files(way: Way, inventory: Inventory) -> Copied:
    """Copy what is wanted and not there. What cannot be copied is lost in the inventory.

    Raises: StorageUnavailable, BackupNoRoom.
    """
    copied, after = Copied(), ""
    while some := inventory.to_copy(after, _AT_ONCE):
        came = await asyncio.gather(*(_copy(way, file, other=other) for file, other in some), return_exceptions=True)
        for (file, _), outcome in zip(some, came, strict=True):
            match outcome:
                case Stored():
                    inventory.stored(file.key, outcome)
                    copied.files += 1
                    copied.bytes += outcome.length
                case Loss():
                    inventory.lose(file.key, outcome)
                case StorageUnavailable():
                    require_room(way.target, file.length or 0)
                    raise outcome
                case BaseException():
                    raise outcome
        after = some[-1][0].key
    return copied


def require_room(tree: FileTree, needed: int) -> None:
    """Raises: BackupNoRoom when `needed` bytes are more than its disk has, StorageUnavailable."""
    _require(tree.room(), needed, tree.name)


def require_scratch(tree: FileTree, needed: int) -> None:
    """The same for files on their way. Raises: BackupNoRoom, StorageUnavailable."""
    _require(tree.scratch_room(), needed, "the data folder")


@contextmanager
def room_is_told(tree: FileTree, needed: int) -> Iterator[None]:
    """Raises: BackupNoRoom in place of StorageUnavailable when the disk of `tree` has not room for `needed` bytes."""
    try:
        yield
    except StorageUnavailable:
        require_room(tree, needed)
        raise


def _require(free: int | None, needed: int, where: str) -> None:
    if free is not None and free < needed + _MARGIN:
        wanted = f"{needed // _MB + 1} MB are needed in {where}, and {free // _MB} MB are free"
        raise BackupNoRoom(f"{wanted}: make room, or choose a larger disk.")


async def _copy(way: Way, file: KeptFile, *, other: bool) -> Stored | Loss:
    """Raises: StorageUnavailable."""
    key = way.target_prefix + file.key
    if other:
        await asyncio.to_thread(way.target.delete, key)
    try:
        chunks = way.source.read_stream(way.source_prefix + file.key, expected_of(file))
        stored = await way.target.write_stream(key, chunks, limit=_LARGEST)
    except BlobNotFound:
        return Loss.MISSING
    except FileChanged:
        return Loss.CHANGED
    if file.length is not None and stored.length != file.length:
        await asyncio.to_thread(way.target.delete, key)
        return Loss.CHANGED
    return stored


def expected_of(file: KeptFile) -> Stored | None:
    """What it must be; None when nobody knows its digest."""
    return None if file.length is None or file.sha256 is None else Stored(file.length, file.sha256)
