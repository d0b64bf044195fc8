"""Ask for another archive timestamp for signed files whose newest one ends soon. The job does it (`archive_document`).

An archive timestamp proves what it covers for as long as its own certificate lasts. Another one, added before that,
covers the first (EN 319 102-1, 5.6). It is off unless the operator says how long before the end.
"""

from __future__ import annotations

from uuid import UUID

from signroom.domain.errors import NotFound
from signroom.ports import Ports
from signroom.service.levels.archive_document import enqueue_archiving

_AT_ONCE = 500
"""In one run, once an hour: whoever has signed just now waits behind these for their archive timestamp."""


def renew_archives(ports: Ports) -> int:
    """Returns for how many it was asked. May run late, twice, and in several places at once."""
    before = ports.limits.archives_renewed_before
    if before is None:
        return 0
    now = ports.clock.now()
    with ports.store.read() as work:
        due = work.documents.due_for_renewal(now, now + before, _AT_ONCE)
    return sum(_ask(ports, document_id) for document_id in due)


def _ask(ports: Ports, document_id: UUID) -> bool:
    """False when the document is another one by now."""
    with ports.store.work() as work:
        try:
            document = work.documents.locked_of_any_tenant(document_id)
        except NotFound:
            return False
        wanted = document.renew(ports.clock.now())
        if wanted is document or not wanted.awaits_renewal:
            return False
        work.documents.save(wanted)
        enqueue_archiving(work, wanted)
    return True
