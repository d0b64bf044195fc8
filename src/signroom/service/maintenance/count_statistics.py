"""Count what processes of an older version have completed, and what was there before there were statistics."""

from __future__ import annotations

import time

from signroom.ports import Ports

_AT_ONCE = 500
_SECONDS = 20.0
"""A run ends then; the next one goes on."""


def count_statistics(ports: Ports) -> int:
    """Returns how many rows it has counted at least. May run late, twice, and in several places at once."""
    counted, until = 0, time.monotonic() + _SECONDS
    while True:
        with ports.store.work() as work:
            found = work.statistics.count_rest(_AT_ONCE)
        counted += found
        if found < _AT_ONCE or time.monotonic() > until:
            return counted
