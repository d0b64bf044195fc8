"""Processes that are forked from one that has imported the program already: each starts a second sooner.

For what is not about the start itself. ``tests/cli`` and the tests of crashes start the real program.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import IO, Protocol

_ROOT = Path(__file__).parents[2]
_IMPORTED = [
    "signroom.cli.commands",
    "signroom.cli.demo",
    "signroom.cli.serve",
    "signroom.wiring",
    "signroom.jobs.durable",
    "tests.harness.workers",
    "tests.jobs.executor",
    # What the program imports only when it needs it: half of the processor time of a start.
    "alembic.command",
    "anyio._backends._asyncio",
    "certifi",
    "cryptography.hazmat.backends.openssl.backend",
    "dbos._sys_db_postgres",
    "dbos._sys_db_sqlite",
    "h11",
    "httpcore",
    "litestar._kwargs.kwargs_model",
    "litestar.exceptions.responses",
    "litestar.middleware._internal.exceptions.middleware",
    "litestar.middleware.allowed_hosts",
    "litestar.middleware.csrf",
    "litestar.middleware.response_cache",
    "litestar.plugins.attrs",
    "litestar.plugins.opentelemetry._utils",
    "litestar.plugins.pydantic",
    "litestar.routes",
    "multiprocessing.popen_fork",
    "opentelemetry.semconv.attributes.http_attributes",
    "pydantic",
    "pydantic.plugin._loader",
    "starlette.exceptions",
    "uvicorn",
    "uvicorn.lifespan.on",
    "uvloop",
    "tests.harness.preloaded",
]


class Program(Protocol):
    """What tests use of a `subprocess.Popen`."""

    @property
    def pid(self) -> int: ...

    @property
    def stdout(self) -> IO[str] | None: ...

    def send_signal(self, sig: int, /) -> None: ...

    def terminate(self) -> None: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...


class Forked:
    """``signroom ARGUMENTS`` with nothing but these settings.

    What it writes is added to `log`. With `piped` only errors are, and the rest is read from `stdout`.
    """

    def __init__(
        self, arguments: Sequence[str], environment: Mapping[str, str], log: Path, *, piped: bool = False
    ) -> None:
        reader, writer = forking().Pipe(duplex=False)
        output = writer if piped else None
        self._process = forking().Process(target=_run, args=(arguments, dict(environment), log, output))
        self._process.start()
        writer.close()
        self.stdout: IO[str] | None = os.fdopen(os.dup(reader.fileno())) if piped else None
        reader.close()

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code. Raises: subprocess.TimeoutExpired."""
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired("signroom", timeout or 0)
        return code


def _run(arguments: Sequence[str], environment: Mapping[str, str], log: Path, output: Connection | None) -> None:
    from signroom.cli.commands import run
    from tests.harness.workers import fork_workers

    os.chdir(_ROOT)
    with log.open("ab") as file:
        os.dup2(file.fileno(), sys.stderr.fileno())
        os.dup2(file.fileno() if output is None else output.fileno(), sys.stdout.fileno())
    os.environ.clear()
    os.environ.update(environment)
    fork_workers(log)
    sys.exit(run(arguments))


@cache
def forking() -> ForkServerContext:
    """One for the whole run: Python keeps a single process to fork from."""
    context = get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED)
    return context
