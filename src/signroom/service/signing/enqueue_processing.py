"""The jobs that make signed files, enqueued in the transaction that accepts the values.

Several small documents of a session whose signatures need nothing from outside are one job. Each of the others has its
own: whoever waits for a timestamp, or for a large file, holds up nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from signroom.domain.document import Document
from signroom.domain.level import Level
from signroom.ports.store import Work
from signroom.service.signing.chunks import SMALL

PROCESS_DOCUMENT = "process-document"
PROCESS_SESSION = "process-documents"
"""The names of the durable jobs; never renamed while rows of them may exist."""
_SEVERAL = 2


def goes_along(document: Document) -> bool:
    """True when it is signed together with others of its session."""
    return document.level_wanted is Level.B_B and document.original.length <= SMALL


def enqueue_processing(
    work: Work, documents: Sequence[Document], session_id: UUID, preparation_id: UUID, order: int
) -> None:
    """Have the signed files of a session's documents made. Whoever has much in processing lets others go first."""
    along = [document for document in documents if goes_along(document)]
    if len(along) < _SEVERAL:
        along = []
    else:
        work.enqueue(PROCESS_SESSION, f"{PROCESS_SESSION}:{session_id}:{preparation_id}", session_id, order=order)
    alone = [document for document in documents if document not in along]
    enqueue_alone(work, alone, order + len(along))


def enqueue_alone(work: Work, documents: Sequence[Document], order: int) -> None:
    """A job for each document."""
    for further, document in enumerate(documents):
        key = f"{PROCESS_DOCUMENT}:{document.id}:{document.preparation_id}"
        work.enqueue(PROCESS_DOCUMENT, key, document.id, order=order + further)
