"""Files of a signer: what is refused leaves nothing behind, what is taken is read once and survives a power cut."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import pytest

from signroom.blobs.comparing import Comparison
from signroom.domain.errors import DocumentRejected
from signroom.service.documents.add_document import add_document
from tests.service.conftest import Room
from tests.vectors import hard_pdfs


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content


def test_a_file_is_hashed_once_and_synced_only_when_it_is_taken(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    session = room.session(predefined=False)
    synced: set[int] = set()
    compared = list[int]()
    fsync, take = os.fsync, Comparison.take

    def noted(descriptor: int) -> None:
        synced.add(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    def counted(comparison: Comparison, chunk: bytes) -> None:
        compared.append(len(chunk))
        take(comparison, chunk)

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(Comparison, "take", counted)

    with pytest.raises(DocumentRejected):
        asyncio.run(add_document(room.ports, session.id, "a.pdf", _chunks(b"%PDF-1.7 and no more")))
    assert not synced
    assert not [file for file in room.files.rglob("*") if file.is_file()]

    taken = asyncio.run(add_document(room.ports, session.id, "a.pdf", _chunks(hard_pdfs.make("plain"))))
    file = room.files / taken.original.blob_key
    assert {file.stat().st_ino, file.parent.stat().st_ino, room.files.stat().st_ino} <= synced
    assert compared == []
