"""A stored file as an answer: always an attachment, never a page of our origin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import quote

from litestar.response import Stream

from signroom.domain.document import StoredFile
from signroom.http.headers import FILE_POLICY
from signroom.ports import Ports

ATTACHMENT = {
    "content-disposition": "attachment",
    "content-security-policy": FILE_POLICY,
    "cache-control": "private, no-store",
}
"""For a file that has no name."""


async def file_response(ports: Ports, file: StoredFile) -> Stream:
    """Stream `file`. Raises: BlobNotFound and StorageUnavailable before the first byte is sent."""
    chunks = ports.blobs.read_stream(file.blob_key)
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
