"""The pool for tests that have no event loop: each call waits for its outcome."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from signroom.domain.signature import SignatureType
from signroom.ports.files import Turn
from signroom.sandbox.pool import FormatsOfTurn, PooledFormats
from signroom.sandbox.processes import Deadline
from signroom.sandbox.queue import Kind


def end_worker(*_args: object, **_more: object) -> None:
    os._exit(1)


def somebody() -> Turn:
    """A session of an application that nobody else knows."""
    return Turn(uuid4(), uuid4(), uuid4())


class WaitingPool(PooledFormats):
    """A pool whose calls are all for one session."""

    turn = somebody()

    @property
    def formats(self) -> FormatsOfTurn:
        return self.of(self.turn)

    def run(self, wall: float, function: Callable[..., Any], *args: Any, processor: int = 60) -> Any:
        """`function` in a worker."""
        return asyncio.run(self.formats.run(Kind.SIGNING, Deadline(wall, processor), function, *args))

    def read(
        self,
        wall: float,
        function: Callable[..., Any],
        *args: Any,
        of: SignatureType = SignatureType.PDF,
        processor: float = 60,
    ) -> Any:
        """`function` in a worker, as what reads a file."""
        reading = self.formats._read(of, Kind.SIGNING, Deadline(wall, processor), function, *args)  # noqa: SLF001
        return asyncio.run(reading)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """The methods of the port."""

        def call(*args: Any, **kwargs: Any) -> Any:
            return asyncio.run(getattr(self.formats, name)(*args, **kwargs))

        return call


_held: list[bytearray] = []


def need_much() -> None:
    """A hundred megabytes in small pieces, of which only the last stays."""
    pieces = [bytearray(5000) for _ in range(20_000)]
    _held.append(pieces[-1])


def use_megabytes(pieces: int) -> int:
    """Write into pieces of a megabyte, and forget them. How many pages of memory the system gave for it."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(2):
        held = [bytearray(b"x") * (1 << 20) for _ in range(pieces)]
        held.clear()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def resident() -> int:
    """Bytes of memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def is_logged(name: str) -> bool:
    """Anything that the library `name` may say in this process goes into the log."""
    return logging.getLogger(f"{name}.any").isEnabledFor(logging.CRITICAL)
