"""Programs that read strangers' files run with a limit of time and of memory."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.harness.tools import require_tools

SECONDS = 60
MEMORY = 3 << 30


@dataclass(frozen=True)
class Ended:
    """What a program said before it ended, or before its time was over."""

    code: int | None
    """None: its time was over."""
    out: bytes
    err: bytes


def run(*command: str, seconds: int = SECONDS, cwd: Path | None = None) -> Ended:
    """Run `command` with at most `seconds` and 3 GB. A missing program is reported as a test that was not run."""
    require_tools(command[0])
    try:
        done = subprocess.run(
            command, capture_output=True, check=False, timeout=seconds, cwd=cwd, preexec_fn=limiter(seconds)
        )
    except subprocess.TimeoutExpired as late:
        return Ended(None, late.stdout or b"", late.stderr or b"")
    return Ended(done.returncode, done.stdout, done.stderr)


def limiter(seconds: int) -> Callable[[], None]:
    """To be called in a child process: it may use so many seconds of processor time and 3 GB."""

    def limit() -> None:
        for what, most in ((resource.RLIMIT_CPU, seconds), (resource.RLIMIT_AS, MEMORY)):
            _, hard = resource.getrlimit(what)
            if hard == resource.RLIM_INFINITY or most < hard:
                resource.setrlimit(what, (most, most))

    return limit
