"""Health: live, ready, and why not; cheap however often it is asked."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from signroom.http import health
from signroom.http.health import Readiness
from tests.harness.server import Server, ok, refused, running_server
from tests.harness.waiting import SECONDS, eventually


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("strict"), {"SIGNROOM_RATE_LIMIT_ADDRESS": "5/minute"}) as server:
        yield server


def test_health_is_answered_to_anybody_as_often_as_he_asks(strict: Server) -> None:
    with httpx.Client(base_url=strict.url, trust_env=False) as client:
        assert ok(client.get("/health/live")) == {"status": "live"}
        found = ok(client.get("/health/ready"))
        head = client.head("/health/ready")
        others = {client.get("/health/ready").status_code for _ in range(20)}

        assert found == {"status": "ready", "parts": {"database": "ok", "blobs": "ok", "sandbox": "ok", "jobs": "ok"}}
        assert (head.status_code, head.content) == (200, b"")
        assert others == {200}
        assert refused(client.post("/health/live"), 405) == "MethodNotAllowed"


def test_a_folder_of_files_that_is_gone_makes_it_unready_but_not_dead(strict: Server) -> None:
    files = strict.data / "files"
    files.rename(strict.data / "elsewhere")
    with httpx.Client(base_url=strict.url, trust_env=False) as client:
        # An answer is kept for a second.
        eventually(lambda: client.get("/health/ready").status_code == 503)
        unready, live = client.get("/health/ready"), client.get("/health/live")
        (strict.data / "elsewhere").rename(files)
        eventually(lambda: client.get("/health/ready").status_code == 200)

    assert (unready.status_code, unready.json()["parts"]["blobs"]) == (503, "failing")
    assert live.status_code == 200


def test_the_end_makes_it_unready_at_once() -> None:
    stopping = threading.Event()
    readiness = Readiness({"database": lambda: True}, stopping)

    async def before_and_after() -> tuple[dict[str, bool | str], dict[str, bool | str]]:
        before = await readiness.parts()
        stopping.set()
        return before, await readiness.parts()

    assert asyncio.run(before_and_after()) == ({"database": True}, {"database": True, "stopping": False})


def test_many_who_ask_at_once_make_one_question() -> None:
    asked = []

    def check() -> bool:
        asked.append(1)
        time.sleep(0.05)
        return True

    readiness = Readiness({"database": check}, threading.Event())

    async def many() -> None:
        await asyncio.gather(*(readiness.parts() for _ in range(50)))

    asyncio.run(many())
    assert len(asked) == 1


def test_a_part_that_hangs_is_not_ready_and_is_not_asked_again_on_top(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(health, "_KEPT_SECONDS", 0.0)
    free, asked = threading.Event(), []

    def hangs() -> bool:
        asked.append(1)
        return free.wait(SECONDS)

    readiness = Readiness({"database": hangs, "blobs": lambda: True}, threading.Event())

    async def ask() -> list[dict[str, bool | str]]:
        found = [await readiness.parts(), await readiness.parts()]
        assert len(asked) == 1
        free.set()
        answer = await readiness.parts()
        while len(asked) == 1 or not answer["database"]:  # the thread that hung has to end first
            answer = await readiness.parts()
        return [*found, answer]

    first, second, third = asyncio.run(ask())
    assert first == second == {"database": False, "blobs": True}
    assert third == {"database": True, "blobs": True}


def test_a_check_that_crashes_is_a_part_that_does_not_answer() -> None:
    def crashes() -> bool:
        raise RuntimeError

    readiness = Readiness({"jobs": crashes}, threading.Event())

    assert asyncio.run(readiness.parts()) == {"jobs": False}
