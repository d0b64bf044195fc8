"""Compare every stored file with what was stored: in the background within a set time, or at once for the doctor.

Of a document the original and every version of the signed file are compared. Two kinds of files are not. Uploads that
no document uses end after a day, and are compared when they are used. The content of a detached CMS object is protected
by the signatures over it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from signroom.domain.document import Document, StoredFile
from signroom.domain.errors import BlobNotFound, DocumentNotFound, FileChanged
from signroom.ports import Ports
from signroom.ports.files import Blobs, content_of
from signroom.ports.store import ComparisonPass, Store

EVERY = timedelta(minutes=1)
"""How often the background comparison goes on."""
_SECONDS = 10.0
"""For one run: other schedules wait for it."""
_CLAIM = timedelta(minutes=3)
"""How long a process that died keeps others from going on."""
_PER_FILE = 64 << 10
"""Bytes that opening a file costs as much time as."""
_AT_ONCE = 50


class Damage(StrEnum):
    """What is wrong with a stored file."""

    CHANGED = "changed"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class DamagedFile:
    """A stored file of a document that is not what was stored."""

    document_id: UUID
    session_id: UUID | None
    """None: it was signed locally."""
    key: str
    damage: Damage


def compare_files(ports: Ports) -> int:
    """Go on with the comparison as far as it should be by now. Returns how many damaged files were found.

    It goes on where the last run ended, in whatever process. Raises: Unavailable.
    """
    now, period = ports.clock.now(), ports.limits.files_compared_within
    with ports.store.read() as work:  # most often nothing is to be done, and nothing is written
        if _share(work.file_comparison.current(), now, period) is None:
            return 0
    with ports.store.work() as work:
        state = work.file_comparison.claim(now, now + _CLAIM)
        if state is None:
            return 0
        if state.started_at is None or state.finished_at is not None:
            state = ComparisonPass(started_at=now, total=work.file_comparison.cost(_PER_FILE))
    damaged = 0
    try:
        for reached, found in _steps(ports, state, now):
            state, damaged = reached, damaged + found
    finally:  # also when the store went away: what was compared stays compared
        with ports.store.work() as work:
            work.file_comparison.save(state, None)
    return damaged


def all_damaged_files(store: Store, blobs: Blobs, now: datetime) -> Iterator[DamagedFile]:
    """Read every stored file of every document, now. Raises: Unavailable, and what the driver raises for old tables."""
    after: UUID | None = None
    while True:
        with store.read() as work:
            documents = work.documents.with_files_after(after, now, _AT_ONCE)
        for document in documents:
            for file in _files(document):
                damage = _damage(store, blobs, document, file)
                if damage is not None:
                    yield DamagedFile(document.id, document.session_id, file.blob_key, damage)
        if len(documents) < _AT_ONCE:
            return
        after = documents[-1].id


def _share(state: ComparisonPass, now: datetime, period: timedelta) -> float | None:
    """How much of all files should be compared at the end of this run: 1 is all. None: nothing is to be done now."""
    if state.started_at is None or (state.finished_at is not None and now >= state.started_at + period):
        return EVERY / period
    share = (now + EVERY - state.started_at) / period
    behind = share >= 1 or state.done < state.total * share
    return share if state.finished_at is None and behind else None


def _steps(ports: Ports, state: ComparisonPass, now: datetime) -> Iterator[tuple[ComparisonPass, int]]:
    """After each document the state and the number of its damaged files."""
    share = _share(state, now, ports.limits.files_compared_within)
    if share is None:
        return
    end = time.monotonic() + _SECONDS
    while share >= 1 or state.done < state.total * share:
        with ports.store.read() as work:
            documents = work.documents.with_files_after(state.after, now, _AT_ONCE)
        for document in documents:
            if time.monotonic() >= end or (share < 1 and state.done >= state.total * share):
                return
            files = _files(document)
            damaged = [d for d in (_observed(ports, document, file) for file in files) if d is not None]
            cost = sum(file.length + _PER_FILE for file in files)
            state = replace(state, after=document.id, done=state.done + cost)
            yield state, len(damaged)
        if len(documents) < _AT_ONCE:
            yield replace(state, finished_at=now), 0
            return


def _observed(ports: Ports, document: Document, file: StoredFile) -> Damage | None:
    def missing() -> None:
        ports.meter.count("file", Damage.MISSING)
        ports.meter.mistake("file_comparison")

    ports.meter.about(document_id=document.id)
    try:
        return _damage(ports.store, ports.blobs, document, file, missing)
    finally:
        ports.meter.about(document_id=None)


def _files(document: Document) -> list[StoredFile]:
    return [document.original, *(version.file for version in document.versions)]


def _damage(
    store: Store, blobs: Blobs, document: Document, file: StoredFile, missing: Callable[[], None] = lambda: None
) -> Damage | None:
    """`missing` is called while the error is handled. Raises: Unavailable."""
    try:
        asyncio.run(_read(blobs, file))
    except FileChanged:
        return Damage.CHANGED
    except BlobNotFound:
        if _is_kept(store, document, file):
            missing()
            return Damage.MISSING
    return None


async def _read(blobs: Blobs, file: StoredFile) -> None:
    async for _ in blobs.read_stream(file.blob_key, content_of(file)):
        pass


def _is_kept(store: Store, document: Document, file: StoredFile) -> bool:
    """False when the document was removed or purged while its file was looked for."""
    with store.read() as work:
        try:
            current = work.documents.of_any_tenant(document.id)
        except DocumentNotFound:
            return False
    return current.purged_at is None and file.blob_key in current.file_keys
