"""Limited processes that are forked are as those that are spawned."""

from __future__ import annotations

import os
import resource
import signal
from multiprocessing.connection import Connection
from pathlib import Path

from tests.harness.processes import forking
from tests.harness.waiting import eventually
from tests.harness.workers import fork_workers

SAYS = "import os; os.environ['SAID'] = 'by a worker'; os.write(2, os.environ['SETTING'].encode())"


def _works(log: Path, told: Connection) -> None:
    from tests.sandbox.calls import WaitingPool

    os.environ["SETTING"] = "of its parent"
    fork_workers(log)
    pool = WaitingPool(workers=1)
    pool.run(30, exec, SAYS)
    told.send((pool.run(30, os.getpid), pool.run(30, resource.getrlimit, resource.RLIMIT_AS)))
    signal.pause()


def test_it_is_limited_writes_to_its_parents_log_and_ends_with_its_parent(tmp_path: Path) -> None:
    reader, writer = forking().Pipe(duplex=False)
    parent = forking().Process(target=_works, args=(tmp_path / "log", writer))
    parent.start()
    worker, limit = reader.recv()
    written = (tmp_path / "log").read_text()
    parent.kill()
    parent.join()

    assert written == "of its parent"
    assert limit[0] < 2 << 30
    eventually(lambda: not Path(f"/proc/{worker}").exists())
