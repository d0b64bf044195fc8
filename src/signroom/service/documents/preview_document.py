"""What a page of a session's document looks like, and what it says: for the signer, before he signs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

from signroom.domain.document import Document
from signroom.domain.errors import PreviewNotAvailable
from signroom.ports import Ports
from signroom.ports.files import Turn
from signroom.service.documents.file_sources import local_files
from signroom.service.documents.read_documents import read_document_of_page

MIN_WIDTH, MAX_WIDTH = 320, 1600


async def preview_page(ports: Ports, session_id: UUID, document_id: UUID, page: int, width: int) -> bytes:
    """PNG, about `width` pixels wide (`MIN_WIDTH` to `MAX_WIDTH`); `page` from 0. Drawn once in a while.

    Raises: DocumentNotFound, PreviewNotAvailable, BlobNotFound, Unavailable.
    """
    document = await asyncio.to_thread(_document, ports, session_id, document_id, page)
    formats = ports.formats.of(Turn.of_document(document))
    wide = min(max(width, MIN_WIDTH), MAX_WIDTH)
    return await _kept(ports, document, f"picture {page} {wide}", lambda file: formats.preview(file, page, wide))


async def page_text(ports: Ports, session_id: UUID, document_id: UUID, page: int) -> str:
    """The words of the page, for whom does not see it. Raises: as `preview_page`."""
    document = await asyncio.to_thread(_document, ports, session_id, document_id, page)
    formats = ports.formats.of(Turn.of_document(document))

    async def words(file: Path) -> bytes:
        return (await formats.page_text(file, page)).encode()

    return (await _kept(ports, document, f"text {page}", words)).decode()


def _document(ports: Ports, session_id: UUID, document_id: UUID, page: int) -> Document:
    document = read_document_of_page(ports, session_id, document_id)
    pages = document.inspection.pages
    if not 0 <= page < pages:
        raise PreviewNotAvailable("There is no such page." if pages else "Only PDFs have previews.")
    return document


async def _kept(ports: Ports, document: Document, what: str, make: Callable[[Path], Awaitable[bytes]]) -> bytes:
    # The blob never changes, so that its pictures do not either.
    key = f"{document.original.blob_key} {what}"
    found = ports.previews.get(key)
    if found is None:
        async with local_files(ports, Turn.of_document(document), document.original) as (file, _):
            found = await make(file)
        ports.previews.put(key, found)
    return found
