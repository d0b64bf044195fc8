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
    of_each: dict[UUID, set[str]] = {}
    for document in documents:
        found = _in_folder(ports, document)
        if found is not None:
            of_each[document.id] = {*document.file_keys, *found}
    documents = [document for document in documents if document.id in of_each]
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


def _in_folder(ports: Ports, document: Document) -> list[str] | None:
    """What lies in the document's own folder. A run that was killed while it raised the signed file to a level has left
    a file there that no row points to. None: the storage does not answer.
    """
    if not document.was_raised:
        return []
    try:
        return [key for beginning in document.blob_folder.every() for key in ports.blobs.beginning_with(beginning)]
    except StorageUnavailable:
        return None


def _deleted(ports: Ports, keys: Sequence[str]) -> bool:
    try:
        for key in keys:
            ports.blobs.delete(key)
            ports.previews.forget(f"{key} ")
    except StorageUnavailable:  # told at the end: others' files may be elsewhere
        return False
    return True
