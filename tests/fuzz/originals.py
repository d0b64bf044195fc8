"""The files that are mutated: all vectors that are not too large.

Some hold the time and random bytes. They are kept in a cache, so that a mutation can be made again from the same ones.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

from tests.vectors import hard_pdfs, pdf

_LARGEST = 100_000
"""Bytes. Larger ones are about time and memory, which mutations do not change."""


@cache
def originals() -> Mapping[str, bytes]:
    """Name -> bytes, in the order of the names."""
    folder = _folder()
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        being_made = Path(tempfile.mkdtemp(dir=folder.parent))
        for name, content in _made().items():
            (being_made / f"{name}.pdf").write_bytes(content)
        with suppress(OSError):  # another process was first
            being_made.rename(folder)
        shutil.rmtree(being_made, ignore_errors=True)
    return {file.stem: file.read_bytes() for file in sorted(folder.glob("*.pdf"))}


def _made() -> dict[str, bytes]:
    made = {name: case.make() for name, case in pdf.CASES.items()}
    made |= {f"hard-{name}": hard_pdfs.make(name) for name in hard_pdfs.names()}
    return {name: content for name, content in made.items() if len(content) <= _LARGEST}


def _folder() -> Path:
    """Its name says from which makers the files are."""
    makers = sorted(Path(hard_pdfs.__file__).parent.rglob("*.py"))
    key = hashlib.sha256(b"".join(path.read_bytes() for path in makers)).hexdigest()[:16]
    cache_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache_home / "signroom-fuzz" / f"originals-{key}"
