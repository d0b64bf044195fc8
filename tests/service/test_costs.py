"""What each request of a signature costs the database, the disk and the threads: upper bounds, on both databases."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from litestar import Litestar
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp

from signroom.http.ignored import query_parameters
from signroom.sandbox.pool import PooledFormats
from signroom.service.signing.process_document import process_document
from signroom.service.signing.process_session import process_session
from signroom.service.subscriptions.manage_keys import CreateKey, create_key
from signroom.settings import read_settings
from signroom.store import known
from signroom.wiring import build_web
from signroom.worker.steps import jobs
from tests.harness.costs import Cost, Costs, counting
from tests.harness.databases import copy_new_database
from tests.harness.postgres import Postgres
from tests.harness.server import Json, Key, base64, ok, values_of
from tests.service.conftest import Room, open_room
from tests.vectors import hard_pdfs

SEVERAL = 5
"""Documents. A request about them asks the database as often as one about a single document."""


def _key() -> tuple[Key, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return key, base64(public)


def _signatures(preparation: Json, key: Key) -> list[Json]:
    return [{"documentId": one, "value": base64(value)} for one, value in values_of(preparation, key).items()]


class Journey:
    """The requests of signatures, one after the other, each with what it cost."""

    def __init__(self, client: httpx.AsyncClient, room: Room, costs: Costs) -> None:
        self._client, self._room, self._costs = client, room, costs
        self.on_postgresql = room.service.engine.dialect.name == "postgresql"
        self.found: dict[str, Cost] = {}
        self.statements: dict[str, list[str]] = {}

    async def all(self) -> None:
        # A process that has just begun asks more: it knows no caller yet, and no folder.
        await self._one(1, "warm ")
        await self._uploads("warm ")
        self.found.clear()
        await self._one(1)
        await self._one(SEVERAL, "several: ")
        await self._uploads()

    def told(self, name: str, bound: Cost) -> str:
        """What a request did ask, for whoever has made it dearer."""
        return "\n".join([f"{name}: {self.found[name]} is more than {bound}", *self.statements[name]])

    async def _one(self, documents: int, before: str = "") -> None:
        """A session with documents of the application, from the beginning to the signed files."""
        sent = [{"file": {"name": "a.pdf", "content": base64(hard_pdfs.make("plain"))}} for _ in range(documents)]
        opened = await self._call(f"{before}POST session", "POST", "/api/signature-sessions", json={"documents": sent})
        session, link = opened["sessionId"], urlsplit(opened["redirectUrl"]).path
        await self._call(f"{before}page", "GET", link)
        page = await self._page(before, link)
        await self._call(f"{before}load", "GET", "/sign/api/load", headers=page)
        key, public = _key()
        body: Json = {"publicKey": public, "name": "Ana"}
        chain = await self._call(f"{before}certificate", "POST", "/sign/api/demo-certificate", json=body, headers=page)
        preparation = await self._call(f"{before}prepare", "POST", "/sign/api/prepare", json=chain, headers=page)
        body = {"preparationId": preparation["preparationId"], "signatures": _signatures(preparation, key)}
        await self._call(f"{before}finish", "POST", "/sign/api/finish", json=body, headers=page)
        ports, first = self._room.ports, UUID(preparation["items"][0]["documentId"])
        job = process_document(ports, first) if documents == 1 else process_session(ports, UUID(session))
        await self._measured(f"{before}process", job)
        done = await self._call(f"{before}GET session", "GET", f"/api/signature-sessions/{session}")
        assert done["status"] == "Completed"
        file = urlsplit(done["documents"][0]["signedFile"]["location"]).path
        await self._call(f"{before}GET signed file", "GET", file)

    async def _uploads(self, before: str = "") -> None:
        """A file that was uploaded before, and one of the signer's own; an empty session."""
        files = {"file": ("a.pdf", hard_pdfs.make("plain"))}
        uploaded = await self._call(f"{before}upload", "POST", "/api/plain-uploads", files=files)
        sent = [{"file": {"name": "a.pdf", "blobToken": uploaded["blobToken"]}}]
        await self._call(f"{before}POST session, uploaded", "POST", "/api/signature-sessions", json={"documents": sent})
        opened = await self._call(f"{before}POST session, empty", "POST", "/api/signature-sessions", json={})
        page = await self._page(f"{before}empty: ", urlsplit(opened["redirectUrl"]).path)
        own = {**page, "x-file-name": "a.pdf"}
        content = hard_pdfs.make("plain")
        await self._call(f"{before}PUT upload", "PUT", "/sign/api/upload", content=content, headers=own)

    async def _page(self, before: str, link: str) -> dict[str, str]:
        body = {"link": link.rpartition("/")[2]}
        token = (await self._call(f"{before}renew", "POST", "/sign/api/renew", json={**body, "load": True}))["token"]
        return {"x-signature-session-token": token}

    async def _call(self, name: str, method: str, path: str, **request: Any) -> Json:
        answer = await self._measured(name, self._client.request(method, path, **request))
        if answer.headers["content-type"].startswith("application/json"):
            return ok(answer)
        assert answer.status_code == 200, (name, answer.text)
        return {}

    async def _measured(self, name: str, work: Coroutine[Any, Any, Any]) -> Any:
        before = self._costs.now
        outcome = await work
        self.found[name] = self._costs.now - before
        self.statements[name] = self._costs.statements[before.statements :]
        return outcome


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def journey(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, formats: PooledFormats
) -> Iterator[Journey]:
    """All requests, made once on each database. No job runs but those that the journey runs itself."""
    folder = tmp_path_factory.mktemp("costs")
    with pytest.MonkeyPatch.context() as patch, open_room(_database(request, folder), folder, formats) as room:
        patch.setattr(known, "KEPT_SECONDS", 3600.0)  # on a slow machine, too
        room.service.jobs.start(jobs(room.ports), execute=False)
        key = create_key(room.ports, room.caller, room.caller.application.id, CreateKey())
        yield asyncio.run(_journey(room, key.text))


def _database(request: pytest.FixtureRequest, folder: Path) -> str:
    if request.param == "sqlite":
        copy_new_database(folder / "signroom.db")
        return f"sqlite:///{folder / 'signroom.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database(like=request.getfixturevalue("postgres_template"))


def _web(room: Room) -> ASGIApp:
    settings = read_settings({"SIGNROOM_PUBLIC_URL": room.ports.public_url}, room.files)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # as in a running service, which shows none
        return build_web(settings, replace(room.service, ports=room.ports))


async def _journey(room: Room, key: str) -> Journey:
    web = _web(room)
    headers = {"X-Api-Key": key}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(web),  # type: ignore[arg-type]
        base_url=room.ports.public_url,
        headers=headers,
    ) as client:
        with counting() as costs:
            journey = Journey(client, room, costs)
            await journey.all()
    return journey


# What each request may cost at most: statements, transactions that read and that write, flushes, hops to a thread.
AT_MOST = {
    "POST session": Cost(5, 0, 1, 3, 4),
    "page": Cost(1, 0, 0, 0, 1),
    "renew": Cost(3, 0, 1, 1, 1),
    "load": Cost(1, 0, 0, 0, 1),
    "certificate": Cost(1, 0, 0, 0, 1),
    "prepare": Cost(3, 0, 1, 0, 1),
    "finish": Cost(5, 0, 1, 1, 1),
    "process": Cost(5, 0, 1, 3, 7),
    "GET session": Cost(1, 0, 0, 0, 1),
    "GET signed file": Cost(1, 0, 0, 0, 1),
    "upload": Cost(1, 0, 1, 4, 2),
    "POST session, uploaded": Cost(8, 1, 1, 1, 4),
    "POST session, empty": Cost(2, 0, 1, 1, 1),
    "PUT upload": Cost(5, 0, 1, 3, 5),
}
MORE_ON_POSTGRESQL = {"PUT upload": 1}
"""Statements: the lock of the session."""
MORE_WITH_SEVERAL = {
    "POST session": Cost(0, 0, 0, 4, 12),
    "prepare": Cost(hops=1),
    "finish": Cost(2, hops=1),
    "process": Cost(3, 0, 0, 4, 1),
}
"""With `SEVERAL` documents."""


@pytest.mark.parametrize("request_name", AT_MOST)
def test_a_request_costs_no_more_than_this(journey: Journey, request_name: str) -> None:
    more = Cost(MORE_ON_POSTGRESQL.get(request_name, 0) if journey.on_postgresql else 0)
    bound = AT_MOST[request_name] + more
    assert journey.found[request_name].within(bound), journey.told(request_name, bound)


@pytest.mark.parametrize("request_name", ["finish", "several: finish", "process", "several: process"])
def test_a_change_writes_no_column_that_stays(journey: Journey, request_name: str) -> None:
    """On SQLite each column that is written costs, and so does each index on it, changed or not."""
    stays = ("subscription_id=", "application_id=", "created_at=", "link_hash=", "original_key=", "callback_argument")
    updates = [one for one in journey.statements[request_name] if one.startswith("UPDATE")]

    assert updates
    assert [one for one in updates if any(column in one.partition("WHERE")[0] for column in stays)] == []


ONE_SIGNATURE = [name for name in list(AT_MOST)[:10] if name != "load"]
"""The requests from a session to its signed file, and the work of its job; the page is loaded with its token. What the
job engine asks is not in it."""


def test_a_whole_signature_costs_no_more_than_this(journey: Journey) -> None:
    found = sum((journey.found[name] for name in ONE_SIGNATURE), Cost())
    bound = Cost(25, 0, 5, 8, 18)
    assert found.within(bound), found


@pytest.mark.parametrize("request_name", ONE_SIGNATURE)
def test_several_documents_cost_no_more_than_one(journey: Journey, request_name: str) -> None:
    bound = journey.found[request_name] + MORE_WITH_SEVERAL.get(request_name, Cost())
    several = f"several: {request_name}"
    assert journey.found[several].within(bound), journey.told(several, bound)


def routes_of(web: Any) -> list[HTTPRoute]:
    while not isinstance(web, Litestar):
        web = vars(web)["_app"]
    return [route for route in web.routes if isinstance(route, HTTPRoute)]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_framework_makes_nothing_for_a_request_but_the_values_that_it_reads(room: Room) -> None:
    """For each request it copies the whole handler for a guard, and what a handler needs it provides by a model each,
    or, at once, in a task each: that costs more than most handlers do.
    """
    found = [(route.path, *pair) for route in routes_of(_web(room)) for pair in route.route_handler_map.values()]

    assert len(found) > 100
    assert {path for path, handler, _ in found if handler.resolve_guards()} == set()
    provided = {path for path, _, model in found if model.dependency_batches}
    assert not [path for path in provided if path.startswith(("/api/signature-sessions", "/sign/api/"))]
    assert {path for path, _, model in found for batch in model.dependency_batches if len(batch) > 1} == set()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_requests_with_parameters_leave_nothing_behind(room: Room) -> None:
    """Each one left the parameters that its own copy of the handler knows, for as long as the process ran."""
    key = create_key(room.ports, room.caller, room.caller.application.id, CreateKey())

    async def ask(times: int) -> int:
        transport = httpx.ASGITransport(web)  # type: ignore[arg-type]
        headers = {"X-Api-Key": key.text}
        async with httpx.AsyncClient(transport=transport, base_url=room.ports.public_url, headers=headers) as client:
            for _ in range(times):
                assert (await client.get("/api/signature-sessions?limit=1")).status_code == 200
        return query_parameters.cache_info().currsize

    web = _web(room)

    assert asyncio.run(ask(1)) == asyncio.run(ask(5))
