"""Take in a file: stream it to a blob while its SHA-256 is computed, look at it once, then accept or refuse it.

A refused file leaves nothing behind; a blob without a row can only come from a crash.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

from signroom.domain.document import Document, DocumentStatus, StoredFile, clean_file_name
from signroom.domain.errors import WrongState
from signroom.domain.signature import Inspection
from signroom.ports import Ports


@dataclass(frozen=True, slots=True)
class Accepted:
    """A stored file that passed pre-flight, on its way into a session."""

    document_id: UUID
    file: StoredFile
    inspection: Inspection


async def add_document(ports: Ports, session_id: UUID, name: str, chunks: AsyncIterator[bytes]) -> Document:
    """Add an upload to an open session.

    Raises: BadFileName, FileTooLarge, TooManyDocuments, WrongState, a DocumentRejected, Unavailable.
    """
    clean = clean_file_name(name)
    await asyncio.to_thread(_require_room, ports, session_id)  # before the body is read
    async with accepted_file(ports, session_id, clean, chunks) as accepted:
        return await asyncio.to_thread(_record, ports, session_id, accepted)


@asynccontextmanager
async def accepted_file(
    ports: Ports, session_id: UUID, name: str, chunks: AsyncIterator[bytes]
) -> AsyncIterator[Accepted]:
    """Store and inspect a file; forgets the blob again when pre-flight or the block inside fails."""
    document_id = uuid4()
    key = f"sessions/{session_id}/{document_id}/original"
    stored = await ports.blobs.write_stream(key, chunks, limit=ports.limits.max_file)
    try:
        inspection = await asyncio.to_thread(_inspect, ports, key)
        file = StoredFile(key, name, inspection.content_type, stored.length, stored.sha256)
        yield Accepted(document_id, file, inspection)
    except BaseException:
        await asyncio.to_thread(ports.blobs.delete, key)
        raise


def new_document(accepted: Accepted, session_id: UUID, position: int, ports: Ports) -> Document:
    return Document(
        id=accepted.document_id,
        session_id=session_id,
        position=position,
        status=DocumentStatus.PENDING_SIGNATURE,
        original=accepted.file,
        inspection=accepted.inspection,
        created_at=ports.clock.now(),
    )


def _inspect(ports: Ports, key: str) -> Inspection:
    with ports.blobs.as_file(key) as file:
        return ports.formats.inspect(file)


def _require_room(ports: Ports, session_id: UUID) -> None:
    with ports.store.read() as work:
        session = work.session(session_id)
        session.require_open(ports.clock.now())
        if session.predefined:
            raise WrongState("The application has chosen the documents of this session.")
        session.require_room(len(work.documents(session_id)))


def _record(ports: Ports, session_id: UUID, accepted: Accepted) -> Document:
    with ports.store.work() as work:
        session = work.session_for_update(session_id)
        session.require_open(ports.clock.now())
        others = work.documents(session_id)
        session.require_room(len(others))
        document = new_document(accepted, session_id, max((d.position for d in others), default=-1) + 1, ports)
        work.add_document(document)
    return document
