"""``signroom`` commands without the second that their imports take: each runs in a process that is forked from one that
has imported the program already. For what tests need before they begin; ``tests/cli`` starts the real program.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from subprocess import CompletedProcess

from tests.harness.processes import forking
from tests.harness.server import Server, clean_environment
from tests.harness.waiting import SECONDS

Done = CompletedProcess[str]
_ROWS = frozenset(
    {
        "applications",
        "contexts",
        "file-validation",
        "keys",
        "migrate",
        "subscriptions",
        "timestamp-providers",
        "webhooks",
    }
)
"""Commands that only touch rows, and keep nothing behind. They run one after the other in one process: a process for
each takes 0.2 s of the processor, such a command a tenth of that."""


def signroom(server: Server, *arguments: str) -> str:
    """Run a command against the server's data; returns its output."""
    done = command({"SIGNROOM_DATA": str(server.data), **server.environment}, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def command(settings: Mapping[str, str], *arguments: str) -> Done:
    """Run a command with nothing but these settings."""
    of_rows = bool(arguments) and arguments[0] in _ROWS
    return _processes(1 - of_rows).submit(_run, {**clean_environment(), **settings}, arguments).result(SECONDS)


@cache
def _processes(tasks: int) -> ProcessPoolExecutor:
    """Each process runs so many commands; 0: all of them, one after the other in the same one."""
    return ProcessPoolExecutor(1, mp_context=forking(), max_tasks_per_child=tasks or None)


def _run(environment: Mapping[str, str], arguments: Sequence[str]) -> Done:
    from signroom.cli.commands import run

    os.environ.clear()
    os.environ.update(environment)
    with redirect_stdout(io.StringIO()) as output, redirect_stderr(io.StringIO()) as errors:
        try:
            code = run(arguments)
        except SystemExit as end:  # cyclopts ends its program itself
            code = int(end.code or 0)
    return Done(arguments, code, output.getvalue(), errors.getvalue())
