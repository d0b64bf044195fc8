"""Limited processes of a forked server: forked as well, from the same process, which has loaded their libraries.

The real program spawns them. Each then loads its libraries anew, which takes as long as the rest of a server's start.
``tests/sandbox`` and the tests of the real program have them as they are.
"""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Mapping
from functools import partial
from multiprocessing import forkserver, get_context
from pathlib import Path
from types import SimpleNamespace

from signroom.sandbox import crew, processes, worker


def fork_workers(log: Path) -> None:
    """Let this process, which was forked itself, fork its limited ones. What they write is added to `log`."""
    # Python would start another process to fork from, although this one was told where that of its parent listens.
    forkserver._forkserver.ensure_running = lambda: None  # type: ignore[method-assign]  # noqa: SLF001
    forked = SimpleNamespace(get_context=lambda _spawn: get_context("forkserver"))
    crew.multiprocessing = forked  # type: ignore[assignment, attr-defined]
    processes.prepare_worker = partial(_prepare, log, dict(os.environ))  # type: ignore[attr-defined]


def _prepare(log: Path, environment: Mapping[str, str], parent: int, lower: int) -> None:
    """As `worker.prepare_worker`, with what a spawned process has from its parent by itself."""
    os.environ.clear()
    os.environ.update(environment)
    with log.open("ab") as file:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), stream.fileno())
    threading.Thread(target=_end_with, args=(os.pidfd_open(parent),), daemon=True).start()
    worker.prepare_worker(os.getppid(), lower)


def _end_with(parent: int) -> None:
    """The process that has forked this one is not the one that it works for."""
    select.select([parent], [], [])
    os._exit(1)
