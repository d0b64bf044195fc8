"""A proxy that can be told to fail: what lies behind it is down, silent, slow, or answers 500, and comes back.

with failing_proxy(target_port) as proxy:
    proxy.fault = Fault.DOWN
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto

HOST = "127.0.0.1"
_ERROR = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_SLOW_BYTES, _SLOW_PAUSE = 64 << 10, 0.02


class Fault(Enum):
    NONE = auto()
    DOWN = auto()
    """Connections are refused, those that are open are cut."""
    SILENT = auto()
    """Connections are taken, nothing is ever answered."""
    ERROR = auto()
    """Every request is answered by 500."""
    SLOW = auto()
    """Everything passes, some 3 MB a second."""
    CUT = auto()
    """Answers end after their first 100 KB."""


class FailingProxy:
    """Make it with `failing_proxy`. `fault` may be set from any thread; it holds for connections that are open too."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self.connections = 0
        """How many were taken since the start."""
        self._target = target
        self._fault = Fault.NONE
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def fault(self) -> Fault:
        return self._fault

    @fault.setter
    def fault(self, fault: Fault) -> None:
        asyncio.run_coroutine_threadsafe(self._set(fault), self._loop).result(60)

    async def _set(self, fault: Fault) -> None:
        self._fault = fault
        await self._stop_listening()
        await asyncio.sleep(0)  # who was taken a moment ago is among the open ones then
        for writer in list(self._open):
            writer.transport.abort()
        if fault is not Fault.DOWN:
            await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        try:
            if self._fault is Fault.SILENT:
                while await reader.read(1 << 16):
                    pass
            elif self._fault is Fault.ERROR:
                await reader.read(1 << 16)
                writer.write(_ERROR)
                await writer.drain()
            else:
                inner, outer = await asyncio.open_connection(HOST, self._target)
                self._open.add(outer)
                try:
                    await asyncio.gather(self._copy(reader, outer), self._copy(inner, writer, answer=True))
                finally:
                    self._open.discard(outer)
        except OSError:
            return  # cut, by us or by either side: that is what this proxy is for
        finally:
            self._open.discard(writer)
            writer.close()

    async def _copy(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, answer: bool = False) -> None:
        passed = 0
        try:
            while chunk := await source.read(_SLOW_BYTES):
                passed += len(chunk)
                if answer and self._fault is Fault.CUT and passed > 100 << 10:
                    return
                if self._fault is Fault.SLOW:
                    await asyncio.sleep(_SLOW_PAUSE)
                target.write(chunk)
                await target.drain()
        finally:
            target.close()

    async def _end(self) -> None:
        await self._stop_listening()
        for _ in range(3):
            await asyncio.sleep(0)  # a task that ends before it begins would not close its connection
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def failing_proxy(target: int) -> Iterator[FailingProxy]:
    """In front of `target`, a port of this machine."""
    proxy = FailingProxy(target)
    loop = proxy._loop  # noqa: SLF001  (made for each other)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    proxy.fault = Fault.NONE
    try:
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(proxy._end(), loop).result(60)  # noqa: SLF001
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        loop.close()
