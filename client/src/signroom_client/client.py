"""The two clients: the same operations, blocking and awaited."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import httpx

from signroom_client.calling import Awaited, Blocking, operation
from signroom_client.decoding import decode
from signroom_client.documents import DocumentOperations
from signroom_client.events import EventOperations
from signroom_client.managing import ManagingOperations
from signroom_client.models import SystemInfo
from signroom_client.service import service
from signroom_client.sessions import SessionOperations
from signroom_client.signatures import SignatureOperations
from signroom_client.wire import AwaitedWire, BlockingWire

TIMEOUT = httpx.Timeout(60.0, connect=10.0)
MAX_RETRIES = 3


class Operations(SessionOperations, DocumentOperations, SignatureOperations, EventOperations, ManagingOperations):
    """What both clients do. Where nothing else is said they raise `ApiError` and `ConnectionFailedError`."""

    @operation
    async def system_info(self) -> SystemInfo:
        """Product, version and time of the service.

        Example:
            print(signroom.system_info().product_version)
        """
        return decode(SystemInfo, await self._service.get("api/system/info"))


class SignroomClient(Operations, Blocking):
    """The service, for programs that block. Threads may share one.

        with SignroomClient("https://sign.example.com", "app|secret") as signroom:
            session = signroom.create_session(return_url="https://app.example.com/signed")

    `subscription` picks one (id or alias) for a key that has several. `timeout` is for one request, in seconds.
    `max_retries` tries come after the first, where that is safe. `http_client` is for proxies and authorities of your
    own; it stays yours to close.
    """

    def __init__(
        self,
        endpoint: str,
        api_key: str,
        *,
        subscription: str | None = None,
        timeout: float | httpx.Timeout = TIMEOUT,
        max_retries: int = MAX_RETRIES,
        http_client: httpx.Client | None = None,
    ) -> None:
        limits = httpx.Timeout(timeout)
        self._http = http_client or httpx.Client(timeout=limits)
        self._owned = http_client is None
        wire = BlockingWire(self._http, limits)
        super().__init__(service(wire, endpoint, api_key, subscription, max_retries), limits)

    def close(self) -> None:
        """Close the connections."""
        if self._owned:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncSignroomClient(Operations, Awaited):
    """The service, for asyncio: each method of `SignroomClient`, awaited; lists by ``async for``.

    async with AsyncSignroomClient("https://sign.example.com", "app|secret") as signroom:
        session = await signroom.create_session(return_url="https://app.example.com/signed")
    """

    def __init__(
        self,
        endpoint: str,
        api_key: str,
        *,
        subscription: str | None = None,
        timeout: float | httpx.Timeout = TIMEOUT,
        max_retries: int = MAX_RETRIES,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        limits = httpx.Timeout(timeout)
        self._http = http_client or httpx.AsyncClient(timeout=limits)
        self._owned = http_client is None
        wire = AwaitedWire(self._http, limits)
        super().__init__(service(wire, endpoint, api_key, subscription, max_retries), limits)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._owned:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
