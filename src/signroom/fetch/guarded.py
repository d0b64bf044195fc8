"""The ``Fetch`` port on httpx: addresses that strangers wrote, asked for without a way into our own network.

1. The URL is taken apart once, strictly (`addresses.read_target`).
2. Its host is looked up once, and every address that comes back must be allowed.
3. The connection goes to one of these very addresses. The name is looked up nowhere else, so an answer that changes
   in between (DNS rebinding) changes nothing; ``Host``, SNI and the certificate check still use the name. A delivery
   may take a connection that the one before has left open to the same name at the same address (`kept`).
4. A redirect starts again at 1; `post` and `deliver`, which may carry credentials, follow none. No proxy, no cookie,
   nothing from the environment.
5. The answer is counted as it comes, uncompressed, against a limit and a deadline.

Details of errors never hold the address: its query may be somebody's key. Nor do they say whether a host exists.
"""

from __future__ import annotations

import asyncio
import contextvars
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Protocol

import httpx
import structlog

from signroom.domain.errors import FileTooLarge
from signroom.fetch.addresses import Address, Guard, Target, read_target
from signroom.fetch.kept import KeptConnections, KeptWay, delivery_loop
from signroom.fetch.names import suggested_name
from signroom.fetch.resolving import NameNotFound, SystemNames
from signroom.ports.operations import Timed
from signroom.ports.outside import Answer, Fetched, Unreachable

log = structlog.get_logger()

Resolver = Callable[[str], Awaitable[Sequence[str]]]
"""A host name -> addresses. Raises: NameNotFound."""


MAX_REDIRECTS = 5
_MAX_ADDRESSES = 4
_PIECES, _CONTENT_PER_PIECE = 10_000, 512
"""So many pieces an answer may come in, and one more for each so many bytes: each costs as much as its first 50 KB."""
_AT_ONCE = 50
"""Pieces that are handed on before others get a turn: they may all be here already."""
_SPREAD = 0.5
"""Of `Patience.refusal`: by how much refusals of one moment are drawn apart."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEEPING_THE_METHOD = frozenset({307, 308})
_NOT_REACHED = "Its host cannot be reached."
"""The one answer for a host that is not known, is not allowed, or takes no connection: who asks does not learn which
names and addresses exist in our own network. The log says which of the three it was."""
_TOO_SLOW = "It took too long."
_BROKEN = "The connection broke off."


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds."""

    connect: float = 5
    """For the name's addresses, and for each connection."""
    read: float = 10
    """Without a single byte."""
    stream: float = 60
    """For a file, from the first look-up to the last byte."""
    exchange: float = 10
    """The same for a small answer."""
    refusal: float = 0.5
    """A name that leads nowhere is refused at a multiple of this time after the question, or by chance a little later:
    a name that exists inside and one that does not look alike by the clock too."""


class _NotReachable(Exception):
    """`reason` is for the log. Who asked hears `_NOT_REACHED`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.started: float | None = None
        """When the look-up began, by the monotonic clock. None: the refusal is told at once."""


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    confidential: bool = False
    """Its headers or its body are for that one address."""
    redirects: bool = True
    """Whether it goes on to where an answer leads."""
    silence: float | None = None
    """Seconds without a single byte; None: as everywhere."""
    kept: bool = False
    """Whether it goes over a connection that stays open for the next one."""


class _Way(Protocol):
    """How a call gets to its target."""

    async def ask(self, address: Address, request: httpx.Request) -> httpx.Response:
        """The answer of `address`. Raises: httpx.HTTPError."""

    async def aclose(self) -> None: ...


class _OwnWay:
    """A connection for one call."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        # The transport alone: httpx's client would follow redirects, keep cookies and read the environment.
        self._transport = httpx.AsyncHTTPTransport(verify=tls, trust_env=False)

    async def ask(self, address: Address, request: httpx.Request) -> httpx.Response:
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        await self._transport.aclose()


@dataclass(slots=True)
class _Answer:
    """A successful answer whose body is still to be read. ``deadline`` is a time of the event loop."""

    target: Target
    way: _Way
    response: httpx.Response
    deadline: float = field(kw_only=True)

    async def close(self) -> None:
        try:
            await self.response.aclose()
        finally:
            await self.way.aclose()

    async def chunks(self, limit: int) -> AsyncIterator[bytes]:
        """Raises: Unreachable, FileTooLarge."""
        received = pieces = 0
        parts = self.response.aiter_raw()
        while True:
            try:
                async with asyncio.timeout_at(self.deadline):
                    part = await anext(parts, None)
            except (TimeoutError, httpx.TimeoutException) as error:
                raise Unreachable(_TOO_SLOW) from error
            except httpx.HTTPError as error:
                raise Unreachable(_BROKEN) from error
            if part is None:
                return
            received, pieces = received + len(part), pieces + 1
            _require_within(received, limit)
            if pieces > _PIECES + received // _CONTENT_PER_PIECE:
                raise Unreachable("It comes in too many small pieces.")
            if pieces % _AT_ONCE == 0:
                await asyncio.sleep(0)
            yield part


class GuardedFetch:
    """Fetches from public addresses, and from the networks of `allowed` (CIDR).

    `tls` and `resolve` are the system's unless given; `agent` is what we call ourselves.
    """

    def __init__(
        self,
        allowed: Sequence[str] = (),
        *,
        tls: ssl.SSLContext | None = None,
        resolve: Resolver | None = None,
        patience: Patience = Patience(),
        timed: Timed | None = None,
        agent: str = "signroom",
    ) -> None:
        """`timed` is of a `Meter`. Raises: ValueError when `allowed` has something that is no network."""
        self._guard = Guard(allowed)
        self._tls = tls or _system_tls()
        self._resolve = resolve or SystemNames()
        self._patience, self._timed, self._agent = patience, timed, agent
        self._kept = KeptConnections(self._tls)

    @asynccontextmanager
    async def stream(self, url: str, *, limit: int) -> AsyncIterator[Fetched]:
        answer = await self._open(url, _Call("GET"), self._patience.stream)
        try:
            headers = answer.response.headers
            _require_within(_announced(headers), limit)
            yield Fetched(
                name=suggested_name(_raw(answer.response, b"content-disposition"), answer.target.path),
                content_type=headers.get("content-type", "").partition(";")[0].strip().lower() or None,
                chunks=answer.chunks(limit),
            )
        finally:
            await answer.close()

    def exchange(
        self,
        url: str,
        *,
        limit: int,
        body: bytes | None = None,
        content_type: str | None = None,
        redirects: bool = True,
    ) -> bytes:
        headers = (("Content-Type", content_type),) if content_type is not None else ()
        method = "GET" if body is None else "POST"
        call = _Call(method, headers, body, redirects=redirects)
        # A loop of its own in a thread of its own: only there a deadline holds against a server that sends a byte
        # now and then, and the caller's thread may be inside a loop already.
        with ThreadPoolExecutor(1, thread_name_prefix="signroom-exchange") as own:
            context = contextvars.copy_context()  # a trace goes on there
            return own.submit(context.run, asyncio.run, self._exchange(url, call, limit)).result()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, limit: int) -> bytes:
        call = _Call("POST", tuple(headers.items()), body, confidential=True)
        return await self._exchange(url, call, limit)

    def deliver(self, url: str, body: bytes, headers: Mapping[str, str], *, limit: int, seconds: float) -> Answer:
        # Only the deadline counts: an endpoint may think for as long as it lasts.
        call = _Call("POST", tuple(headers.items()), body, confidential=True, silence=seconds, kept=True)
        return asyncio.run_coroutine_threadsafe(self._deliver(url, call, limit, seconds), delivery_loop()).result()

    async def _deliver(self, url: str, call: _Call, limit: int, seconds: float) -> Answer:
        target = read_target(url)
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            async with asyncio.timeout_at(deadline):
                answer = await self._ask(target, call, deadline)
        except _NotReachable as error:
            raise await self._refusal(error) from None
        except (TimeoutError, httpx.TimeoutException) as error:
            raise Unreachable(_TOO_SLOW) from error
        except httpx.HTTPError as error:
            raise Unreachable(_BROKEN) from error
        try:
            start = await _start(answer, limit)
        finally:
            await answer.close()
        response = answer.response
        return Answer(response.status_code, response.headers.get("retry-after"), start)

    async def _exchange(self, url: str, call: _Call, limit: int) -> bytes:
        answer = await self._open(url, call, self._patience.exchange)
        try:
            return b"".join([chunk async for chunk in answer.chunks(limit)])
        except FileTooLarge as error:
            raise Unreachable(f"The answer has more than {limit} bytes.") from error
        finally:
            await answer.close()

    async def _open(self, url: str, call: _Call, seconds: float) -> _Answer:
        """The answer at the end of all redirects. Raises: Unreachable."""
        target = read_target(url)
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            async with asyncio.timeout_at(deadline):
                for _ in range(MAX_REDIRECTS + 1):
                    answer = await self._ask(target, call, deadline)
                    if call.confidential or not call.redirects or answer.response.status_code not in _REDIRECTS:
                        return await _require_success(answer, call)
                    await answer.close()
                    target = target.follow(_location(answer.response, call))
        except _NotReachable as error:
            raise await self._refusal(error) from None
        except (TimeoutError, httpx.TimeoutException) as error:
            raise Unreachable(_TOO_SLOW) from error
        except httpx.HTTPError as error:
            raise Unreachable(_BROKEN) from error
        raise Unreachable("It redirects too often.")

    async def _ask(self, target: Target, call: _Call, deadline: float) -> _Answer:
        timed = self._timed
        # Neither path nor query: both may hold what only the two sides should know.
        with nullcontext() if timed is None else timed("fetch", call.method, scheme=target.scheme, host=target.host):
            return await self._send(target, call, deadline)

    async def _send(self, target: Target, call: _Call, deadline: float) -> _Answer:
        way: _Way = KeptWay(self._kept, target) if call.kept else _OwnWay(self._tls)
        started = time.monotonic()
        try:
            addresses = await self._addresses(target)
            response = await self._connect(way, target, addresses, call)
        except _NotReachable as error:
            await way.aclose()
            log.warning("fetch.not_reached", host=target.host, reason=error.reason)
            # An address tells nothing by the clock: who asks has written it.
            error.started = started if target.literal is None else None
            raise
        except BaseException:
            await way.aclose()
            raise
        return _Answer(target, way, response, deadline=deadline)

    async def _refusal(self, error: _NotReachable) -> Unreachable:
        """Wait until the time at which the refusal may be told."""
        quantum = self._patience.refusal
        if error.started is not None and quantum > 0:
            wait = quantum - (time.monotonic() - error.started) % quantum
            # Hundreds that were asked together would be refused together, and hold up everybody else's answers.
            await asyncio.sleep(wait + secrets.SystemRandom().uniform(0, quantum * _SPREAD))
        return Unreachable(_NOT_REACHED)

    async def _addresses(self, target: Target) -> Sequence[Address]:
        """Raises: _NotReachable when one of them is not allowed, or there is none."""
        found: list[Address]
        if target.literal is not None:
            found = [target.literal]
        else:
            try:
                async with asyncio.timeout(self._patience.connect):
                    names = await self._resolve(target.host)
                found = [ip_address(name) for name in dict.fromkeys(names)]
            except (NameNotFound, TimeoutError, ValueError) as error:
                raise _NotReachable("no address is known") from error
        if not found:
            raise _NotReachable("no address is known")
        if not all(self._guard.allows(address) for address in found):
            raise _NotReachable("an address is not allowed")
        return found

    async def _connect(self, way: _Way, target: Target, addresses: Sequence[Address], call: _Call) -> httpx.Response:
        """Raises: _NotReachable, Unreachable for a wrong certificate, httpx.HTTPError."""
        failure: httpx.HTTPError | None = None
        for address in addresses[:_MAX_ADDRESSES]:
            try:
                return await way.ask(address, self._request(target, address, call))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                if _is_tls(error):
                    raise Unreachable("Its host has no valid certificate for that name.") from error
                failure = error
        raise _NotReachable("no connection") from failure

    def _request(self, target: Target, address: Address, call: _Call) -> httpx.Request:
        patience = self._patience
        silence = patience.read if call.silence is None else call.silence
        return httpx.Request(
            call.method,
            httpx.URL(scheme=target.scheme, host=str(address), port=target.port, path="/"),
            headers=[
                ("Host", target.authority),
                ("User-Agent", self._agent),
                ("Accept", "*/*"),
                ("Accept-Encoding", "identity"),
                *(() if call.kept else (("Connection", "close"),)),
                *call.headers,
            ],
            content=call.body,
            extensions={
                "target": target.path.encode("ascii"),
                "sni_hostname": target.host,
                "timeout": {
                    "connect": patience.connect,
                    "read": silence,
                    "write": silence,
                    "pool": patience.connect,
                },
            },
        )


async def _start(answer: _Answer, limit: int) -> bytes:
    """The first `limit` bytes of the body, or what came of it in time. More of it is never asked for."""
    start = bytearray()
    parts = answer.response.aiter_raw()
    try:
        async with asyncio.timeout_at(answer.deadline):
            while len(start) < limit and (part := await anext(parts, None)) is not None:
                start += part
    except (TimeoutError, httpx.HTTPError):
        # The status has said it all: an answer that breaks off, or never ends, is one all the same.
        return bytes(start[:limit])
    return bytes(start[:limit])


@cache
def _system_tls() -> ssl.SSLContext:
    """The authorities of the operating system; where it has none, those that come with httpx. They are read once."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile is not None or (paths.capath is not None and any(Path(paths.capath).iterdir())):
        return ssl.create_default_context()
    return httpx.create_ssl_context(trust_env=False)


async def _require_success(answer: _Answer, call: _Call) -> _Answer:
    response = answer.response
    encoding = response.headers.get("content-encoding", "").strip().lower()
    # An endpoint that was told something may answer "created" or "accepted"; a file is there or not.
    expected = response.is_success if call.confidential else response.status_code == 200
    if not expected:
        await answer.close()
        raise Unreachable(f"It answered with status {response.status_code}.")
    # We asked for none: what is packed all the same may be a gigabyte of zeros in a megabyte.
    if encoding not in {"", "identity"}:
        await answer.close()
        raise Unreachable("The answer is compressed.")
    return answer


def _location(response: httpx.Response, call: _Call) -> str:
    # 301 to 303 turn a POST into a GET (RFC 9110, 15.4): the answer would be one to another question.
    if call.body is not None and response.status_code not in _KEEPING_THE_METHOD:
        raise Unreachable(f"It answered with status {response.status_code}.")
    location = response.headers.get("location", "")
    if not isinstance(location, str) or not location:
        raise Unreachable("It redirects to nowhere.")
    return location


def _announced(headers: httpx.Headers) -> int:
    length: str = headers.get("content-length", "")
    return int(length[:20]) if length.isascii() and length.isdecimal() else 0


def _require_within(length: int, limit: int) -> None:
    if length > limit:
        raise FileTooLarge(f"At most {limit} bytes.")


def _raw(response: httpx.Response, name: bytes) -> bytes | None:
    return next((value for found, value in response.headers.raw if found.lower() == name), None)


def _is_tls(error: BaseException) -> bool:
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, ssl.SSLError):
            return True
        found = found.__cause__ or found.__context__
    return False
