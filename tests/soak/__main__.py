"""``make soak``: hundreds of kills. Prints figures, and fails when anything was lost or doubled.

python -m tests.soak [--kills 300] [--database sqlite|postgresql|both] [--clients 3] [--seed N]
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
from tests.soak.harm import Done, Plan, soak

AWAY, STOPPED = 0.04, 0.03


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--kills", type=int, default=300, help="on each database")
    parser.add_argument("--database", choices=[*ROLES, "both"], default="both")
    parser.add_argument("--clients", type=int, default=3)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 31))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    plan = Plan(arguments.kills, arguments.clients, arguments.seed, away=AWAY, stopped=STOPPED)
    databases = list(ROLES) if arguments.database == "both" else [arguments.database]
    return max(_run(database, plan) for database in databases)


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
