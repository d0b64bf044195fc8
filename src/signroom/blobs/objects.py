"""The ``Blobs`` port on obstore: a folder on this disk, or S3, GCS, Azure by URL.

Keys are immutable: nobody ever changes a file in place, rows point to keys. What is small enough for one request is
created only where nothing is yet; where something is, it must be the same bytes.

On the local disk obstore renames a finished file into place but does not flush it, so we do, folder included, before a
row may point to it.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
import structlog
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError, NotSupportedError
from obstore.store import LocalStore, ObjectStore, from_url

from signroom.blobs.comparing import Alarm, Count, JustWritten, compared, require_file
from signroom.blobs.flushing import Flusher, flush_content
from signroom.domain.blob_key import NEVER_WRITTEN
from signroom.domain.errors import BlobNotFound, FileTooLarge, SignroomError, StorageUnavailable
from signroom.ports.files import Stored

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

log = structlog.get_logger()

_CHUNK = 1 << 20
_PART = 5 << 20
"""Bytes that go out in one request: the least that S3 takes as a part of a larger upload."""
_CONCURRENCY = 2
_GATHERED = 256 << 10
"""Bytes that are handed on at once: each time costs more than a connection's 64 KB are worth."""
_STALE_SECONDS = 24 * 3600
_LISTED = 1000
_HALF = re.compile(r"#\d+$")
"""What obstore adds to the name of a file of this disk that is being written. It stays when the process is killed."""
_OF_DIRECTORY_BUCKET = "--x-s3"
"""What the name of each directory bucket of Amazon S3 ends with. It does not list its keys in their order."""
_OF_DISK = "lost+found"
"""What a new disk has in its first folder."""

_CONNECT_SECONDS = 5
_WHOLE_SECONDS = 15 * 60
"""For one request with its body: `MAX_FILE` over a slow line. A silent one is given up long before."""
_MAX_RETRIES = 3

ENVIRONMENT = ("AWS_", "AZURE_", "GOOGLE_")
"""Prefixes of the variables by which obstore finds credentials, endpoint and region."""
_ERROR_CODE = re.compile(r"<Code>(\w{1,64})</Code>")
_BODY, _QUERY, _USER = re.compile(r"<.*"), re.compile(r"\?[^\s\"')]*"), re.compile(r"//[^/\s@]*@")
_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist")

Failure = (BaseError, OSError, ValueError)
"""What obstore and the disk raise."""
_NOT_OFFERED = (NotSupportedError, NotImplementedError)


def _nobody_counts(_what: str, _outcome: str) -> None:
    """For commands."""


class ObjectBlobs:
    """Blobs in one obstore store. `scratch` is a local folder for files on their way in or out."""

    def __init__(
        self, store: ObjectStore, root: Path | None, scratch: Path, count: Count = _nobody_counts, name: str = ""
    ) -> None:
        self._store = store
        self.name = name
        self._alarm = Alarm(count)
        self._root = root
        """The folder behind `store` when it is local: lets others read without a copy."""
        self._disk = None if root is None else _disk(root)
        self._scratch = scratch
        self._written = JustWritten()
        self._digesting = ThreadPoolExecutor(1, "digests")
        self._flusher = None if root is None else Flusher(root)

    async def write_stream(self, key: str, chunks: AsyncIterator[bytes], *, limit: int, durable: bool = True) -> Stored:
        digest, length = hashlib.sha256(), 0
        loop = asyncio.get_running_loop()

        async def measured() -> AsyncIterator[bytes]:
            nonlocal length
            gathered = bytearray()
            async for chunk in chunks:
                length += len(chunk)
                if length > limit:
                    raise FileTooLarge(f"At most {limit} bytes.")
                gathered += chunk
                if len(gathered) >= _GATHERED:
                    part = bytes(gathered)
                    gathered.clear()
                    # Thirty uploads at once, each with a part at hand, would hold the event loop for some 10 ms.
                    await loop.run_in_executor(self._digesting, digest.update, part)
                    yield part
            if gathered:
                digest.update(gathered)
                yield bytes(gathered)

        try:
            if self._root is not None:
                await self._put(key, measured())
                settled = asyncio.to_thread(self._settle, key, Stored(length, digest.digest()), self._root, durable)
                await _to_its_end(settled)
            else:
                await self._send(key, measured())
        except Failure as error:
            raise _unavailable("write", error) from error
        return Stored(length, digest.digest())

    async def _put(self, key: str, parts: AsyncIterator[bytes]) -> None:
        """To this disk. What is one part is handed over as it is: to be asked for parts costs more than to write it."""
        first = await anext(parts, b"")
        if len(first) < _GATHERED:
            await _to_its_end(obstore.put_async(self._store, key, first, use_multipart=False))
            return
        whole = _joined(first, parts)
        await obstore.put_async(self._store, key, whole, chunk_size=_PART, max_concurrency=_CONCURRENCY)

    def _settle(self, key: str, stored: Stored, root: Path, durable: bool) -> None:
        """A file of this disk that is written: for its owner alone, known for its first reader, durable if need be."""
        (root / key).chmod(0o600)
        self._written.put(key, root / key, stored)
        if durable:
            self.keep(key)

    def keep(self, *keys: str) -> None:
        if self._root is None or self._flusher is None:
            return  # an object store is durable as soon as it has answered
        try:
            self._flusher.flush([self._root / key for key in keys])
        except Failure as error:
            raise _unavailable("write", error) from error

    async def _send(self, key: str, source: AsyncIterator[bytes]) -> None:
        """To another machine: in one request what is less than a part (most files are), else in parts."""
        first = await _first_part(source)
        if len(first) >= _PART:
            parts = _joined(first, source)
            await obstore.put_async(self._store, key, parts, chunk_size=_PART, max_concurrency=_CONCURRENCY)
            return
        try:
            await obstore.put_async(self._store, key, first, mode="create", use_multipart=False)
        except AlreadyExistsError:
            found = await obstore.get_async(self._store, key)
            if bytes(await found.bytes_async()) != first:
                raise
        except _NOT_OFFERED:
            await obstore.put_async(self._store, key, first, use_multipart=False)

    def write_file(self, key: str, file: Path) -> None:
        self.write_files({key: file})

    def write_files(self, files: Mapping[str, Path]) -> None:
        try:
            if self._root is not None and self._flusher is not None:
                for key, file in files.items():
                    _move_in(file, self._root / key)
                self._flusher.flush_names([self._root / key for key in files])
                return
            for key, file in files.items():
                if file.stat().st_size < _PART:
                    self._create(key, file.read_bytes())
                else:
                    obstore.put(self._store, key, file, chunk_size=_PART, max_concurrency=_CONCURRENCY)
        except Failure as error:
            raise _unavailable("write", error) from error

    def read_stream(self, key: str, expected: Stored | None) -> AsyncIterator[bytes]:
        chunks = self._chunks(key)
        return chunks if expected is None else compared(self._alarm, key, chunks, expected)

    async def _chunks(self, key: str) -> AsyncIterator[bytes]:
        try:
            found = await obstore.get_async(self._store, key)
        except Failure as error:
            raise self._not_read(error) from error
        try:
            async for chunk in found.stream(min_chunk_size=_CHUNK // 4):
                yield bytes(chunk)
        except Failure as error:
            raise _unavailable("read", error) from error

    @contextmanager
    def as_file(self, key: str, expected: Stored | None) -> Iterator[Path]:
        if self._root is not None:
            file = self._root / key
            if not file.is_file():
                raise self._not_read(FileNotFoundError())
            self._require_same(key, file, expected)
            yield file
            return
        with self.scratch() as folder:
            file = folder / "blob"
            self._download(key, file)
            self._require_same(key, file, expected)
            yield file

    def _require_same(self, key: str, file: Path, expected: Stored | None) -> None:
        """Raises: FileChanged, BlobNotFound, StorageUnavailable."""
        if expected is None or (self._root is not None and self._written.is_still(key, file, expected)):
            return
        try:
            require_file(self._alarm, key, file, expected)
        except OSError as error:
            raise self._not_read(error) from error

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        try:
            folder = tempfile.TemporaryDirectory(dir=self._scratch, ignore_cleanup_errors=True)
        except OSError as error:
            raise _unavailable("scratch", error) from error
        with folder as path:
            yield Path(path)

    def answers(self) -> bool:
        if self._root is not None:
            return os.access(self._root, os.R_OK | os.W_OK | os.X_OK)
        try:
            obstore.get(
                self._store, NEVER_WRITTEN
            )  # not `head`: only a body tells a missing file from a missing bucket
        except Failure as error:
            return isinstance(self._not_read(error), BlobNotFound)
        return True

    def beginning_with(self, *beginnings: str) -> list[str]:
        try:
            if self._root is not None:
                return sorted(_files(self._root, beginnings))
            return sorted({key for beginning in beginnings for key in self._listed(beginning)})
        except Failure as error:
            raise _unavailable("list", error) from error

    def _listed(self, beginning: str) -> list[str]:
        """What another machine has of it. Raises: what obstore raises."""
        folder, _, name = beginning.rpartition("/")
        in_order = bool(name) and _OF_DIRECTORY_BUCKET not in self.name
        try:
            # Where the keys come in their order, those before and after the ones that are wanted are left out.
            listed = obstore.list(self._store, f"{folder}/", offset=f"{folder}/{name}" if in_order else None)
            keys: Iterator[str] = (str(found["path"]) for some in listed for found in some)
            if in_order:
                keys = takewhile(lambda key: key < beginning or key.startswith(beginning), keys)
            return [key for key in keys if key.startswith(beginning)]
        except NotFoundError:
            return []

    def delete(self, key: str) -> None:
        try:
            if self._root is not None and _HALF.search(key):
                (self._root / key).unlink()
                return
            obstore.delete(self._store, key)
        except (NotFoundError, FileNotFoundError):
            return
        except Failure as error:
            raise _unavailable("delete", error) from error

    def each(self, prefix: str) -> Iterator[tuple[str, int]]:
        """The keys below `prefix` with their lengths. Raises: StorageUnavailable."""
        if self._root is not None and not (self._root / prefix).is_dir():
            return
        if self._root is not None and not prefix:
            yield from self._each_of_root(self._root)
            return
        try:
            for batch in obstore.list(self._store, prefix.rstrip("/") or None, chunk_size=_LISTED):
                for found in batch:
                    yield found["path"], found["size"]
        except Failure as error:
            raise _unavailable("list", error) from error

    def _each_of_root(self, root: Path) -> Iterator[tuple[str, int]]:
        """All keys but what belongs to the disk itself, which only root may read. Raises: StorageUnavailable."""
        try:
            found = sorted(path for path in root.iterdir() if path.name != _OF_DISK)
            files = [(path.name, path.stat().st_size) for path in found if path.is_file()]
        except OSError as error:
            raise _unavailable("list", error) from error
        yield from files
        for path in found:
            if path.is_dir():
                yield from self.each(f"{path.name}/")

    def is_empty(self) -> bool:
        """Raises: StorageUnavailable."""
        try:
            if self._root is not None:
                return all(path.name == _OF_DISK for path in self._root.iterdir())
            return next(self.each(""), None) is None
        except OSError as error:
            raise _unavailable("list", error) from error

    def content(self, key: str, limit: int) -> bytes | None:
        """A small blob as a whole. Raises: StorageUnavailable, FileTooLarge."""
        try:
            found = obstore.get(self._store, key)
            if found.meta["size"] > limit:
                raise FileTooLarge(f"At most {limit} bytes.")
            return bytes(found.bytes())
        except Failure as error:
            ours = self._not_read(error)
            if isinstance(ours, BlobNotFound):
                return None
            raise ours from error

    def close_to_others(self) -> None:
        """Take from others what they may do with a folder. Raises: StorageUnavailable."""
        try:
            if self._root is not None:
                _close_to_others(self._root)
        except OSError as error:
            raise _unavailable("close", error) from error

    def room(self) -> int | None:
        """Bytes that are free on the disk of a folder. Raises: StorageUnavailable."""
        return None if self._root is None else _free(self._root)

    def scratch_room(self) -> int:
        """Bytes that are free for files on their way. Raises: StorageUnavailable."""
        return _free(self._scratch)

    def _create(self, key: str, content: bytes) -> None:
        """Store `content` unless the key has it already. Raises: what obstore raises."""
        try:
            obstore.put(self._store, key, content, mode="create", use_multipart=False)
        except AlreadyExistsError:
            # A job that runs twice, or a request whose answer was lost and that obstore sent again.
            if bytes(obstore.get(self._store, key).bytes()) != content:
                raise
        except _NOT_OFFERED:  # the operator has said that his store has no conditional requests
            obstore.put(self._store, key, content, use_multipart=False)

    def _download(self, key: str, file: Path) -> None:
        try:
            found = obstore.get(self._store, key)
        except Failure as error:
            raise self._not_read(error) from error
        try:
            with file.open("wb") as target:
                for chunk in found.stream(min_chunk_size=_CHUNK):
                    target.write(chunk)
        except Failure as error:
            raise _unavailable("read", error) from error

    def _not_read(self, error: Exception) -> SignroomError:
        """A blob that is missing is final; a whole store that is missing (a wrong bucket, a disk that is not mounted)
        must not make every document that is looked for meanwhile fail for good."""
        if not isinstance(error, (NotFoundError, FileNotFoundError)):
            return _unavailable("read", error)
        gone = any(sign in str(error) for sign in _NO_BUCKET)
        if self._root is not None:
            gone = _disk(self._root) != self._disk
        return _unavailable("read", error) if gone else BlobNotFound()


def open_blobs(
    url: str,
    scratch: Path,
    *,
    timeout: timedelta = timedelta(seconds=20),
    count: Count = _nobody_counts,
    own: bool = True,
) -> ObjectBlobs:
    """Blobs at `url`: ``file:///folder``, ``s3://bucket/prefix``, ``gs://...``, ``az://...``.

    Credentials, endpoint and region come from the standard variables of the store (`ENVIRONMENT`). A store that says
    nothing for `timeout` (or does not take one part of a file in it) is given up; what fails sooner is tried again.
    `count` hears of each file that has changed. A folder that is not `own` keeps its mode (`close_to_others`).
    Raises: StorageUnavailable when the URL cannot be opened.
    """
    try:
        scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        _sweep(scratch)
        if url.startswith("file://"):
            root = Path(url.removeprefix("file://"))
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
            if own:
                _close_to_others(root)
            return ObjectBlobs(LocalStore(root), root, scratch, count, str(root))
        options, retries = _client_options(os.environ, timeout), _retries(timeout)
        store = from_url(url, client_options=options, retry_config=retries)
        return ObjectBlobs(store, None, scratch, count, _USER.sub("//", _QUERY.sub("", url)))
    except Failure as error:
        raise StorageUnavailable(f"BLOB_URL cannot be opened: {_reason(str(error))}.") from error


def _client_options(environment: Mapping[str, str], timeout: timedelta) -> ClientConfig:
    """Limits of our own. obstore then leaves out those of the environment: what an operator may need is taken over."""
    options: ClientConfig = {
        "connect_timeout": timedelta(seconds=min(_CONNECT_SECONDS, timeout.total_seconds())),
        "read_timeout": timeout,
        "timeout": timedelta(seconds=_WHOLE_SECONDS),
    }
    for prefix in ENVIRONMENT:
        if environment.get(f"{prefix}ALLOW_HTTP", "").lower() in {"1", "true", "yes", "on"}:
            options["allow_http"] = True
        if proxy := environment.get(f"{prefix}PROXY_URL"):
            options["proxy_url"] = proxy
        if excludes := environment.get(f"{prefix}PROXY_EXCLUDES"):
            options["proxy_excludes"] = excludes
    if bundle := environment.get("AWS_CA_BUNDLE"):
        options["root_certificate"] = Path(bundle).read_bytes()
    return options


def _retries(timeout: timedelta) -> RetryConfig:
    """Few and soon: a request of ours waits for the answer, and a job is tried again by the job engine."""
    return {
        "max_retries": _MAX_RETRIES,
        "retry_timeout": timeout,
        "backoff": {
            "init_backoff": timedelta(milliseconds=100),
            "max_backoff": timedelta(seconds=2),
            "base": 2,
        },
    }


def _unavailable(operation: str, error: Exception) -> StorageUnavailable:
    """Who waits reads that it failed; who can mend it reads why in the log."""
    reason = _reason(str(error))
    log.warning("storage.failed", operation=operation, kind=type(error).__name__, reason=reason)
    return StorageUnavailable()


def _reason(text: str) -> str:
    """The first line of a store's error, without what may hold credentials: queries of addresses, user names in them,
    and the body of an answer but its error code."""
    line = next(iter(text.splitlines()), "")
    code = _ERROR_CODE.search(text)
    line = _BODY.sub(f"({code[1]})" if code else "", line)
    return _USER.sub("//", _QUERY.sub("?…", line))[:300]


async def _to_its_end(work: Awaitable[object]) -> None:
    """Wait for `work`, which a thread does: that goes on when nobody waits any more. So it is waited for all the same.

    Raises: CancelledError after its end when it was called off, else what `work` raises.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # nobody needs it
        raise


async def _first_part(source: AsyncIterator[bytes]) -> bytes:
    """What comes first of `source`: all of it when it is less than a part."""
    first = bytearray()
    async for chunk in source:
        first += chunk
        if len(first) >= _PART:
            break
    return bytes(first)


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


def _sweep(scratch: Path) -> None:
    """Remove what a killed process left behind; a day is longer than any file is on its way."""
    for folder in scratch.iterdir():
        try:
            stale = time.time() - folder.stat().st_mtime > _STALE_SECONDS
        except FileNotFoundError:  # another process on this folder was faster
            continue
        if stale:
            shutil.rmtree(folder, ignore_errors=True)


def _close_to_others(root: Path) -> None:
    """Everything below a folder is behind its door. A folder with the sticky bit is meant for everybody, like ``/tmp``:
    it stays as it is. Raises: OSError.
    """
    mode = stat.S_IMODE(root.stat().st_mode)
    if mode & stat.S_ISVTX:
        log.warning("data.mode_open", file=root.name, mode=f"{mode:04o}")
    elif mode & 0o077:
        try:
            root.chmod(0o700)
        except PermissionError:  # another user's folder that we may write into: the operator has meant it so
            log.warning("data.mode_open", file=root.name, mode=f"{mode:04o}")
        else:
            log.warning("data.mode_mended", file=root.name, was=f"{mode:04o}", now="0700")


def _free(folder: Path) -> int:
    """Raises: StorageUnavailable."""
    try:
        return shutil.disk_usage(folder).free
    except OSError as error:
        raise _unavailable("room", error) from error


def _disk(root: Path) -> tuple[int, int] | None:
    """Which folder of which disk `root` is; None when there is none."""
    try:
        found = root.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _files(root: Path, beginnings: Sequence[str]) -> Iterator[str]:
    """The keys that begin so, half files (`_HALF`) among them, which obstore leaves out.

    Each folder is read once: a shelf may have many thousand names. Raises: OSError.
    """
    names = dict[str, list[str]]()
    for folder, _, name in (beginning.rpartition("/") for beginning in beginnings):
        names.setdefault(folder, []).append(name)
    for folder, wanted in names.items():
        yield from _files_of(root, folder, tuple(wanted))


def _files_of(root: Path, folder: str, names: tuple[str, ...]) -> Iterator[str]:
    """Those in `folder` whose names begin so, and all below it for an empty name. Raises: OSError."""
    try:
        with os.scandir(root / folder) as entries:
            for entry in entries:
                if not entry.name.startswith(names):
                    continue
                key = f"{folder}/{entry.name}"
                if entry.is_file():
                    yield key
                elif "" in names and entry.is_dir(follow_symlinks=False):
                    yield from _files_of(root, key, ("",))
    except FileNotFoundError:
        return


def _move_in(file: Path, target: Path) -> None:
    """Its content is safe before it takes the name of another that may be safe. Raises: OSError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    flush_content(file)
    try:
        file.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy_in(file, target)  # the data folder and the files lie on different disks
    target.chmod(0o600)


def _copy_in(file: Path, target: Path) -> None:
    """Copy beside `target`, then rename: nobody ever sees half a file under its name."""
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".incoming-")
    beside = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as copy, file.open("rb") as source:
            shutil.copyfileobj(source, copy, _CHUNK)
            copy.flush()
            os.fsync(copy.fileno())
        beside.replace(target)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
