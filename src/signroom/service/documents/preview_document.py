"""What a page of a session's document looks like, and what it says: for the signer, before he signs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from signroom.domain.document import Document
from signroom.domain.errors import PreviewNotAvailable
from signroom.ports import Ports
from signroom.ports.files import content_of
from signroom.service.documents.read_documents import read_document_of_page

MIN_WIDTH, MAX_WIDTH = 320, 1600


def preview_page(ports: Ports, session_id: UUID, document_id: UUID, page: int, width: int) -> bytes:
    """PNG, about `width` pixels wide (`MIN_WIDTH` to `MAX_WIDTH`); `page` from 0. Drawn once in a while.

    Raises: DocumentNotFound, PreviewNotAvailable, BlobNotFound, Unavailable.
    """
    document = _document(ports, session_id, document_id, page)
    wide = min(max(width, MIN_WIDTH), MAX_WIDTH)
    return _kept(ports, document, f"picture {page} {wide}", lambda file: ports.formats.preview(file, page, wide))


def page_text(ports: Ports, session_id: UUID, document_id: UUID, page: int) -> str:
    """The words of the page, for whom does not see it. Raises: as `preview_page`."""
    document = _document(ports, session_id, document_id, page)
    words = _kept(ports, document, f"text {page}", lambda file: ports.formats.page_text(file, page).encode())
    return words.decode()


def _document(ports: Ports, session_id: UUID, document_id: UUID, page: int) -> Document:
    document = read_document_of_page(ports, session_id, document_id)
    pages = document.inspection.pages
    if not 0 <= page < pages:
        raise PreviewNotAvailable("There is no such page." if pages else "Only PDFs have previews.")
    return document


def _kept(ports: Ports, document: Document, what: str, make: Callable[[Path], bytes]) -> bytes:
    # The blob never changes, so that its pictures do not either.
    key = f"{document.original.blob_key} {what}"
    found = ports.previews.get(key)
    if found is None:
        with ports.blobs.as_file(document.original.blob_key, content_of(document.original)) as file:
            found = make(file)
        ports.previews.put(key, found)
    return found
