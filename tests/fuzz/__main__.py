"""``make fuzz``: sign mutated and generated PDFs, and say what was refused, crashed, slow or wrong.

python -m tests.fuzz [--mutated 10000] [--generated 2000] [--seed 1] [--only m1234] [--jobs 1] [--findings FOLDER]

A number may be a range, ``--mutated 3000-4000``: a long run is made in slices. The exit code is 0 when nothing was
found; refusals do not count. A finding is a folder: the file, its output, and what is wrong.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.fuzz.judge import Result, Verdict
from tests.fuzz.run import make, results
from tests.pki import authority
from tests.verifiers.programs import nss_database
from tests.verifiers.signed_pdf import Judges

_FINDINGS = {Verdict.WRONG, Verdict.CRASHED, Verdict.SLOW}
_SHOWN = 25
"""Reasons of refusals that are printed; the report has all."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--mutated", default="10000")
    parser.add_argument("--generated", default="2000")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", help="one file, by its name; all judges are asked")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--findings", type=Path, default=Path(".fuzz"))
    parser.add_argument("--report", type=Path, help="one line of JSON for each file")
    arguments = parser.parse_args()
    names = arguments.only or [*_names("m", arguments.mutated), *_names("g", arguments.generated)]
    done: list[Result] = []
    begun = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="signroom-fuzz-")))
        judges = Judges(nss_database(folder / "nss", [authority.root_der()]), authority.root_der())
        report = stack.enter_context(arguments.report.open("w")) if arguments.report else None
        sampled = True if arguments.only else None
        for result in results(names, arguments.seed, folder, judges, jobs=arguments.jobs, sampled=sampled):
            done.append(result)
            if report is not None:
                print(json.dumps(result.as_line()), file=report, flush=True)
            if result.verdict in _FINDINGS:
                print(f"{result.verdict}: {result.name} ({result.about})", *result.problems, sep="\n  ", flush=True)
            if result.verdict in _FINDINGS or arguments.only:
                _keep(result, arguments.seed, folder, arguments.findings)
            if len(done) % 500 == 0:
                print(f"{len(done)} of {len(names)} after {time.monotonic() - begun:.0f} s", flush=True)
    return _summary(done)


def _names(kind: str, wanted: str) -> list[str]:
    first, _, last = wanted.rpartition("-")
    return [f"{kind}{number}" for number in range(int(first or 0), int(last))]


def _keep(result: Result, seed: int, work: Path, findings: Path) -> None:
    target = findings / f"{seed}-{result.name}"
    target.mkdir(parents=True, exist_ok=True)
    content, _ = make(result.name, seed)
    (target / "original.pdf").write_bytes(content)
    for output in work.glob(f"*/{result.name}-signed.pdf"):
        shutil.copy(output, target / "signed.pdf")
    (target / "found.json").write_text(json.dumps(result.as_line(), indent=1) + "\n")


def _summary(done: Sequence[Result]) -> int:
    refused: dict[str, list[Result]] = defaultdict(list)
    for result in done:
        if result.verdict is Verdict.REFUSED:
            refused[_kind(result.reason)].append(result)
    for reason, of_reason in sorted(refused.items(), key=lambda item: -len(item[1]))[:_SHOWN]:
        clean = [result.name for result in of_reason if result.opens_everywhere]
        print(f"refused {len(of_reason)}: {reason}" + (f" (opens everywhere: {' '.join(clean[:8])})" if clean else ""))
    for kind, letter in (("mutated", "m"), ("generated", "g")):
        counts = Counter(result.verdict for result in done if result.name.startswith(letter))
        print(f"{kind}: " + ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict))
    asked = [result for result in done if result.opens_everywhere]
    print(f"of {len(asked)} that poppler and MuPDF open without a word, {_refused(asked)} were refused")
    return 1 if any(result.verdict in _FINDINGS for result in done) else 0


def _refused(of: Sequence[Result]) -> int:
    return sum(result.verdict is Verdict.REFUSED for result in of)


def _kind(reason: str) -> str:
    """A reason without the numbers in it."""
    return "".join("N" if letter.isdigit() else letter for letter in reason)[:140]


if __name__ == "__main__":
    sys.exit(main())
