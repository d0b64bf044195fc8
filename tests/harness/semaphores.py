"""Semaphores of processes that are killed.

A semaphore that several processes share has a name, and its file stays when its process is killed. Python's tracker
removes it at the end of the run, and warns of it as of a leak. Tests kill servers on purpose, so theirs are removed as
soon as they have ended. The tracker then warns of real leaks alone.
"""

from __future__ import annotations

import os
from contextlib import suppress
from multiprocessing import current_process, resource_tracker
from multiprocessing.synchronize import sem_unlink  # type: ignore[attr-defined]
from pathlib import Path

_FOLDER = Path("/dev/shm")  # noqa: S108  (where Linux keeps them)


def mark_semaphores() -> None:
    """Let the names of the semaphores that this process makes from now on say whose they are."""
    current_process()._config["semprefix"] = f"/{_prefix(os.getpid())}"  # type: ignore[attr-defined]  # noqa: SLF001


def remove_semaphores(pid: int) -> None:
    """Remove what is left of a marked process. It has ended, and so has its need of them."""
    for file in _FOLDER.glob(f"sem.{_prefix(pid)}-*"):
        name = "/" + file.name.removeprefix("sem.")
        with suppress(FileNotFoundError):
            sem_unlink(name)
        # It may have been killed before it told the tracker of it. To tell it twice does no harm.
        resource_tracker.register(name, "semaphore")
        resource_tracker.unregister(name, "semaphore")


def _prefix(pid: int) -> str:
    return f"signroom-test-{pid}"
