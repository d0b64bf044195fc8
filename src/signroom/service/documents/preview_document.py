"""What a page of a session's document looks like, and what it says: for signers, before they sign."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

from signroom.domain.document import Document
from signroom.domain.errors import BadInput, PreviewNotAvailable
from signroom.ports import Ports
from signroom.ports.files import PagesOfASize, Search, Turn
from signroom.service.documents.file_sources import local_files
from signroom.service.documents.read_documents import read_document_of_page

WIDTHS = (200, 400, 800, 1200, 1600, 2000)
"""Pixels. There are no others, so that nobody has a page drawn more often than this.

`web/src/views/reader/arithmetic.ts` has the same."""
MAX_WORDS = 200
"""Characters of what is searched for."""


async def preview_page(ports: Ports, session_id: UUID, document_id: UUID, page: int, width: int) -> bytes:
    """PNG or JPEG, as wide as the first of `WIDTHS` that is not below `width`; `page` from 0. Drawn once in a while.

    Raises: DocumentNotFound, PreviewNotAvailable, BlobNotFound, Unavailable.
    """
    document = await asyncio.to_thread(_document, ports, session_id, document_id, page)
    formats = ports.formats.of(Turn.of_document(document))
    wide = next((one for one in WIDTHS if one >= width), WIDTHS[-1])
    return await _kept(ports, document, f"picture {page} {wide}", lambda file: formats.preview(file, page, wide))


async def page_text(ports: Ports, session_id: UUID, document_id: UUID, page: int) -> str:
    """The words of the page, for whom does not see it. Raises: as `preview_page`."""
    document = await asyncio.to_thread(_document, ports, session_id, document_id, page)
    formats = ports.formats.of(Turn.of_document(document))

    async def words(file: Path) -> bytes:
        return (await formats.page_text(file, page)).encode()

    return (await _kept(ports, document, f"text {page}", words)).decode()


async def page_sizes(ports: Ports, session_id: UUID, document_id: UUID) -> tuple[PagesOfASize, ...]:
    """How large the pages are, so that a reader knows where each one goes. Raises: as `preview_page`."""
    document = await asyncio.to_thread(_document, ports, session_id, document_id, 0)
    formats = ports.formats.of(Turn.of_document(document))

    async def sizes(file: Path) -> bytes:
        return json.dumps([(run.count, run.width, run.height) for run in await formats.page_sizes(file)]).encode()

    return tuple(PagesOfASize(*run) for run in json.loads(await _kept(ports, document, "sizes", sizes)))


async def find_words(ports: Ports, session_id: UUID, document_id: UUID, words: str, first_page: int) -> Search:
    """Where `words` are, from `first_page` (from 0) on, as far as one call looks. Nothing of it is kept.

    Raises: BadInput, and as `preview_page`.
    """
    wanted = " ".join(words.split())
    if not 1 <= len(wanted) <= MAX_WORDS or not wanted.isprintable():
        raise BadInput(f"The words have 1 to {MAX_WORDS} characters.")
    document = await asyncio.to_thread(_document, ports, session_id, document_id, first_page)
    formats = ports.formats.of(Turn.of_document(document))
    async with local_files(ports, Turn.of_document(document), document.original) as (file, _):
        return await formats.find_words(file, wanted, first_page)


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
        ports.previews.put(key, found, Turn.of_document(document))
    return found
