"""Many files in a few processes: each has limits, and one that dies is a finding and is replaced."""

from __future__ import annotations

import logging
import multiprocessing
import resource
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from typing import Any

from tests.formats.conftest import trusted
from tests.fuzz.grammar import generated
from tests.fuzz.judge import SIGNER, Result, Task, Verdict, judged
from tests.fuzz.mutations import mutated
from tests.fuzz.originals import originals
from tests.verifiers.signed_pdf import Judges

MEMORY = 1536 << 20
"""Address space of a child: that of a worker of the sandbox."""
_WALL = 180
"""Seconds on the clock for one file, on a machine that may be busy."""
_AT_ONCE = 200
"""Files of one child: then it is replaced, whatever memory a library has kept."""
_SAMPLED = 10
"""One of so many is shown to poppler and MuPDF, too."""


def make(name: str, seed: int) -> tuple[bytes, str]:
    """The file with this name, and how it was made: ``m1234`` is mutated, ``g1234`` is generated."""
    dice = Random(f"{seed}:{name}")
    if name.startswith("g"):
        return generated(dice)
    files = originals()
    first, second = dice.choice(list(files)), dice.choice(list(files))
    content, how = mutated(dice, files[first], files[second])
    return content, f"{first}: {how}"


def is_sampled(name: str) -> bool:
    return int(name[1:]) % _SAMPLED == 0


def results(
    names: Sequence[str], seed: int, folder: Path, judges: Judges, *, jobs: int = 1, sampled: bool | None = None
) -> Iterator[Result]:
    """One result for each file, as they come. `sampled`: all or none of them are shown to the slow readers."""
    originals()  # made once: the children inherit them, and the keys
    trusted(SIGNER)
    context = multiprocessing.get_context("fork")
    waiting = [list(names[at : at + _AT_ONCE]) for at in range(0, len(names), _AT_ONCE)][::-1]
    running: dict[Any, _Child] = {}
    count = 0
    while waiting or running:
        while waiting and len(running) < jobs:
            batch, count = waiting.pop(), count + 1
            receiver, sender = context.Pipe(duplex=False)
            own = folder / f"child-{count}"
            own.mkdir()
            process = context.Process(
                target=_work,
                args=(batch, seed, own, judges, sampled, receiver, sender),
                daemon=True,
                name=f"fuzz-{count}",
            )
            process.start()
            sender.close()
            running[receiver] = _Child(process, receiver, batch)
        for ready in wait(list(running), timeout=1):
            child = running[ready]
            try:
                said = child.connection.recv()
            except EOFError:
                del running[ready]
                child.process.join()
                child.connection.close()
                if child.left:
                    yield child.dead()
                    waiting.append(child.left[1:])
                continue
            child.since = time.monotonic()
            if isinstance(said, Result):
                child.left.pop(0)
                yield said
            else:
                child.about, child.phase = said
        for child in running.values():
            if time.monotonic() - child.since > _WALL:
                child.hung = True
                child.process.kill()
        waiting = [batch for batch in waiting if batch]


@dataclass
class _Child:
    process: BaseProcess
    connection: Connection
    left: list[str]
    """The first is the one that it works on."""
    about: str = ""
    phase: str = ""
    since: float = field(default_factory=time.monotonic)
    hung: bool = False

    def dead(self) -> Result:
        """What its death says about the file that it worked on."""
        code = self.process.exitcode or 0
        late = self.hung or code == -signal.SIGXCPU
        how = "it hung" if self.hung else f"exit code {code}"
        if self.phase in {"judging", "comparing"} and (late or self.phase == "judging"):
            # Of `comparing` the service says nothing either: the objects are compared again when it is signed.
            verdict = Verdict.UNJUDGED
        else:
            verdict = Verdict.SLOW if late else Verdict.CRASHED
        return Result(self.left[0], self.about, verdict, problems=(f"died while {self.phase}: {how}",))


def _work(
    names: Sequence[str],
    seed: int,
    folder: Path,
    judges: Judges,
    sampled: bool | None,
    receiver: Connection,
    sender: Connection,
) -> None:
    """In a child process."""
    receiver.close()  # so that it ends when the parent does
    logging.disable(logging.CRITICAL)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    # Beside what it has from its parent, which may be a pytest that has run thousands of tests.
    inherited = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (inherited + MEMORY, hard))
    with suppress(BrokenPipeError):
        for name in names:
            content, about = make(name, seed)
            sender.send((about, "making"))
            file, output = folder / f"{name}.pdf", folder / f"{name}-signed.pdf"
            file.write_bytes(content)
            ask = is_sampled(name) if sampled is None else sampled
            task = Task(name, about, file, output, ask)
            result = judged(task, judges, lambda phase, about=about: sender.send((about, phase)))  # type: ignore[misc]
            if result.verdict in {Verdict.SIGNED, Verdict.REFUSED}:
                file.unlink()
                output.unlink(missing_ok=True)
            sender.send(result)
    sender.close()
