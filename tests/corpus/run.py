"""Each file in a process of its own, two at a time: signed, judged, and forgotten."""

from __future__ import annotations

import multiprocessing
import re
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from signroom.domain.errors import DocumentRejected, SignroomError
from signroom.domain.signature import NO_OPTIONS, DigestAlgorithm, PdfOptions, SignatureType
from signroom.formats import catalogue
from tests.formats.conftest import NOW, trusted, value
from tests.verifiers.limits import limit
from tests.verifiers.signed_pdf import Judges, Original, problems

SIGNER = "rsa2048"


_LAWFUL = re.compile(
    "ProtectedPdfError: Its owner's password forbids|CertifiedPdf:|XfaNotSupported:"
    "|InvalidPdf: It is signed and damaged"
)
"""Refusals that others have decided: the author, an earlier signer; or a signature that mending would break."""


class Verdict(StrEnum):
    """What came of a file."""

    SIGNED = "signed"
    REFUSED = "refused"
    WRONG = "wrong"
    """A judge has something against the output, or it was refused after pre-flight had accepted it."""
    CRASHED = "crashed"
    """Something was raised that is no refusal, or the process died."""
    TOO_SLOW = "too slow to judge"


@dataclass(frozen=True)
class Result:
    file: Path
    verdict: Verdict
    reason: str = ""
    """Of a refusal: its code and detail."""
    problems: tuple[str, ...] = ()
    opens_everywhere: bool = False
    seconds: float = 0
    """Of our own processor time."""
    output: Path | None = field(default=None, compare=False)

    @property
    def is_lawful(self) -> bool:
        """It is refused because its author or an earlier signer wants it so, and no program could sign it rightly."""
        return self.verdict is Verdict.REFUSED and _LAWFUL.match(self.reason) is not None

    def as_line(self) -> dict[str, object]:
        return {
            "file": str(self.file),
            "verdict": self.verdict.value,
            "reason": self.reason,
            "problems": list(self.problems),
            "lawful": self.is_lawful,
            "opens_everywhere": self.opens_everywhere,
            "seconds": round(self.seconds, 3),
        }


def results(files: Sequence[Path], folder: Path, judges: Judges, *, jobs: int, seconds: int) -> Iterator[Result]:
    """One result for each file, as they come. DSS is asked here, where its one process is; the rest in the children."""
    trusted(SIGNER)  # made once: the children inherit the keys
    context = multiprocessing.get_context("fork")
    waiting = list(reversed(files))
    running: dict[Any, _Running] = {}
    apart = replace(judges, dss=None)
    number = 0
    while waiting or running:
        while waiting and len(running) < jobs:
            file, number = waiting.pop(), number + 1
            receiver, sender = context.Pipe(duplex=False)
            output = folder / f"{number}.pdf"
            child = context.Process(target=_judge, args=(file, output, apart, seconds, sender), daemon=True)
            child.start()
            sender.close()
            running[receiver] = _Running(child, file, output, time.monotonic() + seconds)
        for ready in wait(list(running), timeout=1):
            yield _with_dss(_received(ready, running.pop(ready)), judges)
        for overdue in [r for r, child in running.items() if time.monotonic() > child.until]:
            late = running.pop(overdue)
            late.child.kill()
            late.child.join()
            overdue.close()
            late.output.unlink(missing_ok=True)
            yield Result(late.file, Verdict.TOO_SLOW)


@dataclass(frozen=True)
class _Running:
    child: BaseProcess
    file: Path
    output: Path
    until: float


def _received(receiver: Any, running: _Running) -> Result:
    try:
        result: Result = receiver.recv()
    except EOFError:
        running.child.join()
        result = Result(running.file, Verdict.CRASHED, problems=(f"exit code {running.child.exitcode}",))
    running.child.join()
    receiver.close()
    return result


def _with_dss(result: Result, judges: Judges) -> Result:
    if result.output is None:
        return result
    found = judges.dss.problems(result.file, result.output) if judges.dss is not None else []
    result.output.unlink(missing_ok=True)
    if not found:
        return result
    return replace(result, verdict=Verdict.WRONG, problems=(*result.problems, *found))


def _judge(file: Path, output: Path, judges: Judges, seconds: int, sender: Connection) -> None:
    """In a child process."""
    limit(seconds)
    try:
        result = judged(file, output, judges)
    except Exception:  # noqa: BLE001 - the report says what it was
        result = Result(file, Verdict.CRASHED, problems=(traceback.format_exc(limit=-3),))
    sender.send(result)
    sender.close()


def judged(file: Path, output: Path, judges: Judges) -> Result:
    """Sign `file` into `output` and let all judges but DSS look at it."""
    original = Original.of(file, judges.pages)
    everywhere = original.opens_everywhere
    begun = time.process_time()
    try:
        found_in = catalogue.inspect(file, SignatureType.PDF, NO_OPTIONS, None)
        if found_in.reading is not None:
            catalogue.compare_pages(file, found_in.reading, found_in.pages)
    except DocumentRejected as refusal:
        return Result(file, Verdict.REFUSED, f"{refusal.code}: {refusal.detail or ''}", (), everywhere)
    try:
        algorithm = DigestAlgorithm.SHA256
        prepared = catalogue.prepare(file, PdfOptions(), trusted(SIGNER), algorithm=algorithm, now=NOW, data=None)
        catalogue.embed(file, prepared, value(prepared, SIGNER), output)
    except SignroomError as refusal:
        late = f"refused after it was accepted: {refusal.code}: {refusal.detail or ''}"
        return Result(file, Verdict.WRONG, problems=(late,), opens_everywhere=everywhere)
    took = time.process_time() - begun
    found = tuple(problems(original, output, judges))
    verdict = Verdict.WRONG if found else Verdict.SIGNED
    return Result(file, verdict, "", found, everywhere, took, output)
