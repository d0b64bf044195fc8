"""Semaphores of processes that are killed.

A semaphore that several processes share has a name, and its file stays when its process is killed. Python's tracker
removes it at the end of the run, and warns of it as of a leak. Tests kill servers on purpose, so theirs are removed
before. The tracker then warns of real leaks alone.
"""

from __future__ import annotations

import atexit
import secrets
from contextlib import suppress
from multiprocessing import current_process, resource_tracker
from multiprocessing.synchronize import sem_unlink  # type: ignore[attr-defined]
from pathlib import Path

FOLDER = Path("/dev/shm")  # noqa: S108  (where Linux keeps them)
_ended: set[str] = set()
"""Marks of processes that have ended."""


def new_mark() -> str:
    """With what the names of the semaphores of a process shall begin. No number of a process: those come again."""
    return f"signroom-test-{secrets.token_hex(8)}"


def mark_semaphores(mark: str) -> None:
    """From now on the semaphores that this process makes have names that begin with `mark`."""
    current_process()._config["semprefix"] = f"/{mark}"  # type: ignore[attr-defined]  # noqa: SLF001


def has_ended(mark: str) -> None:
    """Remove the semaphores of that process at the end of this one.

    Not at once: a limited process that the killed one was starting may still look for them, and would complain.
    """
    _ended.add(mark)


@atexit.register
def remove_semaphores() -> None:
    """Remove what is left of the processes that have ended."""
    while _ended:
        for file in named(_ended.pop()):
            name = "/" + file.name.removeprefix("sem.")
            with suppress(FileNotFoundError):
                sem_unlink(name)
            # It may have been killed before it told the tracker of it. To tell it twice does no harm.
            resource_tracker.register(name, "semaphore")
            resource_tracker.unregister(name, "semaphore")


def named(mark: str) -> list[Path]:
    """The files of the semaphores with that mark."""
    return list(FOLDER.glob(f"sem.{mark}-*"))
