"""What is said to have taken the processor has taken it."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from tests.harness.processor_time import seconds_of

BURNING = "import time\nwhile time.process_time() < 0.3: pass\n"


def test_what_is_waited_for_is_not_counted_and_what_a_child_does_is() -> None:
    before = seconds_of(os.getpid())
    time.sleep(0.3)
    rested = seconds_of(os.getpid()) - before
    subprocess.run([sys.executable, "-c", BURNING], check=True)
    burnt = seconds_of(os.getpid()) - before - rested

    assert rested < 0.2
    assert burnt >= 0.25
    with subprocess.Popen([sys.executable, "-c", BURNING + "input()"], stdin=subprocess.PIPE) as running:
        while seconds_of(running.pid) < 0.25:
            time.sleep(0.05)
        assert seconds_of(os.getpid()) - before - rested >= 0.5
        running.communicate(b"\n")
