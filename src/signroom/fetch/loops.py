"""Event loops in threads of their own, for work that comes in bursts and must not hold the loop that answers."""

from __future__ import annotations

import asyncio
import os
import threading
from functools import cache


def loop_of_thread(name: str) -> asyncio.AbstractEventLoop:
    """The loop that runs in the thread `name` of this process, started when it is first asked for.

    The thread ends with the process. A forked process has none of its parent's threads, so it gets its own.
    """
    return _loop_of(os.getpid(), name)


@cache
def _loop_of(_process: int, name: str) -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name=name, daemon=True).start()
    return loop
