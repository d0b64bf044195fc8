"""Files from the service: streamed, checked, and put in place as a whole or not at all.

An address that the service hands out carries its own authorisation: the API key is never sent there.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from uuid import uuid4

from signroom_client.errors import ApiError, ConnectionFailedError, DownloadError
from signroom_client.models import DocumentFile, DocumentSummary
from signroom_client.retries import tell_retry
from signroom_client.service import Service, problem
from signroom_client.uploads import Progress
from signroom_client.wire import Request, Wire

_HEADERS = {"Accept-Encoding": "identity"}  # bytes as they are stored: their number is checked


class Writable(Protocol):
    """An open binary file, or anything that is written like one."""

    def write(self, data: bytes, /) -> object: ...


class AsyncWritable(Protocol):
    """The same for programs that await (aiofiles); for `AsyncSignroomClient` only."""

    def write(self, data: bytes, /) -> Awaitable[object]: ...


Downloadable = DocumentFile | DocumentSummary
"""A file, or a document of any kind: then its signed file."""
Target = str | os.PathLike[str] | Writable | AsyncWritable


def file_of(wanted: Downloadable) -> DocumentFile:
    """Raises: DownloadError when the document has no signed file yet."""
    if isinstance(wanted, DocumentFile):
        return wanted
    if wanted.signed_file is None:
        raise DownloadError(f"Document {wanted.id} has no signed file yet.")
    return wanted.signed_file


async def download(service: Service, file: DocumentFile, target: Target, on_progress: Progress | None = None) -> int:
    """The file's bytes to `target`; returns how many.

    Raises: DownloadError when they are not as many as announced, ApiError, ConnectionFailedError, OSError; TypeError
    for a target that must be awaited where nothing is.
    """
    if isinstance(target, str | os.PathLike):
        return await _to_path(service, file, Path(target), on_progress)
    if not service.wire.awaits and inspect.iscoroutinefunction(target.write):
        raise TypeError("The target's write must be awaited; use AsyncSignroomClient.")
    return await _copy(service, file, target.write, on_progress)


async def _to_path(service: Service, file: DocumentFile, target: Path, on_progress: Progress | None) -> int:
    part = target.with_name(f".{uuid4().hex}.part")
    elsewhere = service.wire.elsewhere
    opened: BinaryIO = await elsewhere(part.open, "xb")
    try:
        with opened:

            def restart() -> None:
                opened.seek(0)
                opened.truncate()

            def settle() -> None:
                opened.flush()
                os.fsync(opened.fileno())

            length = await _copy(service, file, opened.write, on_progress, restart)
            await elsewhere(settle)
        await elsewhere(part.replace, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return length


async def _copy(
    service: Service,
    file: DocumentFile,
    write: Callable[[bytes], object],
    on_progress: Progress | None,
    restart: Callable[[], None] | None = None,
) -> int:
    """Tries again what broke off: before the first byte, and with `restart` also after it."""
    request, failed = Request("GET", file.location, _HEADERS, follow_redirects=True), 0
    while True:
        written = 0
        try:
            async with service.wire.stream(request) as streamed:
                if not streamed.success:
                    raise problem(await streamed.whole())
                async for chunk in streamed.chunks:
                    written += len(chunk)
                    _require(written <= file.length, file)
                    await _write(service.wire, write, chunk)
                    if on_progress is not None:
                        on_progress(written, file.length)
            _require(written == file.length, file)
            return written
        except (ApiError, ConnectionFailedError) as error:
            failed += 1
            pause = service.policy.pause(failed, error, repeatable=written == 0 or restart is not None)
            if pause is None:
                raise
            tell_retry("The download", error, pause, failed, service.policy)
        await service.wire.sleep(pause)
        if restart is not None:
            await service.wire.elsewhere(restart)


async def _write(wire: Wire, write: Callable[[bytes], object], data: bytes) -> None:
    """All of `data`: a raw stream may take less at a time. Raises: DownloadError when it takes none at all."""
    while data:
        taken: Any = await wire.elsewhere(write, data)
        if inspect.isawaitable(taken):
            taken = await taken
        if not isinstance(taken, int) or isinstance(taken, bool):
            return  # not every writer counts: it took what it was given
        if taken < 1:
            raise DownloadError("The target takes no more bytes.")
        data = data[taken:]


def _require(expected: bool, file: DocumentFile) -> None:
    if not expected:
        raise DownloadError(f"The file has {file.length} bytes, another number arrived.")
