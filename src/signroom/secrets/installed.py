"""The secret of an installation that lies in its data folder."""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path


def read_or_make_secret(file: Path) -> bytes:
    """32 random bytes, URL-safe, kept in `file` for its owner alone."""
    if not file.exists():
        # Two processes may start at the same moment: the name appears with the whole content, and only once.
        descriptor, beside = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
        with os.fdopen(descriptor, "wb") as target:
            target.write(secrets.token_urlsafe(32).encode())
        with suppress(FileExistsError):
            os.link(beside, file)
        Path(beside).unlink()
    return file.read_bytes().strip()
