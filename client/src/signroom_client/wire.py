"""Requests and answers as plain values, and the two ways to send them: httpx blocking, httpx awaited.

Whatever httpx raises ends here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeVar

import httpx

from signroom_client.errors import ConnectionFailedError, TimedOutError, UnexpectedAnswerError

T = TypeVar("T")

# The request had not left: sending it again does nothing twice.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Upload:
    """One file of a multipart/form-data body."""

    name: str
    content: bytes = field(repr=False)
    content_type: str


@dataclass(frozen=True, slots=True)
class Request:
    """`repeatable`: sent twice, it does nothing twice."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    params: tuple[tuple[str, str], ...] = ()
    content: bytes | None = field(default=None, repr=False)
    upload: Upload | None = None
    timeout: httpx.Timeout | None = None
    """None: the client's."""
    follow_redirects: bool = False
    repeatable: bool = False

    def as_httpx(self, timeout: httpx.Timeout) -> dict[str, Any]:
        """For `httpx.Client.stream` and its twin. `timeout`: unless this one has its own."""
        given: dict[str, Any] = {
            "method": self.method,
            "url": self.url,
            "headers": self.headers,
            "follow_redirects": self.follow_redirects,
            "timeout": self.timeout or timeout,
        }
        if self.params:
            given["params"] = self.params
        if self.content is not None:
            given["content"] = self.content
        if self.upload is not None:
            given["files"] = {"file": (self.upload.name, self.upload.content, self.upload.content_type)}
        return given


@dataclass(frozen=True, slots=True)
class Head:
    """An answer without its body."""

    status: int
    headers: httpx.Headers

    @property
    def success(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Answer(Head):
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Streamed(Head):
    """An answer whose body is still to come."""

    chunks: AsyncIterator[bytes] = field(repr=False)

    async def whole(self) -> Answer:
        return Answer(self.status, self.headers, b"".join([chunk async for chunk in self.chunks]))


class Wire(Protocol):
    awaits: ClassVar[bool]
    """Whether there is an event loop to wait for."""

    def stream(self, request: Request) -> AbstractAsyncContextManager[Streamed]:
        """Send; the body is read inside the block. Raises: ConnectionFailedError, TimedOutError,
        UnexpectedAnswerError for an address that is none.
        """

    async def elsewhere(self, function: Callable[..., T], *args: Any) -> T:
        """Call something that blocks (a file) where it holds nobody up."""

    async def sleep(self, seconds: float) -> None: ...


class BlockingWire:
    awaits: ClassVar[bool] = False

    def __init__(self, http: httpx.Client, timeout: httpx.Timeout) -> None:
        self._http, self._timeout = http, timeout

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Streamed]:
        with _translated(), self._http.stream(**request.as_httpx(self._timeout)) as response:

            async def chunks() -> AsyncIterator[bytes]:
                for chunk in response.iter_bytes():
                    yield chunk

            yield Streamed(response.status_code, response.headers, chunks())
        _release(response)

    async def elsewhere(self, function: Callable[..., T], *args: Any) -> T:
        return function(*args)

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251 - the blocking client's


class AwaitedWire:
    awaits: ClassVar[bool] = True

    def __init__(self, http: httpx.AsyncClient, timeout: httpx.Timeout) -> None:
        self._http, self._timeout = http, timeout

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Streamed]:
        with _translated():
            async with self._http.stream(**request.as_httpx(self._timeout)) as response:
                yield Streamed(response.status_code, response.headers, response.aiter_bytes())
        _release(response)

    async def elsewhere(self, function: Callable[..., T], *args: Any) -> T:
        return await asyncio.to_thread(function, *args)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def _release(response: httpx.Response) -> None:
    """Let go of the request's body: response and stream hold each other, which would keep every part of an upload in
    memory until Python looks for cycles.
    """
    response.stream = httpx.ByteStream(b"")


@contextmanager
def _translated() -> Iterator[None]:
    """httpx's errors as ours. Texts name what went wrong, not the address: it may hold a token."""
    try:
        yield
    except httpx.TimeoutException as error:
        sent = not isinstance(error, _NEVER_SENT)
        raise TimedOutError(f"No answer in time ({type(error).__name__}).", sent=sent) from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise UnexpectedAnswerError("An address is not an http or https URL.") from error
    except httpx.HTTPError as error:
        sent = not isinstance(error, _NEVER_SENT)
        raise ConnectionFailedError(f"{type(error).__name__}: {error}", sent=sent) from error
