"""The ``TimestampAuthorities`` port: providers asked over HTTP (RFC 3161, 3.4).

The operator names the providers, so their addresses may be in the operator's own network. An answer is read up to a
limit and a deadline. No redirect is followed: the request may carry credentials.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import ssl
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache

import httpx
import structlog

from signroom.domain.errors import BadTimestampProvider, SecretUnreadable, SignroomError
from signroom.domain.security_context import SecurityContext
from signroom.domain.signature import CertificateChain
from signroom.domain.timestamp import (
    ClientCertificate,
    ClientPem,
    Credentials,
    HeaderCredentials,
    Timestamp,
    TimestampProvider,
    TimestampRequest,
)
from signroom.domain.timestamp_provider import StoredProvider
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
from signroom.timestamps.stored import StoredProviders

log = structlog.get_logger()

SET_BACK_SECONDS, LONGEST_SET_BACK = 60, 300
"""Twice as long for each failure that follows another."""
PROVEN_SECONDS = 60.0
"""So long after an answer it is taken for granted that a provider answers."""
LATE_SECONDS = 1.0
"""A provider that is asked and silent for so long may hang: others wait for what becomes of it."""
READ_AGAIN_SECONDS = 5.0
"""So soon a change of the stored providers is seen by every process."""
_RETIRED_SECONDS = 30.0
"""So long a request to a provider that was changed or deleted may still run."""
LAST_AUTHORITY_SECONDS = 3600.0
"""So long it counts who has signed a provider's last token. An authority gets a new certificate now and then."""
REST_SECONDS = 10
"""Between two questions that find out whether a provider is back. A slow provider would hold a job at each."""
_KEPT = httpx.Limits(max_connections=20, max_keepalive_connections=4, keepalive_expiry=30)
_CONNECT_SECONDS = 3
_CertificateStamp = tuple[tuple[int, int, int], ...]
_CLOSE_SECONDS = 5


def _promise() -> Future[bool | None]:
    """One that nobody who waits for it can cancel."""
    made: Future[bool | None] = Future()
    made.set_running_or_notify_cancel()
    return made


@dataclass(slots=True)
class _Asked:
    """What is known of a provider that is asked."""

    answered: float = float("-inf")
    """When it has answered last."""
    since: list[float] = field(default_factory=list)
    """When the requests began that have no answer yet."""
    outcome: Future[bool | None] = field(default_factory=_promise)
    """Of the next request that ends: it was answered, or not; None: whoever has asked went away."""

    def may_hang(self, now: float) -> bool:
        if not self.since:
            return False
        return now - self.answered >= PROVEN_SECONDS or now - max(self.answered, self.since[0]) >= LATE_SECONDS


@dataclass(frozen=True, slots=True)
class _Begun:
    """A request that has no answer yet, and when it began."""

    asked: _Asked
    at: float


class RemoteAuthorities:
    """The providers of the configuration. A connection to each is kept.

    Callers have event loops of their own, and each job has another one. A connection belongs to one loop, so the
    requests run on a loop of this object, in a thread that is started for the first of them.
    """

    def __init__(
        self,
        providers: Sequence[TimestampProvider] | Callable[[], Sequence[TimestampProvider]] = (),
        *,
        stored: StoredProviders | None = None,
        agent: str = "signroom",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the providers.

        Args:
            providers: those of the configuration, or what tells them as they are now.
            stored: those of the database.
            agent: how this service calls itself.
            clock: seconds, only forwards.

        Raises: OSError, ValueError for a client certificate that cannot be used.
        """
        self._configured = providers if callable(providers) else lambda: providers
        self._changes = callable(providers) or stored is not None
        self._providers = tuple(self._configured())
        self._stored, self._reading, self._was_read, self._fresh_until = stored, threading.Lock(), False, 0.0
        self._of_database: tuple[TimestampProvider, ...] = ()
        self._agent, self._clock = agent, clock
        self._turns: Counter[tuple[str, int]] = Counter()
        self._until: dict[TimestampProvider, float] = {}
        self._last: dict[TimestampProvider, tuple[float, CertificateChain]] = {}
        # Before the certificates: what changes while they are read is seen the next time.
        self._stamps = {one: _stamp(one.credentials) for one in self._providers}
        self._tls = {one: _own_tls(one.credentials) for one in self._providers}
        self._unusable: dict[TimestampProvider, _CertificateStamp] = {}
        """Those whose certificate could not be used, as it was then: the log has said so."""
        self._clients: dict[TimestampProvider, httpx.AsyncClient] = {}
        self._retired: list[tuple[float, httpx.AsyncClient]] = []
        self._failures: Counter[TimestampProvider] = Counter()
        self._asked: dict[TimestampProvider, _Asked] = {}
        self._asking = threading.Lock()
        self._rest_until: dict[TimestampProvider, float] = {}
        self._resting = threading.Lock()
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def configured(self) -> Sequence[TimestampProvider]:
        return tuple(self._configured())

    def opened(self, stored: StoredProvider) -> TimestampProvider:
        if self._stored is None:
            raise SecretUnreadable
        return self._stored.opened(stored)

    def of_tier(self, tier: str) -> Sequence[TimestampProvider]:
        now = self._clock()
        ready: list[TimestampProvider] = []
        late: list[TimestampProvider] = []
        own = sorted((one for one in self._current() if one.tier == tier), key=lambda one: one.priority)
        for priority, equals in itertools.groupby(own, key=lambda one: one.priority):
            of_priority = list(equals)
            turn = self._turns[tier, priority] % len(of_priority)
            self._turns[tier, priority] += 1
            for one in of_priority[turn:] + of_priority[:turn]:
                (late if self._until.get(one, 0.0) > now else ready).append(one)
        return [*ready, *late]

    def rests(self, provider: TimestampProvider, *, finds_out: bool) -> bool:
        now = self._clock()
        if self._until.get(provider, 0.0) <= now:
            return False
        with self._resting:
            if not finds_out or self._rest_until.get(provider, 0.0) > now:
                return True
            self._rest_until[provider] = now + REST_SECONDS
            return False

    def all_rest(self, tier: str) -> bool:
        now, own = self._clock(), [one for one in self._current() if one.tier == tier]
        with self._resting:
            resting = [min(self._until.get(one, 0.0), self._rest_until.get(one, 0.0)) > now for one in own]
        return bool(resting) and all(resting)

    def contexts_of(self, tier: str) -> Sequence[SecurityContext]:
        return tuple({one.context.id: one.context for one in self._current() if one.tier == tier}.values())

    def last_authority(self, provider: TimestampProvider) -> CertificateChain | None:
        at, authority = self._last.get(provider, (0.0, None))
        return authority if self._clock() - at < LAST_AUTHORITY_SECONDS else None

    def set_back(self, provider: TimestampProvider, reason: str) -> None:
        log.warning("timestamp.failed", provider=provider.name, tier=provider.tier, reason=reason)
        now = self._clock()
        seconds = min(SET_BACK_SECONDS << min(self._failures[provider], 8), LONGEST_SET_BACK)
        self._failures[provider] += 1
        self._until[provider], self._rest_until[provider] = now + seconds, now + REST_SECONDS

    def require_client_certificate(self, pem: str) -> None:
        try:
            _own_tls(ClientPem(pem))
        except (OSError, ValueError) as error:
            raise BadTimestampProvider("Certificate and key do not fit, or are no PEM.") from error

    def _current(self) -> tuple[TimestampProvider, ...]:
        """One thread reads again, the others go on with what is known; the first time all wait."""
        if not self._changes or self._clock() < self._fresh_until:
            return self._providers
        if self._reading.acquire(blocking=not self._was_read):
            try:
                if self._clock() >= self._fresh_until:
                    self._read_again()
            finally:
                self._reading.release()
        return self._providers

    def _read_again(self) -> None:
        self._fresh_until = self._clock() + READ_AGAIN_SECONDS
        try:
            if self._stored is not None:
                self._of_database = tuple(self._stored.all())
            self._was_read = True
        except SignroomError as error:  # the database does not answer: what was known of it holds
            log.warning("timestamp.providers_not_read", code=error.code)
        found = (*self._configured(), *self._of_database)
        before = dict(self._tls)
        usable = tuple(one for one in found if self._prepare(one))
        gone = [one for one in self._tls if one not in usable]
        renewed = [one for one, tls in before.items() if self._tls[one] is not tls]
        self._providers = usable
        for one in gone:
            del self._tls[one], self._stamps[one]
            self._until.pop(one, None)
            self._last.pop(one, None)
            self._failures.pop(one, None)
            self._rest_until.pop(one, None)
            self._asked.pop(one, None)
        if self._loop is not None:
            asyncio.run_coroutine_threadsafe(self._retire([*gone, *renewed]), self._loop)

    def _prepare(self, provider: TimestampProvider) -> bool:
        """False for a provider whose certificate cannot be used. One that was usable before keeps the one it had."""
        stamp = _stamp(provider.credentials)
        if provider in self._tls and self._stamps[provider] == stamp:
            return True
        try:
            self._tls[provider] = _own_tls(provider.credentials)
        except (OSError, ValueError):
            # It is tried again the next time: the rights on it may be what was wrong.
            if self._unusable.get(provider) != stamp:
                log.warning("timestamp.provider_unusable", provider=provider.name)
            self._unusable[provider] = stamp
            return provider in self._tls
        self._stamps[provider] = stamp
        self._unusable.pop(provider, None)
        return True

    async def _retire(self, gone: Sequence[TimestampProvider]) -> None:
        """Close connections that nobody needs any more, once no request is on its way on them."""
        now = self._clock()
        self._retired += [(now, client) for one in gone if (client := self._clients.pop(one, None)) is not None]
        old = [client for since, client in self._retired if now - since >= _RETIRED_SECONDS]
        self._retired = [(since, client) for since, client in self._retired if now - since < _RETIRED_SECONDS]
        for client in old:
            await client.aclose()

    async def ask(
        self,
        provider: TimestampProvider,
        request: TimestampRequest,
        *,
        seconds: float,
        behind_another: float | None = None,
    ) -> Timestamp:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        told_by = deadline if behind_another is None else min(deadline, loop.time() + behind_another)
        while isinstance(begun := self._begin(provider), Future):
            # The future is another thread's: it is looked at, and never cancelled.
            waiting = asyncio.wrap_future(begun)
            try:
                done, _ = await asyncio.wait({waiting}, timeout=max(0.0, told_by - loop.time()))
                if not done or waiting.result() is False:
                    raise NoTimestamp("It does not answer to another caller.", asked=False)
            finally:
                waiting.cancel()
        answered: bool | None = None
        try:
            found = await self._ask(provider, request, max(0.0, deadline - loop.time()))
            answered = True
        except NoTimestamp as error:
            answered = error.failure is not None
            raise
        finally:
            self._end(begun, answered=answered)
        return found

    def _begin(self, provider: TimestampProvider) -> _Begun | Future[bool | None]:
        """The request, or the outcome to wait for before one may begin."""
        with self._asking:
            now, asked = self._clock(), self._asked.setdefault(provider, _Asked())
            if asked.may_hang(now):
                return asked.outcome
            asked.since.append(now)
            return _Begun(asked, now)

    def _end(self, begun: _Begun, *, answered: bool | None) -> None:
        # The provider may have been taken away meanwhile, and be back: that one has not been asked.
        asked = begun.asked
        with self._asking:
            asked.since.remove(begun.at)
            if answered:
                asked.answered = self._clock()
            ended, asked.outcome = asked.outcome, _promise()
        ended.set_result(answered)

    async def _ask(self, provider: TimestampProvider, request: TimestampRequest, seconds: float) -> Timestamp:
        """Raises: NoTimestamp."""
        posting = self._post_again(provider, write_request(request))
        try:
            async with asyncio.timeout(seconds):
                octets = await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(posting, self._running_loop()))
            # Some kilobytes are read in less than a millisecond or two; a thread would cost as much.
            found = read_answer(octets, request)
        except BadAnswer as error:
            raise NoTimestamp(str(error), error.failure) from error
        except (TimeoutError, httpx.TimeoutException) as error:
            raise NoTimestamp("It took too long.", late=True) from error
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ExceptionGroup) as error:
            raise NoTimestamp("It cannot be reached, or the connection broke off.") from error
        self._until.pop(provider, None)
        self._failures.pop(provider, None)
        self._last[provider] = (self._clock(), found.authority)
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
        for client in [*self._clients.values(), *(client for _, client in self._retired)]:
            await client.aclose()
        self._clients.clear()
        self._retired.clear()

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
        if provider not in self._clients:
            tls = self._tls[provider] if provider in self._tls else _own_tls(provider.credentials)
            self._clients[provider] = httpx.AsyncClient(
                verify=_shared_tls() if tls is None else tls,
                trust_env=False,
                follow_redirects=False,
                limits=_KEPT,
                timeout=httpx.Timeout(None, connect=_CONNECT_SECONDS, pool=_CONNECT_SECONDS),
                headers={"User-Agent": self._agent, "Accept-Encoding": "identity"},
            )
        return self._clients[provider]


def _run(loop: asyncio.AbstractEventLoop) -> None:
    """Until somebody stops it."""
    try:
        loop.run_forever()
    finally:
        loop.close()


def require_usable(providers: Sequence[TimestampProvider]) -> Sequence[TimestampProvider]:
    """Themselves. Raises: ValueError for a client certificate that cannot be used; it says whose."""
    for one in providers:
        try:
            _own_tls(one.credentials)
        except (OSError, ValueError) as error:
            raise ValueError(f"The client certificate of {one.name} cannot be used: {error}") from error
    return providers


def _stamp(credentials: Credentials | None) -> _CertificateStamp:
    """Changes when the files of a client certificate do: number, time of change and length. Nothing for other ones."""
    if not isinstance(credentials, ClientCertificate):
        return ()
    found = []
    for file in (credentials.certificate_file, credentials.key_file):
        with suppress(OSError):
            facts = os.stat(file)
            found.append((facts.st_ino, facts.st_mtime_ns, facts.st_size))
    return tuple(found)


def _own_tls(credentials: Credentials | None) -> ssl.SSLContext | None:
    """With the client certificate; None for a provider that wants none. Raises: OSError, ValueError."""
    if not isinstance(credentials, ClientCertificate | ClientPem):
        return None
    context = ssl.create_default_context()
    if isinstance(credentials, ClientCertificate):
        context.load_cert_chain(credentials.certificate_file, credentials.key_file)
    else:
        with _as_file(credentials.pem.encode()) as file:
            # The library would ask a person at the terminal for the password of a key.
            context.load_cert_chain(file, password=b"")
    return context


@cache
def _shared_tls() -> ssl.SSLContext:
    """The authorities of the machine, read once and not before they are needed: that takes 30 ms of the processor."""
    return ssl.create_default_context()


@contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """The library takes files only: one in memory where the system has such, else one for this user alone."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("client")
        try:
            os.write(descriptor, content)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
    else:
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            yield file.name
