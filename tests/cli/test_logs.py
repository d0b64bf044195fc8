"""Who writes the lines of the log, and when."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.harness.server import ROOT

SAYS_MORE_THAN_A_PIPE_HOLDS = """
import logging, os, sys, structlog
from signroom.cli.logs import configure_logs, write_lines_apart, write_what_is_left

configure_logs()
log = structlog.get_logger()
log.info("first")
write_lines_apart()
for number in range(25_000):
    log.info("next", number=number)
log.error("wrong")
logging.getLogger("other").warning("constant")
child = os.fork()
if child == 0:
    print("said", flush=True)
    os._exit(0)
os.waitpid(child, 0)
sys.stdin.read()
log.error("last")
write_what_is_left()
os._exit(0)
"""


def test_a_reader_of_the_log_who_stands_still_holds_nobody_up() -> None:
    """A write waited for whoever reads the log, and the loop that answers, a fork and the end waited with it."""
    command = [sys.executable, "-c", SAYS_MORE_THAN_A_PIPE_HOLDS]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "said\n", "nobody has read a line of the log"
        written = [json.loads(line) for line in process.communicate()[1].splitlines()]

    events = [line["event"] for line in written]
    assert events[0] == "first"
    numbers = [line["number"] for line in written if line["event"] == "next"]
    assert numbers == list(range(len(numbers))), "in their order, each once"
    assert 19_000 <= len(numbers) < 25_000, "what is beyond the bound is lost"
    lost = sum(line["lines"] for line in written if line["event"] == "log.lines_lost")
    assert lost >= 25_000 - len(numbers), "and told"
    assert "wrong" in events
    assert "last" in events[-2:], "the end waits for what is left"


SAYS_WHAT_IS_WRONG = """
import logging, os, structlog
from signroom.cli.logs import configure_logs, write_lines_apart

configure_logs()
write_lines_apart()
log = structlog.get_logger()
log.info("one")
log.error("two")
logging.getLogger("other").warning("three")
os._exit(0)
"""


def test_what_goes_wrong_is_written_before_anything_else_happens() -> None:
    """The process ends without a word, as in a crash."""
    command = [sys.executable, "-c", SAYS_WHAT_IS_WRONG]
    written = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60).stderr

    events = [json.loads(line)["event"] for line in written.splitlines()]
    assert events == ["one", "two", "library.message"]
