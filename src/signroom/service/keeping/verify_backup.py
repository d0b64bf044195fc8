"""Read a whole backup and compare it with its manifest."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from signroom.domain.backup import FILES, KeptFile, Manifest
from signroom.domain.errors import BlobNotFound, FileChanged
from signroom.ports.files import Stored
from signroom.ports.keeping import FileTree
from signroom.service.keeping.copy_files import expected_of
from signroom.service.keeping.places import DATABASE, KEY, listed, part_of

_NAMED = 20


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found."""

    manifest: Manifest
    damaged: int
    named: tuple[str, ...]
    """The keys of the first damaged files."""


def verify_backup(place: FileTree, manifest: Manifest) -> Verified:
    """Files that were lost before the backup was made do not count as damaged.

    Raises: BackupDamaged when its database or its list is not what was written, StorageUnavailable.
    """
    parts = [(DATABASE, manifest.database)]
    if manifest.secret_key is not None:
        parts.append((KEY, manifest.secret_key))
    for name, part in parts:
        with part_of(place, manifest, name, part):
            pass
    damaged, named = 0, []
    for file in listed(place, manifest):
        if manifest.files_included and file.loss is None and not same(place, FILES + file.key, file):
            damaged += 1
            named.append(file.key)
            del named[_NAMED:]
    return Verified(manifest, damaged, tuple(named))


def same(tree: FileTree, key: str, file: KeptFile) -> bool:
    """True when the tree has exactly that file. Raises: StorageUnavailable."""
    return asyncio.run(_same(tree, key, expected_of(file)))


async def _same(tree: FileTree, key: str, expected: Stored | None) -> bool:
    try:
        async for _ in tree.read_stream(key, expected):
            pass
    except (BlobNotFound, FileChanged):
        return False
    return True
