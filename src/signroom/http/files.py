"""A stored file as an answer: always an attachment, never a page of our origin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import quote

from litestar.response import Stream

from signroom.domain.document import StoredFile
from signroom.http.headers import FILE_POLICY
from signroom.ports import Ports
from signroom.ports.files import content_of

ATTACHMENT = {
    "content-disposition": "attachment",
    "content-security-policy": FILE_POLICY,
    "cache-control": "private, no-store",
}
"""For a file that has no name."""


async def file_response(ports: Ports, file: StoredFile) -> Stream:
    """Stream `file`. A large file that has changed breaks off before its end; the header says how long it should be.

    A part of a file is never sent: ``Range`` is ignored, and the whole file is compared.

    Raises: BlobNotFound, StorageUnavailable and, for a small file, FileChanged before the first byte is sent.
    """
    chunks = ports.blobs.read_stream(file.blob_key, content_of(file))
    first = await anext(chunks, b"")

    async def body() -> AsyncIterator[bytes]:
        yield first
        async for chunk in chunks:
            yield chunk

    return Stream(
        body(),
        media_type=file.content_type,
        headers={
            "content-length": str(file.length),
            "content-disposition": content_disposition(file.name),
            "content-security-policy": FILE_POLICY,
            "cache-control": "private, no-store",
        },
    )


def content_disposition(name: str) -> str:
    """RFC 6266 with an ASCII fallback for old clients."""
    fallback = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    return f"attachment; filename=\"{fallback}\"; filename*=UTF-8''{quote(name, safe='')}"
