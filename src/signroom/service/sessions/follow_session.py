"""Live progress: a session as its page sees it, again each time that something has changed.

However many streams follow a session, one task looks at the database for all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from uuid import UUID

from signroom.domain.places import Places
from signroom.domain.session import MOVES
from signroom.ports import Ports
from signroom.ports.store import SessionOfPage
from signroom.service.sessions.read_sessions import read_session_of_page

SECONDS = 50
"""Then the page asks again: proxies cut answers that say nothing for a minute."""
MAX_STREAMS = 6
"""Of a session: a signer has two or three tabs and a telephone."""
MAX_OF_SUBSCRIPTION = 400
"""Of all its sessions, whatever their application, in one process: half of the connections that it has by default."""
_PAUSE = 2.0
"""What a second device adds and removes is no event: it is seen after this."""
_CHECK_SECONDS = 5.0
"""How often a stream asks whether its token still holds."""


class SessionStreams:
    """All streams of this process. For one event loop."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._of_session = Places(MAX_STREAMS, f"A session has at most {MAX_STREAMS} event streams.")
        self._of_subscription = Places(MAX_OF_SUBSCRIPTION, "The subscription has too many event streams.")
        self._followed: dict[UUID, _Followed] = {}

    def require_place(self, session_id: UUID) -> None:
        """Look whether the session may have one more stream, without a look at the database.

        Raises: TooManyRequests.
        """
        self._of_session.require(session_id)

    async def follow(
        self, found: SessionOfPage, holds: Callable[[], bool] = lambda: True
    ) -> AsyncIterator[SessionOfPage]:
        """`found` at once, then each change.

        It ends when the session has ended, after `SECONDS`, when the server stops, or when the token does not hold any
        more, as `holds` says.

        Raises: TooManyRequests before the first one; Unavailable.
        """
        session = found.session
        with self._of_session.taken(session.id), self._of_subscription.taken(session.subscription_id):
            yield found
            if MOVES[session.status]:
                async for changed in self._changes(found, holds):
                    yield changed

    async def _changes(self, seen: SessionOfPage, holds: Callable[[], bool]) -> AsyncIterator[SessionOfPage]:
        loop = asyncio.get_running_loop()
        until = loop.time() + SECONDS
        followed = self._followed.get(seen.session.id)
        if followed is None:
            followed = self._followed[seen.session.id] = _Followed(self._ports, seen.session.id)
        rung = followed.join()
        after = followed.begun  # a look that began before `seen` was read may be older than it
        try:
            while MOVES[seen.session.status] and loop.time() < until and not self._ports.changes.over and holds():
                latest = followed.latest
                if latest is not None and followed.ended > after and latest != seen:
                    seen = latest
                    yield seen
                    continue
                if followed.looks_no_more():
                    return
                rung.clear()
                try:
                    async with asyncio.timeout(min(_CHECK_SECONDS, max(until - loop.time(), 0))):
                        await rung.wait()
                except TimeoutError:
                    continue
        finally:
            if followed.leave(rung):
                self._followed.pop(seen.session.id, None)


class _Followed:
    """A session that is followed by at least one stream: the latest look at it, and the task that looks."""

    def __init__(self, ports: Ports, session_id: UUID) -> None:
        self._ports, self._session_id = ports, session_id
        self.latest: SessionOfPage | None = None
        self.begun = self.ended = 0
        """How many looks were begun; the number of the look that `latest` is from."""
        self._bells: set[asyncio.Event] = set()
        self._task = asyncio.create_task(self._look_on())
        self._task.add_done_callback(lambda _task: self._ring())

    def join(self) -> asyncio.Event:
        """A bell that rings at each change."""
        bell = asyncio.Event()
        self._bells.add(bell)
        return bell

    def leave(self, bell: asyncio.Event) -> bool:
        """True when nobody follows the session any more: then nobody looks either."""
        self._bells.discard(bell)
        if self._bells:
            return False
        self._task.cancel()
        return True

    def looks_no_more(self) -> bool:
        """True when the last look is done. Raises what ended it, if that was an error."""
        if self._task.done():
            self._task.result()
        return self._task.done()

    async def _look_on(self) -> None:
        changes = self._ports.changes
        with changes.watch(self._session_id) as watch:
            while not changes.over:
                self.begun += 1
                self.latest = await asyncio.to_thread(read_session_of_page, self._ports, self._session_id)
                self.ended = self.begun
                self._ring()
                if not MOVES[self.latest.session.status]:
                    break
                await watch.changed(_PAUSE)

    def _ring(self) -> None:
        for bell in self._bells:
            bell.set()
