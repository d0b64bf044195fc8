"""Live progress: a session as its page sees it, again each time that something has changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from signroom.domain.session import MOVES
from signroom.ports import Ports
from signroom.service.sessions.read_sessions import SessionWithDocuments, read_session_of_page

SECONDS = 50
"""Then the page asks again: proxies cut answers that say nothing for a minute."""
_PAUSE = 2.0
"""What a second device adds and removes is no event: it is seen after this."""


async def follow_session(ports: Ports, found: SessionWithDocuments) -> AsyncIterator[SessionWithDocuments]:
    """`found` at once, then each change, until the session has ended, `SECONDS` are over, or the server stops.

    Raises: Unavailable.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + SECONDS
    with ports.changes.watch(found.session.id) as watch:
        yield found
        while MOVES[found.session.status] and loop.time() < until and not ports.changes.over:
            latest = await asyncio.to_thread(read_session_of_page, ports, found.session.id)
            if latest != found:
                found = latest
                yield found
            elif not ports.changes.over:
                await watch.changed(min(_PAUSE, max(until - loop.time(), 0)))
