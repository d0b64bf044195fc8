"""Live progress: a session as its page sees it, again each time that something has changed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

from signroom.domain.session import MOVES
from signroom.ports import Ports
from signroom.service.read_sessions import SessionWithDocuments, read_session_of_page

SECONDS = 50
"""Then the page asks again: proxies cut answers that say nothing for a minute."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 2.0


async def follow_session(
    ports: Ports, found: SessionWithDocuments, stopping: threading.Event
) -> AsyncIterator[SessionWithDocuments]:
    """`found` at once, then each change, until the session has ended, `SECONDS` are over, or the server stops.

    Raises: Unavailable.
    """
    loop = asyncio.get_running_loop()
    until, pause = loop.time() + SECONDS, _FIRST_PAUSE
    yield found
    while MOVES[found.session.status] and loop.time() < until and not stopping.is_set():
        await asyncio.sleep(pause)
        latest = await asyncio.to_thread(read_session_of_page, ports, found.session.id)
        # What is not moving is looked at less often.
        pause = _FIRST_PAUSE if latest != found else min(pause * 1.3, _LONGEST_PAUSE)
        if latest != found:
            found = latest
            yield found
