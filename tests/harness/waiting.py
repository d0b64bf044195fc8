"""Waits that end as soon as the thing has happened."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

SECONDS = 90.0
"""The longest wait. A slow or busy machine may need that long for what takes a second or two elsewhere."""
_DAY = 86_400
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.1
Answer = TypeVar("Answer")


def begin_before_midnight(seconds: float = 120.0, now: Callable[[], float] = time.time) -> None:
    """Wait for the next day (UTC) where this one ends in so many seconds: the caller's figures are of one day."""
    left = _DAY - now() % _DAY
    if left < seconds:
        time.sleep(left)


def eventually(
    condition: Callable[[], Answer | None],
    seconds: float = SECONDS,
    *,
    why: Callable[[], str] = lambda: "nothing came of it",
) -> Answer:
    """Return the answer of `condition` as soon as it is true.

    Fails with `why` when it is not true after `seconds`.
    """
    deadline = time.monotonic() + seconds
    pause = _FIRST_PAUSE
    while not (answer := condition()):
        assert time.monotonic() < deadline, why()
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)
    return answer
