"""The trusted lists while the service runs: fetched in the background, asked for from memory."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from signroom.domain.errors import BadTrustedList, FileTooLarge
from signroom.domain.security_context import EU, SecurityContext
from signroom.ports.outside import Fetched, Unreachable
from signroom.trust.anchors import Anchors, AnchorSource
from signroom.trust.european.list_folder import ListFolder, LoadedLists, Tried
from signroom.trust.european.services import TrustedServices
from signroom.trust.european.signed_lists import MAX_LIST, Pointer, SignedList, read_pivots, read_pointers

log = structlog.get_logger()

ADDRESS = "https://ec.europa.eu/tools/lotl/eu-lotl.xml"
"""Of the list of the lists, as the European Commission publishes it."""
EVERY = timedelta(hours=6)
_LOOK_SECONDS, _DUE_SECONDS, _WAIT_SECONDS = 5.0, 60.0, 8.0
_UNREAD_SECONDS = 60.0
"""Until a list that could not be read is tried again. Verifying all of them takes some seconds of the processor."""
"""Between two looks at the files, between two looks whether it is time to fetch, and for the first reading."""


class Streams(Protocol):
    """What is needed of the ``Fetch`` port."""

    def stream(self, url: str, *, limit: int) -> AbstractAsyncContextManager[Fetched]:
        """Raises: Unreachable, FileTooLarge."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the operator asked for. ``territories``: empty for all."""

    territories: frozenset[str] = frozenset()
    address: str = ADDRESS

    def has(self, territory: str) -> bool:
        return not self.territories or territory in self.territories


class TrustedLists:
    """Reads the lists of a folder again when they change, and fetches new ones when they are `wanted`."""

    def __init__(
        self,
        folder: ListFolder,
        fetch: Streams | None = None,
        wanted: Wanted | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._folder, self._fetch, self._wanted, self._now = folder, fetch, wanted, now
        self._services: TrustedServices | None = None
        self._stamp: object = None
        self._looked: float | None = None
        self._again_at = math.inf
        self._lock, self._loading = threading.Lock(), threading.Lock()
        self._loaded, self._closing = threading.Event(), threading.Event()

    def services(self) -> TrustedServices | None:
        """What counts now. Never waits for the network; the first to ask waits until the files are read."""
        self._look()
        if not self._loaded.is_set():
            self._loaded.wait(_WAIT_SECONDS)
        return self._services

    def load(self) -> LoadedLists:
        """Read every file that is there. Those that were read before go on to count where none can be read."""
        with self._loading:
            stamp, now = self._folder.stamp(), self._now()
            found = self._folder.load(now)
            try:
                services = found.services()
            except BadTrustedList as error:
                log.warning("trusted_list.refused", code=error.code, reason=error.detail)
                services = None
            before = self._services
            if services is not None or before is None or before.until < now:
                self._services = services
            self._stamp = stamp
            self._again_at = time.monotonic() + _UNREAD_SECONDS if found.unread else math.inf
            self._loaded.set()
            return found

    def refresh(self) -> Tried:
        """Fetch the lists, and keep those that are good. Nothing is raised: what was refused is in the answer."""
        fetch, wanted = self._fetch, self._wanted
        if fetch is None or wanted is None:
            return self._folder.tried()
        with self._folder.alone() as alone:
            if not alone:
                return self._folder.tried()
            refused: dict[str, str] = {}
            now = self._now()
            pointers: tuple[Pointer, ...]
            try:
                content = _fetched(fetch, wanted.address)
                pivots = () if self._folder.knows_signer(content, now) else tuple(_pivots(fetch, content))
                master = self._folder.accept(content, now, pivots=pivots)
                pointers = read_pointers(master)
            except (BadTrustedList, Unreachable, FileTooLarge) as error:
                refused["LOTL"] = _why(error)
                pointers = self._folder.load_pointers(now)
            for pointer in pointers:
                if pointer.is_master or not wanted.has(pointer.territory) or self._closing.is_set():
                    continue
                try:
                    self._folder.accept(_fetched(fetch, pointer.address), now, pointers=pointers)
                except (BadTrustedList, Unreachable, FileTooLarge) as error:
                    refused[pointer.territory] = _why(error)
            for territory, reason in refused.items():
                log.warning("trusted_list.refused", code=BadTrustedList.code, territory=territory, reason=reason)
            tried = Tried(now, refused)
            self._folder.write_tried(tried)
            return tried

    def accept(self, content: bytes) -> SignedList:
        """Keep a list that somebody brought. Raises: BadTrustedList."""
        return self._folder.accept(content, self._now())

    def tried(self) -> Tried:
        return self._folder.tried()

    def start(self) -> None:
        """Begin to read what is there, and to fetch, where lists are wanted."""
        if not self._folder.empty:
            self._look()
        if self._wanted is not None and self._fetch is not None:
            threading.Thread(target=self._keep_fresh, name="signroom-trusted-lists", daemon=True).start()

    def close(self) -> None:
        self._closing.set()

    def _keep_fresh(self) -> None:
        while not self._closing.is_set():
            tried = self._folder.tried()
            if tried.at is None or self._now() - tried.at >= EVERY:
                try:
                    self.refresh()
                except OSError as error:
                    log.warning("trusted_list.not_kept", reason=error.strerror)
            self._closing.wait(_DUE_SECONDS)

    def _look(self) -> None:
        with self._lock:
            moment = time.monotonic()
            if self._looked is not None and moment - self._looked < _LOOK_SECONDS:
                return
            self._looked = moment
        services = self._services
        unchanged = self._loaded.is_set() and self._folder.stamp() == self._stamp
        if unchanged and moment < self._again_at and (services is None or self._now() <= services.until):
            return
        threading.Thread(target=self._load_quietly, name="signroom-read-lists", daemon=True).start()

    def _load_quietly(self) -> None:
        try:
            self.load()
        except OSError as error:
            log.warning("trusted_list.not_read", reason=error.strerror)
        finally:
            self._loaded.set()


class EuropeanAnchors:
    """An `AnchorSource` that adds the services of the trusted lists to the context ``eu``."""

    def __init__(self, others: AnchorSource, lists: TrustedLists) -> None:
        self._others, self._lists = others, lists

    def anchors(self, context: SecurityContext) -> Anchors:
        found = self._others.anchors(context)
        return replace(found, services=self._lists.services()) if context == EU else found


def _pivots(fetch: Streams, content: bytes) -> Iterator[bytes]:
    """The earlier lists of lists that can be fetched. Raises: BadTrustedList."""
    for address in read_pivots(content):
        with suppress(Unreachable, FileTooLarge):
            yield _fetched(fetch, address)


def _fetched(fetch: Streams, address: str) -> bytes:
    """Raises: Unreachable, FileTooLarge."""

    async def read() -> bytes:
        async with fetch.stream(address, limit=MAX_LIST) as answer:
            return b"".join([chunk async for chunk in answer.chunks])

    return asyncio.run(read())


def _why(error: Exception) -> str:
    match error:
        case Unreachable():
            return error.reason
        case BadTrustedList() | FileTooLarge():
            return error.detail or error.message
        case _:
            return type(error).__name__
