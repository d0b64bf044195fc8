"""The service with two additions for measuring: an empty handler beside it, and a watch on its event loop.

Started by ``bench.api``; prints ``{"url", "key", "session"}`` when it listens.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path

from litestar import Litestar, Request, get, post
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from signroom.cli.logs import configure_logs
from signroom.cli.serve import listen, run_applications
from signroom.domain.application import Role
from signroom.service.access.operators import this_operator
from signroom.service.subscriptions.manage_applications import ensure_application
from signroom.service.subscriptions.manage_keys import CreateKey, create_key
from signroom.settings import read_settings
from signroom.wiring import build_service, build_web

_BEAT = 0.001
"""Seconds between two looks at the clock."""


class LoopWatch:
    """The longest time in seconds that the event loop did not come round, since it was last asked."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._beat())

    async def _beat(self) -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(_BEAT)
            now = time.perf_counter()
            self.longest = max(self.longest, now - last - _BEAT)
            last = now

    def take(self) -> float:
        longest, self.longest = self.longest, 0.0
        return longest


def beside(app: ASGIApp) -> ASGIApp:
    """`app`, and under ``/bench`` an application of the same framework that does nothing."""
    watch = LoopWatch()

    @get("/bench/empty")
    async def empty() -> dict[str, str]:
        return {}

    @post("/bench/empty", status_code=200, request_max_body_size=None)
    async def empty_post(request: Request[None, None, None]) -> dict[str, str]:  # type: ignore[type-var]
        async for _ in request.stream():
            pass
        return {}

    @get("/bench/longest")
    async def longest() -> dict[str, float]:
        watch.start()
        return {"seconds": watch.take()}

    nothing = Litestar([empty, empty_post, longest], openapi_config=None, logging_config=None)

    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        mine = scope["type"] == ScopeType.HTTP and scope["path"].startswith("/bench")
        await (nothing if mine else app)(scope, receive, send)

    return choose


def main(data: Path) -> None:
    configure_logs()
    listener = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    environment = {**os.environ, "SIGNROOM_DATA": str(data), "SIGNROOM_PUBLIC_URL": url}
    environment |= {"SIGNROOM_RATE_LIMIT_KEY": "1000000/second", "SIGNROOM_RATE_LIMIT_ADDRESS": "1000000/second"}
    settings = read_settings(environment, data)
    service = build_service(settings)
    operator = this_operator()
    application = ensure_application(service.ports, operator, "Bench", "Bench")
    caller = operator.acting_for(application.subscription_id)
    key = create_key(service.ports, caller, application.id, CreateKey(role=Role.WORKER)).text

    def ready() -> None:
        print(json.dumps({"url": url, "key": key}), flush=True)

    run_applications(
        [(beside(build_web(settings, service)), listener)],
        settings,
        on_ready=ready,
        on_stop=service.stopping.set,
        on_refusal=service.count_refused_connection,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
