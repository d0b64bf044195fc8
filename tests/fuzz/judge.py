"""Sign one file as the service does, and look at what came of it: lighter than ``tests.corpus``, for thousands."""

from __future__ import annotations

import math
import re
import resource
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from signroom.domain.errors import Refused, SignroomError
from signroom.domain.signature import NO_OPTIONS, DigestAlgorithm, PdfOptions, SignatureType
from signroom.formats import catalogue
from tests.formats.conftest import NOW, trusted, value
from tests.verifiers import pages
from tests.verifiers.filled import spot_of
from tests.verifiers.signed_pdf import NOBODY_READS, Judges, objects_kept, verdicts, whole_prefix

SIGNER = "rsa2048"
READING = 3
"""Seconds of processor time for reading a file, as in the sandbox; one more for each 50 MB."""
_READ_IN_A_SECOND = 50 << 20
WHOLE = 10
"""Seconds of processor time for everything that we do with one file."""
JUDGING = 40
"""Seconds for the judges that run in this process."""
_MOST_PAGES = 5
_COMMENTED = re.compile(rb"\d[\s\0]*%[^\r\n]*[\r\n]|\d\0")
_UNREADABLE = re.escape("pyHanko: it cannot read the file (PdfReadError")
"""pyHanko does not know comments and NULs inside of a reference. It reads an object only when it needs it."""
_REVEALED = re.compile("^object .* was changed")
_NOT_SHOWN = re.compile("Failed to create page|Kid object|non-page object|unknown font format")
"""What poppler and MuPDF say of a page that they do not show, or with a wrong font."""
_DPI = 30


class Verdict(StrEnum):
    """What came of a file."""

    SIGNED = "signed"
    REFUSED = "refused"
    WRONG = "wrong"
    """A judge has something against the output, or it was refused after it had been accepted."""
    CRASHED = "crashed"
    """Something was raised that is no refusal, or the process died."""
    SLOW = "slow"
    """A budget of time was used up."""
    UNJUDGED = "not judged"
    """A judge failed or died of it. Nothing is said against us."""


@dataclass(frozen=True)
class Result:
    name: str
    about: str
    """How the file was made."""
    verdict: Verdict
    reason: str = ""
    """Of a refusal."""
    problems: tuple[str, ...] = ()
    seconds: float = 0
    """Of our own processor time."""
    reading: float = 0
    opens_everywhere: bool | None = None
    """poppler and MuPDF show the original without a word; None where they were not asked."""

    def as_line(self) -> dict[str, object]:
        return {
            "name": self.name,
            "about": self.about,
            "verdict": self.verdict.value,
            "reason": self.reason,
            "problems": list(self.problems),
            "seconds": round(self.seconds, 3),
            "reading": round(self.reading, 3),
            "opens_everywhere": self.opens_everywhere,
        }


@dataclass(frozen=True)
class Task:
    name: str
    about: str
    file: Path
    output: Path
    sampled: bool
    """poppler and MuPDF are asked, too: they take much longer."""


@dataclass
class _Signing:
    """What has come of a file so far."""

    refused: str = ""
    problems: list[str] = field(default_factory=list)
    seconds: float = 0
    reading: float = 0
    signed: bool = False


def judged(task: Task, judges: Judges, phase: Callable[[str], None]) -> Result:
    """`phase` is told what begins: when the process dies, it is known of what."""
    sampled = pages.READERS_APART if task.sampled else {}
    signing = _Signing()
    begun = time.process_time()
    try:
        _sign(task, signing, phase)
    except Exception:  # noqa: BLE001 - this is what is looked for
        return Result(task.name, task.about, Verdict.CRASHED, problems=(traceback.format_exc(limit=-4),))
    signing.seconds = time.process_time() - begun
    phase("judging")
    allow(JUDGING)
    before = {name: show(task.file, most=_MOST_PAGES, dpi=_DPI) for name, show in sampled.items()}
    clean = all(shown.pages and not shown.complaint for shown in before.values()) if before else None
    found = list(signing.problems)
    try:
        found += _problems(task, judges, before) if signing.signed else ()
    except Exception:  # noqa: BLE001 - a stranger's reader on a stranger's file
        said = traceback.format_exc(limit=-2)
        return Result(task.name, task.about, Verdict.UNJUDGED, problems=(*found, said), seconds=signing.seconds)
    verdict = Verdict.WRONG if found else Verdict.REFUSED if signing.refused else Verdict.SIGNED
    slow = list(_slow(task.file, signing))
    if slow and not found:
        verdict = Verdict.SLOW
    return Result(
        task.name,
        task.about,
        verdict,
        signing.refused,
        (*found, *slow),
        signing.seconds,
        signing.reading,
        clean,
    )


def _sign(task: Task, signing: _Signing, phase: Callable[[str], None]) -> None:
    """As the service does it: read at upload, in a process with a clock; everything later from what was stored."""
    phase("reading")
    allow(READING + 1 + task.file.stat().st_size // _READ_IN_A_SECOND)
    begun = time.process_time()
    try:
        inspection = catalogue.inspect(task.file, SignatureType.PDF, NO_OPTIONS, None)
        signing.reading = time.process_time() - begun
        phase("comparing")
        allow(WHOLE)
        if inspection.reading is None:
            signing.problems.append("nothing was stored at the upload")
            return
        catalogue.compare_pages(task.file, inspection.reading, inspection.pages)
    except Refused as refusal:
        signing.reading = signing.reading or time.process_time() - begun
        signing.refused = _told(refusal)
        return
    phase("signing")
    try:
        prepared = catalogue.prepare(
            None,
            PdfOptions(),
            trusted(SIGNER),
            algorithm=DigestAlgorithm.SHA256,
            now=NOW,
            data=None,
            reading=inspection.reading,
        )
        checked = value(prepared, SIGNER)
        catalogue.sign(task.file, prepared, checked, task.output, content=None, reading=inspection.reading)
    except SignroomError as refusal:
        signing.problems.append(f"refused after it was accepted: {_told(refusal)}")
        return
    signing.signed = True


def _told(refusal: SignroomError) -> str:
    """Code, detail, and what lies beneath it: a library's error may hide a fault of ours."""
    beneath = refusal.__cause__
    return f"{refusal.code}: {refusal.detail or ''}" + (f" <- {type(beneath).__name__}: {beneath}" if beneath else "")


def _slow(file: Path, signing: _Signing) -> Iterator[str]:
    if signing.reading > READING + file.stat().st_size / _READ_IN_A_SECOND:
        yield f"reading took {signing.reading:.1f} s"
    if signing.seconds > WHOLE:
        yield f"everything took {signing.seconds:.1f} s"


def _problems(task: Task, judges: Judges, before: dict[str, pages.Shown]) -> Iterator[str]:
    yield from whole_prefix(task.file, task.output)
    spot = spot_of(task.file, task.output)
    pages.pdfium(task.file, most=_MOST_PAGES, dpi=_DPI)  # the first time it draws replaced fonts otherwise
    old = pages.pdfium(task.file, most=_MOST_PAGES, dpi=_DPI, without=spot)
    new = pages.pdfium(task.output, most=_MOST_PAGES, dpi=_DPI, without=spot)
    if old.complaint:  # it stopped at a page that it could not load
        new = replace(new, pages=new.pages[: len(old.pages)])
    for difference in pages.differences(old, new, spot):
        yield f"PDFium: {difference}"
    # Of what a hybrid file hides in its stream, other readers show a part, or nothing. Signed, they all show it.
    content = task.file.read_bytes()
    hybrid = b"XRefStm" in content
    kept = objects_kept(task.file, task.output)
    yield from (problem for problem in kept if not (hybrid and _REVEALED.search(problem)))
    # Many of these files are so damaged that nobody can read them: then nobody is asked.
    ignored = re.compile(NOBODY_READS + (f"|{_UNREADABLE}" if _COMMENTED.search(content) else ""))
    yield from (problem for problem in verdicts(task.file, task.output, judges) if not ignored.match(problem))
    for name, seen in before.items():
        show = pages.READERS_APART[name]
        shown = seen if spot is None else show(task.file, most=_MOST_PAGES, dpi=_DPI, without=spot)
        new = show(task.output, most=_MOST_PAGES, dpi=_DPI, without=spot)
        # A page that could not be shown may be shown afterwards: /Annots that was a number has become an array.
        if not hybrid and not _NOT_SHOWN.search(shown.complaint):
            yield from (f"{name}: {difference}" for difference in pages.differences(shown, new, spot))


def allow(seconds: int) -> None:
    """From now on this process may use so many more seconds of processor time; then it dies."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(used.ru_utime + used.ru_stime) + seconds, hard))
