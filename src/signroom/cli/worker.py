"""``signroom worker``: jobs only. Its port answers who watches it (``/health/*``, ``/metrics``), nobody else."""

from __future__ import annotations

import structlog

from signroom.cli.logs import configure_logs
from signroom.cli.serve import listen, run_applications
from signroom.settings import Settings
from signroom.wiring import build_service, build_watch

log = structlog.get_logger()


def run_worker(settings: Settings) -> int:
    """Execute jobs until SIGTERM or SIGINT. Raises: SettingsError when the port is taken."""
    configure_logs()
    listener = listen(settings.host, settings.port)
    host, port = listener.getsockname()[:2]
    service = build_service(settings, execute_jobs=True)
    run_applications(
        [(build_watch(settings, service), listener)],
        settings,
        on_ready=lambda: log.info("worker.ready", host=host, port=port),
        on_stop=service.stopping.set,
        on_refusal=service.count_refused_connection,
    )
    return 0
