"""Programs that read strangers' files run with a limit of time and of memory."""

from __future__ import annotations

import resource
import subprocess
from dataclasses import dataclass

from tests.harness.tools import require_tools

SECONDS = 60
MEMORY = 3 << 30
# A shell sets the limits: Python would have to copy itself to do so, which takes longer than most of the programs.
_LIMITED = 'ulimit -t "$0"; ulimit -v "$1"; shift; exec "$@"'


@dataclass(frozen=True)
class Ended:
    """What a program said before it ended, or before its time was over."""

    code: int | None
    """None: its time was over."""
    out: bytes
    err: bytes


def run(*command: str, seconds: int = SECONDS) -> Ended:
    """Run `command` with at most `seconds` and 3 GB. A missing program is reported as a test that was not run."""
    require_tools(command[0])
    limited = ("sh", "-c", _LIMITED, str(seconds), str(MEMORY >> 10), *command)
    try:
        done = subprocess.run(limited, capture_output=True, check=False, timeout=seconds)
    except subprocess.TimeoutExpired as late:
        return Ended(None, late.stdout or b"", late.stderr or b"")
    return Ended(done.returncode, done.stdout, done.stderr)


def limit(seconds: int) -> None:
    """From now on this process may use so many seconds of processor time and 3 GB."""
    for what, most in ((resource.RLIMIT_CPU, seconds), (resource.RLIMIT_AS, MEMORY)):
        _, hard = resource.getrlimit(what)
        if hard == resource.RLIM_INFINITY or most < hard:
            resource.setrlimit(what, (most, most))
