"""How many things of one kind an owner may do at the same time: more of them are refused, or wait in line."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager

from signroom.domain.errors import TooManyRequests

_AGAIN_SECONDS = 5
WAITS_LAPSE_SECONDS = 300.0
"""So long after an owner has waited they wait for nothing any more, once their allowance is used up."""


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


class Waits:
    """Seconds that owners have waited for others. All that is theirs has one allowance together.

    What an owner has waited lapses `WAITS_LAPSE_SECONDS` after the last time: who was asked in vain may answer by then.
    What is known of the owners that came first is forgotten. Safe to use from threads.
    """

    def __init__(self, most: int = 10_000, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`most` owners are remembered. `clock`: seconds, only forwards."""
        self._most, self._clock, self._lock = most, clock, threading.Lock()
        self._spent: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()
        """The seconds, and when they lapse."""

    def left(self, owner: Hashable, allowance: float) -> float:
        """Seconds of `allowance` that `owner` has left; never less than none."""
        with self._lock:
            return max(0.0, allowance - self._of(owner))

    def spend(self, owner: Hashable, seconds: float) -> None:
        """`owner` has waited for so long."""
        with self._lock:
            spent = self._of(owner) + seconds
            self._spent[owner] = spent, self._clock() + WAITS_LAPSE_SECONDS
            self._spent.move_to_end(owner)
            while len(self._spent) > self._most:
                self._spent.popitem(last=False)

    def _of(self, owner: Hashable) -> float:
        spent, until = self._spent.get(owner, (0.0, 0.0))
        return spent if self._clock() < until else 0.0


class Shares:
    """A number of places, of which each owner holds at most as many as are left for others.

    One owner alone gets a half. A second one gets a half of the rest, and so on: whoever comes finds a place, also when
    everybody before holds theirs for long. Safe to use from threads; nothing blocks.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._lock = threading.Lock()
        self._held: Counter[Hashable] = Counter()
        self._refused: Counter[Hashable] = Counter()

    @contextmanager
    def taken(self, owner: Hashable) -> Iterator[int]:
        """The block has a place until its end when it is given 0. Otherwise `owner` has no place free: the number says
        how often they were refused since they last got one.
        """
        refused = self._take(owner)
        try:
            yield refused
        finally:
            if not refused:
                self._give_back(owner)

    def _take(self, owner: Hashable) -> int:
        with self._lock:
            if 0 < self._held[owner] >= self._places - self._held.total():
                self._refused[owner] += 1
                return self._refused[owner]
            self._held[owner] += 1
            self._refused.pop(owner, None)
            return 0

    def _give_back(self, owner: Hashable) -> None:
        with self._lock:
            self._held[owner] -= 1
            if not self._held[owner]:  # then nobody is refused either
                del self._held[owner]
                self._refused.pop(owner, None)


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
