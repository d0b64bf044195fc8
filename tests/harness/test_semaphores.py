"""Servers that are killed leave no semaphore behind, and nothing that Python would warn of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness import semaphores
from tests.harness.server import ROOT, fork_server

OF_A_KILLED_PROCESS = """
import multiprocessing, signal, sys
from tests.harness.semaphores import has_ended, mark_semaphores, new_mark

def make(mark, told):
    if mark:
        mark_semaphores(mark)
    kept = multiprocessing.get_context("spawn").RLock()
    told.send(None)
    signal.pause()

fork = multiprocessing.get_context("fork")
multiprocessing.resource_tracker.ensure_running()
mark = new_mark()
reader, writer = fork.Pipe(duplex=False)
process = fork.Process(target=make, args=(mark if sys.argv[1] == "marked" else "", writer))
process.start()
reader.recv()
process.kill()
process.join()
has_ended(mark)
"""


def warned(how: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", OF_A_KILLED_PROCESS, how], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stderr


def test_only_those_of_servers_that_were_killed_are_removed() -> None:
    assert warned("marked") == ""
    assert "1 leaked semaphore" in warned("another")


def test_a_server_makes_some_and_leaves_none_when_it_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: set[str] = set()
    monkeypatch.setattr(semaphores, "_ended", ended)
    fork_server(tmp_path).kill()
    (mark,) = ended

    assert semaphores.named(mark)
    semaphores.remove_semaphores()
    assert not semaphores.named(mark)
