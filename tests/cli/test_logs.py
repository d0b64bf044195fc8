"""Who writes the lines of the log, and when."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.harness.server import ROOT

SAYS_MORE_THAN_A_PIPE_HOLDS = """
import logging, os, sys, structlog
from signroom.cli import logs

logs.configure_logs()
logs._LAST_SECONDS = 60.0
log = structlog.get_logger()
log.info("first")
logs.write_lines_apart()
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
logs.write_what_is_left()
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
    assert lost == 25_000 - len(numbers), "and told, each once"
    assert "wrong" in events
    assert "last" in events[-2:], "the end waits for what is left"


SAYS_WHAT_IS_WRONG = """
import logging, os, structlog
from signroom.cli import logs

logs.configure_logs()
logs._PATIENCE_SECONDS = 60.0
logs.write_lines_apart()
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


MAY_NOT_BLOCK = """
import os, structlog
from signroom.cli import logs

os.set_blocking(2, False)
logs.configure_logs()
logs._LAST_SECONDS = 60.0
log = structlog.get_logger()
log.info("first")
logs.write_lines_apart()
for number in range(3_000):
    log.info("next", number=number)
print("said", flush=True)
logs.write_what_is_left()
os._exit(0)
"""


def test_no_line_is_lost_where_writing_does_not_wait() -> None:
    """Whoever shares our standard error may have set it so. What did not fit in the pipe was gone, in mid-line."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", MAY_NOT_BLOCK], cwd=ROOT, stdout=pipe, stderr=pipe, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "said\n"
        written = [json.loads(line) for line in process.communicate()[1].splitlines()]

    assert [line.get("number") for line in written] == [None, *range(3_000)]


FINDS_THE_DISK_FULL = """
import os, sys, structlog
from signroom.cli import logs

logs.configure_logs()
logs._PATIENCE_SECONDS = logs._LAST_SECONDS = 60.0
log = structlog.get_logger()
real = os.dup(2)
for apart in (False, True):
    if apart:
        logs.write_lines_apart()
    os.dup2(os.open("/dev/full", os.O_WRONLY), 2)
    for _ in range(3):
        log.error("gone")
    os.dup2(real, 2)
    log.error("back")
    log.error("after")
logs.write_what_is_left()
os._exit(0)
"""


def test_lines_that_cannot_be_written_are_counted() -> None:
    command = [sys.executable, "-c", FINDS_THE_DISK_FULL]
    written = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60).stderr

    events = [json.loads(line) for line in written.splitlines()]
    assert sorted(line["event"] for line in events) == ["after"] * 2 + ["back"] * 2 + ["log.lines_lost"] * 2
    assert [line["lines"] for line in events if "lines" in line] == [3, 3]


THREAD_ENDS = """
import os, structlog
from signroom.cli import logs

logs.configure_logs()
logs._PATIENCE_SECONDS = logs._LAST_SECONDS = 60.0
log = structlog.get_logger()
logs.write_lines_apart()
write = logs._write

def fail(*given):
    logs._write = write
    raise RuntimeError

log.error("before")
logs._write = fail
log.info("in hand")
log.error("too")
for number in range(3):
    log.info("next", number=number)
logs.write_what_is_left()
os._exit(0)
"""


def test_lines_are_written_when_their_thread_has_ended() -> None:
    """It would have gathered 20,000 of them, and each warning would have waited. The log says it once."""
    command = [sys.executable, "-c", THREAD_ENDS]
    written = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60).stderr

    events = [json.loads(line)["event"] for line in written.splitlines()]
    assert sorted(events) == ["before", "in hand", "log.thread_ended", *["next"] * 3, "too"]


HAS_ROOM_FOR_LITTLE = """
import resource, signal, structlog, sys
from signroom.cli.logs import configure_logs

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
configure_logs()
log = structlog.get_logger()
log.error("begun", text="x" * 1000)
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, resource.RLIM_INFINITY))
for _ in range(4):
    log.error("begun", text="x" * 1000)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
log.error("after")
"""


def test_a_line_that_was_begun_spoils_no_other(tmp_path: Path) -> None:
    """The disk was full in the middle of it."""
    with (tmp_path / "log").open("wb") as log:
        subprocess.run([sys.executable, "-c", HAS_ROOM_FOR_LITTLE], cwd=ROOT, check=True, stderr=log, timeout=60)

    lines = (tmp_path / "log").read_text().splitlines()
    (torn,) = (line for line in lines if not line.endswith("}"))
    whole = [json.loads(line) for line in lines if line != torn]
    assert [line["event"] for line in whole] == ["begun"] * 2 + ["after", "log.lines_lost"]
    assert whole[-1]["lines"] == 3


LOSES_THE_LINE_THAT_TELLS = """
import os, resource, signal, structlog
from signroom.cli import logs

def leave_room(octets):
    limit = resource.RLIM_INFINITY if octets is None else os.fstat(2).st_size + octets
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
logs.configure_logs()
logs._PATIENCE_SECONDS = logs._LAST_SECONDS = 60.0
log = structlog.get_logger()
log.error("here", text="x" * 1000)
one = os.fstat(2).st_size
for apart in (False, True):
    if apart:
        logs.write_lines_apart()
    leave_room(0)
    for _ in range(5):
        log.error("gone", text="x" * 1000)
    leave_room(one + 20)
    log.error("here", text="x" * 1000)
    leave_room(None)
    log.error("here")
    leave_room(400)
    for _ in range(2):
        log.error("gone", text="x" * 1000)
    leave_room(None)
    log.error("here")
logs.write_what_is_left()
os._exit(0)
"""


def test_lines_that_are_lost_are_told_once_also_when_the_line_that_tells_is_lost(tmp_path: Path) -> None:
    """There was room for the line before it. The five would have been told as one, the line that told."""
    with (tmp_path / "log").open("wb") as log:
        subprocess.run([sys.executable, "-c", LOSES_THE_LINE_THAT_TELLS], cwd=ROOT, check=True, stderr=log, timeout=60)

    lines = (tmp_path / "log").read_text().splitlines()
    whole = [json.loads(line) for line in lines if line.endswith("}")]
    assert [line["event"] for line in whole].count("here") == 7
    assert [line["lines"] for line in whole if line["event"] == "log.lines_lost"] == [5, 2] * 2
    assert len(lines) - len(whole) == 4, "those that were begun: the first that told, and one of the two"


COMMAND_THAT_FAILS = """
import sys, structlog
from signroom.cli.configuration import settings_for_rows

settings_for_rows()
secret = "hunter" + "2"
try:
    raise ValueError(secret)
except ValueError:
    structlog.get_logger().exception("went.wrong")
"""


def test_a_command_writes_an_exception_without_what_its_frames_had_in_hand(tmp_path: Path) -> None:
    """The library of the log draws the values of all names of each frame, where nobody tells it otherwise."""
    settings = {"SIGNROOM_DATA": str(tmp_path), "PATH": os.environ["PATH"]}
    command = [sys.executable, "-c", COMMAND_THAT_FAILS]
    done = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, check=True, timeout=300)

    assert "went.wrong" in done.stderr
    assert "ValueError" in done.stderr
    assert "hunter2" not in done.stderr
    assert done.stdout == ""
