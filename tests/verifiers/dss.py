"""A second opinion on signed files, from the European Commission's DSS library (PDFBox and Bouncy Castle inside).

It shares no code with pyHanko, poppler, qpdf or OpenSSL. It is a small Java program (`dss/`), which Maven builds once
into a cache; one process then judges many files. It fetches nothing while it judges.

A run of several workers has one process for all of them: to start one takes two seconds of the processor.

A request is a line: the paths of the file and of the trust anchor, with a tab between. ``at=2035-01-01T00:00:00Z``
judges as on that day, ``revocation`` asks for revocation data, and another path is the content of a detached signature.
An answer is a line of JSON:

=============================== =======================================================================
of a signature                  meaning
=============================== =======================================================================
indication, subIndication       EN 319 102-1: TOTAL_PASSED, INDETERMINATE, TOTAL_FAILED
signatureIntact, dataIntact     the cryptography alone
coversWholeFile                 the byte range ends where the file ends
undefinedChanges                what came after this signature and is none of a signature's business
=============================== =======================================================================

Where DSS is the one that is wrong (seen with 6.4): SHA-3 with RSA and SHAKE-256 fail as SIG_CRYPTO_FAILURE.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from tests.harness.tools import not_run, require_tools

_SOURCE = Path(__file__).with_name("dss")
_JAVA = ("-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djudge.seconds=60")
_MINUTES_TO_BUILD = 10


@dataclass(frozen=True)
class _Line:
    """To a process that judges, and back. Of those who hold it, by threads or by forks, one asks at a time."""

    questions: IO[str]
    answers: IO[str]
    pid: int
    thread: threading.Lock = field(default_factory=threading.Lock)
    process: Path | None = None
    """A file to lock, where other processes may ask, too."""

    def ask(self, question: str, path: str) -> dict[str, Any]:
        """The answer about `path`. One that nobody has fetched, since its asker has been killed, is left out."""
        with self.thread, self._alone():
            self.questions.write(f"\n{question}\n")
            self.questions.flush()
            while line := self.answers.readline():
                answer: dict[str, Any] = json.loads(line)
                if answer["path"] == path:
                    return answer
        raise RuntimeError("The DSS judge ended without an answer.")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if self.process is None:
            yield
            return
        with self.process.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


class Dss:
    """A warm process that judges. It may be asked from several threads: one question is asked at a time."""

    def __init__(self, line: _Line, anchor: Path) -> None:
        self._line = line
        self._anchor = anchor

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._line.pid

    def judge(
        self,
        file: Path,
        *,
        anchor: Path | None = None,
        at: datetime | None = None,
        revocation: bool = False,
        content: Path | None = None,
    ) -> dict[str, Any]:
        """The answer as it came: `validator`, `signatures`, `timestamps`, or `exception`.

        `anchor` instead of that of the process. `at`: as on that day. With `revocation` what does not have its
        revocation data fails, as DSS has it by itself. `content` is that of a detached signature.
        """
        words = [str(file), str(anchor or self._anchor)]
        words += [f"at={at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"] if at is not None else []
        words += ["revocation"] if revocation else []
        words += [str(content)] if content is not None else []
        return self._line.ask("\t".join(words), str(file))

    def problems(self, original: Path, output: Path) -> list[str]:
        """What DSS says against the signature that covers the whole of `output`; nothing when it cannot read either."""
        answer = self.judge(output)
        if "exception" in answer:
            return [] if "exception" in self.judge(original) else [f"DSS: {answer['exception']}"]
        ours = [signature for signature in answer["signatures"] if signature.get("coversWholeFile")]
        if not ours:
            return ["DSS: no signature covers the whole file"]
        found = []
        for signature in ours:
            if signature["indication"] != "TOTAL_PASSED":
                found.append(f"DSS: {signature['indication']} {signature['subIndication']}: {signature['errors']}")
            # Where /Kids names no object, DSS takes the whole array for a new one; a page that is added has a number.
            changes = [change for change in signature.get("undefinedChanges", ()) if not change.endswith("/Kids")]
            if changes:
                found.append(f"DSS: undefined changes {changes}")
        return found


@contextmanager
def running_dss(anchor: Path) -> Iterator[Dss]:
    """A judge that trusts `anchor` (a certificate in DER or PEM whose name ends in ``.crt``).

    Where Java or Maven is missing, the calling test is reported as not run.
    """
    require_tools("java")
    folder = built()
    if _shared is not None:
        yield Dss(_shared, anchor)
        return
    with subprocess.Popen(
        _command(folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        bufsize=1,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Dss(_Line(process.stdin, process.stdout, process.pid), anchor)
        finally:
            process.stdin.close()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()


def _command(folder: Path) -> list[str]:
    return ["java", *_JAVA, "-cp", f"{folder / 'dss-judge-1.jar'}{os.pathsep}{folder / 'lib' / '*'}", "Judge"]


_shared: _Line | None = None
_STARTED_BY_A_LINE = 'read -r line && exec "$@"'
"""What comes first is a line without a word, which is no request."""


def share() -> subprocess.Popen[str]:
    """Let this process and all that are forked from it ask the same one, which the first request starts.

    It ends when all of them have ended.
    """
    global _shared  # noqa: PLW0603  (for the whole run)
    process = subprocess.Popen(
        ["sh", "-c", _STARTED_BY_A_LINE, "sh", *_command(_folder())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
    )
    assert process.stdin is not None
    assert process.stdout is not None
    _shared = _Line(process.stdin, process.stdout, process.pid, process=_SOURCE / "pom.xml")
    return process


def _folder(source: Path = _SOURCE) -> Path:
    sources = sorted(path for path in source.rglob("*") if path.is_file())
    key = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "signroom-judges" / f"dss-{key}"


def built(source: Path = _SOURCE) -> Path:
    """The folder of the built judge. The first caller builds it; callers in other processes wait until it is there.

    `source`: of another small program with DSS in it, whose `pom.xml` says the same.
    """
    folder = _folder(source)
    mark = folder / "built"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not mark.exists():
            _build(folder, source)
            mark.touch()
    return folder


def _build(folder: Path, source: Path) -> None:
    """Raises nothing: what cannot be built is reported as tests that were not run."""
    require_tools("javac", "mvn")
    shutil.rmtree(folder, ignore_errors=True)
    command = ["mvn", "--quiet", "--batch-mode", "--file", str(source / "pom.xml"), f"-Djudge.build={folder}"]
    try:
        done = subprocess.run(
            [*command, "package"], capture_output=True, text=True, check=False, timeout=_MINUTES_TO_BUILD * 60
        )
    except subprocess.TimeoutExpired:
        not_run("the DSS judge could not be built: Maven took too long")
    if done.returncode != 0:
        not_run(f"the DSS judge could not be built: {(done.stdout + done.stderr)[-300:]}")
