"""Document keys: allocated before there is a document, looked up by people who hold the paper."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from uuid import UUID

from signroom.domain.application import READERS, WORKERS, ApplicationCaller, Caller
from signroom.domain.document import Document
from signroom.domain.document_key import MAX_BATCH, DocumentKey, new_key, normalized
from signroom.domain.errors import BadInput
from signroom.domain.metadata import Metadata, require_name, require_value
from signroom.ports import Ports
from signroom.ports.store import MetadataSearch

MAX_FOUND = 1000
_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class KeyWithDocument:
    key: DocumentKey
    document: Document | None


def allocate_keys(ports: Ports, caller: ApplicationCaller, count: int, metadata: Metadata) -> list[DocumentKey]:
    """Raises: NotAllowed, BadInput unless `count` is 1 to 100."""
    caller.require(WORKERS)
    if not 1 <= count <= MAX_BATCH:
        raise BadInput(f"count is 1 to {MAX_BATCH}.", path="count")
    now = ports.clock.now()
    keys = [
        DocumentKey(new_key(secrets.choice), caller.subscription_id, caller.application.id, now, metadata)
        for _ in range(count)
    ]
    with ports.store.work() as work:
        work.document_keys.add(keys)
    return keys


def find_key(ports: Ports, caller: Caller, text: str) -> KeyWithDocument | None:
    """With its document, erased or not. None also for another subscription's key. Raises: NotAllowed."""
    caller.require(READERS)
    wanted = normalized(text)
    if wanted is None:
        return None
    with ports.store.read() as work:
        key = work.document_keys.get(caller.subscription_id, wanted)
        if key is None:
            return None
        if key.document_id is None:
            return KeyWithDocument(key, None)
        return KeyWithDocument(key, work.of(caller).document_or_erased(key.document_id))


def unused_keys(ports: Ports, caller: Caller, name: str | None, value: str | None) -> list[DocumentKey]:
    """Those without a document whose provisional metadata has `value` under `name`; without both, all of them.

    Raises: NotAllowed, BadMetadata, BadInput for one without the other.
    """
    caller.require(READERS)
    if (name is None) != (value is None):
        missing = "?metadataName" if name is None else "?metadataValue"
        raise BadInput("metadataName and metadataValue belong together.", path=missing)
    with ports.store.read() as work:
        if name is None or value is None:
            return work.document_keys.unused(caller.subscription_id, None, MAX_FOUND)
        return work.document_keys.unused(
            caller.subscription_id, _search(caller.subscription_id, name, value), MAX_FOUND
        )


def key_of(document: Document) -> DocumentKey:
    """The key of a document that none was allocated for; it counts as used."""
    return DocumentKey(
        document.key,
        document.subscription_id,
        document.application_id,
        document.created_at,
        document_id=document.id,
        allocated=False,
    )


def give_document_keys(ports: Ports) -> int:
    """Store the keys of documents that have none yet; returns how many. May run late, twice, and at once.

    A version that gave no keys has stored them, or their sessions have given back the keys of an application. Until
    then such a document is read with the same key, and is not found by it.
    """
    given = 0
    while True:
        with ports.store.work() as work:
            found = work.documents.without_key(_AT_ONCE)
            # A process of that version may have overwritten the column alone.
            bound = work.document_keys.of_documents([document.id for document in found])
            work.document_keys.add([key_of(document) for document in found if document.id not in bound])
            work.documents.set_keys({document.id: bound.get(document.id, document.key) for document in found})
        given += len(found)
        if len(found) < _AT_ONCE:
            return given


def _search(subscription_id: UUID, name: str, value: str) -> MetadataSearch:
    require_name(name)
    require_value(value)
    return MetadataSearch(subscription_id, name, value)
