"""Processes that are forked from one that has imported the program already: each starts a second sooner.

For what is not about the start itself. ``tests/cli`` starts the real program.
"""

from __future__ import annotations

from functools import cache
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext

_IMPORTED = ["signroom.cli.commands", "signroom.wiring", "signroom.jobs.durable", "tests.jobs.executor"]


@cache
def forking() -> ForkServerContext:
    """One for the whole run: Python keeps a single process to fork from."""
    context = get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED)
    return context
