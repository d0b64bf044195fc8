"""``docs/performance.md``: what each part of the bench has printed, when, on which machine, and how to repeat it.

A part that runs again replaces its own chapter; those of the others stay as they are.
"""

from __future__ import annotations

import io
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
_CHAPTER = "\n## "
_HEAD = """# Performance

`make bench` measures Signroom, and writes this page. `make bench ARGS="requests webhooks"` runs these parts only; the
other chapters stay as they are. Each chapter says when it ran, on which machine, and how many processes wanted a
processor meanwhile: a load above the number of cores makes everything on the clock longer, and processor time somewhat.

Compare figures of one run only, and ratios rather than milliseconds: none of them is a promise.
"""


@dataclass(frozen=True)
class Part:
    """A part of the bench. ``name`` is its module in ``bench``; ``run`` prints its figures."""

    name: str
    title: str
    run: Callable[[], None]


def run(parts: Sequence[Part], wanted: Sequence[str], page: Path = PAGE) -> None:
    """Run the parts that are `wanted`, or all, and write what they print into `page` after each.

    Raises: SystemExit for a name that is no part's.
    """
    unknown = set(wanted) - {part.name for part in parts}
    if unknown:
        raise SystemExit(f"There is no part {', '.join(sorted(unknown))}: {', '.join(part.name for part in parts)}.")
    for part in parts:
        if wanted and part.name not in wanted:
            continue
        print(f"\n{part.title}", flush=True)
        heard = _Heard(sys.stdout)
        load = os.getloadavg()[0]
        with redirect_stdout(heard):
            part.run()
        write(page, parts, part, heard.getvalue(), f"{machine()}, load {load:.1f}")


def write(page: Path, parts: Sequence[Part], part: Part, printed: str, where: str) -> None:
    """Put what `part` has printed into its chapter, in the order of `parts`."""
    chapters = dict(_chapters(page.read_text("utf-8"))) if page.is_file() else {}
    chapters[part.title] = (
        f"\n`python -m bench {part.name}`, {datetime.now(UTC):%d %B %Y %H:%M} UTC, {where}:\n\n"
        f"```text\n{_tidy(printed)}\n```\n"
    )
    ordered = (f"{_CHAPTER}{p.title}\n{chapters[p.title]}" for p in parts if p.title in chapters)
    page.write_text(_HEAD + "".join(ordered), "utf-8")


def machine() -> str:
    """The processors, the memory and the Python of this machine, in a few words."""
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return f"{os.cpu_count()} x {_processor()}, {gigabytes:.0f} GB, Python {platform.python_version()}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _chapters(text: str) -> Mapping[str, str]:
    """The chapters of the page by their titles."""
    found = (chapter.partition("\n") for chapter in text.split(_CHAPTER)[1:])
    return {title: body if body.endswith("\n") else f"{body}\n" for title, _, body in found}


def _tidy(printed: str) -> str:
    return "\n".join(line.rstrip() for line in printed.strip("\n").splitlines())


class _Heard(io.StringIO):
    """Keeps what is printed, and shows it as well."""

    def __init__(self, shown: TextIO) -> None:
        super().__init__()
        self._shown = shown

    def write(self, text: str) -> int:
        self._shown.write(text)
        self._shown.flush()
        return super().write(text)
