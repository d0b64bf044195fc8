"""Raise the signed file of a document that was signed before: an application wants to keep it for longer."""

from __future__ import annotations

import asyncio
from uuid import UUID

from signroom.domain.application import WORKERS, Caller
from signroom.domain.document import Document
from signroom.domain.errors import TimestampTierNotFound, at
from signroom.domain.level import Level
from signroom.domain.signature import OptionsByType, SignatureType
from signroom.domain.timestamp import DEFAULT_TIER
from signroom.ports import Ports
from signroom.service.levels.archive_document import enqueue_archiving


def extend_document(ports: Ports, caller: Caller, document_id: UUID, level: Level) -> Document:
    """Have the signed file reach `level`; a job does it. A document that has it stays as it is.

    So does one that the service tries to raise already. Where it has given up, it begins anew. One of level B-LTA that
    is to reach it again gets another archive timestamp, unless its newest one is younger than a day.

    Raises: NotAllowed, DocumentNotFound, DocumentErased, DocumentPurged, TimestampTierNotFound, WrongState.
    """
    caller.require(WORKERS)
    with ports.store.read() as work:
        tier = work.of(caller).document(document_id).timestamp_tier
    require_timestamps(ports, level, tier)
    with ports.store.work() as work:
        document = work.of(caller).locked_document(document_id)
        document.require_files(ports.clock.now())
        wanted = document.want(level, ports.clock.now())
        if wanted is not document:
            work.documents.save(wanted)
            enqueue_archiving(work, wanted)
    return wanted


def require_timestamps(ports: Ports, level: Level | None, tier: str | None) -> None:
    """Somebody can be asked for the timestamps of this level, and the tier exists. Raises: TimestampTierNotFound."""
    stamped = level is not None and level.reaches(Level.B_T)
    if tier is None and not stamped:
        return
    if ports.timestamps.contexts_of(tier or DEFAULT_TIER):
        return
    if tier in {None, DEFAULT_TIER}:
        message = "A level above B-B needs timestamps: ask the operator for a timestamp provider."
        raise TimestampTierNotFound(message, path="level")
    raise TimestampTierNotFound(f"The tier is {tier}.")


async def require_levels(ports: Ports, options: OptionsByType, kind: SignatureType | None = None) -> None:
    """As `require_timestamps`, for what an application asks: for files of one `kind`, or of every kind.

    Raises: TimestampTierNotFound.
    """
    for one in SignatureType if kind is None else (kind,):
        wanted = options.of(one)
        if wanted.level is not None or wanted.timestamp_tier is not None:
            with at(f"{one.value.lower()}SignatureOptions"):
                await asyncio.to_thread(require_timestamps, ports, wanted.level, wanted.timestamp_tier)
