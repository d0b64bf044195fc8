"""The ``Fetch`` port: addresses that strangers wrote, asked for without a way into our own network.

1. The URL is taken apart once, strictly (`addresses.read_target`).
2. Its host is looked up once, and every address that comes back must be allowed.
3. The connection goes to one of these very addresses. The name is looked up nowhere else, so an answer that changes
   in between (DNS rebinding) changes nothing; ``Host``, SNI and the certificate check still use the name. A delivery
   may take a connection that the one before has left open to the same name at the same address (`kept`). Deliveries
   speak over sockets of their own, all else goes through httpx.
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
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address
from pathlib import Path

import h11
import httpx
import structlog

from signroom.domain.errors import FileTooLarge
from signroom.fetch.addresses import Address, Guard, Target, read_target
from signroom.fetch.kept import KeptConnections, NoConnection, Post, WrongCertificate
from signroom.fetch.loops import loop_of_thread
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
_WRONG_CERTIFICATE = "Its host has no valid certificate for that name."
_TOO_SLOW = "It took too long."
_BROKEN = "The connection broke off."
_NO_CONNECTION = "no connection"


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


@dataclass(slots=True)
class _Answer:
    """A successful answer whose body is still to be read. ``deadline`` is a time of the event loop."""

    target: Target
    transport: httpx.AsyncHTTPTransport
    response: httpx.Response
    deadline: float = field(kw_only=True)

    async def close(self) -> None:
        try:
            await self.response.aclose()
        finally:
            await self.transport.aclose()

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
        self._tls.set_alpn_protocols(["http/1.1"])
        self._kept = KeptConnections(self._tls, patience.connect)

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
        target, started = read_target(url), time.monotonic()
        sent = (*self._headers(target), *headers.items())
        post = Post(target, sent, body, limit=limit, deadline=started + seconds)
        try:
            with self._timing("POST", target):
                return self._kept.ask(self._addresses_by(post), post)
        except (_NotReachable, NoConnection) as error:
            refused = _told(target, error, started)
            if (wait := self._refusal_wait(refused)) > 0:
                time.sleep(wait)
            raise Unreachable(_NOT_REACHED) from None
        except WrongCertificate as error:
            raise Unreachable(_WRONG_CERTIFICATE) from error
        except TimeoutError as error:
            raise Unreachable(_TOO_SLOW) from error
        except (OSError, h11.ProtocolError) as error:
            raise Unreachable(_BROKEN) from error

    def _addresses_by(self, post: Post) -> Sequence[Address]:
        """Those that may be asked, before the deadline. Raises: _NotReachable, TimeoutError."""
        if post.target.literal is not None:
            return self._allowed([post.target.literal])

        async def look_up() -> Sequence[Address]:
            async with asyncio.timeout(post.seconds_left()):
                return await self._addresses(post.target)

        return asyncio.run_coroutine_threadsafe(look_up(), loop_of_thread("signroom-names")).result()

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

    def _timing(self, method: str, target: Target) -> AbstractContextManager[object]:
        # Neither path nor query: both may hold what only the two sides should know.
        timed = self._timed
        return nullcontext() if timed is None else timed("fetch", method, scheme=target.scheme, host=target.host)

    async def _ask(self, target: Target, call: _Call, deadline: float) -> _Answer:
        with self._timing(call.method, target):
            return await self._send(target, call, deadline)

    async def _send(self, target: Target, call: _Call, deadline: float) -> _Answer:
        # The transport alone: httpx's client would follow redirects, keep cookies and read the environment.
        transport = httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False)
        started = time.monotonic()
        try:
            addresses = await self._addresses(target)
            response = await self._connect(transport, target, addresses, call)
        except _NotReachable as error:
            await transport.aclose()
            raise _told(target, error, started) from None
        except BaseException:
            await transport.aclose()
            raise
        return _Answer(target, transport, response, deadline=deadline)

    async def _refusal(self, error: _NotReachable) -> Unreachable:
        """Wait until the time at which the refusal may be told."""
        wait = self._refusal_wait(error)
        if wait > 0:
            await asyncio.sleep(wait)
        return Unreachable(_NOT_REACHED)

    def _refusal_wait(self, error: _NotReachable) -> float:
        """Seconds until the refusal may be told."""
        quantum = self._patience.refusal
        if error.started is None or quantum <= 0:
            return 0
        wait = quantum - (time.monotonic() - error.started) % quantum
        # Hundreds that were asked together would be refused together, and hold up everybody else's answers.
        return wait + secrets.SystemRandom().uniform(0, quantum * _SPREAD)

    async def _addresses(self, target: Target) -> Sequence[Address]:
        """Those that may be asked. Raises: _NotReachable."""
        if target.literal is not None:
            return self._allowed([target.literal])
        try:
            async with asyncio.timeout(self._patience.connect):
                names = await self._resolve(target.host)
            return self._allowed([ip_address(name) for name in dict.fromkeys(names)])
        except (NameNotFound, TimeoutError, ValueError) as error:
            raise _NotReachable("no address is known") from error

    def _allowed(self, addresses: Sequence[Address]) -> Sequence[Address]:
        """The first ones of a name. Raises: _NotReachable when one of all is not allowed, or there is none."""
        if not addresses:
            raise _NotReachable("no address is known")
        if not all(self._guard.allows(address) for address in addresses):
            raise _NotReachable("an address is not allowed")
        return addresses[:_MAX_ADDRESSES]

    async def _connect(
        self, transport: httpx.AsyncHTTPTransport, target: Target, addresses: Sequence[Address], call: _Call
    ) -> httpx.Response:
        """Raises: _NotReachable, Unreachable for a wrong certificate, httpx.HTTPError."""
        for address in addresses:
            try:
                return await transport.handle_async_request(self._request(target, address, call))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                if _is_tls(error):
                    raise Unreachable(_WRONG_CERTIFICATE) from error
        raise _NotReachable(_NO_CONNECTION)

    def _headers(self, target: Target) -> tuple[tuple[str, str], ...]:
        """Those of each call."""
        return (
            ("Host", target.authority),
            ("User-Agent", self._agent),
            ("Accept", "*/*"),
            ("Accept-Encoding", "identity"),
        )

    def _request(self, target: Target, address: Address, call: _Call) -> httpx.Request:
        patience = self._patience
        return httpx.Request(
            call.method,
            httpx.URL(scheme=target.scheme, host=str(address), port=target.port, path="/"),
            headers=[*self._headers(target), ("Connection", "close"), *call.headers],
            content=call.body,
            extensions={
                "target": target.path.encode("ascii"),
                "sni_hostname": target.host,
                "timeout": {
                    "connect": patience.connect,
                    "read": patience.read,
                    "write": patience.read,
                    "pool": patience.connect,
                },
            },
        )


def _told(target: Target, error: _NotReachable | NoConnection, started: float) -> _NotReachable:
    """The refusal, after the log was told why."""
    refused = error if isinstance(error, _NotReachable) else _NotReachable(_NO_CONNECTION)
    log.warning("fetch.not_reached", host=target.host, reason=refused.reason)
    # An address tells nothing by the clock: who asks has written it.
    refused.started = started if target.literal is None else None
    return refused


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
