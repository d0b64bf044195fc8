"""Delete the files of documents: of those whose time is over, and of those that are erased."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from signroom.domain.blob_key import blobs_of_upload, upload_of
from signroom.domain.document import Document
from signroom.domain.errors import StorageUnavailable
from signroom.ports import Ports


def delete_files(ports: Ports, documents: Sequence[Document], others: Sequence[str] = ()) -> list[Document]:
    """Delete the files of `documents` that no other document needs, and the blobs of `others` that none needs.

    What else lies in the folders of the uploads that `documents` were made of goes with them.

    Returns those of `documents` whose files are gone. The storage did not answer for the rest.

    Raises: StorageUnavailable when one of `others` could not be deleted, after all else was.
    """
    found = _strays(ports, documents)
    documents = [document for document in documents if document.id in found]
    of_each = {document.id: {*document.file_keys, *found[document.id]} for document in documents}
    keys: set[str] = set().union(*of_each.values())
    free = release_unused(ports, sorted(keys.union(others)), documents)
    gone = [document for document in documents if deleted(ports, sorted(of_each[document.id] & free))]
    if not deleted(ports, [key for key in others if key in free and key not in keys]):
        raise StorageUnavailable
    return gone


def release_unused(ports: Ports, keys: Sequence[str], besides: Sequence[Document] = ()) -> set[str]:
    """Those of `keys` that no document needs, but for the documents `besides`: their blobs may be deleted from now on.

    The rows of their uploads are removed.
    """
    with ports.store.work() as work:
        # A signed file may be another document's original, an upload may be several documents'.
        in_use = work.documents.files_in_use(keys, [document.id for document in besides])
        free = set(keys) - in_use
        # The row of an upload goes before its file does: from then on nobody can make a document of it. It stays when
        # only what lies beside a file that is needed goes.
        uploads = set(map(upload_of, free)) - set(map(upload_of, in_use))
        work.uploads.remove_all([upload_id for upload_id in uploads if upload_id is not None])
    return free


def _strays(ports: Ports, documents: Sequence[Document]) -> dict[UUID, list[str]]:
    """What lies in the documents' own folders, without those for whom the storage does not answer. A process that was
    killed has left files there that no row points to: while it raised a signed file to a level, or when it had made one
    file of an upload's parts.
    """
    folders = {document.id: _folders(document) for document in documents}
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


def _folders(document: Document) -> tuple[str, ...]:
    """What the keys begin with that may be of this document and in no row of it.

    An upload that is used has ended: of its folder no more than one file is needed, and a row points to it.
    """
    uploads = {upload_id for upload_id in map(upload_of, document.file_keys) if upload_id is not None}
    own = document.blob_folder.every() if document.was_raised else ()
    return (*own, *map(blobs_of_upload, sorted(uploads)))


def deleted(ports: Ports, keys: Sequence[str]) -> bool:
    """Delete blobs that no document needs. False when the storage did not answer for one of them."""
    try:
        for key in keys:
            ports.blobs.delete(key)
            ports.previews.forget(f"{key} ")
    except StorageUnavailable:  # told at the end: others' files may be elsewhere
        return False
    return True
