"""What a request asks of the database, of the disk and of the threads, counted in this process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine


@dataclass(frozen=True, order=True)
class Cost:
    """``statements`` without the beginnings and ends of transactions.

    ``reads`` and ``writes`` are transactions. A statement that reads and is a transaction of its own, without begin and
    end, is none of them. ``flushes`` are files and folders that were flushed, and commits that
    were: those of a transaction that writes, unless it is one that need not be. ``hops`` are calls that were moved to
    a thread.
    """

    statements: int = 0
    reads: int = 0
    writes: int = 0
    flushes: int = 0
    hops: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(mine + more for mine, more in zip(self._all(), other._all(), strict=True)))

    def __sub__(self, other: Cost) -> Cost:
        return Cost(*(mine - before for mine, before in zip(self._all(), other._all(), strict=True)))

    def within(self, bound: Cost) -> bool:
        """True when nothing of it is more than `bound` allows."""
        return all(mine <= most for mine, most in zip(self._all(), bound._all(), strict=True))

    def _all(self) -> tuple[int, ...]:
        return self.statements, self.reads, self.writes, self.flushes, self.hops


class Costs:
    """Counts as long as the block of `counting` runs."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self._reads = self._writes = self._commits = self._files = self._hops = 0

    @property
    def now(self) -> Cost:
        return Cost(len(self.statements), self._reads, self._writes, self._commits + self._files, self._hops)

    def statement(self, _c: Connection, _cursor: object, text: str, _p: object, _x: object, _many: bool) -> None:
        if not text.startswith("BEGIN"):
            self.statements.append(text)

    def commit(self, connection: Connection) -> None:
        options = connection.get_execution_options()
        alone = options.get("signroom_each_alone", False) or options.get("isolation_level") == "AUTOCOMMIT"
        if options.get("signroom_read_only", False):
            self._reads += not alone
        else:
            self._writes += 1
            self._commits += not options.get("signroom_unflushed", False)

    def file(self) -> None:
        self._files += 1

    def hop(self) -> None:
        self._hops += 1


@contextmanager
def counting() -> Iterator[Costs]:
    """All engines of this process, all flushes from Python, all event loops."""
    costs = Costs()
    loop, flush = asyncio.BaseEventLoop, os.fsync
    move = loop.run_in_executor

    def hopped(self: asyncio.BaseEventLoop, *arguments: Any) -> Any:
        costs.hop()
        return move(self, *arguments)

    def flushed(file: int) -> None:
        costs.file()
        flush(file)

    heard: dict[str, Any] = {"before_cursor_execute": costs.statement, "commit": costs.commit}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "run_in_executor", hopped)
        patch.setattr(os, "fsync", flushed)
        for name, listener in heard.items():
            sa.event.listen(Engine, name, listener)
        try:
            yield costs
        finally:
            for name, listener in heard.items():
                sa.event.remove(Engine, name, listener)
