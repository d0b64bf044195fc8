"""``when-completed``: hold the answer until the session's documents are done, or for some seconds.

Nobody asks the database while nothing happens: `Ports.changes` wakes who waits.
"""

from __future__ import annotations

import asyncio
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


_OVER_NOW = Completion(completed=True, progress=100)


async def wait_for_session(ports: Ports, caller: Caller, session_id: UUID) -> Completion:
    """Raises: NotAllowed, SignatureSessionNotFound, WrongState for a session that nobody has signed."""
    loop = asyncio.get_running_loop()
    until = loop.time() + SECONDS
    with ports.changes.watch(session_id) as watch:
        while True:
            if await asyncio.to_thread(_is_over, ports, caller, session_id):
                return _OVER_NOW
            left = until - loop.time()
            if left <= 0 or ports.changes.over:
                return await asyncio.to_thread(_completion, ports, caller, session_id)
            await watch.changed(left)


def _is_over(ports: Ports, caller: Caller, session_id: UUID) -> bool:
    """Without the documents: how far they are is told when the wait has ended."""
    caller.require(READERS)
    with ports.store.ask() as work:
        session = work.of(caller).session(session_id)
    return _over_or_expired(ports, session)


def _completion(ports: Ports, caller: Caller, session_id: UUID) -> Completion:
    with ports.store.read() as work:
        session = work.of(caller).session(session_id)
        statuses = work.documents.statuses_of_session(session_id) if session.status is SessionStatus.PROCESSING else []
    if _over_or_expired(ports, session):
        return _OVER_NOW
    done = sum(status is not DocumentStatus.PROCESSING for status in statuses)
    return Completion(completed=False, progress=round(100 * done / max(len(statuses), 1), 1))


def _over_or_expired(ports: Ports, session: Session) -> bool:
    """Raises: WrongState for a session that nobody has signed."""
    if session.expired(ports.clock.now()):
        session = expire_session(ports, session.id)
    if session.status not in _OVER and session.status is not SessionStatus.PROCESSING:
        raise WrongState(f"The session is {session.status}.")
    return session.status in _OVER
