"""A server that is killed leaves no semaphore behind, and nothing that Python would warn of."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.harness.server import ROOT, fork_server

OF_A_KILLED_PROCESS = """
import multiprocessing, os, signal, sys
from tests.harness.semaphores import mark_semaphores, remove_semaphores

def make(marked, told):
    if marked:
        mark_semaphores()
    kept = multiprocessing.get_context("spawn").RLock()
    told.send(None)
    signal.pause()

if __name__ == "__main__":
    fork = multiprocessing.get_context("fork")
    multiprocessing.resource_tracker.ensure_running()
    reader, writer = fork.Pipe(duplex=False)
    process = fork.Process(target=make, args=(sys.argv[1] == "marked", writer))
    process.start()
    reader.recv()
    process.kill()
    process.join()
    remove_semaphores(process.pid)
"""


def warned(how: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", OF_A_KILLED_PROCESS, how], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stderr


def test_only_of_a_server_that_was_killed_they_are_removed() -> None:
    assert warned("marked") == ""
    assert "1 leaked semaphore" in warned("another")


def test_a_server_makes_some_and_leaves_none_when_it_is_killed(tmp_path: Path) -> None:
    server = fork_server(tmp_path)
    made = semaphores(server.process.pid)
    server.kill()

    assert made
    assert not semaphores(server.process.pid)


def semaphores(pid: int) -> list[str]:
    return [name for name in os.listdir("/dev/shm") if name.startswith(f"sem.signroom-test-{pid}-")]
