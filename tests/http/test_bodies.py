"""Bodies: large texts are taken out of JSON as it comes, and what is held has limits."""

from __future__ import annotations

import asyncio
import json
import random
import time
from base64 import b64encode
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from litestar import Litestar, post

from signroom.api.shapes.wire import Base64Text
from signroom.domain.errors import BadInput, CapacityUnavailable, SignroomError, TooManyRequests
from signroom.http.bodies import MAX_MEMBERS, Bodies, JsonReader, Room, WireRequest, _put_back, room_of
from signroom.http.problems import refuse

MB = 1 << 20


def read(body: bytes, cut: int) -> tuple[Any, JsonReader]:
    reader = JsonReader()
    for start in range(0, len(body), cut):
        reader.feed(body[start : start + cut])
    return _put_back(json.loads(reader.end()), reader.texts), reader


def plain(found: Any) -> Any:
    """`found` with large texts as texts again."""
    if isinstance(found, dict):
        return {key: plain(value) for key, value in found.items()}
    if isinstance(found, list):
        return [plain(value) for value in found]
    return found if isinstance(found, str | int | float | bool | None) else "".join(found.parts())


@pytest.mark.parametrize("cut", [1, 2, 3, 1000, 1 << 20])
def test_json_is_the_same_however_it_is_cut(cut: int) -> None:
    chance = random.Random(cut)
    large = b64encode(chance.randbytes(300_000 if cut > 3 else 100)).decode()
    given = {
        "a": 'quote " and backslash \\ and \\" both \\\\',
        "large": large,
        "é": ["", "\\", '"', 'x"', large[:-4], {"n": 1.5, "b": True, "none": None}],
        "last": "\\\\",
    }
    for body in (json.dumps(given), json.dumps(given, ensure_ascii=False)):
        found, reader = read(body.encode(), cut)
        assert plain(found) == given
        assert len(reader.texts) == (2 if cut > 3 else 0)
        assert len(reader.end()) < 1000


@pytest.mark.parametrize("cut", [61, 4096, 1 << 20])
def test_escapes_inside_a_large_text_are_read(cut: int) -> None:
    content = bytes(range(256)) * 2000
    text = b64encode(content).decode()
    escaped = text.replace("/", "\\/").replace("+", "\\u002B").replace("A", "\\r\\nA")
    found, _ = read(f'{{"content": "{escaped}"}}'.encode(), cut)

    assert b"".join(Base64Text(found["content"]).decoded()) == content


@pytest.mark.parametrize("wrong", ["=AAA", "A", "\\u00e9AAA", "\\", "é", "\\x", "\x01"])
def test_a_large_text_that_is_no_base64_is_refused(wrong: str) -> None:
    body = f'{{"content": "{"A" * 400_000}{wrong}{"A" * 400_000}"}}'.encode()
    found, _ = read(body, 1000)

    with pytest.raises(BadInput):
        list(Base64Text(found["content"]).decoded())


def test_padding_belongs_at_the_end_of_the_last_piece() -> None:
    found, _ = read(f'{{"c": "{"A" * 399_995}A==" , "d": 1}}'.encode(), 1000)
    with pytest.raises(BadInput):
        list(Base64Text(found["c"]).decoded())

    found, _ = read(f'{{"c": "{"A" * 399_998}==" , "d": 1}}'.encode(), 1000)
    assert b"".join(Base64Text(found["c"]).decoded()) == bytes(299_998)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * (MAX_MEMBERS + 1),
        b'{"a":' * (MAX_MEMBERS + 1),
        b"[" + b"1," * (MAX_MEMBERS + 1),
        b'["' + b'\\"' * 200_000,
        b'["x" ' + b'"x" ' * 200_000,
        b'["' + b'a" "' * 200_000,
        b"[" + b"1" * (5 * MB),
    ],
)
def test_json_without_end_is_refused_while_it_comes(body: bytes) -> None:
    reader = JsonReader()
    slowest = 0.0
    with pytest.raises(BadInput):
        for start in range(0, len(body), 32 << 10):
            began = time.thread_time()
            reader.feed(body[start : start + (32 << 10)])
            slowest = max(slowest, time.thread_time() - began)
    assert slowest < 0.05


def test_backslashes_cost_no_more_than_letters() -> None:
    """100 MB of them took the event loop for 9 s."""

    def seconds(text: bytes) -> float:
        reader = JsonReader()
        reader.feed(b'["')
        began = time.process_time()
        for _ in range(200):
            reader.feed(text * (32 << 10))
        return time.process_time() - began

    assert seconds(b"\\") < 50 * seconds(b"a")


def test_commas_inside_a_text_are_no_values() -> None:
    found, _ = read(b'{"a": "' + b"," * 100_000 + b'"}', 1000)

    assert found == {"a": "," * 100_000}


# -- how much is held -----------------------------------------------------------------------------------------


async def _nothing(*_arguments: Any) -> None: ...


def test_an_application_and_a_subscription_have_a_share_and_the_process_an_end() -> None:
    bodies = Bodies(_nothing, total=400, largest=100)
    subscription = uuid4()

    def room(application: Any, of: Any) -> Room:
        made = Room(bodies)
        made.of_application(application, of, 100)
        return made

    application = uuid4()
    first = room(application, subscription)
    first.take(60)
    first.take(40)
    with pytest.raises(TooManyRequests):
        room(application, subscription).take(1)
    second = room(uuid4(), subscription)
    second.take(100)
    with pytest.raises(TooManyRequests):
        room(uuid4(), subscription).take(1)
    for _ in range(2):
        room(uuid4(), uuid4()).take(100)
    with pytest.raises(CapacityUnavailable):
        room(uuid4(), uuid4()).take(1)

    first.leave()
    first.leave()
    room(application, subscription).take(100)


def test_the_pages_of_a_subscription_leave_room_for_those_of_others() -> None:
    bodies = Bodies(_nothing, total=64 * MB, largest=MB)
    hostile = uuid4()

    def room(subscription: Any) -> Room:
        made = Room(bodies)
        made.of_page(uuid4(), subscription, 4 * MB, 8 * MB)
        return made

    rooms = [room(hostile) for _ in range(2)]
    for each in rooms:
        each.take(4 * MB)
    with pytest.raises(TooManyRequests):
        room(hostile).take(1)
    other = room(uuid4())
    other.take(4 * MB)
    for each in (*rooms, other):
        each.leave()
    assert not bodies.held


def test_the_largest_body_finds_room_whatever_the_limit() -> None:
    bodies = Bodies(_nothing, total=10, largest=100)
    room = Room(bodies)
    room.of_application(uuid4(), uuid4(), 100)

    room.take(100)


def test_what_a_request_held_is_given_back_whatever_became_of_it() -> None:
    async def fails(scope: Any, _receive: Any, _send: Any) -> None:
        scope["state"]["signroom_room"].take(50)
        raise SignroomError

    bodies = Bodies(fails, total=100, largest=10)
    for _ in range(10):
        with pytest.raises(SignroomError):
            asyncio.run(bodies({"type": "http", "state": {}}, _nothing, _nothing))  # type: ignore[arg-type]

    assert not bodies.held


# -- the event loop -------------------------------------------------------------------------------------------


class Content(dict[str, Any]):
    """Nothing: the handler below reads the request by itself."""


@pytest.mark.parametrize("size", [12 * MB, 96 * MB])
def test_a_file_in_json_never_holds_the_event_loop(size: int) -> None:
    """Every step of the loop is timed by the processor's clock: a busy machine does not count."""
    content = random.Random(1).randbytes(1 << 20) * (size * 3 // 4 >> 20)
    body = b'{"name": "a.pdf", "content": "' + b64encode(content) + b'"}'
    length = 0

    @post("/", status_code=200, request_class=WireRequest, request_max_body_size=200 * MB)
    async def take(request: WireRequest) -> dict[str, int]:
        nonlocal length
        room_of(request.scope).of_application(uuid4(), uuid4(), len(body))
        found = await request.json()
        async for chunk in Base64Text(found["content"]).chunks():
            length += len(chunk)
        return {}

    inner = Litestar([take], exception_handlers={SignroomError: refuse}, openapi_config=None, logging_config=None)
    app = Bodies(inner, 2 * len(body), len(body))
    steps: list[float] = []
    pieces = iter(range(0, len(body), 256 << 10))
    statuses: list[int] = []

    async def receive() -> Any:
        await asyncio.sleep(0)
        start = next(pieces)
        end = start + (256 << 10)
        return {"type": "http.request", "body": body[start:end], "more_body": end < len(body)}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def heartbeat() -> None:
        while True:
            began = time.thread_time()
            await asyncio.sleep(0)
            steps.append(time.thread_time() - began)

    async def run() -> None:
        beating = asyncio.create_task(heartbeat())
        scope: Any = {
            "type": "http",
            "method": "POST",
            "path": "/",
            "raw_path": b"/",
            "query_string": b"",
            "root_path": "",
            "headers": [(b"content-type", b"application/json")],
            "state": {},
            "client": ("a", 1),
            "server": ("b", 2),
            "http_version": "1.1",
            "scheme": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
        }
        await app(scope, receive, send)
        beating.cancel()

    asyncio.run(run())

    assert statuses == [200]
    assert length == len(content)
    assert len(steps) > size // (64 << 10)
    assert max(steps) < 0.02


@pytest.mark.parametrize(("size", "turns"), [(2, 0), (32 << 10, 0), (320 << 10, 9)])
def test_others_get_a_turn_after_each_32_kb_of_a_body_and_not_before(size: int, turns: int) -> None:
    body = b'"' + b"a" * (size - 2) + b'"'
    pieces = iter(range(0, size, 8 << 10))  # as many as come at once

    async def receive() -> Any:
        start = next(pieces)
        return {"type": "http.request", "body": body[start : start + (8 << 10)], "more_body": start + (8 << 10) < size}

    async def run() -> int:
        taken = 0

        async def others() -> None:
            nonlocal taken
            while True:
                await asyncio.sleep(0)
                taken += 1

        room = Room(Bodies(_nothing, 1 << 30, 1 << 30))
        known = SimpleNamespace(resolve_request_max_body_size=lambda: None, resolve_type_decoders=list)
        scope: Any = {"type": "http", "headers": [], "state": {"signroom_room": room}, "route_handler": known}
        beating = asyncio.create_task(others())
        await asyncio.sleep(0)
        assert await WireRequest(scope, receive).body()
        beating.cancel()
        return taken

    assert asyncio.run(run()) == turns
