"""Commands that a real SIGKILL ends at some moment, in a process of their own: no `finally` runs there."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection

from tests.harness.processes import forking
from tests.harness.server import clean_environment
from tests.harness.waiting import SECONDS


def seconds_of(settings: Mapping[str, str], *arguments: str) -> float:
    """How long that command takes, undisturbed, once its program is loaded."""
    reader, writer = forking().Pipe(duplex=False)
    process = forking().Process(target=_run, args=(arguments, _environment(settings), None, writer))
    process.start()
    writer.close()
    process.join(SECONDS)
    assert process.exitcode == 0
    return float(reader.recv())


def kill_after(seconds: float, settings: Mapping[str, str], *arguments: str) -> bool:
    """Whether the command was killed. False: it was faster, and has ended without an error."""
    process = forking().Process(target=_run, args=(arguments, _environment(settings), seconds, None))
    process.start()
    process.join(SECONDS)
    assert process.exitcode in {0, -signal.SIGKILL}
    return process.exitcode != 0


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    return {**clean_environment(), **settings}


def _run(
    arguments: Sequence[str], environment: Mapping[str, str], seconds: float | None, told: Connection | None
) -> None:
    from signroom.cli.commands import run

    os.environ.clear()
    os.environ.update(environment)
    if seconds is not None:
        death = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL))
        death.daemon = True
        death.start()
    begin = time.perf_counter()
    try:
        code = run(arguments)
    except SystemExit as end:  # cyclopts ends its program itself
        code = int(end.code or 0)
    if told is not None:
        told.send(time.perf_counter() - begin)
    os._exit(code)  # the timer has nothing to kill any more
