"""What the service logs inside a test's own process, written in a hundredth of the time.

A program that has not configured structlog, as pytest has not, draws each exception by Rich: with the source of every
frame in colours. That takes a third of a second of the processor for each one. The real program never does it
(`signroom.cli.logs`).
"""

from __future__ import annotations

import structlog


def log_plainly() -> None:
    """Keep structlog's own configuration, but write exceptions as Python does. Once for a process, before it logs."""
    *before, _renderer = structlog.get_config()["processors"]
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*before, plain])
