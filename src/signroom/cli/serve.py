"""Run uvicorn in this process: one process is one worker, more of them are the operator's affair (systemd, k8s)."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network

import uvicorn
from litestar.types import ASGIApp

from signroom.cli.connections import ConnectionLimits, Gate, protocol_of
from signroom.cli.logs import configure_logs, write_lines_apart, write_what_is_left
from signroom.cli.running import keep_address
from signroom.http.metrics import is_loopback
from signroom.settings import Settings, SettingsError
from signroom.wiring import build_service, build_web

_THREADS = 32
"""For the verbs: the loop's own default is cores + 4, too few for sync database calls."""
_FULL = 2
"""The generation that a search for garbage of all objects is named by."""
_SEARCHES_UNTIL_FULL = 50
"""Of the middle generation. Under attack 10 of them made a full search every seven seconds. Each took 30 to 50 ms."""
_SWITCH_SECONDS = 0.001
"""How long a thread that computes keeps others from it. Python's own 5 ms are what each verb waits for several times
while the event loop is busy with refusals.
"""
_GRACE_SECONDS = 10
_DATE_SECONDS = 1.0
"""How often the time is looked up that answers carry in ``Date``."""


class Server(uvicorn.Server):
    """uvicorn raises a caught signal again after its shutdown; then code after it never runs. Ours just ends."""

    def __init__(self, config: uvicorn.Config, peers: list[Server], on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        peers.append(self)
        self._peers, self._on_stop = peers, on_stop
        self._ends = asyncio.Event()

    def end(self) -> None:
        """Begin to shut down. For the thread of the loop."""
        self.should_exit = True
        self._ends.set()

    async def main_loop(self) -> None:
        """uvicorn's own looks ten times a second whether it shall end. Nobody waits for that here."""
        while not await self.on_tick(0):  # 0: it looks the time up each time
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_DATE_SECONDS):
                    await self._ends.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        def stop() -> None:
            self._on_stop()
            for server in self._peers:
                server.end()

        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop)
        yield


def run_server(settings: Settings, *, execute_jobs: bool) -> int:
    """Serve until SIGTERM or SIGINT. Raises: SettingsError when the port is taken, or as `require_no_public_demo`."""
    require_no_public_demo(settings)
    configure_logs()
    listener = listen(settings.host, settings.port)
    service = build_service(settings, execute_jobs=execute_jobs)
    keep_address(settings.data, settings.public_url)
    run_applications(
        [(build_web(settings, service), listener)],
        settings,
        on_ready=lambda: None,
        on_stop=service.stopping.set,
        on_refusal=service.count_refused_connection,
    )
    return 0


def require_no_public_demo(settings: Settings) -> None:
    """Raises: SettingsError for a development server that others reach: it issues test certificates to anybody."""
    if settings.production or settings.development_in_public or is_loopback(settings.host):
        return
    raise SettingsError(
        f"SIGNROOM_HOST is {settings.host}, which others reach, and SIGNROOM_ENVIRONMENT is development, which gives"
        " test certificates to anybody: set SIGNROOM_ENVIRONMENT to production, or SIGNROOM_HOST to 127.0.0.1, or"
        " SIGNROOM_DEVELOPMENT_IN_PUBLIC to yes."
    )


def listen(host: str, port: int, how: str = "by SIGNROOM_PORT") -> socket.socket:
    """A listening socket; port 0 takes a free one. `how`: the way to choose a port. Raises: SettingsError."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        raise SettingsError(
            f"Port {port} on {host} cannot be used ({error.strerror}): choose another ({how}), or stop what uses it."
        ) from error


def run_applications(
    applications: Sequence[tuple[ASGIApp, socket.socket]],
    settings: Settings,
    *,
    on_ready: Callable[[], None],
    on_stop: Callable[[], None],
    on_refusal: Callable[[str], None],
) -> None:
    """Serve each application on its socket until a signal, then end the process.

    `on_stop` is called at the signal: what is being answered then has some seconds left. `on_refusal` is told the
    reason when a connection is refused or ended before the application sees a request.
    """
    servers: list[Server] = []
    gate = Gate(_connection_limits(settings), on_refusal, settings.public_url)
    pairs = [(Server(_config(app, settings, gate), servers, on_stop), listener) for app, listener in applications]

    async def serve() -> None:
        sys.setswitchinterval(_SWITCH_SECONDS)
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, "verbs"))
        running = [asyncio.create_task(server.serve([listener])) for server, listener in pairs]
        await _ready(servers, running)
        keep_what_is_loaded()
        write_lines_apart()
        on_ready()
        done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for server in servers:  # one that ends takes the others with it
            server.end()
        await asyncio.gather(*running, *done)

    with uvicorn_loop() as runner:
        runner.run(serve())
    if not all(server.started for server in servers):
        write_what_is_left()
        sys.exit(1)
    # Python would join the job engine's threads for as long as a step runs; what they do is durable.
    write_what_is_left()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def keep_what_is_loaded() -> None:
    """Take what is in memory now out of all later searches for garbage.

    It is libraries and routes, 200,000 objects that stay. To search them took 0.1 s of the processor, while nobody was
    answered, each time that as many objects as a fourth of them had come. What is loaded by the first requests, some
    40,000 objects more, is taken out after the first search. From then on a full search is seldom.
    """
    gc.collect()
    gc.freeze()
    gc.callbacks.append(_keep_what_was_loaded_since)


def _keep_what_was_loaded_since(phase: str, info: dict[str, int]) -> None:
    """Called by each search. After a full one there is no garbage that would be kept with the rest.

    What is in hand at that moment and becomes a circle later stays in memory: a few connections, once in a process.
    """
    if phase == "stop" and info["generation"] == _FULL:
        gc.callbacks.remove(_keep_what_was_loaded_since)
        gc.freeze()
        young, middle, _ = gc.get_threshold()
        gc.set_threshold(young, middle, _SEARCHES_UNTIL_FULL)


def uvicorn_loop() -> asyncio.Runner:
    import uvloop

    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


async def _ready(servers: Sequence[Server], running: Sequence[asyncio.Task[None]]) -> None:
    # uvicorn tells nobody when it is ready: its own flag is all there is.
    while not all(s.started for s in servers) and not any(task.done() for task in running):  # noqa: ASYNC110
        await asyncio.sleep(0.02)


def _config(app: ASGIApp, settings: Settings, gate: Gate) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,  # addresses hold secrets; our own log leaves them out
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_graceful_shutdown=_GRACE_SECONDS,
        http=protocol_of(gate),
        ws="none",
        timeout_keep_alive=int(gate.limits.keep_alive_seconds),
    )


def _connection_limits(settings: Settings) -> ConnectionLimits:
    return ConnectionLimits(
        total=settings.max_connections,
        per_address=settings.max_connections_per_address,
        header_seconds=settings.header_timeout.total_seconds(),
        body_seconds=settings.body_timeout.total_seconds(),
        keep_alive_seconds=settings.keep_alive_timeout.total_seconds(),
        trusted=tuple(ip_network(network, strict=False) for network in settings.trusted_proxies),
    )
