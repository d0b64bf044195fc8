"""Host names -> addresses, by the hosts file and by DNS, without a thread.

The system's own look-up (getaddrinfo) blocks a thread until every name server was asked, and nobody can call it off.
A few names whose servers never answer would then take every thread there is. Here a look-up is a coroutine, on one
event loop for all of them. It is not the caller's: to write and to read the questions of a hundred names takes 0.1 s,
while a loop answers nobody. A look-up that ends, in whatever way, leaves nothing behind.

The order is the one of ``hosts: files dns``: first the hosts file, then the name servers of ``resolv.conf`` with its
search domains. Other sources of ``nsswitch.conf`` (LDAP, multicast DNS) are not asked. ``localhost`` never goes to a
name server (RFC 6761, 6.3).
"""

from __future__ import annotations

import asyncio
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Generic, TypeVar

import dns.asyncresolver
import dns.exception
import dns.message
import dns.nameserver
import dns.query
import dns.rdatatype
import dns.resolver

from signroom.fetch.loops import loop_of_thread

HOSTS, RESOLV_CONF = Path("/etc/hosts"), Path("/etc/resolv.conf")
_LIFETIME = 4.5
"""Seconds for all questions about one name."""
_MAX_ANSWER = 4096
"""Bytes of an answer by TCP, some 250 addresses: reading 64 KB holds the event loop for a sixth of a second."""
_LOOPBACK = ("127.0.0.1", "::1")
_MAX_HOSTS = 4 << 20
"""Bytes of a hosts file that are read."""

T = TypeVar("T")


class NameNotFound(Exception):
    """No source knows an address for the name, or no name server answered in time."""


class SystemNames:
    """Looks names up as this machine's two files say. The files are read again when they have changed."""

    def __init__(self, hosts: Path = HOSTS, resolv_conf: Path = RESOLV_CONF, *, port: int = 53) -> None:
        """`port` is the name servers'."""
        self._port = port
        self._hosts: _FileKept[Mapping[str, Sequence[str]]] = _FileKept(hosts, _read_hosts, {})
        self._resolver: _FileKept[dns.asyncresolver.Resolver | None] = _FileKept(resolv_conf, self._configured, None)

    async def __call__(self, host: str) -> Sequence[str]:
        """The addresses of `host`, in lower case. Raises: NameNotFound."""
        if host == "localhost" or host.endswith(".localhost"):
            return self._hosts.value().get(host, _LOOPBACK)
        known = self._hosts.value().get(host)
        if known is not None:
            return known
        resolver = self._resolver.value()
        if resolver is None:
            raise NameNotFound
        addresses = await asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(_ask(resolver, host), loop_of_thread("signroom-names"))
        )
        if not addresses:
            raise NameNotFound
        return addresses

    def _configured(self, file: Path) -> dns.asyncresolver.Resolver | None:
        resolver = dns.asyncresolver.Resolver(configure=False)
        try:
            resolver.read_resolv_conf(str(file))
        except dns.exception.DNSException:
            return None
        resolver.nameservers = [_NameServer(str(address), self._port) for address in resolver.nameservers]
        resolver.lifetime = _LIFETIME
        return resolver


class _NameServer(dns.nameserver.Do53Nameserver):
    """Answers by TCP have an end: whoever owns a name decides how long they are."""

    async def async_query(  # noqa: PLR0917  (the library's)
        self,
        request: dns.message.QueryMessage,
        timeout: float,  # noqa: ASYNC109  (the library's)
        source: str | None,
        source_port: int,
        max_size: bool,
        backend: Any,
        one_rr_per_rrset: bool = False,
        ignore_trailing: bool = False,
    ) -> dns.message.Message:
        """By UDP, or with `max_size` by TCP. Raises: dns.exception.DNSException, OSError, EOFError."""
        if not max_size:
            return await super().async_query(
                request, timeout, source, source_port, max_size, backend, one_rr_per_rrset, ignore_trailing
            )
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection(self.address, self.port)
            try:
                question = request.to_wire()
                writer.write(len(question).to_bytes(2, "big") + question)
                length = int.from_bytes(await reader.readexactly(2), "big")
                if length > _MAX_ANSWER:
                    raise dns.exception.FormError  # the resolver does not ask this server again
                answer = dns.message.from_wire(await reader.readexactly(length), ignore_trailing=ignore_trailing)
            finally:
                writer.close()
        if not request.is_response(answer):
            raise dns.query.BadResponse
        return answer


class _FileKept(Generic[T]):
    """What `read` makes of a file, until the file changes. `absent` when it cannot be read."""

    def __init__(self, file: Path, read: Callable[[Path], T], absent: T) -> None:
        self._file, self._read, self._absent = file, read, absent
        self._lock = threading.Lock()
        self._state: tuple[int, int, int] | None = None
        self._value = absent

    def value(self) -> T:
        """Cheap: one `stat` where nothing has changed."""
        with self._lock:
            try:
                found = self._file.stat()
                state = (found.st_ino, found.st_size, found.st_mtime_ns)
                if state != self._state:
                    self._value, self._state = self._read(self._file), state
            except OSError:
                self._value, self._state = self._absent, None
            return self._value


def _read_hosts(file: Path) -> Mapping[str, Sequence[str]]:
    """hosts(5): an address, then its names. A name may stand in several lines."""
    found: dict[str, list[str]] = {}
    with file.open("rb") as source:
        text = source.read(_MAX_HOSTS).decode("utf-8", "replace")
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        with suppress(ValueError):
            ip_address(address)
            for name in names:
                found.setdefault(name.lower(), []).append(address)
    return found


async def _ask(resolver: dns.asyncresolver.Resolver, host: str) -> Sequence[str]:
    """Both kinds of addresses at once. One kind is enough: many servers drop questions for the other.

    The answer is empty where no server knows an address: an error would hold the frames of both loops.
    """
    kinds = (dns.rdatatype.A, dns.rdatatype.AAAA)
    answers = await asyncio.gather(*(_addresses(resolver, host, kind) for kind in kinds))
    return [address for answer in answers for address in answer]


async def _addresses(resolver: dns.asyncresolver.Resolver, host: str, kind: dns.rdatatype.RdataType) -> Sequence[str]:
    try:
        return [record.address for record in await resolver.resolve(host, kind, search=True)]
    except BaseException as error:
        # The library's frames hold the error of each try, and each error holds these frames. A look-up that fails would
        # leave a hundred objects to the search for garbage, which keeps all threads waiting while it lasts.
        traceback.clear_frames(error.__traceback__)
        if not isinstance(error, dns.exception.DNSException | OSError):
            raise
        return []
