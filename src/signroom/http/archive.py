"""Several stored files as one ZIP archive, made while it is sent: no file is in memory as a whole."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from pathlib import PurePosixPath
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from litestar.response import Stream

from signroom.domain.document import StoredFile
from signroom.http.files import content_disposition
from signroom.http.headers import FILE_POLICY
from signroom.ports import Ports
from signroom.ports.files import content_of
from signroom.service.documents.download_session import SignedFile

NAME = "signed-documents.zip"
_MODE = 0o644 << 16
# Windows takes none of these in a name; a slash would make a folder.
_SPECIAL = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')


class _Sent(bytearray):
    """A file that can only be written to, and is emptied as it is sent."""

    def write(self, octets: bytes) -> int:
        self += octets
        return len(octets)

    def flush(self) -> None:
        """Nothing is kept back."""


async def archive_response(ports: Ports, files: Sequence[SignedFile]) -> Stream:
    """Stream `files` as an archive. It breaks off, and cannot be opened, when one of them has changed.

    Raises: BlobNotFound, StorageUnavailable and FileChanged before the first byte is sent, for the first file.
    """
    chunks = _archive(ports, files)
    first = await anext(chunks, b"")

    async def body() -> AsyncIterator[bytes]:
        yield first
        async for chunk in chunks:
            yield chunk

    return Stream(
        body(),
        media_type="application/zip",
        headers={
            "content-disposition": content_disposition(NAME),
            "content-security-policy": FILE_POLICY,
            "cache-control": "private, no-store",
        },
    )


async def _archive(ports: Ports, files: Sequence[SignedFile]) -> AsyncIterator[bytes]:
    sent = _Sent()
    names = unique_names([each.file for each in files])
    with ZipFile(sent, "w", ZIP_STORED) as archive:  # type: ignore[call-overload]  # it needs no more than `write`
        for each, name in zip(files, names, strict=True):
            entry = ZipInfo(name, each.made_at.timetuple()[:6])
            entry.file_size, entry.external_attr = each.file.length, _MODE
            with archive.open(entry, "w") as writer:
                async for chunk in ports.blobs.read_stream(each.file.blob_key, content_of(each.file)):
                    writer.write(chunk)
                    yield bytes(sent)
                    sent.clear()
    yield bytes(sent)


def unique_names(files: Sequence[StoredFile]) -> list[str]:
    """A name for each file that every system takes, and that no other file of the archive has in any case."""
    names: list[str] = []
    taken: set[str] = set()
    for file in files:
        plain = PurePosixPath(_SPECIAL.sub("_", file.name).strip(". ") or "document")
        name, number = str(plain), 1
        while name.casefold() in taken:
            number += 1
            name = f"{plain.stem} ({number}){plain.suffix}"
        taken.add(name.casefold())
        names.append(name)
    return names
