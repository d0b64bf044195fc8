"""How content gets to the service: inside the request up to 768 KiB for all its files, in one upload up to 5 MiB, in
parts beyond.

At most one part is in memory. A part carries its MD5, so that what arrives is what was sent; a part that fails is
sent again by itself.
"""

from __future__ import annotations

import base64
import hashlib
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from signroom_client.decoding import decode
from signroom_client.errors import UnexpectedAnswerError
from signroom_client.files import OCTETS, AnyFile, FileReference, OpenFile, as_reference
from signroom_client.service import Service, json_of, segment
from signroom_client.wire import Upload, Wire

INLINE_TOTAL = 768 << 10
"""1 MiB as base64: every service takes that much beside its largest file, however small it is set."""
PLAIN_LIMIT = 5 << 20


@dataclass(frozen=True, slots=True)
class _Begun:
    blob_token: str = field(repr=False)
    part_size: int


@dataclass(frozen=True, slots=True)
class _Plain:
    blob_token: str = field(repr=False)


@dataclass(slots=True)
class Room:
    """How many bytes of content one request still has room for; its files share it."""

    left: int = INLINE_TOTAL


Progress = Callable[[int, int | None], object]
"""Hears how many bytes are through, and how many there are: None where nobody knows before the end."""


def _silent(_done: int, _all: int | None) -> None:
    """For callers who want to hear nothing."""


async def sent(service: Service, file: AnyFile, room: Room, on_progress: Progress | None = None) -> FileReference:
    """`file` as a request may name it: content comes along where there is `room`, otherwise it is uploaded first."""
    tell = on_progress or _silent
    reference = as_reference(file)
    if reference.opener is None:
        return reference
    async with _open(service.wire, reference) as source:
        start = await source.read(room.left + 1)
        if len(start) <= room.left:
            room.left -= len(start)
            return replace(reference, content=start, opener=None)
        start += await source.read(PLAIN_LIMIT + 1 - len(start))
        if len(start) <= PLAIN_LIMIT:
            tell(0, len(start))
            token = await _upload_plain(service, reference, start)
            tell(len(start), len(start))
        else:
            tell(0, source.length)
            token = await _upload_parts(service, start, source, tell)
    return replace(reference, blob_token=token, opener=None)


class _Source:
    """Reads exactly what is asked for, until the end: a raw stream may give less at a time."""

    def __init__(self, wire: Wire, opened: OpenFile) -> None:
        self._wire = wire
        self._stream = opened.stream
        self.length = opened.length

    async def read(self, size: int) -> bytes:
        found = bytearray()
        while len(found) < size:
            chunk: Any = await self._wire.elsewhere(self._stream.read, size - len(found))
            if inspect.isawaitable(chunk):
                chunk = await chunk
            if not isinstance(chunk, bytes | bytearray | memoryview):
                raise TypeError(f"The stream gives {type(chunk).__name__}, not bytes: open it in binary mode.")
            if not chunk:
                break
            found += chunk
        return bytes(found)


@asynccontextmanager
async def _open(wire: Wire, reference: FileReference) -> AsyncIterator[_Source]:
    if reference.opener is None:
        raise ValueError("There is nothing to be sent.")
    opened = await wire.elsewhere(reference.opener)
    try:
        yield _Source(wire, opened)
    finally:
        if opened.close is not None:
            await wire.elsewhere(opened.close)


async def _upload_plain(service: Service, reference: FileReference, content: bytes) -> str:
    upload = Upload(reference.name or "file", content, reference.content_type or OCTETS)
    # An upload that nobody uses is purged: one too many does no harm.
    request = replace(service.request("POST", "api/plain-uploads"), upload=upload, repeatable=True)
    return decode(_Plain, json_of(await service.send(request))).blob_token


async def _upload_parts(service: Service, start: bytes, source: _Source, tell: Progress) -> str:
    """`start` is what was read of `source` already."""
    begin = replace(service.request("POST", "Api/MultipartUploads"), repeatable=True)
    begun = decode(_Begun, json_of(await service.send(begin)))
    if begun.part_size < 1:
        raise UnexpectedAnswerError("The service wants parts without bytes.")
    address = f"Api/MultipartUploads/{segment(begun.blob_token)}"
    whole = hashlib.md5(usedforsecurity=False)
    etags: list[str] = []
    rest, done = start, 0
    while True:
        part = rest[: begun.part_size]
        rest = rest[begun.part_size :]
        part += await source.read(begun.part_size - len(part))
        if not part:
            break
        await service.wire.elsewhere(whole.update, part)
        etags.append(await _upload_part(service, f"{address}/{len(etags)}", part))
        done += len(part)
        tell(done, source.length)
    body = {"partETags": etags, "completeMD5": whole.digest()}
    await service.send(replace(service.request("POST", address, body), repeatable=True))
    return begun.blob_token


async def _upload_part(service: Service, address: str, part: bytes) -> str:
    """The part's ETag as it came, quotes included."""
    md5 = hashlib.md5(part, usedforsecurity=False).digest()
    request = service.request("POST", address)
    headers = {
        **request.headers,
        "Content-Type": "application/octet-stream",
        "Content-MD5": base64.b64encode(md5).decode(),
    }
    # A part that comes again replaces the one before.
    answer = await service.send(replace(request, headers=headers, content=part, repeatable=True))
    etag: str | None = answer.headers.get("etag")
    if etag is None:
        raise UnexpectedAnswerError("The service took a part and gave no ETag for it.")
    return etag
