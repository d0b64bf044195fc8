"""The ``TimestampAuthorities`` port: providers asked over HTTP (RFC 3161, 3.4).

The operator names the providers, so their addresses may be in the operator's own network. An answer is read up to a
limit and a deadline. No redirect is followed: the request may carry credentials.
"""

from __future__ import annotations

import asyncio
import itertools
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence

import httpx
import structlog

from signroom.domain.security_context import SecurityContext
from signroom.domain.timestamp import (
    ClientCertificate,
    HeaderCredentials,
    Timestamp,
    TimestampProvider,
    TimestampRequest,
)
from signroom.ports.timestamps import NoTimestamp
from signroom.timestamps.messages import (
    MAX_ANSWER,
    BadAnswer,
    read_answer,
    read_request,
    without_certificates,
    write_granted,
    write_rejected,
    write_request,
)

log = structlog.get_logger()

SET_BACK_SECONDS = 60
REST_SECONDS = 10
"""Between two questions that find out whether a tier is back. A slow provider would hold a job at each."""
_KEPT = httpx.Limits(max_connections=20, max_keepalive_connections=4, keepalive_expiry=30)
_CONNECT_SECONDS = 3
_CLOSE_SECONDS = 5


class RemoteAuthorities:
    """The providers of the configuration. A connection to each is kept.

    Callers have event loops of their own, and each job has another one. A connection belongs to one loop, so the
    requests run on a loop of this object, in a thread that is started for the first of them.
    """

    def __init__(
        self,
        providers: Sequence[TimestampProvider] = (),
        *,
        agent: str = "signroom",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock`: seconds, only forwards. Raises: OSError for a client certificate that cannot be read."""
        self._providers = tuple(providers)
        self._agent, self._clock = agent, clock
        self._turns: Counter[tuple[str, int]] = Counter()
        self._until: dict[str, float] = {}
        self._rest_until: dict[str, float] = {}
        self._resting = threading.Lock()
        self._tls = {one.name: _tls(one.credentials) for one in self._providers}
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def of_tier(self, tier: str) -> Sequence[TimestampProvider]:
        now = self._clock()
        ready: list[TimestampProvider] = []
        late: list[TimestampProvider] = []
        own = sorted((one for one in self._providers if one.tier == tier), key=lambda one: one.priority)
        for priority, equals in itertools.groupby(own, key=lambda one: one.priority):
            of_priority = list(equals)
            turn = self._turns[tier, priority] % len(of_priority)
            self._turns[tier, priority] += 1
            for one in of_priority[turn:] + of_priority[:turn]:
                (late if self._until.get(one.name, 0.0) > now else ready).append(one)
        return [*ready, *late]

    def rests(self, tier: str) -> bool:
        now = self._clock()
        if any(self._until.get(one.name, 0.0) <= now for one in self._providers if one.tier == tier):
            return False
        with self._resting:
            if self._rest_until.get(tier, 0.0) > now:
                return True
            self._rest_until[tier] = now + REST_SECONDS
            return False

    def contexts_of(self, tier: str) -> Sequence[SecurityContext]:
        return tuple({one.context.id: one.context for one in self._providers if one.tier == tier}.values())

    def set_back(self, provider: TimestampProvider, reason: str) -> None:
        log.warning("timestamp.failed", provider=provider.name, tier=provider.tier, reason=reason)
        now = self._clock()
        self._until[provider.name], self._rest_until[provider.tier] = now + SET_BACK_SECONDS, now + REST_SECONDS

    async def ask(self, provider: TimestampProvider, request: TimestampRequest, *, seconds: float) -> Timestamp:
        posting = self._post_again(provider, write_request(request))
        try:
            async with asyncio.timeout(seconds):
                octets = await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(posting, self._running_loop()))
            # Some kilobytes are read in less than a millisecond or two; a thread would cost as much.
            found = read_answer(octets, request)
        except BadAnswer as error:
            raise NoTimestamp(str(error), error.failure) from error
        except (TimeoutError, httpx.TimeoutException) as error:
            raise NoTimestamp("It took too long.") from error
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ExceptionGroup) as error:
            raise NoTimestamp("It cannot be reached, or the connection broke off.") from error
        self._until.pop(provider.name, None)
        return found

    def read_query(self, octets: bytes) -> TimestampRequest:
        return read_request(octets)

    def write_granted(self, request: TimestampRequest, token: bytes) -> bytes:
        return write_granted(token if request.wants_certificates else without_certificates(token))

    def write_rejected(self, failure: str, reason: str) -> bytes:
        return write_rejected(failure, reason)

    def close(self) -> None:
        """Close the connections that are kept, and end the thread. Whoever is being asked does not answer any more."""
        with self._starting:
            loop, self._loop = self._loop, None
        if loop is not None:
            asyncio.run_coroutine_threadsafe(self._close_clients(), loop).result(_CLOSE_SECONDS)
            loop.call_soon_threadsafe(loop.stop)

    async def _close_clients(self) -> None:
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=_run, args=(self._loop,), name="timestamps", daemon=True).start()
            return self._loop

    async def _post_again(self, provider: TimestampProvider, query: bytes) -> bytes:
        """A second time where the connection was closed meanwhile: asking twice for a timestamp does no harm."""
        try:
            return await self._post(provider, query)
        except httpx.RemoteProtocolError:
            return await self._post(provider, query)

    async def _post(self, provider: TimestampProvider, query: bytes) -> bytes:
        """Raises: BadAnswer, TimeoutError, httpx.HTTPError."""
        headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
        if isinstance(provider.credentials, HeaderCredentials):
            headers[provider.credentials.name] = provider.credentials.value
        async with self._client(provider).stream("POST", provider.url, content=query, headers=headers) as answer:
            if answer.status_code != 200:
                raise BadAnswer(f"It answered with status {answer.status_code}.")
            octets = bytearray()
            async for part in answer.aiter_raw():
                octets += part
                if len(octets) > MAX_ANSWER:
                    raise BadAnswer(f"The answer has more than {MAX_ANSWER >> 10} KB.")
            return bytes(octets)

    def _client(self, provider: TimestampProvider) -> httpx.AsyncClient:
        if provider.name not in self._clients:
            self._clients[provider.name] = httpx.AsyncClient(
                verify=self._tls[provider.name],
                trust_env=False,
                follow_redirects=False,
                limits=_KEPT,
                timeout=httpx.Timeout(None, connect=_CONNECT_SECONDS, pool=_CONNECT_SECONDS),
                headers={"User-Agent": self._agent, "Accept-Encoding": "identity"},
            )
        return self._clients[provider.name]


def _run(loop: asyncio.AbstractEventLoop) -> None:
    """Until somebody stops it."""
    try:
        loop.run_forever()
    finally:
        loop.close()


def _tls(credentials: HeaderCredentials | ClientCertificate | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if isinstance(credentials, ClientCertificate):
        context.load_cert_chain(credentials.certificate_file, credentials.key_file)
    return context
