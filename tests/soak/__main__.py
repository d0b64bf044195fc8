"""``make soak``: thousands of hostile files, then hundreds of kills.

Prints figures, and fails when a file took too much of the processor, or when anything was lost or doubled.

python -m tests.soak [--files 2000] [--formats pdf,cms,...] [--kills 300] [--database sqlite|postgresql|both]
                     [--clients 3] [--seed N]
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.harness.postgres import running_postgres
from tests.soak.cluster import ROLES, Cluster, running_cluster
from tests.soak.files import READERS, names_of, read_all
from tests.soak.harm import Done, Plan, soak

_SLOWEST = 10
AWAY, STOPPED = 0.04, 0.03


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--files", type=int, default=2000, help="of each format")
    parser.add_argument("--formats", default=",".join(READERS))
    parser.add_argument("--kills", type=int, default=300, help="on each database")
    parser.add_argument("--database", choices=[*ROLES, "both"], default="both")
    parser.add_argument("--clients", type=int, default=3)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 31))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    slow = _read_files(arguments.formats.split(","), arguments.files, arguments.seed)
    if not arguments.kills:
        return slow
    plan = Plan(arguments.kills, arguments.clients, arguments.seed, away=AWAY, stopped=STOPPED)
    databases = list(ROLES) if arguments.database == "both" else [arguments.database]
    return max(slow, *(_run(database, plan) for database in databases))


def _read_files(formats: list[str], count: int, seed: int) -> int:
    found = []
    for kind in formats:
        of_kind = list(read_all(names_of([kind], count), seed))
        found += of_kind
        seconds = sum(read.seconds for read in of_kind)
        print(f"{kind}: {len(of_kind)} files took {seconds:.0f} s of the processor", flush=True)
    wrong = [read for read in found if read.problem or read.over > 0]
    print(f"the slowest of {len(found)} files; {len(wrong)} took too much, or failed:")
    for read in sorted(found, key=lambda read: -read.seconds)[:_SLOWEST]:
        print(f"  {read.seconds:.2f} s for {read.size / 1e6:.2f} MB: {read.name} ({read.about})")
    for read in wrong:
        print(f"WRONG {read.name} of seed {seed} ({read.about}): {read.seconds:.2f} s {read.problem}", flush=True)
    return 1 if wrong else 0


def _run(database: str, plan: Plan) -> int:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="signroom-soak-")))
        url = f"sqlite:///{folder / 'signroom.db'}"
        if database == "postgresql":
            url = stack.enter_context(running_postgres()).new_database()
        cluster = stack.enter_context(running_cluster(folder, url, ROLES[database]))
        done = soak(cluster, plan, folder)
        _report(database, done)
        if done.found.problems:
            _show_logs(cluster)
    return 1 if done.found.problems else 0


def _report(database: str, done: Done) -> None:
    found, kills = done.found, done.kills
    print(
        f"{database}: {kills['killed']} SIGKILL ({kills['all at once']} times all at once, {kills['away']} stayed away "
        f"longer than the lease), {kills['stopped']} SIGSTOP longer than the lease, in {done.seconds:.0f} s"
    )
    print(
        f"{database}: {found.sessions} sessions with {found.documents} documents signed, all settled "
        f"{found.seconds_to_settle:.0f} s after the last kill; {found.delivered} events delivered, {found.repeated} of "
        f"them again; {len(found.problems)} problems",
        flush=True,
    )
    for problem in found.problems:
        print(f"{database}: {problem}")


def _show_logs(cluster: Cluster) -> None:
    for slot in cluster.slots:
        print(f"--- {slot.log.name}\n{slot.log.read_text()[-20_000:]}")


if __name__ == "__main__":
    sys.exit(main())
