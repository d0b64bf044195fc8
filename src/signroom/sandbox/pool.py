"""The ``Formats`` port on a pool of spawned, limited processes.

Parsing hostile files and hashing large ones must neither stop the event loop nor take the service down. pebble
ends the one worker whose task takes too long or dies, and only that task fails; the standard library's pool would
be broken as a whole (``docs/decisions/0006-pebble-pool.md``).
"""

from __future__ import annotations

import importlib
import logging
import multiprocessing
import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar

from pebble import ProcessExpired, ProcessPool

from signroom.domain.branding import Logo
from signroom.domain.errors import (
    BadLogo,
    CmsTooComplex,
    DocumentRejected,
    PdfTooComplex,
    PreviewNotAvailable,
    ProcessingUnavailable,
    SignatureRejected,
    StorageUnavailable,
    XmlTooComplex,
)
from signroom.domain.examination import Examination
from signroom.domain.signature import (
    NO_OPTIONS,
    CheckedValue,
    ClaimedValue,
    DigestAlgorithm,
    DigestValue,
    Inspection,
    OptionsByType,
    PdfReading,
    Prepared,
    SignatureType,
    SigningOptions,
    TrustedChain,
    XmlOptions,
)
from signroom.formats import catalogue
from signroom.ports.files import Signed
from signroom.ports.operations import Measured, Timed

P = ParamSpec("P")
R = TypeVar("R")

_MEMORY = 1536 << 20
"""Address space of a worker in bytes: 200,000 objects need some 250 MB, a bomb needs more than this."""
_SECONDS = 60
_SECONDS_LARGE = 300
"""For passes over the whole file."""
_SECONDS_PAGE = 15
"""For one page that somebody looks at: the workers are needed for signing."""
_CPU = 2.0
"""Seconds of processor time for looking at a file, beyond reading it once."""
_READ_IN_A_SECOND = {SignatureType.PDF: 50 << 20, SignatureType.CMS: 50 << 20, SignatureType.XML: 25 << 20}
"""Bytes that are read in a second of processor time: XML is parsed and written in its canonical form."""
_CPU_SIGNING = 10.0
"""Seconds of processor time for laying out, writing and judging a signature, beyond reading the file four times."""
_CPU_COMPARING = 2.0
"""Seconds of processor time for drawing the pages that a signature might change."""
_CPU_VALUES = 5.0
"""Seconds of processor time for checking the values of all documents of a session."""
_TASKS = 500
"""After so many a worker is replaced, whatever memory a library has kept."""
_LIBRARIES = (
    "signroom.formats.pdf.visible.appearance",
    "signroom.formats.pdf.format",
    "signroom.formats.pdf.preview",
)


class PooledFormats:
    """Each call runs in a worker and waits for it: call from threads."""

    def __init__(self, workers: int, timed: Timed = lambda kind, name, **about: nullcontext()) -> None:  # noqa: ARG005
        """`timed` is of a `Meter`: it times each task, its wait for a worker included."""
        self._workers, self._timed = workers, timed
        self._lock = threading.Lock()
        self._closed = False
        self._pool = self._new_pool()
        self._waiting: dict[Future[Any], ProcessPool] = {}

    def warm_up(self) -> None:
        """Start the workers, without waiting; each loads the libraries first."""
        with suppress(ProcessingUnavailable):
            self._schedule(_SECONDS, os.getpid)

    def close(self) -> None:
        """End the workers. Calls that are under way raise ProcessingUnavailable."""
        with self._lock:
            self._closed = True
            pool = self._pool
        self._end(pool)

    def inspect(
        self,
        file: Path,
        wanted: SignatureType | None = None,
        options: OptionsByType = NO_OPTIONS,
        data: Path | None = None,
    ) -> Inspection:
        inspection = self._inspected(file, wanted, options, data)
        if inspection.reading is not None:
            # A page that takes too much to draw is no reason to refuse: `catalogue.sign` compares the objects anyway.
            with suppress(_WorkerDied, _TookTooLong):
                self._run(_SECONDS, _Within(_CPU_COMPARING, catalogue.compare_pages), file, inspection.reading)
        return inspection

    def _inspected(
        self, file: Path, wanted: SignatureType | None, options: OptionsByType, data: Path | None
    ) -> Inspection:
        kind = wanted or _kind_of(file, catalogue.sniff)
        seconds = _CPU + _reading(kind, file, data)
        return self._read(kind, _SECONDS, _Within(seconds, catalogue.inspect), file, wanted, options, data)

    def prepare(
        self,
        file: Path | None,
        options: SigningOptions,
        trusted: TrustedChain,
        *,
        algorithm: DigestAlgorithm,
        now: datetime,
        data: Path | None = None,
        reading: PdfReading | None = None,
    ) -> Prepared:
        # A file that ends its worker each time must not keep the other documents of its session from being signed.
        kind = options.signature_type
        return self._read(
            kind,
            _SECONDS_LARGE,
            _Within(_CPU_SIGNING + 4 * _reading(kind, file, data), catalogue.prepare),
            file,
            options,
            trusted,
            algorithm=algorithm,
            now=now,
            data=data,
            reading=reading,
        )

    def canonical(self, file: Path, options: XmlOptions) -> bytes:
        within = _Within(_CPU + _reading(SignatureType.XML, file), catalogue.canonical)
        return self._read(SignatureType.XML, _SECONDS, within, file, options)

    def check_values(self, values: Sequence[ClaimedValue]) -> tuple[CheckedValue, ...]:
        from signroom.formats.values import check_values

        try:
            return self._run(_SECONDS, _Within(_CPU_VALUES, check_values), values)
        except _SpentTooMuch as error:
            raise SignatureRejected("Checking the values takes too much.") from error

    def sign(
        self,
        original: Path,
        prepared: Prepared,
        checked: CheckedValue,
        output: Path,
        *,
        content: Path | None = None,
        reading: PdfReading | None = None,
    ) -> Signed:
        kind = prepared.signature_type
        within = _Within(_CPU_SIGNING + 4 * _reading(kind, original, content), catalogue.sign)
        try:
            return self._run(
                _SECONDS_LARGE, within, original, prepared, checked, output, content=content, reading=reading
            )
        except _SpentTooMuch as error:
            raise _TOO_COMPLEX[kind] from error

    def examine(
        self,
        file: Path,
        data: Path | None = None,
        data_hashes: tuple[DigestValue, ...] = (),
        extract_to: Path | None = None,
    ) -> Examination:
        kind = _kind_of(file, catalogue.signed_kind)
        within = _Within(_CPU_SIGNING + 4 * _reading(kind, file, data), catalogue.examine)
        try:
            return self._run(_SECONDS_LARGE, within, file, data, data_hashes, extract_to)
        except (_WorkerDied, _TookTooLong) as error:
            raise _TOO_COMPLEX[kind] from error

    def read_logo(self, content: bytes) -> Logo:
        """The ``Pictures`` port."""
        from signroom.formats.logo import read_logo

        try:
            return self._run(_SECONDS, _Within(_CPU, read_logo), content)
        except (_WorkerDied, _TookTooLong) as error:
            raise BadLogo("It cannot be read.") from error

    def preview(self, file: Path, page: int, width: int) -> bytes:
        from signroom.formats.pdf.preview import render

        return self._show(render, file, page, width)

    def page_text(self, file: Path, page: int) -> str:
        from signroom.formats.pdf.preview import text

        return self._show(text, file, page)

    def _read(
        self, kind: SignatureType, seconds: float, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Raises: PdfTooComplex, CmsTooComplex, XmlTooComplex when the file takes more than a worker may use."""
        try:
            return self._run(seconds, function, *args, **kwargs)
        except _WorkerDied:
            # Somebody else may have ended it; once more, and it is the file.
            try:
                return self._run(seconds, function, *args, **kwargs)
            except _WorkerDied as error:
                raise _TOO_COMPLEX[kind] from error
        except _TookTooLong as error:
            raise _TOO_COMPLEX[kind] from error

    def _show(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return self._run(_SECONDS_PAGE, function, *args, **kwargs)
        except (_WorkerDied, _TookTooLong) as error:
            raise PreviewNotAvailable("Drawing it takes too much.") from error

    def tasks(self) -> Iterable[Measured]:
        """How much there is to do: numbers for a `Meter`."""
        with self._lock:
            open_tasks = len(self._waiting)
        busy = min(open_tasks, self._workers)
        yield Measured("pool_workers", self._workers)
        yield Measured("pool_tasks", busy, (("state", "running"),))
        yield Measured("pool_tasks", open_tasks - busy, (("state", "waiting"),))

    def _run(self, seconds: float, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        with self._timed("format", function.__name__):
            return self._wait(seconds, function, *args, **kwargs)

    def _wait(self, seconds: float, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        future, pool = self._schedule(seconds, function, *args, **kwargs)
        try:
            result: R = future.result()
        except BrokenProcessPool as error:
            self._replace(pool)
            raise _WorkerDied from error
        except ProcessExpired as error:
            if error.exitcode == -signal.SIGPROF:
                raise _SpentTooMuch from error
            raise _WorkerDied from error
        except MemoryError as error:  # nobody ended the worker: a second try would cost the same again
            raise _SpentTooMuch from error
        except TimeoutError as error:
            raise _TookTooLong from error
        except CancelledError as error:
            raise ProcessingUnavailable from error
        except OSError as error:
            raise StorageUnavailable from error
        finally:
            with self._lock:
                self._waiting.pop(future, None)
        return result

    def _schedule(
        self, seconds: float, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> tuple[Future[R], ProcessPool]:
        with self._lock:
            if self._closed:
                raise ProcessingUnavailable
            if not self._pool.active:
                # It broke: an idle worker was killed, or no process could be started.
                self._renew()
            try:
                future: Future[R] = self._pool.schedule(function, args=args, kwargs=kwargs, timeout=seconds)
            except RuntimeError as error:
                raise ProcessingUnavailable from error
            self._waiting[future] = self._pool
            return future, self._pool

    def _replace(self, broken: ProcessPool) -> None:
        with self._lock:
            if self._pool is broken and not self._closed:
                self._renew()

    def _renew(self) -> None:
        broken, self._pool = self._pool, self._new_pool()
        # In a thread: ending the workers may take seconds, and the lock is held.
        threading.Thread(target=self._end, args=(broken,), daemon=True).start()

    def _end(self, pool: ProcessPool) -> None:
        """Stop the workers of `pool`, and tell who waits: pebble lets them wait for ever."""
        pool.stop()
        pool.join()
        with self._lock:
            waiting = [future for future, owner in self._waiting.items() if owner is pool]
        for future in waiting:
            future.cancel()
            if not future.done():  # running futures cannot be cancelled
                future.set_exception(CancelledError())

    def _new_pool(self) -> ProcessPool:
        return ProcessPool(
            max_workers=self._workers,
            max_tasks=_TASKS,
            initializer=_prepare_worker,
            initargs=(os.getpid(),),
            context=multiprocessing.get_context("spawn"),
        )


_TOO_COMPLEX: Mapping[SignatureType, type[DocumentRejected]] = {
    SignatureType.PDF: PdfTooComplex,
    SignatureType.CMS: CmsTooComplex,
    SignatureType.XML: XmlTooComplex,
}


def _kind_of(file: Path, decide: Callable[[Path], SignatureType]) -> SignatureType:
    """What the beginning of `file` says. Raises: EmptyFile, StorageUnavailable."""
    try:
        return decide(file)
    except OSError as error:
        raise StorageUnavailable from error


def _reading(kind: SignatureType, *files: Path | None) -> float:
    """Seconds of processor time for reading the files once. Raises: StorageUnavailable."""
    try:
        return sum(file.stat().st_size for file in files if file is not None) / _READ_IN_A_SECOND[kind]
    except OSError as error:
        raise StorageUnavailable from error


class _WorkerDied(ProcessingUnavailable):
    """It was killed, or ran out of memory."""


class _TookTooLong(ProcessingUnavailable):
    """It was ended by the pool."""


class _SpentTooMuch(_TookTooLong):
    """It used more memory or processor time than it may. It would at every other try, on every machine."""


class _Within(Generic[P, R]):
    """`function` with a clock of its own: SIGPROF ends the worker when it has used `seconds` of the processor.

    Time on the wall says little on a busy machine, and an honest file must not be refused for its neighbours.
    """

    def __init__(self, seconds: float, function: Callable[P, R]) -> None:
        self._seconds, self._function = seconds, function
        self.__name__ = function.__name__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        signal.setitimer(signal.ITIMER_PROF, self._seconds)
        try:
            return self._function(*args, **kwargs)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)


def _prepare_worker(parent: int) -> None:
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    logging.getLogger("pyhanko_certvalidator").setLevel(logging.CRITICAL)
    for name in _LIBRARIES:
        importlib.import_module(name)


def _end_with(parent: int) -> None:
    """A worker whose parent was killed would live for ever."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
