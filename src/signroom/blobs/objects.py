"""The ``Blobs`` port on obstore: a folder on this disk, or S3, GCS, Azure by URL.

Keys are immutable: nobody ever changes a file in place, rows point to keys. On the local disk obstore renames a
finished file into place but does not flush it, so we do, folder included, before a row
may point to it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, ObjectStore, from_url

from signroom.domain.errors import BlobNotFound, FileTooLarge, StorageUnavailable
from signroom.ports import Stored

_CHUNK = 1 << 20
_STALE_SECONDS = 24 * 3600
_NOBODYS_KEY = "health"
"""Asked for to see whether the store answers; there is no such file."""


class ObjectBlobs:
    """Blobs in one obstore store. `scratch` is a local folder for files on their way in or out."""

    def __init__(self, store: ObjectStore, root: Path | None, scratch: Path) -> None:
        self._store = store
        self._root = root
        """The folder behind `store` when it is local: lets others read without a copy."""
        self._scratch = scratch

    async def write_stream(self, key: str, chunks: AsyncIterator[bytes], *, limit: int) -> Stored:
        digest, length = hashlib.sha256(), 0

        async def measured() -> AsyncIterator[bytes]:
            nonlocal length
            async for chunk in chunks:
                length += len(chunk)
                if length > limit:
                    raise FileTooLarge(f"At most {limit} bytes.")
                digest.update(chunk)
                yield chunk

        try:
            await obstore.put_async(self._store, key, measured(), chunk_size=_CHUNK * 5, max_concurrency=2)
            if self._root is not None:
                await asyncio.to_thread(_flush, self._root / key, self._root)
        except (BaseError, OSError) as error:
            raise StorageUnavailable from error
        return Stored(length, digest.digest())

    def write_file(self, key: str, file: Path) -> None:
        try:
            if self._root is None:
                with file.open("rb") as source:
                    obstore.put(self._store, key, source)
                return
            target = self._root / key
            target.parent.mkdir(parents=True, exist_ok=True)
            _fsync(file)
            file.replace(target)
            _flush(target, self._root)
        except (BaseError, OSError) as error:
            raise StorageUnavailable from error

    async def read_stream(self, key: str) -> AsyncIterator[bytes]:
        try:
            found = await obstore.get_async(self._store, key)
            async for chunk in found.stream(min_chunk_size=_CHUNK // 4):
                yield bytes(chunk)
        except (NotFoundError, FileNotFoundError) as error:
            raise BlobNotFound from error
        except (BaseError, OSError) as error:
            raise StorageUnavailable from error

    @contextmanager
    def as_file(self, key: str) -> Iterator[Path]:
        if self._root is not None:
            file = self._root / key
            if not file.is_file():
                raise BlobNotFound
            yield file
            return
        with self.scratch() as folder:
            file = folder / "blob"
            self._download(key, file)
            yield file

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(dir=self._scratch) as folder:
            yield Path(folder)

    def answers(self) -> bool:
        if self._root is not None:
            return os.access(self._root, os.R_OK | os.W_OK | os.X_OK)
        try:
            obstore.head(self._store, _NOBODYS_KEY)
        except (NotFoundError, FileNotFoundError):
            return True
        except (BaseError, OSError):
            return False
        return True

    def delete(self, key: str) -> None:
        try:
            obstore.delete(self._store, key)
        except (NotFoundError, FileNotFoundError):
            return
        except (BaseError, OSError) as error:
            raise StorageUnavailable from error

    def _download(self, key: str, file: Path) -> None:
        try:
            with file.open("wb") as target:
                for chunk in obstore.get(self._store, key).stream(min_chunk_size=_CHUNK):
                    target.write(chunk)
        except (NotFoundError, FileNotFoundError) as error:
            raise BlobNotFound from error
        except (BaseError, OSError) as error:
            raise StorageUnavailable from error


def open_blobs(url: str, scratch: Path) -> ObjectBlobs:
    """Blobs at `url`: ``file:///folder``, ``s3://bucket/prefix``, ``gs://...``, ``az://...``.

    Raises: StorageUnavailable when the URL cannot be opened.
    """
    scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
    _sweep(scratch)
    if url.startswith("file://"):
        root = Path(url.removeprefix("file://"))
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        return ObjectBlobs(LocalStore(root), root, scratch)
    try:
        return ObjectBlobs(from_url(url), None, scratch)
    except (BaseError, ValueError) as error:
        raise StorageUnavailable(f"BLOB_URL cannot be opened: {error}.") from error


def _sweep(scratch: Path) -> None:
    """Remove what a killed process left behind; a day is longer than any file is on its way."""
    for folder in scratch.iterdir():
        if time.time() - folder.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def _flush(file: Path, root: Path) -> None:
    """Make `file` and the folders above it, up to `root`, survive a power cut."""
    _fsync(file)
    folder = file.parent
    while True:
        _fsync(folder)
        if folder in {root, folder.parent}:
            return
        folder = folder.parent


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
