"""``when-completed``: hold the answer until the session's documents are done, or for some seconds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

from signroom.domain.application import Caller
from signroom.domain.document import Document, DocumentStatus
from signroom.domain.errors import WrongState
from signroom.domain.session import SessionStatus
from signroom.ports import Ports
from signroom.service.read_sessions import SessionWithDocuments, read_session

SECONDS = 15
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.5

_OVER = {SessionStatus.COMPLETED, SessionStatus.PROCESSING_ERROR}


@dataclass(frozen=True, slots=True)
class Completion:
    """``progress`` from 0 to 100."""

    completed: bool
    progress: float


async def wait_for_session(ports: Ports, caller: Caller, session_id: UUID) -> Completion:
    """Raises: SignatureSessionNotFound, WrongState for a session that nobody has signed (rulings, "States")."""
    loop = asyncio.get_running_loop()
    until, pause = loop.time() + SECONDS, _FIRST_PAUSE
    while True:
        found = await asyncio.to_thread(read_session, ports, caller, session_id)
        completion = _completion(found)
        if completion.completed or loop.time() + pause > until:
            return completion
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _completion(found: SessionWithDocuments) -> Completion:
    status = found.session.status
    if status in _OVER:
        return Completion(completed=True, progress=100)
    if status is not SessionStatus.PROCESSING:
        raise WrongState(f"The session is {status}.")
    return Completion(completed=False, progress=_progress(found.documents))


def _progress(documents: tuple[Document, ...]) -> float:
    done = sum(d.status is not DocumentStatus.PROCESSING for d in documents)
    return round(100 * done / max(len(documents), 1), 1)
