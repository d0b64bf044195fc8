"""``make soak``: thousands of hostile files, hundreds of kills, and three tenants of whom one means harm.

Prints figures, and fails when a file took too much of the processor, when anything was lost or doubled, or when the
honest tenants waited too long.

python -m tests.soak [files|kill|archive|load|power|all] [--database sqlite|postgresql|both]
    files: [--files 2000] [--formats pdf,cms] [--seed N]
    kill: [--kills 300] [--clients 3] [--seed N]
    archive: [--sessions 200] [--settle 240] [--clients 3] [--seed N]
    load: [--seconds 300] [--idle 30] [--each 20] [--only streams,names] [--apart]
    power: [--rounds 50] [--seed N]

The load test needs a quiet machine. Below each row it says who used the processors; "others" has the database in it.
Where others use a processor, the figures say more about them. The attackers send what their classes say, and use 15 %
of one processor for it: that is not what the honest tenants wait for. With ``--apart`` the attackers have the first
processor for themselves, and the service, its workers, the clients and the database share all others, also in the
idle phase. With two processors that is a harder test, since all of the service then has one.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random

from tests.faults.test_power_cut import cut, recorded
from tests.harness.postgres import running_postgres
from tests.soak.archiving import Plan as Archiving
from tests.soak.archiving import archive_under_faults
from tests.soak.cluster import ROLES, Cluster, running_cluster
from tests.soak.files import READERS, names_of, read_all
from tests.soak.harm import Done, soak
from tests.soak.harm import Plan as Kills
from tests.soak.load.attacks import NAMES
from tests.soak.load.service import Service, running_service
from tests.soak.load.trial import Plan as Load
from tests.soak.load.trial import hold

_SLOWEST = 10
AWAY, STOPPED = 0.04, 0.03


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("what", nargs="?", choices=["files", "kill", "archive", "load", "power", "all"], default="all")
    parser.add_argument("--database", choices=[*ROLES, "both"], default="both")
    parser.add_argument("--files", type=int, default=2000, help="of each format")
    parser.add_argument("--formats", default=",".join(READERS), help=f"some of {','.join(READERS)}")
    parser.add_argument("--kills", type=int, default=300, help="on each database")
    parser.add_argument("--sessions", type=int, default=200, help="that want level B-LTA, on each database")
    parser.add_argument("--settle", type=float, default=240, help="seconds to archive all, once everything is on again")
    parser.add_argument("--clients", type=int, default=3)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 31))
    parser.add_argument("--seconds", type=float, default=300, help="all attacks at once, on each database")
    parser.add_argument("--idle", type=float, default=30, help="seconds without an attack")
    parser.add_argument("--each", type=float, default=20, help="seconds of each attack alone, before; 0: not")
    parser.add_argument("--apart", action="store_true", help="the attackers have the first processor for themselves")
    parser.add_argument("--only", default=",".join(NAMES), help=f"some of {','.join(NAMES)}")
    parser.add_argument("--rounds", type=int, default=50, help="of power cuts, each with other luck")
    arguments = parser.parse_args()
    only = tuple(arguments.only.split(","))
    if unknown := set(only) - set(NAMES):
        parser.error(f"There is no attack {sorted(unknown)[0]!r}: use some of {', '.join(NAMES)}.")
    print(f"seed {arguments.seed}", flush=True)
    slow = 0
    if arguments.what in {"files", "all"}:
        slow = _read_files(arguments.formats.split(","), arguments.files, arguments.seed)
    if arguments.what in {"power", "all"}:
        _cut_power(arguments.rounds, arguments.seed)
    runs: list[Callable[[str], int]] = []
    if arguments.what in {"kill", "all"}:
        kills = Kills(arguments.kills, arguments.clients, arguments.seed, away=AWAY, stopped=STOPPED)
        runs.append(lambda database: _kill(database, kills))
    if arguments.what in {"archive", "all"}:
        archiving = Archiving(arguments.sessions, arguments.clients, arguments.seed, settle=arguments.settle)
        runs.append(lambda database: _archive(database, archiving))
    if arguments.what in {"load", "all"}:
        each = arguments.each if len(only) > 1 else 0
        apart = frozenset[int]()
        if arguments.apart:
            apart = frozenset(sorted(os.sched_getaffinity(0))[:1])
            os.sched_setaffinity(0, os.sched_getaffinity(0) - apart)  # whatever is started from here on, too
        load = Load(arguments.idle, arguments.seconds, each, only, apart=apart)
        runs.append(lambda database: _load(database, load))
    databases = list(ROLES) if arguments.database == "both" else [arguments.database]
    return max([slow, *(run(database) for run in runs for database in databases)])


def _cut_power(rounds: int, seed: int) -> None:
    """Raises: AssertionError when something that was promised is lost."""
    with tempfile.TemporaryDirectory(prefix="signroom-soak-") as folder:
        told = recorded(Path(folder))
        cuts = sum(cut(told, Path(folder) / "left", luck=Random(seed + number)) for number in range(rounds))
    print(f"power: {cuts} cuts at {rounds} times {len(told.promises)} answers, and nothing was lost", flush=True)


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


def _archive(database: str, plan: Archiving) -> int:
    with _place(database) as (folder, url):
        done = archive_under_faults(folder / "data", plan, {"SIGNROOM_DATABASE_URL": url})
    print(
        f"{database}: {done.documents} documents that want B-LTA, {done.kills} SIGKILL, {done.switches} times others "
        f"were off, in {done.seconds:.0f} s; completed {done.usual:.1f} s after the signature in the middle and "
        f"{done.slowest:.1f} s at most; {done.late} "
        f"were archived later, the last one {done.seconds_to_archive:.0f} s after all was on; "
        f"{len(done.problems)} problems",
        flush=True,
    )
    for problem in done.problems:
        print(f"{database}: {problem}")
    return 1 if done.problems else 0


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
