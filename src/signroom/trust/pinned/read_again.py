"""What the operator keeps as files, read again when it changes: no process has to be started anew for it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from signroom.domain.errors import SignroomError

log = structlog.get_logger()

LOOKED_SECONDS = 5.0
"""So soon a change is seen."""
_Seen = tuple[tuple[str, int, int, int], ...]
T = TypeVar("T")


class ReadAgain(Generic[T]):
    """Calling it gives what was read last. A change that cannot be read leaves what was there, and is logged once.

    It is read again at each look until that succeeds. What was wrong may lie elsewhere: in another file that it names,
    in the rights on it, or in a disk that did not answer.

    Files that are all gone are such a change: a volume may be away, or somebody may be about to copy new ones.

    Safe to call from threads: one of them looks, and nobody waits for it.
    """

    def __init__(
        self,
        place: Path,
        read: Callable[[], T],
        *,
        every: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read what is there.

        Args:
            place: a file or a folder, which need not be there.
            read: what is made of it.
            every: seconds between two looks; None: `LOOKED_SECONDS`. 0 is for whoever asks seldom by themselves.
            clock: seconds, only forwards.

        Raises: what `read` raises.
        """
        self._place, self._read, self._clock = place, read, clock
        self._every = LOOKED_SECONDS if every is None else every
        self._looking, self._next = threading.Lock(), clock() + self._every
        # Before it is read: what changes while it is read is seen the next time.
        self._seen = _look(place)
        self._found = read()
        self._told: tuple[_Seen, str] | None = None
        """Of the change that could not be read: what the log has said of it."""

    def __call__(self) -> T:
        if self._clock() >= self._next and self._looking.acquire(blocking=False):
            try:
                self._next = self._clock() + self._every
                self._look_again()
            finally:
                self._looking.release()
        return self._found

    def _look_again(self) -> None:
        seen: _Seen = ()
        try:
            seen = _look(self._place)
            if seen == self._seen:
                self._told = None
                return
            _require_there(seen)
            found = self._read()
            _require_there(_look(self._place))  # it may have gone while it was read
        except (SignroomError, ValueError, OSError) as error:
            failure = seen, str(error)
            if failure != self._told:
                log.warning("trust_folder.not_read", place=str(self._place), reason=str(error))
            self._told = failure
        else:
            self._found, self._seen, self._told = found, seen, None
            log.info("trust_folder.read_again", place=str(self._place))


def _require_there(seen: _Seen) -> None:
    """Raises: FileNotFoundError."""
    if not seen:
        raise FileNotFoundError("Nothing is there any more. What was there counts until a restart.")


def _look(place: Path) -> _Seen:
    """Each file by its name, number, time of change and length; nothing for what is not there."""
    if place.is_file():
        return (_of(place),)
    return tuple(sorted(_of(Path(folder, name)) for folder, _, names in os.walk(place) for name in names))


def _of(file: Path) -> tuple[str, int, int, int]:
    try:
        found = file.stat()
    except OSError:
        return str(file), 0, 0, 0
    return str(file), found.st_ino, found.st_mtime_ns, found.st_size
