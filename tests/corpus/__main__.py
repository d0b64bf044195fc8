"""``make corpus FOLDER=...``: sign every PDF of a folder, judge each output, and say what was refused and why.

python -m tests.corpus FOLDER [--jobs 2] [--seconds 240] [--pages 50] [--without-dss] [--report FILE]

Two files at a time, each in a process of its own with limits. The exit code is 0 when every output held; refusals do
not count, but they are listed by reason, with those that poppler and MuPDF open without a word.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.corpus.run import Result, Verdict, results
from tests.pki import authority
from tests.verifiers.dss import running_dss
from tests.verifiers.pages import MOST
from tests.verifiers.programs import nss_database
from tests.verifiers.signed_pdf import Judges

_SHOWN = 12
"""File names of one reason, or problems of one file, that are printed; the report has all."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.corpus")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=240, help="for one file, judges included")
    parser.add_argument("--pages", type=int, default=MOST, help="of one file, that are compared")
    parser.add_argument("--without-dss", action="store_true")
    parser.add_argument("--report", type=Path, help="one line of JSON for each file")
    arguments = parser.parse_args()
    files = pdfs(arguments.folder)
    if not files:
        print(f"{arguments.folder} has no PDF.")
        return 2
    done = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="signroom-corpus-")))
        root = folder / "root.crt"
        root.write_bytes(authority.root_der())
        dss = None if arguments.without_dss else stack.enter_context(running_dss(root))
        judges = Judges(
            nss_database(folder / "nss", [authority.root_der()]), authority.root_der(), dss, arguments.pages
        )
        report = stack.enter_context(arguments.report.open("w")) if arguments.report else None
        for result in results(files, folder, judges, jobs=arguments.jobs, seconds=arguments.seconds):
            done.append(result)
            if report is not None:
                print(json.dumps(result.as_line()), file=report, flush=True)
            if result.verdict in {Verdict.WRONG, Verdict.CRASHED}:
                print(f"{result.verdict}: {result.file}", *_first(result.problems), sep="\n  ", flush=True)
            elif result.verdict is Verdict.TOO_SLOW:
                print(f"{result.verdict}: {result.file}", flush=True)
            elif len(done) % 50 == 0:
                print(f"{len(done)} of {len(files)}", flush=True)
    return _summary(done)


def pdfs(folder: Path) -> list[Path]:
    """All files below `folder` that are called ``.pdf``, and that are not links."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() == ".pdf")
    return sorted(path for path in found if path.is_file() and not path.is_symlink())


def _first(problems: Sequence[str]) -> list[str]:
    more = len(problems) - _SHOWN
    return [*problems[:_SHOWN], *([f"and {more} more"] if more > 0 else [])]


def _summary(done: Sequence[Result]) -> int:
    refused: dict[str, list[Result]] = defaultdict(list)
    for result in done:
        if result.verdict is Verdict.REFUSED:
            refused[result.reason].append(result)
    for reason, results_of_reason in sorted(refused.items(), key=lambda item: -len(item[1])):
        print(f"refused {len(results_of_reason)}: {reason}")
        for result in results_of_reason[:_SHOWN]:
            print(f"  {'(opens everywhere) ' if result.opens_everywhere else ''}{result.file}")
        if len(results_of_reason) > _SHOWN:
            print(f"  and {len(results_of_reason) - _SHOWN} more")
    counts = {verdict: sum(result.verdict is verdict for result in done) for verdict in Verdict}
    clean = [result for result in done if result.opens_everywhere]
    refused_clean = [result for result in clean if result.verdict is Verdict.REFUSED]
    lawful = sum(result.is_lawful for result in refused_clean)
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    print(
        f"of {len(clean)} that poppler and MuPDF open without a word, {len(refused_clean)} were refused: "
        f"{lawful} because their author or an earlier signer wants it so, {len(refused_clean) - lawful} otherwise"
    )
    return 1 if counts[Verdict.WRONG] or counts[Verdict.CRASHED] else 0


if __name__ == "__main__":
    sys.exit(main())
