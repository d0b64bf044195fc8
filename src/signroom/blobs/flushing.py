"""Make files of this disk survive a power cut, with as few waits for the disk as that takes.

A file is safe once it is flushed and its name is: the name lies in its folder, the name of the folder in the folder
above, and so on. A folder whose own name was made safe before needs no more than one flush for the new names in it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from signroom.domain.blob_key import SHELVES

_MOST_REMEMBERED = 10_000
"""Folders. When there are more, all are flushed again."""


class Flusher:
    """Remembers which folders below `root` this process has made safe. Safe to call from threads."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._safe: dict[Path, tuple[int, int]] = {}

    def flush(self, files: Sequence[Path]) -> None:
        """Make finished files safe: first all files, then each folder once. Raises: OSError."""
        for file in files:
            flush_content(file)
        self.flush_names(files)

    def flush_names(self, files: Sequence[Path]) -> None:
        """The same for files whose content is safe already. Raises: OSError."""
        folders: dict[Path, tuple[int, int]] = {}
        for file in files:
            folder = file.parent
            if self._is_shelf(folder) and self._safe.get(folder) != _identity(folder):
                self._flush_shelves(folder.parent)
            while folder not in folders:
                folders[folder] = _identity(folder)
                if folder in {self._root, folder.parent} or self._safe.get(folder) == folders[folder]:
                    break
                folder = folder.parent
        for folder in folders:
            flush_content(folder)
        self._remember(folders)

    def _is_shelf(self, folder: Path) -> bool:
        """A folder of that name elsewhere, such as the root itself, is none."""
        return folder.name in SHELVES and folder.parent.parent == self._root

    def _flush_shelves(self, room: Path) -> None:
        """Make all shelves of a room, and make their names safe: with the first file, and no other waits for that."""
        shelves = [room / name for name in SHELVES]
        for shelf in shelves:
            shelf.mkdir(exist_ok=True)
        made = {shelf: _identity(shelf) for shelf in shelves}
        self.flush_names([shelves[0]])
        self._remember(made)

    def _remember(self, folders: dict[Path, tuple[int, int]]) -> None:
        if len(self._safe) + len(folders) > _MOST_REMEMBERED:
            self._safe.clear()
        self._safe.update(folders)


def _identity(folder: Path) -> tuple[int, int]:
    """Another folder of the same name is another one, whose name nobody has flushed."""
    found = folder.stat()
    return found.st_dev, found.st_ino


def flush_content(path: Path) -> None:
    """The bytes of a file, or the names in a folder. Raises: OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
