"""Delete blobs whose rows are gone: some at once, others when whatever was being written then is over.

A row says what the keys begin with, and when to look. It goes when the blobs are gone: a process that dies, or a
storage that does not answer, leaves it to the next run.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from signroom.domain.errors import StorageUnavailable
from signroom.ports import Ports
from signroom.service.documents.delete_files import deleted, release_unused

_AT_ONCE = 50
_SECONDS = 20.0
"""For one run: other schedules wait for it."""
_STUCK = 1000
"""What a process remembers of those that could not be deleted."""


@dataclass(slots=True)
class Stuck:
    """What could not be deleted in earlier runs of a process: what the keys begin with. The oldest try is first."""

    beginnings: list[str] = field(default_factory=list)

    def note(self, gone: Sequence[str], failed: Sequence[str]) -> None:
        """What a run has come to: those that failed in it are the last now."""
        tried = {*gone, *failed}
        others = [one for one in self.beginnings if one not in tried]
        self.beginnings = [*others, *failed][-_STUCK:]


@dataclass(slots=True)
class _Run:
    """How far one run has come."""

    until: float
    gone: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    found: int = 0

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.until


def delete_late_files(ports: Ports, of: datetime | None = None, stuck: Stuck | None = None) -> int:
    """Returns how many blobs were there. May run late, twice, and in several places at once.

    `of`: only those whose time was that moment; None: all whose time has come. What is `stuck` comes last: each try may
    take as long as a storage takes not to answer, and those behind it need not wait for that in each run.

    A blob that a document points to stays: it goes with that document. One that cannot be deleted holds up nobody but
    itself: its row stays for the next run.

    Raises: StorageUnavailable when some could not be deleted, after all others were, or when there was no time for some
    of those that `of` names.
    """
    stuck = stuck or Stuck()
    run, last, known = _Run(time.monotonic() + _SECONDS), of or ports.clock.now(), set(stuck.beginnings)
    postponed, all_seen = set[str](), False
    while not all_seen and not run.is_over:
        with ports.store.read() as work:
            beginnings = work.erasures.late_files(of, last, _AT_ONCE, len(run.failed) + len(postponed))
        all_seen = not beginnings
        postponed.update(known.intersection(beginnings))
        _delete(ports, [one for one in beginnings if one not in known], run)
    waiting = [one for one in stuck.beginnings if one in postponed]
    while waiting and not run.is_over:
        now, waiting = waiting[:1], waiting[1:]
        _delete(ports, now, run)
    stuck.note(run.gone, run.failed)
    if run.failed:
        raise StorageUnavailable(f"{len(run.failed)} late files could not be deleted.")
    if of is not None and (waiting or not all_seen):
        raise StorageUnavailable("There was no time for some late files.")
    return run.found


def _delete(ports: Ports, beginnings: Sequence[str], run: _Run) -> None:
    """One beginning after the other as long as there is time. One is always tried, so that each run comes further."""
    if not beginnings:
        return
    try:
        keys = ports.blobs.beginning_with(*beginnings)
    except StorageUnavailable:
        if len(beginnings) == 1:
            run.failed += beginnings
            return
        for number, beginning in enumerate(beginnings):
            if number and run.is_over:
                return
            _delete(ports, [beginning], run)
        return
    free = release_unused(ports, keys)
    gone = list[str]()
    for number, beginning in enumerate(beginnings):
        if number and run.is_over:
            break
        own = [key for key in keys if key.startswith(beginning)]
        match _deleted_in_time(ports, [key for key in own if key in free], run):
            case True:
                gone.append(beginning)
                run.found += len(own)
            case False:
                run.failed.append(beginning)
    with ports.store.work() as work:
        work.erasures.forget_late_files(gone)
    run.gone += gone


def _deleted_in_time(ports: Ports, keys: Sequence[str], run: _Run) -> bool | None:
    """True when all are deleted, False when one could not be. None: there was no time for all of them."""
    is_whole = True
    for number, key in enumerate(keys):
        if number and run.is_over:
            return None if is_whole else False
        is_whole = deleted(ports, [key]) and is_whole
    return is_whole
