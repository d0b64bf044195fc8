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
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import ParamSpec, TypeVar

from pebble import ProcessExpired, ProcessPool

from signroom.domain.errors import PdfTooComplex, ProcessingUnavailable
from signroom.domain.signature import CertificateChain, DigestAlgorithm, Inspection, Prepared, Verdict
from signroom.ports import Stored

P = ParamSpec("P")
R = TypeVar("R")

_MEMORY = 1536 << 20
"""Address space of a worker in bytes: 200,000 objects need some 250 MB, a bomb needs more than this."""
_SECONDS = 60
_SECONDS_LARGE = 300
"""For passes over the whole file."""
_TASKS = 500
"""After so many a worker is replaced, whatever memory a library has kept."""


class PooledFormats:
    """Each call runs in a worker and waits for it: call from threads."""

    def __init__(self, workers: int) -> None:
        self._pool = ProcessPool(
            max_workers=workers,
            max_tasks=_TASKS,
            initializer=_prepare_worker,
            initargs=(os.getpid(),),
            context=multiprocessing.get_context("spawn"),
        )
        self._workers = workers

    def warm_up(self) -> None:
        """Start the workers and load the libraries in the background: pyHanko takes a second."""
        for _ in range(self._workers):
            self._pool.schedule(_load_libraries)

    def close(self) -> None:
        self._pool.stop()
        self._pool.join(timeout=5)

    def inspect(self, file: Path) -> Inspection:
        from signroom.formats.preflight import inspect

        try:
            return self._run(_SECONDS, inspect, file)
        except _WorkerLost as error:
            # Nothing but the file can be the reason, time after time.
            raise PdfTooComplex from error

    def prepare(self, file: Path, chain: CertificateChain, algorithm: DigestAlgorithm, now: datetime) -> Prepared:
        from signroom.formats.pades import prepare

        return self._run(_SECONDS_LARGE, prepare, file, chain, algorithm, now)

    def check_values(self, pairs: Sequence[tuple[Prepared, bytes]]) -> tuple[bytes, ...]:
        from signroom.formats.values import check_values

        return self._run(_SECONDS, check_values, pairs)

    def embed(self, original: Path, prepared: Prepared, value: bytes, output: Path) -> Stored:
        from signroom.formats.pades import embed

        return self._run(_SECONDS_LARGE, embed, original, prepared, value, output)

    def verify(self, file: Path) -> Verdict:
        from signroom.formats.verification import verify

        return self._run(_SECONDS_LARGE, verify, file)

    def _run(self, seconds: float, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            future = self._pool.schedule(function, args=args, kwargs=kwargs, timeout=seconds)
            result: R = future.result()
        except (ProcessExpired, TimeoutError) as error:
            raise _WorkerLost from error
        except RuntimeError as error:  # the pool is closed
            raise ProcessingUnavailable from error
        return result


class _WorkerLost(ProcessingUnavailable):
    """The worker died or took too long."""


def _prepare_worker(parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    logging.getLogger("pyhanko").setLevel(logging.CRITICAL)  # what it says of strangers' files is in the verdict
    logging.getLogger("pyhanko_certvalidator").setLevel(logging.CRITICAL)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """A worker whose parent was killed would live for ever (``facts/platform.md`` 4)."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _load_libraries() -> None:
    for name in ("pyhanko.sign.signers", "pyhanko.sign.validation.pdf_embedded", "signroom.formats.preflight"):
        importlib.import_module(name)
