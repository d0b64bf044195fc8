"""Delete blobs whose rows are gone: some at once, others when whatever was being written then is over.

A row says what the keys begin with, and when to look. It goes when the blobs are gone: a process that dies, or a
storage that does not answer, leaves it to the next run.
"""

from __future__ import annotations

import time
from datetime import datetime

from signroom.ports import Ports
from signroom.service.documents.delete_files import delete_files

_AT_ONCE = 50
_SECONDS = 20.0
"""For one run: other schedules wait for it."""


def delete_late_files(ports: Ports, of: datetime | None = None) -> int:
    """Returns how many blobs were there. May run late, twice, and in several places at once.

    `of`: only those whose time was that moment; None: all whose time has come.

    A blob that a document points to stays: it goes with that document.

    Raises: StorageUnavailable.
    """
    found, until = 0, time.monotonic() + _SECONDS
    last = of or ports.clock.now()
    while time.monotonic() < until:
        with ports.store.read() as work:
            beginnings = work.erasures.late_files(of, last, _AT_ONCE)
        if not beginnings:
            break
        keys = ports.blobs.beginning_with(*beginnings)
        delete_files(ports, [], keys)
        found += len(keys)
        with ports.store.work() as work:
            work.erasures.forget_late_files(beginnings)
    return found
