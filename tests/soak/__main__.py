"""``make soak``: hundreds of kills, and three tenants of whom one means harm. Prints figures, and fails when anything
was lost or doubled, or when the honest tenants waited too long.

python -m tests.soak [kill|load|all] [--database sqlite|postgresql|both]
    kill: [--kills 300] [--clients 3] [--seed N]
    load: [--seconds 300] [--idle 30] [--each 20] [--only streams,names]
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.harness.postgres import running_postgres
from tests.soak.cluster import ROLES, Cluster, running_cluster
from tests.soak.harm import Done, soak
from tests.soak.harm import Plan as Kills
from tests.soak.load.attacks import NAMES
from tests.soak.load.service import Service, running_service
from tests.soak.load.trial import Plan as Load
from tests.soak.load.trial import hold

AWAY, STOPPED = 0.04, 0.03


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("what", nargs="?", choices=["kill", "load", "all"], default="all")
    parser.add_argument("--database", choices=[*ROLES, "both"], default="both")
    parser.add_argument("--kills", type=int, default=300, help="on each database")
    parser.add_argument("--clients", type=int, default=3)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 31))
    parser.add_argument("--seconds", type=float, default=300, help="all attacks at once, on each database")
    parser.add_argument("--idle", type=float, default=30, help="seconds without an attack")
    parser.add_argument("--each", type=float, default=20, help="seconds of each attack alone, before; 0: not")
    parser.add_argument("--only", default=",".join(NAMES), help=f"some of {','.join(NAMES)}")
    arguments = parser.parse_args()
    only = tuple(arguments.only.split(","))
    if unknown := set(only) - set(NAMES):
        parser.error(f"There is no attack {sorted(unknown)[0]!r}: use some of {', '.join(NAMES)}.")
    runs: list[Callable[[str], int]] = []
    if arguments.what != "load":
        print(f"seed {arguments.seed}", flush=True)
        kills = Kills(arguments.kills, arguments.clients, arguments.seed, away=AWAY, stopped=STOPPED)
        runs.append(lambda database: _kill(database, kills))
    if arguments.what != "kill":
        each = arguments.each if len(only) > 1 else 0
        load = Load(arguments.idle, arguments.seconds, each, only)
        runs.append(lambda database: _load(database, load))
    databases = list(ROLES) if arguments.database == "both" else [arguments.database]
    return max(run(database) for run in runs for database in databases)


@contextmanager
def _place(database: str) -> Iterator[tuple[Path, str]]:
    """A folder, and the URL of a new database."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="signroom-soak-")))
        url = f"sqlite:///{folder / 'signroom.db'}"
        if database == "postgresql":
            url = stack.enter_context(running_postgres()).new_database()
        yield folder, url


def _load(database: str, plan: Load) -> int:
    @contextmanager
    def start() -> Iterator[Service]:
        with _place(database) as (folder, url), running_service(folder, url) as service:
            yield service

    print(f"{database}: one process, three tenants, one of them hostile", flush=True)
    phases = hold(start, plan, lambda line: print(line, flush=True))
    failed = [phase.name for phase in phases if phase.problems]
    print(f"{database}: {'not held: ' + ', '.join(failed) if failed else 'everything held'}", flush=True)
    return 1 if failed else 0


def _kill(database: str, plan: Kills) -> int:
    with _place(database) as (folder, url), running_cluster(folder, url, ROLES[database]) as cluster:
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
