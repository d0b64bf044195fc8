"""How many things of one kind an owner may do at the same time: more of them are refused, or wait in line."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager

from signroom.domain.errors import TooManyRequests

_AGAIN_SECONDS = 5


class Places:
    """For one thread, the event loop's. An owner without a free place is refused; nobody queues up."""

    def __init__(self, limit: int, refusal: str) -> None:
        """`limit` per owner. `refusal` says what there is too much of."""
        self._limit, self._refusal = limit, refusal
        self._taken: Counter[Hashable] = Counter()

    def require(self, owner: Hashable) -> None:
        """Look whether `owner` has a free place; none is taken. Raises: TooManyRequests."""
        if self._taken.get(owner, 0) >= self._limit:
            raise TooManyRequests(self._refusal, retry_after=_AGAIN_SECONDS)

    @contextmanager
    def taken(self, owner: Hashable) -> Iterator[None]:
        """A place of `owner`, for as long as the block runs. Raises: TooManyRequests."""
        self.require(owner)
        self._taken[owner] += 1
        try:
            yield
        finally:
            self._taken[owner] -= 1
            if not self._taken[owner]:
                del self._taken[owner]


class Lines:
    """Of each owner so many get through at the same time; the others wait in order, without a thread.

    Each event loop has lines of its own.
    """

    def __init__(self) -> None:
        self._doors: dict[Hashable, asyncio.Semaphore] = {}
        self._users: Counter[Hashable] = Counter()

    @asynccontextmanager
    async def passed(self, owner: Hashable, at_once: int) -> AsyncIterator[None]:
        """The block runs when it is its turn. `at_once` is the same at each call for an owner."""
        key = (asyncio.get_running_loop(), owner)
        door = self._doors.setdefault(key, asyncio.Semaphore(at_once))
        self._users[key] += 1
        try:
            async with door:
                yield
        finally:
            self._users[key] -= 1
            if not self._users[key]:
                del self._users[key], self._doors[key]
