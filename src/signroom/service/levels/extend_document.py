"""Raise the signed file of a document that was signed before: an application wants to keep it for longer."""

from __future__ import annotations

from uuid import UUID

from signroom.domain.application import WORKERS, Caller
from signroom.domain.document import Document
from signroom.domain.errors import TimestampTierNotFound
from signroom.domain.level import Level
from signroom.domain.signature import OptionsByType
from signroom.domain.timestamp import DEFAULT_TIER
from signroom.ports import Ports
from signroom.service.levels.archive_document import enqueue_archiving


def extend_document(ports: Ports, caller: Caller, document_id: UUID, level: Level) -> Document:
    """Have the signed file reach `level`; a job does it. A document that has it, or wants more, stays as it is.

    Raises: NotAllowed, DocumentNotFound, DocumentErased, DocumentPurged, TimestampTierNotFound, WrongState.
    """
    caller.require(WORKERS)
    require_timestamps(ports, level)
    with ports.store.work() as work:
        document = work.of(caller).locked_document(document_id)
        document.require_files(ports.clock.now())
        wanted = document.want(level)
        if wanted.awaits_level:
            work.documents.save(wanted)
            enqueue_archiving(work, wanted)
    return wanted


def require_timestamps(ports: Ports, *levels: Level | None) -> None:
    """Somebody can be asked for the timestamps of these levels. Raises: TimestampTierNotFound."""
    stamped = any(level is not None and level.reaches(Level.B_T) for level in levels)
    if stamped and not ports.timestamps.contexts_of(DEFAULT_TIER):
        raise TimestampTierNotFound("A level above B-B needs timestamps: configure SIGNROOM_TIMESTAMP_PROVIDERS.")


def require_levels(ports: Ports, options: OptionsByType) -> None:
    """As `require_timestamps`, for what an application asks. Raises: TimestampTierNotFound."""
    require_timestamps(ports, options.pdf.level, options.cms.level, options.xml.level)
