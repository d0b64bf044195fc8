"""How long each subscription has used the processes of late. What it has used fades, and is forgotten."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import UUID

_HALF_SECONDS = 10.0
"""After so many seconds a use counts half."""
LITTLE_SECONDS = 3.0
"""A subscription that lets one process work for a fifth of the time comes to as much."""
_MOST = 1000
"""Subscriptions that are remembered before those are looked for whose use has faded."""


class Spending:
    """Not safe to call from several threads at once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._used: dict[UUID, tuple[float, float]] = {}
        """By subscription: seconds, and as of when."""

    def add(self, subscription_id: UUID, seconds: float) -> None:
        """A task of the subscription has ended that took `seconds` of a process."""
        now = self._clock()
        if len(self._used) >= _MOST:
            self._used = {one: use for one, use in self._used.items() if self._faded(use, now) > LITTLE_SECONDS / 100}
        self._used[subscription_id] = self._faded(self._used.get(subscription_id, (0.0, now)), now) + seconds, now

    def little(self, subscription_id: UUID) -> bool:
        """True for a subscription that has used little of late."""
        used = self._used.get(subscription_id)
        return used is None or self._faded(used, self._clock()) < LITTLE_SECONDS

    def _faded(self, use: tuple[float, float], now: float) -> float:
        seconds, since = use
        return float(seconds * 0.5 ** ((now - since) / _HALF_SECONDS))
