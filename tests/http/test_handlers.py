"""What stands around a handler: it is made once, and a request goes through it in order."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Coroutine
from typing import Any, cast
from uuid import UUID

import httpx
import msgspec
import pytest
from litestar import Request, Response, Router, delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from signroom.domain.errors import BadInput, NotAllowed
from signroom.http.application import create_application
from signroom.http.bodies import WireRequest
from signroom.http.handlers import Answer, Given, bound
from signroom.telemetry.meters import Meters


class Note(msgspec.Struct):
    text: str
    of: UUID | None = None


@post("/notes/{number:int}", status_code=200)
async def write(number: int, data: Note, colour: str, request: Request[Any, Any, Any], size: int = 3) -> Note:
    return Note(f"{number} {data.text} {colour} {size} {request.method}")


@get("/colour")
async def read(colour: str) -> str:
    return colour


@delete("/colour")
async def remove(colour: str) -> None:
    """Nothing."""


GIVEN: Given = {"colour": lambda request: request.headers["x-colour"]}


def application(*handlers: HTTPRouteHandler) -> ASGIApp:
    router = Router(path="/", route_handlers=list(handlers), request_class=WireRequest)
    limit = "1000000/second"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # as in a running service, which shows none
        return create_application([router], {}, None, meter=Meters("1"), rate_limits=(limit, limit))


async def ask(app: ASGIApp, method: str, path: str, **about: Any) -> httpx.Response:
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://a", headers={"X-Colour": "red"}) as client:
        return await client.request(method, path, **about)


def asked(app: ASGIApp, method: str, path: str, **about: Any) -> httpx.Response:
    return asyncio.run(ask(app, method, path, **about))


def test_a_handler_gets_what_it_asks_for_by_name_and_what_the_address_and_the_body_say() -> None:
    app = application(*(bound(each, GIVEN) for each in (write, read, remove)))
    written = asked(app, "POST", "/notes/7?size=4", json={"text": "a"})
    wrong = asked(app, "POST", "/notes/7?size=x", json={"text": "a"})

    assert (written.status_code, written.json()) == (200, {"text": "7 a red 4 POST", "of": None})
    assert (wrong.status_code, wrong.json()["path"]) == (400, "?size")
    assert asked(app, "GET", "/colour").text == "red"
    assert (asked(app, "DELETE", "/colour").status_code, asked(app, "DELETE", "/colour").content) == (204, b"")


def test_the_check_comes_first_then_the_look_and_nothing_after_a_refusal() -> None:
    done: list[str] = []

    async def check(request: Request[Any, Any, Any]) -> None:
        done.append("check")
        if request.headers.get("x-key") != "right":
            raise NotAllowed

    async def look(request: Request[Any, Any, Any]) -> None:
        done.append("look")
        if await request.body() == b"[]":
            raise BadInput("No list.")

    def colour(_request: Request[Any, Any, Any]) -> str:
        done.append("handler")
        return "red"

    app = application(bound(write, {"colour": colour}, check, look))
    statuses = [
        asked(app, "POST", "/notes/7", json=[]).status_code,
        asked(app, "POST", "/notes/7", json=[], headers={"X-Key": "right"}).status_code,
        asked(app, "POST", "/notes/7", json={"text": "a"}, headers={"X-Key": "right"}).status_code,
    ]

    assert statuses == [403, 400, 200]
    assert done == ["check", "check", "look", "check", "look", "handler"]


def test_the_handler_that_is_bound_stays_as_it_was_and_may_be_bound_again() -> None:
    app = application(bound(read, {"colour": lambda _: "blue"}))
    other = application(bound(read, {"colour": lambda _: "green"}))

    assert (asked(app, "GET", "/colour").text, asked(other, "GET", "/colour").text) == ("blue", "green")
    assert read.before_request is None
    assert asyncio.run(cast(Coroutine[Any, Any, str], read.fn("as written"))) == "as written"


def test_a_function_that_blocks_cannot_be_bound() -> None:
    @get("/", sync_to_thread=False)
    def blocks() -> None:
        """Nothing."""

    with pytest.raises(TypeError, match="blocks is not a coroutine function"):
        bound(blocks, {})


@pytest.mark.parametrize(
    ("content", "about"),
    [
        ({"a": [1, "ü"]}, {}),
        (Note("é", UUID(int=7)), {"status_code": 201}),
        ([], {}),
        (None, {}),
        (None, {"status_code": 204}),
        (b"%PDF", {"media_type": "application/pdf"}),
        ("<p>", {"media_type": "text/html"}),
        ({"a": 1}, {"headers": {"x-own": "1", "content-type": "application/problem+json"}}),
    ],
)
def test_an_answer_is_what_the_framework_would_send(content: Any, about: dict[str, Any]) -> None:
    async def sent(kind: type[Response[Any]]) -> list[Any]:
        messages: list[Any] = []

        async def send(message: Any) -> None:
            messages.append(message)

        answer: Any = kind(content, **{"status_code": 200, **about})
        await answer.to_asgi_response(None, None, headers={}, cookies=frozenset())({}, None, send)
        return messages

    assert asyncio.run(sent(Answer)) == asyncio.run(sent(Response))
