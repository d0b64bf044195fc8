"""What the hostile tenant does. Each attack is a class of its own and comes from an address of its own.

``python -m tests.soak.load.attacks`` is a process apart, so that its work is not in the way of those who measure: it
reads an `Order` as JSON, attacks until its standard input ends, and writes what it got as JSON. Its priority is low,
and no attack sends more bytes in a second than its class says: outside, it would have a machine of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import time
from asyncio import StreamReader, StreamWriter
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import uuid4

import httpx

from tests.soak.load.names import SLOW
from tests.vectors import hard_pdfs

MB = 1 << 20
_PART = 64 << 10
_TRIES_PER_SECOND = 100
"""Of each attack, once its connections are there: as many requests as one address may send. Retry-After is ignored."""
_FIRST_ADDRESS = 61


@dataclass(frozen=True)
class Order:
    """What to attack. `hostile` and `reader` are keys of one tenant, `links` are of its sessions: each attack has one
    of its own, so that what is refused to one attack is not refused to the next.
    """

    host: str
    port: int
    hostile: str
    reader: str
    links: tuple[str, ...]
    only: tuple[str, ...]
    processors: tuple[int, ...] = ()
    """Those that the attacks keep to; none: all."""


@dataclass
class Got:
    """What came of one attack."""

    answers: Counter[str] = field(default_factory=Counter)
    """By status; ``closed`` where the connection ended without an answer."""
    sent: int = 0
    """Bytes."""


class Attack:
    """`run` goes on until it is cancelled."""

    name: ClassVar[str]
    at_once: ClassVar[int]
    """Connections."""
    rate: ClassVar[int] = 8 * MB
    """Bytes a second, of all its connections together."""

    def __init__(self, order: Order, address: str, token: str) -> None:
        self.order, self.address, self.token = order, address, token
        self.got = Got()
        self._free_at = 0.0

    async def run(self) -> None:
        await asyncio.gather(*(self._again(number) for number in range(self.at_once)))

    async def once(self, number: int) -> None:
        """One connection, from its beginning to its end."""
        raise NotImplementedError

    async def _again(self, number: int) -> None:
        # Not all in the same moment: the attacker's own loop would stand still.
        await asyncio.sleep(number * 0.004)
        while True:
            try:
                await self.once(number)
            except (OSError, asyncio.IncompleteReadError, ValueError):
                self.got.answers["closed"] += 1
            await asyncio.sleep(max(0.2, self.at_once / _TRIES_PER_SECOND))

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[tuple[StreamReader, StreamWriter]]:
        """Raises: OSError."""
        reader, writer = await asyncio.open_connection(
            self.order.host, self.order.port, local_addr=(self.address, 0), limit=_PART
        )
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    async def send(self, writer: StreamWriter, data: bytes) -> None:
        """At the attack's own rate. Raises: OSError."""
        for at in range(0, len(data), _PART):
            part = data[at : at + _PART]
            now = time.monotonic()
            self._free_at = max(now, self._free_at) + len(part) / self.rate
            await asyncio.sleep(self._free_at - now)
            writer.write(part)
            await writer.drain()
            self.got.sent += len(part)

    async def answer(self, reader: StreamReader) -> tuple[int, bytes]:
        """Status and body; the status is counted. Raises: OSError, asyncio.IncompleteReadError."""
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        self.got.answers[str(status)] += 1
        length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
        return status, await reader.readexactly(int(length)) if length else b""

    def head(self, line: str, *headers: str) -> bytes:
        return "\r\n".join([line, f"Host: {self.order.host}:{self.order.port}", *headers, "", ""]).encode()

    @property
    def page(self) -> str:
        return f"X-Signature-Session-Token: {self.token}"


class Files(Attack):
    """34 uploads at once through one link, of files that are slow to read."""

    name, at_once, rate = "files", 34, 24 * MB

    def __init__(self, order: Order, address: str, token: str) -> None:
        super().__init__(order, address, token)
        self._files = slow_files()

    async def once(self, number: int) -> None:
        content = self._files[number % len(self._files)]
        headers = (self.page, "X-File-Name: a.pdf", f"Content-Length: {len(content)}", "Connection: close")
        async with self.connection() as (reader, writer):
            await self.send(writer, self.head("PUT /sign/api/upload HTTP/1.1", *headers) + content)
            status, body = await self.answer(reader)
        if status == 200:  # make room for the next one
            gone = json.dumps({"documentId": json.loads(body)["id"]}).encode()
            about = (self.page, "Content-Type: application/json", f"Content-Length: {len(gone)}")
            async with self.connection() as (reader, writer):
                await self.send(writer, self.head("POST /sign/api/remove HTTP/1.1", *about) + gone)
                await self.answer(reader)


class HungUp(Attack):
    """Previews that nobody waits for: the caller hangs up as soon as they are asked for."""

    name, at_once = "hung-up", 8

    async def once(self, number: int) -> None:
        content = hard_pdfs.make("ten-pages")
        headers = (self.page, "X-File-Name: a.pdf", f"Content-Length: {len(content)}", "Connection: close")
        async with self.connection() as (reader, writer):
            await self.send(writer, self.head("PUT /sign/api/upload HTTP/1.1", *headers) + content)
            status, body = await self.answer(reader)
        document = json.loads(body)["id"] if status == 200 else str(uuid4())
        for page in range(200):
            async with self.connection() as (reader, writer):
                line = f"GET /sign/api/preview/{document}/{page % 10}?width={1600 - page} HTTP/1.1"
                await self.send(writer, self.head(line, self.page))
                await asyncio.sleep(0.05)
                self.got.answers["hung up"] += 1
            await asyncio.sleep(0.15)


class Streams(Attack):
    """600 event streams with one page token."""

    name, at_once = "streams", 600

    async def once(self, number: int) -> None:
        async with self.connection() as (reader, writer):
            await self.send(writer, self.head("GET /sign/api/events HTTP/1.1", self.page))
            status, _ = await self.answer(reader)
            while status == 200 and await reader.read(_PART):
                pass


class Headers(Attack):
    """Header lines, one header's value, a request line and trailers that never end."""

    name, at_once, rate = "headers", 4, 16 * MB
    _most: ClassVar[int] = 64 * MB
    """Bytes of one connection."""

    async def once(self, number: int) -> None:
        begins, goes_on = self._kinds()[number % 4]
        async with self.connection() as (reader, writer):
            refused = asyncio.ensure_future(self.answer(reader))
            try:
                await self.send(writer, begins)
                part = goes_on * (_PART // len(goes_on))
                for _ in range(self._most // len(part)):
                    if refused.done():
                        break
                    await self.send(writer, part)
                await asyncio.wait_for(refused, 1)
            except TimeoutError:
                self.got.answers["all taken"] += 1
            finally:
                refused.cancel()
                with suppress(asyncio.CancelledError, OSError, asyncio.IncompleteReadError):
                    await refused

    def _kinds(self) -> list[tuple[bytes, bytes]]:
        lines = self.head("GET /health/live HTTP/1.1")[:-2]
        chunked = self.head("PUT /sign/api/upload HTTP/1.1", self.page, "Transfer-Encoding: chunked")
        return [
            (lines, b"X-Filler: " + b"a" * 100 + b"\r\n"),
            (lines + b"X-Filler: ", b"a"),
            (b"GET /", b"a"),
            (chunked + b"1\r\na\r\n0\r\n", b"X-Filler: " + b"a" * 100 + b"\r\n"),
        ]


class Names(Attack):
    """Files at addresses whose names no name server answers for."""

    name, at_once = "names", 24

    async def once(self, number: int) -> None:
        documents = [{"file": {"url": f"http://{uuid4().hex}.{SLOW}/a.pdf"}} for _ in range(4)]
        body = json.dumps({"returnUrl": "https://app.example/back", "documents": documents}).encode()
        key = f"X-Api-Key: {self.order.hostile}"
        headers = (key, "Content-Type: application/json", f"Content-Length: {len(body)}", "Connection: close")
        async with self.connection() as (reader, writer):
            await self.send(writer, self.head("POST /api/signature-sessions HTTP/1.1", *headers) + body)
            await self.answer(reader)


class Bodies(Attack):
    """Bodies of 120 MB with a key that may only read."""

    name, at_once, rate = "bodies", 4, 48 * MB
    _length: ClassVar[int] = 120 * MB

    async def once(self, number: int) -> None:
        headers = (
            f"X-Api-Key: {self.order.reader}",
            "Content-Type: application/json",
            f"Content-Length: {self._length}",
            "Connection: close",
        )
        async with self.connection() as (reader, writer):
            refused = asyncio.ensure_future(self.answer(reader))
            begins = b'{"returnUrl":"https://app.example/back","documents":[{"file":{"name":"a.pdf","content":"'
            try:
                await self.send(writer, self.head("POST /api/signature-sessions HTTP/1.1", *headers) + begins)
                part, left = b"A" * MB, self._length - len(begins)
                while left and not refused.done():
                    await self.send(writer, part[:left])
                    left -= min(left, len(part))
                await refused
            finally:
                refused.cancel()
                with suppress(asyncio.CancelledError, OSError, asyncio.IncompleteReadError):
                    await refused


class HalfOpen(Attack):
    """400 connections that say nothing, or a byte every two seconds."""

    name, at_once = "half-open", 400

    async def once(self, number: int) -> None:
        begins = (
            b"",
            self.head("GET /health/live HTTP/1.1")[:-2] + b"X-Filler: ",
            self.head("PUT /sign/api/upload HTTP/1.1", self.page, "X-File-Name: a.pdf", "Content-Length: 1000000"),
        )[number % 3]
        async with self.connection() as (reader, writer):
            await self.send(writer, begins)
            ended = asyncio.ensure_future(reader.read(_PART))
            try:
                while not ended.done():
                    await asyncio.wait([ended], timeout=2)
                    if begins:
                        await self.send(writer, b"a")
                self.got.answers[(await ended)[9:12].decode() or "closed"] += 1
            finally:
                ended.cancel()
                with suppress(asyncio.CancelledError, OSError):
                    await ended


ATTACKS: tuple[type[Attack], ...] = (Files, HungUp, Streams, Headers, Names, Bodies, HalfOpen)
NAMES = tuple(attack.name for attack in ATTACKS)


def slow_files() -> list[bytes]:
    """Files of 3 MB that took long to read once: what is behind the end, numbers without end, elements."""
    plain, size = hard_pdfs.make("plain"), 3 * MB
    tails = (
        b"A",
        b"1 0 obj ",
        b"%%EOF\nstartxref\n1\n",
        b"<< /Type /Sig /ByteRange [0 1 2 3] ",
        b"endstream\nendobj\n",
    )
    padded = [plain + (tail * (size // len(tail) + 1))[:size] for tail in tails]
    number = plain.replace(b"startxref\n", b"startxref\n" + b"1" * size, 1)
    elements = b"<a>" + b"<b c='d'/>" * (size // 10) + b"</a>"
    armoured = b"-----BEGIN PKCS7-----\n" + (b"MIIB" * 16 + b"\n") * (size // 65) + b"-----END PKCS7-----\n"
    return [*padded, number, elements, armoured]


async def attack(order: Order) -> dict[str, Any]:
    """Attack until standard input ends; returns what each attack got, and the processor time that it took."""
    kinds = [kind for kind in ATTACKS if kind.name in order.only]
    attacks = [
        kind(order, f"127.0.0.{_FIRST_ADDRESS + NAMES.index(kind.name)}", _page_token(order, link))
        for kind, link in zip(kinds, order.links, strict=True)
    ]
    began, before = time.monotonic(), _processor()
    tasks = [asyncio.ensure_future(each.run()) for each in attacks]
    _say("attacking")
    over = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    failed = await _first_failure(tasks, over)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return {
        "processor": (_processor() - before) / (time.monotonic() - began),
        "failed": failed,
        "got": {each.name: {"answers": each.got.answers, "sent": each.got.sent} for each in attacks},
    }


async def _first_failure(tasks: Iterable[asyncio.Future[None]], over: asyncio.Future[str]) -> str | None:
    """An attack that ended by itself is a fault of this file."""
    waited: list[asyncio.Future[Any]] = [*tasks, over]
    done, _ = await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    return next((repr(task.exception()) for task in done if task is not over), None)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _page_token(order: Order, link: str) -> str:
    answer = httpx.post(
        f"http://{order.host}:{order.port}/sign/api/renew", json={"link": link}, trust_env=False, timeout=60
    )
    token: str = answer.json()["token"]
    return token


def _processor() -> float:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime


def _order(given: dict[str, Any]) -> Order:
    lists: Any = {name: tuple(given.pop(name)) for name in ("links", "only", "processors")}
    return Order(**given, **lists)


def main() -> None:
    os.nice(10)
    order: dict[str, Any] = json.loads(sys.stdin.readline())
    found = _order(order)
    if found.processors:
        os.sched_setaffinity(0, found.processors)
    attacking: Coroutine[Any, Any, dict[str, Any]] = attack(found)
    _say(json.dumps(asyncio.run(attacking)))


if __name__ == "__main__":
    main()
