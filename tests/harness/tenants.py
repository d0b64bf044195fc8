"""A subscription of its own on a running server: its settings touch no other test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from tests.harness.commands import signroom
from tests.harness.server import Json, Page, Server, ok

SETTINGS = "/api/settings"


@dataclass(frozen=True)
class Tenant:
    """`manager` and `worker` are headers with a key of that role."""

    server: Server
    name: str
    manager: dict[str, str]
    worker: dict[str, str]
    application_id: str

    def get(self, setting: str) -> Json:
        return ok(self.server.api.get(f"{SETTINGS}/{setting}", headers=self.manager))

    def put(self, setting: str, body: Any) -> httpx.Response:
        return self.server.api.put(f"{SETTINGS}/{setting}", json=body, headers=self.manager)

    def open_session(self, **fields: Any) -> httpx.Response:
        return self.server.api.post("/api/signature-sessions", json=fields, headers=self.worker)

    def redirect_url(self, **fields: Any) -> str:
        url: str = ok(self.open_session(**fields))["redirectUrl"]
        return url

    def page(self, **fields: Any) -> Page:
        return self.server.page(self.redirect_url(**fields))

    @property
    def frame_origins(self) -> str:
        """The name of that setting."""
        return f"applications/{self.application_id}/frame-origins"


def new_tenant(server: Server) -> Tenant:
    name = f"Tenant {uuid4().hex[:8]}"
    signroom(server, "subscriptions", "create", name)
    made = signroom(server, "applications", "create", name, "--subscription", name)
    keys = {
        role: {"X-Api-Key": signroom(server, "keys", "create", "--application", name, "--role", role)}
        for role in ("Manager", "Worker")
    }
    return Tenant(server, name, keys["Manager"], keys["Worker"], made.partition(" ")[0])
