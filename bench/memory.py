"""Memory of the web process after many sessions of some documents: it must not grow with their number.

SQLite, one ``serve --no-jobs`` and a ``worker``. A thousand sessions of five documents take some twenty minutes on two
cores; ``SIGNROOM_BENCH_SESSIONS=100`` takes a tenth of that.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from bench.processes import running_service
from bench.requests import completed_session

SESSIONS = int(os.environ.get("SIGNROOM_BENCH_SESSIONS", "1000"))
DOCUMENTS = 5
STEPS = 10


def main() -> None:
    """Print megabytes after each tenth of the sessions: of the web process alone, and what of it is its own."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service(Path(folder), f"sqlite:///{folder}/signroom.db") as service,
    ):
        service.work()
        web, begin = service.pids[0], time.perf_counter()
        print(f"{'sessions':>9} {'seconds':>9} {'resident MB':>12} {'anonymous MB':>13}")
        for done in range(SESSIONS + 1):
            if done % max(1, SESSIONS // STEPS) == 0:
                resident, own = memory(web)
                print(f"{done:9d} {time.perf_counter() - begin:9.0f} {resident:12.1f} {own:13.1f}", flush=True)
            if done < SESSIONS:
                _, page = completed_session(service, DOCUMENTS)
                page.client.close()


def memory(pid: int) -> tuple[float, float]:
    """Megabytes that a process holds in memory, and those of them that no file backs."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    found = {name: value for name, _, value in (line.partition(":") for line in lines)}
    return int(found["VmRSS"].split()[0]) / 1024, int(found["RssAnon"].split()[0]) / 1024


if __name__ == "__main__":
    main()
