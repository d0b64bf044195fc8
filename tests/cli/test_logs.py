"""Who writes the lines of the log, and when."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.harness.server import ROOT

WRITES_MORE_THAN_A_PIPE_HOLDS = """
import os, sys, structlog
from signroom.cli.logs import configure_logs, write_lines_apart, write_what_is_left

configure_logs()
log = structlog.get_logger()
log.info("first")
write_lines_apart()
for number in range(25_000):
    log.info("next", number=number)
print("said", flush=True)
sys.stdin.read()
child = os.fork()
log.error("wrong", child=child == 0)
if child == 0:
    os._exit(0)
os.waitpid(child, 0)
log.info("last")
write_what_is_left()
os._exit(0)
"""


def test_a_reader_of_the_log_who_stands_still_holds_nobody_up() -> None:
    """A write waited for the disk, or for whoever reads the log, and the loop that answers waited with it."""
    command = [sys.executable, "-c", WRITES_MORE_THAN_A_PIPE_HOLDS]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "said\n", "nobody has read a line of the log"
        written = [json.loads(line) for line in process.communicate()[1].splitlines()]

    events = [line["event"] for line in written]
    assert (events[0], events[-1]) == ("first", "last")
    numbers = [line["number"] for line in written if line["event"] == "next"]
    assert numbers == list(range(len(numbers))), "in their order, each once"
    assert 20_000 <= len(numbers) < 25_000, "what is beyond the bound is lost"
    # What goes wrong is written at once, after all that was said before; a child writes nothing of its parent's.
    assert sorted(line["child"] for line in written if line["event"] == "wrong") == [False, True]
