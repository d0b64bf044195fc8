"""Delete the files of documents: of those whose time is over, and of those that are erased."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from signroom.domain.blob_key import upload_of
from signroom.domain.document import Document
from signroom.domain.errors import StorageUnavailable
from signroom.ports import Ports


def delete_files(ports: Ports, documents: Sequence[Document], others: Sequence[str] = ()) -> list[Document]:
    """Delete the files of `documents` that no other document needs, and the blobs of `others` that none needs.

    Returns those of `documents` whose files are gone. The storage did not answer for the rest.

    Raises: StorageUnavailable when one of `others` could not be deleted, after all else was.
    """
    found = _strays(ports, documents)
    documents = [document for document in documents if document.id in found]
    of_each = {document.id: {*document.file_keys, *found[document.id]} for document in documents}
    keys: set[str] = set().union(*of_each.values())
    with ports.store.work() as work:
        # A signed file may be another document's original, an upload may be several documents'.
        wanted = sorted(keys.union(others))
        free = set(wanted) - work.documents.files_in_use(wanted, [document.id for document in documents])
        # The row of an upload goes before its file does: from then on nobody can make a document of it.
        work.uploads.remove_all([upload_id for upload_id in map(upload_of, free) if upload_id is not None])
    gone = [document for document in documents if _deleted(ports, sorted(of_each[document.id] & free))]
    if not _deleted(ports, [key for key in others if key in free and key not in keys]):
        raise StorageUnavailable
    return gone


def _strays(ports: Ports, documents: Sequence[Document]) -> dict[UUID, list[str]]:
    """What lies in the documents' own folders, without those for whom the storage does not answer. A run that was
    killed while it raised a signed file to a level has left a file there that no row points to.
    """
    folders = {document.id: document.blob_folder.every() if document.was_raised else () for document in documents}
    beginnings = [beginning for own in folders.values() for beginning in own]
    try:
        # Together: documents of one session lie on one shelf, which is read once.
        keys = ports.blobs.beginning_with(*beginnings) if beginnings else []
    except StorageUnavailable:
        if len(documents) == 1:
            return {}
        alone = [_strays(ports, [document]) for document in documents]
        return {document_id: found for one in alone for document_id, found in one.items()}
    return {document_id: [key for key in keys if key.startswith(own)] for document_id, own in folders.items()}


def _deleted(ports: Ports, keys: Sequence[str]) -> bool:
    try:
        for key in keys:
            ports.blobs.delete(key)
            ports.previews.forget(f"{key} ")
    except StorageUnavailable:  # told at the end: others' files may be elsewhere
        return False
    return True
