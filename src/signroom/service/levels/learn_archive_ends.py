"""Find out when the archive timestamps end of files that were raised by a version which did not write it down.

What is not written down is not renewed (`renew_archives`). A run looks into a few files, and the next one goes on with
those that are left. What was found is kept, so no file is read twice.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

from signroom.domain.document import Document
from signroom.domain.errors import BadCertificate, NotFound, Refused
from signroom.domain.level import Level
from signroom.ports import Ports
from signroom.ports.files import Turn
from signroom.service.documents.file_sources import local_files
from signroom.service.levels.raise_level import proofs_of

_AT_ONCE = 20
"""Files that one run looks into: other schedules wait for it."""


def learn_archive_ends(ports: Ports) -> int:
    """Returns of how many files it is known by now. Nothing is done while nothing is renewed by itself.

    May run late, twice, and in several places at once. Raises: Unavailable; what was found is kept.
    """
    if ports.limits.archives_renewed_before is None:
        return 0
    with ports.store.read() as work:
        found = work.documents.without_archive_end(_AT_ONCE)
    return sum(_learn(ports, document) for document in found)


def _learn(ports: Ports, document: Document) -> bool:
    """False when the document is another one by now."""
    return _keep(ports, document, asyncio.run(_end_of(ports, document)))


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
