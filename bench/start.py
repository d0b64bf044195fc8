"""From the command to the first answer of ``signroom demo``, with an empty and with a used data folder."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.harness.server import start_server

ROUNDS = 5


def main() -> None:
    """Print seconds (minimum and maximum) and the ratio to the start of a bare Python."""
    bare = min(_timed(lambda: subprocess.run([sys.executable, "-c", ""], check=True)) for _ in range(ROUNDS))
    with tempfile.TemporaryDirectory() as folder:
        fresh = [_start(Path(folder) / str(n)) for n in range(ROUNDS)]
        used = [_start(Path(folder) / "0") for _ in range(ROUNDS)]
    for name, times in (("empty folder", fresh), ("used folder", used)):
        print(f"{name:>14}: {min(times):.2f}-{max(times):.2f} s, {min(times) / bare:.0f} x a bare Python")


def _start(data: Path) -> float:
    begin = time.perf_counter()
    server = start_server(data)
    server.api.get("/api/system/info").raise_for_status()
    took = time.perf_counter() - begin
    server.stop()
    return took


def _timed(run: Callable[[], object]) -> float:
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin
