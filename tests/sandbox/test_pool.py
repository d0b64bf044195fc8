"""The pool: limited processes that fail alone."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from signroom.domain.errors import (
    CmsTooComplex,
    EmptyFile,
    InvalidPdf,
    PdfTooComplex,
    ProcessingUnavailable,
    StorageUnavailable,
    XmlTooComplex,
)
from signroom.domain.signature import INVISIBLE, NO_OPTIONS, CheckedValue, DigestAlgorithm, Indication, SignatureType
from signroom.formats import catalogue
from signroom.ports.files import ToInspect, ToPrepare, ToSign
from signroom.sandbox.pool import _ComputedTooLong
from signroom.sandbox.processes import Deadline
from signroom.sandbox.queue import Kind
from tests.formats.conftest import NOW, trusted
from tests.harness.garbage import living, without_search
from tests.harness.server import ROOT, signature
from tests.harness.waiting import SECONDS, eventually
from tests.pki import authority
from tests.sandbox.calls import WaitingPool, end_worker, is_logged, need_much, resident, use_megabytes
from tests.vectors import hard_pdfs
from tests.vectors import pdf as vectors

Written = Callable[[str], Path]


@pytest.fixture(scope="module")
def pool() -> Iterator[WaitingPool]:
    pool = WaitingPool(workers=2)
    yield pool
    pool.close()


def test_a_signature_made_by_the_pool_is_verified_by_it(pool: WaitingPool, written: Written) -> None:
    file = written("ten-pages")
    layout = pool.prepare(file, INVISIBLE, trusted("p256"), algorithm=DigestAlgorithm.SHA256, now=NOW)
    raw = signature(authority.leaf("p256").signing_key, layout.to_sign)
    output = file.with_name("signed.pdf")

    (checked,) = pool.check_values([layout.claimed(raw)])
    signed = pool.sign(file, layout, checked, output)

    assert signed.stored.length == output.stat().st_size
    assert signed.verdict.intact


class Turns:
    """How often `work` gives the event loop a turn."""

    def __init__(self, work: Coroutine[Any, Any, Any]) -> None:
        self.work, self.count = work, 0

    def __await__(self) -> Generator[Any, None, Any]:
        awaited = self.work.__await__()
        while True:
            try:
                future = next(awaited)
            except StopIteration as ended:
                return ended.value
            self.count += 1
            yield future


def test_a_call_that_finds_a_process_free_waits_once(pool: WaitingPool) -> None:
    """For its result. That it was begun is known before."""

    async def call() -> tuple[int, int]:
        turns = Turns(pool.formats.run(Kind.SIGNING, Deadline(60, 60), len, "three"))
        return await turns, turns.count

    assert asyncio.run(call()) == (5, 1)


def test_documents_that_go_together_fail_alone(
    pool: WaitingPool, written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, broken = written("ten-pages"), tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7 and nothing else")
    terms: dict[str, Any] = {"algorithm": DigestAlgorithm.SHA256, "now": NOW}
    documents = [ToPrepare(one, INVISIBLE) for one in (file, broken)]

    layout, nothing = pool.prepare_all(documents, trusted("p256"), **terms)
    assert nothing is None
    (checked,) = pool.check_values([layout.claimed(signature(authority.leaf("p256").signing_key, layout.to_sign))])
    to_sign = [ToSign(one, layout, checked, tmp_path / f"signed-{one.name}") for one in (broken, file)]
    nothing, signed = pool.sign_all(to_sign)
    assert nothing is None
    assert signed == pool.sign(file, layout, checked, tmp_path / "alone.pdf")

    # Nobody knows whose fault it was.
    monkeypatch.setattr(catalogue, "sign_all", end_worker)
    monkeypatch.setattr(catalogue, "prepare_all", end_worker)
    assert pool.sign_all(to_sign) == (None, None)
    assert pool.prepare_all(documents, trusted("p256"), **terms) == (None, None)


def written_ambiguous(folder: Path) -> Path:
    """A file that can be read, and whose second page looks different once something is appended."""
    file = folder / "ambiguous.pdf"
    file.write_bytes(vectors.CASES["size-one-hybrid"].make())
    return file


def test_files_that_are_looked_at_together_fail_alone(
    pool: WaitingPool, written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, broken, ambiguous = written("ten-pages"), tmp_path / "broken.pdf", written_ambiguous(tmp_path)
    broken.write_bytes(b"%PDF-1.7 and nothing else")
    documents = [ToInspect(one) for one in (broken, file, ambiguous)]

    found = pool.inspect_all(documents)
    assert found == (None, pool.inspect(file), None), "what cannot be compared is asked alone"
    for refused in (broken, ambiguous):
        with pytest.raises(InvalidPdf):
            pool.inspect(refused)

    # Nobody knows whose fault it was.
    monkeypatch.setattr(catalogue, "inspect_all", end_worker)
    assert pool.inspect_all(documents) == (None,) * 3


def test_files_that_take_long_together_are_left_for_their_own_look(written: Written) -> None:
    """They are honest files, and their worker is not killed for them: others may wait for it."""
    file = written("ten-pages")

    first, *others = catalogue.inspect_all([ToInspect(file)] * 3, seconds=0.0)

    assert first == catalogue.inspect(file, None, NO_OPTIONS, None)
    assert others == [None, None]


def test_a_file_that_ends_its_worker_is_looked_at_step_by_step(
    pool: WaitingPool, written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that takes too much to draw is no reason to refuse; one that is drawn must look the same."""
    file = written("plain")
    found = pool.inspect(file)

    monkeypatch.setattr(catalogue, "inspect_and_compare", end_worker)
    with pytest.raises(InvalidPdf):
        pool.inspect(written_ambiguous(tmp_path))
    monkeypatch.setattr(catalogue, "compare_pages", end_worker)
    assert pool.inspect(file) == found


def test_a_task_that_spends_too_much_of_the_processor_is_ended_and_the_next_one_is_not(pool: WaitingPool) -> None:
    with pytest.raises(_ComputedTooLong):
        pool.run(60, exec, "while True: pass", processor=1)
    assert pool.run(60, len, "three", processor=1) == 5


def test_refusals_cross_the_process_border_as_they_are(pool: WaitingPool, written: Written) -> None:
    with pytest.raises(EmptyFile):
        pool.inspect(written("empty"))


def test_a_refusal_goes_with_its_answer(pool: WaitingPool, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7\nnothing")

    async def refused() -> int:
        count = 0
        for _ in range(10):
            with suppress(InvalidPdf):
                await pool.formats.inspect(broken)
                count -= 1
            count += 1
        return count

    with without_search():
        before = living(InvalidPdf)
        assert asyncio.run(refused()) == 10
        # The threads of the pool's library have the last ones in hand until they have something else to do.
        eventually(lambda: living(InvalidPdf) <= before + 3)


def busy(begun: Path, seconds: int) -> str:
    """Code for a task that takes so long; the file `begun` says that it runs."""
    return f"import pathlib, time; pathlib.Path({str(begun)!r}).touch(); time.sleep({seconds})"


def test_a_bomb_costs_its_own_file_only(pool: WaitingPool, written: Written) -> None:
    bomb, plain = written("objstm-bomb"), written("plain")
    with ThreadPoolExecutor(6) as threads:
        bombs = [threads.submit(pool.inspect, bomb) for _ in range(2)]
        good = [threads.submit(pool.inspect, plain) for _ in range(4)]

        assert [g.result().pages for g in good] == [1] * 4
        for refused in bombs:
            with pytest.raises(InvalidPdf):
                refused.result()


def test_a_killed_worker_fails_its_own_task_and_is_replaced(written: Written, tmp_path: Path) -> None:
    pool = WaitingPool(workers=1)
    try:
        pid = pool.run(30, os.getpid)
        with ThreadPoolExecutor(1) as thread:
            running = thread.submit(pool.run, 30, exec, busy(tmp_path / "begun", 20))
            eventually((tmp_path / "begun").exists)
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(ProcessingUnavailable):
                running.result()
        assert pool.inspect(written("plain")).pages == 1
        assert pool.run(30, os.getpid) != pid
    finally:
        pool.close()


def test_a_task_that_takes_too_long_is_ended() -> None:
    pool = WaitingPool(workers=1)
    try:
        pool.run(30, os.getpid)
        with pytest.raises(ProcessingUnavailable):
            pool.run(0.5, time.sleep, 30)
    finally:
        pool.close()


def test_reading_that_ends_its_worker_again_and_again_is_the_files_fault() -> None:
    """Pre-flight and `prepare` alike: such a file must not keep the others of its session from being signed."""
    pool = WaitingPool(workers=1)
    try:
        with pytest.raises(PdfTooComplex):
            pool.read(30, os._exit, 1)
        with pytest.raises(PdfTooComplex):
            pool.read(0.5, time.sleep, 30)
        assert pool.read(30, os.getpid) > 0
    finally:
        pool.close()


def test_a_file_that_takes_too_much_is_refused_by_what_it_is() -> None:
    """Also when memory was not enough: nobody ended that worker, and a second try would cost as much."""
    pool = WaitingPool(workers=1)
    kinds = {SignatureType.PDF: PdfTooComplex, SignatureType.CMS: CmsTooComplex, SignatureType.XML: XmlTooComplex}
    try:
        for of, refusal in kinds.items():
            with pytest.raises(refusal):
                pool.read(30, exec, "while True: pass", of=of, processor=0.2)
        with pytest.raises(CmsTooComplex):
            pool.read(30, bytes, 2 << 30, of=SignatureType.CMS)
    finally:
        pool.close()


def test_a_worker_has_a_limit_of_memory(pool: WaitingPool) -> None:
    with pytest.raises((MemoryError, ProcessingUnavailable)):
        pool.run(30, bytes, 2 << 30)


def test_an_idle_worker_that_is_killed_is_replaced(written: Written) -> None:
    """Whoever comes next waits until another one is ready, and hears nothing of it."""
    pool = WaitingPool(workers=2)
    file = written("plain")
    try:
        for _ in range(2):
            os.kill(pool.run(30, os.getpid), signal.SIGKILL)
            time.sleep(0.5)
            assert pool.inspect(file).pages == 1
    finally:
        pool.close()


def test_closing_the_pool_tells_everybody_who_waits(tmp_path: Path) -> None:
    pool = WaitingPool(workers=1)
    pool.run(30, os.getpid)
    with ThreadPoolExecutor(3) as threads:
        task = busy(tmp_path / "begun", 50)
        waiting = [threads.submit(pool.run, 60, exec, task) for _ in range(3)]
        eventually((tmp_path / "begun").exists)
        start = time.monotonic()
        pool.close()
        for call in waiting:
            with pytest.raises(ProcessingUnavailable):
                call.result(timeout=SECONDS)
    assert time.monotonic() - start < 30, "each task would have taken fifty"
    with pytest.raises(ProcessingUnavailable):
        pool.run(30, os.getpid)


def test_a_pool_that_was_never_used_can_be_closed() -> None:
    WaitingPool(workers=2).close()


def test_warming_up_does_not_wait(written: Written) -> None:
    pool = WaitingPool(workers=1)
    try:
        start = time.monotonic()
        pool.warm_up()
        returned = time.monotonic()
        assert pool.inspect(written("plain")).pages == 1
        assert returned - start < time.monotonic() - returned, "it is the first task that waits for the worker"
    finally:
        pool.close()


def test_an_error_of_the_disk_is_an_outage_and_not_a_refusal(pool: WaitingPool, tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable):
        pool.inspect(tmp_path / "gone.pdf")


def test_workers_do_not_load_the_service_and_ignore_the_keyboard(tmp_path: Path) -> None:
    """Spawned workers import the parent's main module again: it must be light (``signroom/__main__.py``)."""
    code = (
        "import os, sys\n"
        "sys.argv = ['signroom']\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from tests.sandbox.calls import WaitingPool\n"
        "pool = WaitingPool(workers=1)\n"
        "loaded = pool.run(30, eval, '[*__import__(\"sys\").modules]')\n"
        "print(' '.join(sorted(loaded)), flush=True)\n"
        "print(pool.run(30, eval, '__import__(\"signal\").getsignal(2).name'))\n"
        "pool.close()\n"
    )
    script = tmp_path / "run.py"
    # As `python -m signroom` does it: the main module is the real one.
    script.write_text(
        "import runpy, signroom.cli.commands as c\n"
        f"c.run = lambda arguments: exec({code!r}, {{}})\n"
        "runpy.run_module('signroom', run_name='__main__', alter_sys=True)\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], check=True, cwd=ROOT, capture_output=True, text=True, timeout=60
    )

    modules, keyboard = done.stdout.splitlines()
    loaded = set(modules.split())
    assert "pikepdf" in loaded, "the libraries are loaded before the first task"
    assert not loaded & {"litestar", "sqlalchemy", "dbos", "uvicorn", "structlog", "signroom.wiring"}, done.stderr
    assert keyboard == "SIG_IGN"


def test_a_hundred_values_are_checked_in_a_moment(pool: WaitingPool, written: Written) -> None:
    layout = pool.prepare(written("plain"), INVISIBLE, trusted("rsa4096"), algorithm=DigestAlgorithm.SHA256, now=NOW)
    value = signature(authority.leaf("rsa4096").signing_key, layout.to_sign)
    start = time.monotonic()

    assert pool.check_values([layout.claimed(value)] * 100) == (CheckedValue(value),) * 100

    assert time.monotonic() - start < 20


def test_workers_end_when_their_parent_is_killed() -> None:
    code = (
        "import os, time\n"
        "from tests.sandbox.calls import WaitingPool\n"
        "if __name__ == '__main__':\n"
        "    pool = WaitingPool(workers=1)\n"
        "    print(pool.run(30, os.getpid), flush=True)\n"
        "    time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        worker = int(parent.stdout.readline())
    parent.kill()
    parent.wait()

    eventually(lambda: not _alive(worker))


def test_workers_seldom_look_for_garbage(pool: WaitingPool) -> None:
    """A file with 200,000 objects cost twice as much."""
    assert pool.run(30, gc.get_threshold)[0] >= 10_000
    assert pool.run(30, gc.get_freeze_count) > 10_000


def test_what_a_library_thinks_of_a_file_is_not_logged(pool: WaitingPool) -> None:
    """Metadata that are no XMP were told with a traceback."""
    assert not pool.run(30, is_logged, "pikepdf")


def test_a_worker_gives_back_what_a_task_has_needed(pool: WaitingPool) -> None:
    """It kept ninety megabytes after a large file, and the next one needed more."""
    before = pool.run(30, resident)

    pool.run(30, need_much)

    assert pool.run(30, resident) < before + (48 << 20)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="another C library has rules of its own")
def test_memory_that_a_task_has_used_is_used_again(pool: WaitingPool) -> None:
    """Each picture of a page took new memory, which the system had to empty: that took longer than to draw it."""
    used = [pool.run(30, use_megabytes, 3) for _ in range(6)]

    assert min(used) < (1 << 20) // resource.getpagesize(), "pages that the system had to give"


@pytest.mark.slow
def test_large_files_pass_one_after_the_other_in_less_than_190_mb_of_memory(tmp_path: Path) -> None:
    """Every file of the table, in one process: what one has left behind counts for the next one."""
    pool = WaitingPool(workers=1)
    makers: dict[str, Callable[[Path], object]] = {
        "plain": lambda file: file.write_bytes(hard_pdfs.many_objects(200_000)),
        "packed": lambda file: file.write_bytes(hard_pdfs.many_objects_packed(200_000)),
        "100 MB": lambda file: hard_pdfs.write_large(file, 100 << 20),
    }
    peaks: dict[str, int] = {}
    try:
        pid = pool.run(30, os.getpid)
        for name, make in makers.items():
            file, output = tmp_path / name, tmp_path / "signed.pdf"
            make(file)
            _forget_peak(pid)
            found = pool.inspect(file)
            assert found.signatures == 0
            peaks[f"{name}, read"] = _peak(pid)
            _forget_peak(pid)
            layout = pool.prepare(
                file, INVISIBLE, trusted("p256"), algorithm=DigestAlgorithm.SHA256, now=NOW, reading=found.reading
            )
            raw = signature(authority.leaf("p256").signing_key, layout.to_sign)
            (checked,) = pool.check_values([layout.claimed(raw)])
            pool.sign(file, layout, checked, output, reading=found.reading)
            peaks[f"{name}, signed"] = _peak(pid)
            verdict = pool.run(60, catalogue.verify, output, SignatureType.PDF, None)
            assert [s.indication for s in verdict.signatures] == [Indication.TOTAL_PASSED]
        for name in ("packed", "plain"):
            _forget_peak(pid)
            assert pool.inspect(tmp_path / name).pages == 1
            peaks[f"{name}, again"] = _peak(pid)
        assert pool.run(30, os.getpid) == pid, "no other process took its place"
    finally:
        pool.close()
    assert max(peaks.values()) < 190 * 1024, f"{peaks} KB"


def _forget_peak(pid: int) -> None:
    """What the process has needed before does not count for what `_peak` says next (Linux, proc(5))."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _peak(pid: int) -> int:
    """The most memory of the process, in KB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))


def _alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the second where it ends while it is read
        return False
