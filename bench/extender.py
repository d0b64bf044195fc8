"""DSS as a peer that raises signatures: a small Java program (`dss/`), built by Maven into a cache, never shipped.

It gets the same files as ours, the anchor, the same certificates, lists and responses, and an authority on loopback
that stamps with the same key. Unlike ours it judges the signer's path and the revocation data while it raises: here a
verb has done that before a step begins. So its figures are those of a peer, not of the same work.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from signroom.domain.augmentation import ValidationData
from tests.pki import three_tiers
from tests.pki.outside import running_outside
from tests.verifiers.dss import built, running_dss

LEVELS = ("T", "LT", "LTA")
_SOURCE = Path(__file__).with_name("dss")
_JAVA = ("-Xmx4g", "-XX:+UseSerialGC")
_MOST_SECONDS = 60
"""On the clock, for one call."""
_WARM_CALLS, _WARM_ENOUGH = 30, 3000.0
"""Of each level, before any counts: the virtual machine compiles while it runs. Fewer where they took so many
milliseconds together: what takes that long has compiled while it ran."""


@dataclass
class Extender:
    """A warm process. `reasons`: why it is not asked any more, by level."""

    form: str
    """PAdES, CAdES or XAdES."""
    process: subprocess.Popen[str] | None
    folder: Path
    authority: str
    reasons: dict[str, str] = field(default_factory=dict)
    milliseconds: dict[str, list[float]] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)
    """Bytes that a level adds."""
    judged: list[str] = field(default_factory=list)
    """The levels of which `require_levels` was sure."""

    def warm(self, files: Mapping[str, Path]) -> None:
        """`files`: those that the levels begin with."""
        for level in LEVELS:
            spent = 0.0
            for _ in range(_WARM_CALLS):
                taken = self._raise(level, files[level])
                if taken is None or (spent := spent + taken) > _WARM_ENOUGH:
                    break

    def measure(self, level: str, file: Path) -> None:
        """Raise `file` once more, and keep what it took."""
        taken = self._raise(level, file)
        if taken is not None:
            self.milliseconds.setdefault(level, []).append(taken)

    def least(self, level: str) -> float | None:
        return min(self.milliseconds.get(level, ()), default=None)

    def require_levels(self) -> None:
        """What it has made is of the levels that it should be, says the judge of our tests. Raises: AssertionError."""
        with running_dss(self.folder / "anchors" / "0.crt") as judge:
            for level in LEVELS:
                if level in self.lengths:
                    (one,) = judge.judge(self._output(level))["signatures"]
                    assert one["level"] == f"{self.form}-BASELINE-{level}", one
                    assert one["indication"] == "TOTAL_PASSED", one
                    self.judged.append(level)

    def _output(self, level: str) -> Path:
        return self.folder / f"raised-{level}"

    def _raise(self, level: str, file: Path) -> float | None:
        if level in self.reasons or self.process is None:
            return None
        questions, answers = self.process.stdin, self.process.stdout
        assert questions is not None
        assert answers is not None
        words = (self.form, level, str(file), str(self._output(level)), str(self.folder), self.authority)
        questions.write("\t".join(words) + "\n")
        questions.flush()
        with selectors.DefaultSelector() as waiting:
            waiting.register(answers, selectors.EVENT_READ)
            if not waiting.select(_MOST_SECONDS):
                self.process.kill()
                self.process = None
                self.reasons |= dict.fromkeys(LEVELS, "not run") | {level: f"over {_MOST_SECONDS} s"}
                return None
        answer = json.loads(answers.readline() or '{"error": "its process has ended"}')
        if "error" in answer:
            self.reasons[level] = str(answer["error"])
            return None
        self.lengths[level] = int(answer["bytes"])
        return float(answer["ms"])


@contextmanager
def running(form: str, folder: Path, data: ValidationData) -> Iterator[Extender]:
    """`folder` is for its files; `data` validates the signer and the timestamps.

    Where Java or Maven is missing, it is not run.
    """
    _write_material(folder, data)
    with ExitStack() as stack:
        outside = stack.enter_context(running_outside())
        try:
            program = built(_SOURCE)
        except BaseException as missing:  # pytest says "not run" by an exception of its own
            if isinstance(missing, KeyboardInterrupt):
                raise
            yield Extender(form, None, folder, "", dict.fromkeys(LEVELS, "not run"))
            return
        classes = f"{program / 'dss-extender-1.jar'}{os.pathsep}{program / 'lib' / '*'}"
        process = subprocess.Popen(
            ["java", *_JAVA, "-cp", classes, "Extender"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )
        stack.callback(process.wait, 10)
        stack.callback(process.terminate)
        yield Extender(form, process, folder, outside.provider.url)


def _write_material(folder: Path, data: ValidationData) -> None:
    parts = {
        "anchors": (three_tiers.root().der,),
        "certificates": data.certificates,
        "lists": data.lists,
        "responses": data.responses,
    }
    for name, values in parts.items():
        (folder / name).mkdir()
        for number, der in enumerate(values):
            (folder / name / f"{number}.crt").write_bytes(der)
