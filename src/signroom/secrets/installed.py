"""The secret of an installation that lies in its data folder, and the folder itself."""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

import structlog

log = structlog.get_logger()


def close_to_others(folder: Path) -> None:
    """Take from others what they may do with `folder` and with the files in it: it holds keys and contracts.

    Folders in it are behind its own door. What cannot be mended is told.
    """
    for path in (folder, *(file for file in folder.iterdir() if file.is_file() and not file.is_symlink())):
        wanted = 0o700 if path is folder else 0o600
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & 0o077:
                path.chmod(wanted)
                log.warning("data.mode_mended", file=path.name, was=f"{mode:04o}", now=f"{wanted:04o}")
        except FileNotFoundError:  # of another process, and gone again
            continue
        except OSError as error:
            log.warning("data.mode_open", file=path.name, kind=type(error).__name__)


def read_or_make_secret(file: Path) -> bytes:
    """32 random bytes, URL-safe, kept in `file` for its owner alone."""
    if not file.exists():
        keep_secret(file, secrets.token_urlsafe(32).encode())
    return file.read_bytes().strip()


def keep_secret(file: Path, secret: bytes) -> None:
    """Write `secret` to `file` for its owner alone; it survives a power cut. One that is there stays."""
    # Two processes may start at the same moment: the name appears with the whole content, and only once.
    descriptor, beside = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    with os.fdopen(descriptor, "wb") as target:
        target.write(secret)
        target.flush()
        os.fsync(target.fileno())
    with suppress(FileExistsError):
        os.link(beside, file)
    Path(beside).unlink()
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
