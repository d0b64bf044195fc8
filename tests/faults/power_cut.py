"""A disk that loses its power: what a program has written, and what of it would still be there.

``power_cut.c`` is compiled and loaded into the program. It writes down each change below one folder. `Disk` plays the
record back and keeps two states: what the program sees, and what was flushed. Only the second survives a power cut. It
is harder than a real disk: a file that was not flushed is empty, and a name whose folder was not flushed is gone.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.harness.tools import require_tools

_SOURCE = Path(__file__).with_suffix(".c")
_HEAD = struct.Struct("<cQII")
_HALF = 0.5


def recording(data: Path, folder: Path) -> tuple[dict[str, str], Path]:
    """The environment of a program whose changes below `data` are written down, and the file that they go to.

    It is not run where there is no compiler.
    """
    require_tools("cc")
    library, record = folder / "power_cut.so", folder / "record"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(_SOURCE), "-ldl"], check=True)
    record.touch()
    return {
        "LD_PRELOAD": str(library),
        "RECORDED_FOLDER": str(data.resolve()),
        "RECORD_FILE": str(record),
    }, record


@dataclass
class _File:
    """``content`` as the program sees it, ``safe`` as it was flushed last."""

    content: bytearray = field(default_factory=bytearray)
    safe: bytes = b""


@dataclass(frozen=True)
class Change:
    """One record. ``path`` is relative to the folder, and so is the text of a changed name."""

    what: str
    offset: int
    path: str
    more: bytes
    end: int
    """Where the record ends in its file, in bytes."""


def changes(record: Path, data: Path) -> Iterator[Change]:
    """All that is written down, in order."""
    content, root, position = record.read_bytes(), str(data.resolve()), 0
    while position < len(content):
        what, offset, first, second = _HEAD.unpack_from(content, position)
        position += _HEAD.size
        path = content[position : position + first].decode()
        more = content[position + first : position + first + second]
        position += first + second
        yield Change(what.decode(), offset, os.path.relpath(path, root), more, position)


class Disk:
    """Files and folders by their paths; None stands for a folder. `flushes` says which flushes it obeys."""

    def __init__(self, data: Path, flushes: Callable[[str], bool] = lambda _path: True) -> None:
        self._root = str(data.resolve())
        self._flushes = flushes
        self._names: dict[str, _File | None] = {".": None}
        self._safe: dict[str, _File | None] = {".": None}

    def begin(self, files: Mapping[str, bytes]) -> None:
        """These were there before, and are safe."""
        for name, content in files.items():
            self._names[name] = self._safe[name] = _File(bytearray(content), content)

    def take(self, change: Change) -> None:
        """Raises: KeyError when something was written to a file that nobody has made: the record has a hole."""
        path = change.path
        match change.what:
            case "c":
                self._names.setdefault(path, _File())
            case "m":
                self._names[path] = None
            case "t":
                content = self._content(path)
                del content[change.offset :]
                content.extend(bytes(change.offset - len(content)))
            case "w":
                content = self._content(path)
                content.extend(bytes(max(0, change.offset - len(content))))
                content[change.offset : change.offset + len(change.more)] = change.more
            case "u":
                self._names.pop(path, None)
            case "l":
                self._names[self._relative(change.more)] = self._names[path]
            case "r":
                self._rename(path, self._relative(change.more))
            case "f" if self._flushes(path):
                self._flush(path)

    def leave(self, target: Path, luck: Random | None = None) -> None:
        """Write what a power cut would leave at this moment into a new folder.

        With `luck` some of what was not flushed is there all the same, as a disk writes what it has when it likes.
        """
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        names = self._safe if luck is None else self._lucky(luck)
        for name in sorted(names):  # a folder comes before what is in it
            file, place = names[name], target / name
            if not place.parent.is_dir():
                continue  # its folder's name was never flushed
            if file is None:
                place.mkdir(exist_ok=True)
            else:
                place.write_bytes(file.content if luck is not None and luck.random() < _HALF else file.safe)

    def _lucky(self, luck: Random) -> dict[str, _File | None]:
        """The names that are safe, with some of the changes that are not."""
        names = dict(self._safe)
        for name in sorted({*self._safe, *self._names}):
            if luck.random() < _HALF:
                if name in self._names:
                    names[name] = self._names[name]
                else:
                    del names[name]
        return names

    def _flush(self, path: str) -> None:
        file = self._names.get(path)
        if file is not None:
            file.safe = bytes(file.content)
        elif path in self._names:
            for names in (self._safe, self._names):  # what is gone, then what is there
                for name in [name for name in names if name != "." and os.path.dirname(name) == path.removeprefix(".")]:
                    if name in self._names:
                        self._safe[name] = self._names[name]
                    else:
                        del self._safe[name]

    def _rename(self, old: str, new: str) -> None:
        inside = [name for name in self._names if name.startswith(f"{old}/")]
        for name in (old, *inside):
            if name in self._names:
                self._names[new + name.removeprefix(old)] = self._names.pop(name)

    def _content(self, path: str) -> bytearray:
        file = self._names[path]
        assert file is not None, path
        return file.content

    def _relative(self, path: bytes) -> str:
        return os.path.relpath(path.decode(), self._root)
