"""A receiver of webhooks on loopback, and the routes that manage them: for tests of deliveries."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from tests.fetch.sites import Exchange, Site, running_site
from tests.harness.server import Json, ok
from tests.harness.tenants import SETTINGS, Tenant
from tests.harness.waiting import eventually

WEBHOOKS = f"{SETTINGS}/webhooks"
Reply = Callable[[Exchange, int], object]
"""How to answer a request, and the how-many-eth it is, from 1."""


@dataclass
class Endpoint:
    """One address at a receiver."""

    url: str
    reply: Reply
    seen: list[Exchange] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    """When each came, in seconds of the monotonic clock."""
    at_once: int = 0
    """The most requests that were open at the same time."""
    _open: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, exchange: Exchange) -> None:
        with self._lock:
            self.seen.append(exchange)
            self.times.append(time.monotonic())
            number = len(self.seen)
            self._open += 1
            self.at_once = max(self.at_once, self._open)
        try:
            self.reply(exchange, number)
        finally:
            with self._lock:
                self._open -= 1

    @property
    def bodies(self) -> list[Json]:
        return [json.loads(exchange.body) for exchange in self.seen]

    def wait(self, count: int) -> list[Exchange]:
        eventually(lambda: len(self.seen) >= count)
        return self.seen


def fine(exchange: Exchange, _number: int) -> None:
    exchange.answer(b"thank you", status=204 if exchange.target.endswith("?empty") else 200)


def broken(exchange: Exchange, _number: int) -> None:
    exchange.answer(b"it hurts", status=500)


def broken_until(count: int) -> Reply:
    """All requests fail but those from number `count` on."""
    return lambda exchange, number: fine(exchange, number) if number >= count else broken(exchange, number)


@dataclass
class Receiver:
    site: Site

    def endpoint(self, reply: Reply = fine) -> Endpoint:
        path = f"/{uuid4().hex}"
        endpoint = Endpoint(f"{self.site.url}{path}", reply)
        self.site.paths[path] = endpoint
        return endpoint


@contextmanager
def running_receiver(*, keeps: bool = False) -> Iterator[Receiver]:
    """With `keeps` a connection stays open for the next request."""
    with running_site(keeps=keeps) as site:
        yield Receiver(site)


@dataclass(frozen=True)
class Hook:
    """A webhook of a tenant."""

    tenant: Tenant
    id: str
    secret: str

    def call(self, what: str = "", **body: Any) -> Json:
        """POST one of its verbs."""
        return ok(self.post(what, **body))

    def post(self, what: str, **body: Any) -> httpx.Response:
        return self.tenant.server.api.post(f"{WEBHOOKS}/{self.id}/{what}", json=body, headers=self.tenant.manager)

    def read(self, what: str = "") -> Json:
        path = f"{WEBHOOKS}/{self.id}/{what}".rstrip("/")
        return ok(self.tenant.server.api.get(path, headers=self.tenant.manager))

    def deliveries(self, status: str = "") -> list[Json]:
        """Newest first."""
        found: list[Json] = self.read(f"deliveries?status={status}" if status else "deliveries")["items"]
        return found

    def log(self, delivery_id: str | None = None) -> list[Json]:
        """The attempts of a delivery; of the only one unless it is named."""
        if delivery_id is None:
            (only,) = self.deliveries()
            delivery_id = only["id"]
        found: list[Json] = self.read(f"deliveries/{delivery_id}")["attempts"]
        return found

    def settled(self, status: str, count: int = 1) -> list[Json]:
        """Its deliveries of that status, once there are as many."""

        def enough() -> list[Json]:
            found = self.deliveries(status)
            return found if len(found) >= count else []

        return eventually(enough)


def new_hook(tenant: Tenant, endpoint: Endpoint | str, *types: str, **fields: Any) -> Hook:
    """A webhook that wants the events `types`."""
    url = endpoint if isinstance(endpoint, str) else endpoint.url
    body = {"url": url, "eventTypes": list(types), **fields}
    made = ok(tenant.server.api.post(WEBHOOKS, json=body, headers=tenant.manager))
    return Hook(tenant, made["webhook"]["id"], made["signingSecret"])


def remove_hooks(tenant: Tenant) -> None:
    api = tenant.server.api
    for hook in ok(api.get(WEBHOOKS, headers=tenant.manager))["items"]:
        assert api.delete(f"{WEBHOOKS}/{hook['id']}", headers=tenant.manager).status_code == 204
