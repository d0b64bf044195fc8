"""``when-completed``: hold the answer until the session's documents are done, or for some seconds.

Nobody asks the database while nothing happens: `Ports.changes` wakes who waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from signroom.domain.application import READERS, Caller
from signroom.domain.document import DocumentStatus
from signroom.domain.errors import WrongState
from signroom.domain.session import Session, SessionStatus
from signroom.ports import Ports
from signroom.service.sessions.end_session import expire_session

SECONDS = 15

_OVER = {SessionStatus.COMPLETED, SessionStatus.PROCESSING_ERROR}


@dataclass(frozen=True, slots=True)
class Completion:
    """``progress`` from 0 to 100."""

    completed: bool
    progress: float


async def wait_for_session(ports: Ports, caller: Caller, session_id: UUID) -> Completion:
    """Raises: NotAllowed, SignatureSessionNotFound, WrongState for a session that nobody has signed."""
    loop = asyncio.get_running_loop()
    until = loop.time() + SECONDS
    with ports.changes.watch(session_id) as watch:
        while True:
            completion = await asyncio.to_thread(_look, ports, caller, session_id)
            left = until - loop.time()
            if completion.completed or left <= 0 or ports.changes.over:
                return completion
            await watch.changed(left)


def _look(ports: Ports, caller: Caller, session_id: UUID) -> Completion:
    caller.require(READERS)
    with ports.store.read() as work:
        session = work.of(caller).session(session_id)
        statuses = work.documents.statuses_of_session(session_id) if session.status is SessionStatus.PROCESSING else []
    if session.expired(ports.clock.now()):
        session = expire_session(ports, session_id)
    return _completion(session, statuses)


def _completion(session: Session, statuses: Sequence[DocumentStatus]) -> Completion:
    if session.status in _OVER:
        return Completion(completed=True, progress=100)
    if session.status is not SessionStatus.PROCESSING:
        raise WrongState(f"The session is {session.status}.")
    done = sum(status is not DocumentStatus.PROCESSING for status in statuses)
    return Completion(completed=False, progress=round(100 * done / max(len(statuses), 1), 1))
