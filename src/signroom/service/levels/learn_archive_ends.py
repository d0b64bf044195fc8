"""Find out when the archive timestamps end of files that were raised by a version which did not write it down.

What is not written down is not renewed (`renew_archives`). A run looks into a few files, and the next one goes on with
those behind them; after the last it begins again. What was found is kept, so only a file that could not be had is
looked for twice. It holds up no other.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from signroom.domain.document import Document
from signroom.domain.errors import BadCertificate, NotFound, Refused, SignroomError, Unavailable
from signroom.domain.level import Level
from signroom.ports import Ports
from signroom.ports.files import Turn
from signroom.service.documents.file_sources import local_files
from signroom.service.levels.raise_level import proofs_of

_AT_ONCE = 20
"""Files that one run looks into: other schedules wait for it."""
_TRIED_IN_VAIN = 3
"""So many files that cannot be had end a run: each may have been waited for as long as something may be silent."""


@dataclass(slots=True)
class Reached:
    """How far a process has come."""

    after: UUID | None = None
    """The document that was looked into last. None: it begins with the first."""


def learn_archive_ends(ports: Ports, reached: Reached | None = None) -> int:
    """Returns of how many files it is known by now. Nothing is done while nothing is renewed by itself.

    It goes on behind `reached`, and notes there how far it has come. May run late, twice, and in several places at
    once. Raises: Unavailable when a file could not be had, after others were looked into; what was found is kept.
    """
    if ports.limits.archives_renewed_before is None:
        return 0
    reached = Reached() if reached is None else reached
    with ports.store.read() as work:
        found = work.documents.without_archive_end(reached.after, _AT_ONCE)
    known, unavailable = 0, list[SignroomError]()
    for document in found:
        reached.after = document.id
        try:
            known += _learn(ports, document)
        except Unavailable as error:
            unavailable.append(error.of(f"document {document.id}"))
            if len(unavailable) == _TRIED_IN_VAIN:
                break
    else:
        if len(found) < _AT_ONCE:
            reached.after = None
    if unavailable:
        raise unavailable[-1]
    return known


def _learn(ports: Ports, document: Document) -> bool:
    """False when the document is another one by now. Raises: Unavailable."""
    ports.meter.about(document_id=document.id)
    try:
        end = asyncio.run(_end_of(ports, document))
    except Unavailable:
        raise
    except Exception:  # noqa: BLE001  (of ours, told to the log, and there again at each run: the file does not say it)
        ports.meter.mistake("archive_end")
        end = None
    finally:
        ports.meter.about(document_id=None)
    return _keep(ports, document, end)


async def _end_of(ports: Ports, document: Document) -> datetime | None:
    """When the certificate of the newest archive timestamp ends; None where the file does not say it."""
    value, turn = document.signature_value, Turn.of_document(document)
    if value is None:
        return None
    try:
        source = local_files(ports, turn, document.require_signed(), document.content_key)
        async with source as (file, content):
            levels = await ports.formats.of(turn).read_levels(file, document.signature_type, content)
        for one in levels.signatures:
            if one.value == value.value and one.level is Level.B_LTA:
                return ports.trust.read(proofs_of(one)[-1].authority.certificate).not_after
    except (Refused, BadCertificate):  # the file is gone, or is not what it was
        pass
    return None


def _keep(ports: Ports, document: Document, end: datetime | None) -> bool:
    with ports.store.work() as work:
        try:
            current = work.documents.locked_of_any_tenant(document.id)
        except NotFound:
            return False
        if current.versions != document.versions:
            return False
        known = current.lasts_until(end)
        if known is current:
            return False
        work.documents.save(known)
    return True
