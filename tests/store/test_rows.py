"""Rows to nouns in many threads: the first moments of a process that has much to catch up with."""

from __future__ import annotations

import subprocess
import sys

TRIES = 4
"""Without the lock nearly each one failed."""
FIRST_USE = """
import sys, threading
from signroom.domain.metadata import Metadata
from signroom.domain.preflight import Finding
from signroom.domain.requirement import CertificateRequirement
from signroom.domain.signature import NO_OPTIONS, SigningOptions, Verdict
from signroom.store import rows

sys.setswitchinterval(1e-6)
stored = [
    (SigningOptions, rows.packed(NO_OPTIONS)),
    (Verdict, rows.packed(Verdict(()))),
    (tuple[CertificateRequirement, ...], b"[]"),
    (tuple[Finding, ...], b"[]"),
    (Metadata, b"[]"),
]
together = threading.Barrier(8)

def read(turn):
    together.wait()
    for kind, value in stored[turn % 5:] + stored[:turn % 5]:
        rows.unpacked_as(kind, value)

threads = [threading.Thread(target=read, args=(turn // 2,)) for turn in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_the_first_look_at_a_type_may_come_from_many_threads_at_once() -> None:
    """Once a process died of it (SIGSEGV), now and then, in its first second."""
    for _ in range(TRIES):
        assert subprocess.run([sys.executable, "-c", FIRST_USE], check=False, timeout=60).returncode == 0
