"""Delete blobs whose rows are gone: some at once, others when whatever was being written then is over.

A row says what the keys begin with, and when to look. It goes when the blobs are gone: a process that dies, or a
storage that does not answer, leaves it to the next run.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

from signroom.domain.errors import StorageUnavailable
from signroom.ports import Ports
from signroom.service.documents.delete_files import delete_files

_AT_ONCE = 50
_SECONDS = 20.0
"""For one run: other schedules wait for it."""


def delete_late_files(ports: Ports, of: datetime | None = None) -> int:
    """Returns how many blobs were there. May run late, twice, and in several places at once.

    `of`: only those whose time was that moment; None: all whose time has come.

    A blob that a document points to stays: it goes with that document. One that cannot be deleted holds up nobody but
    itself: its row stays for the next run.

    Raises: StorageUnavailable when some could not be deleted, after all others were.
    """
    found = failed = 0
    until, last = time.monotonic() + _SECONDS, of or ports.clock.now()
    while time.monotonic() < until:
        with ports.store.read() as work:
            beginnings = work.erasures.late_files(of, last, _AT_ONCE, failed)
        if not beginnings:
            break
        gone, deleted = _deleted(ports, beginnings, until)
        with ports.store.work() as work:
            work.erasures.forget_late_files(gone)
        found, failed = found + deleted, failed + len(beginnings) - len(gone)
    if failed:
        raise StorageUnavailable(f"{failed} late files could not be deleted.")
    return found


def _deleted(ports: Ports, beginnings: Sequence[str], until: float) -> tuple[Sequence[str], int]:
    """Those of which no blob is left, and how many there were."""
    try:
        keys = ports.blobs.beginning_with(*beginnings)
        delete_files(ports, [], keys)
    except StorageUnavailable:
        return _deleted_alone(ports, beginnings, until)
    return beginnings, len(keys)


def _deleted_alone(ports: Ports, beginnings: Sequence[str], until: float) -> tuple[list[str], int]:
    """The same, one after the other, as long as there is time. Of those that are left there may be fewer blobs."""
    gone, deleted = list[str](), 0
    for beginning in beginnings:
        if time.monotonic() >= until:
            break
        is_whole = True
        try:
            keys = ports.blobs.beginning_with(beginning)
        except StorageUnavailable:
            continue
        for key in keys:
            try:
                delete_files(ports, [], [key])
                deleted += 1
            except StorageUnavailable:
                is_whole = False
        if is_whole:
            gone.append(beginning)
    return gone, deleted
