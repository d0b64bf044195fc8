"""Hosts that do not answer in time are left alone for a moment, so that one that hangs does not hold every signer.

A host rests once `MOST_SLOW` questions in a row have failed after `SLOW_SECONDS`, or wait for `LATE_SECONDS` already. A
responder that takes its time is not one that hangs: its answers come before that. While a host rests nobody asks it but
one caller every `REST_SECONDS`, who finds out whether it is back. Any answer, also a refusal that comes at once, ends
the rest.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import structlog

from signroom.ports.outside import Unreachable

log = structlog.get_logger()

SLOW_SECONDS, LATE_SECONDS = 2.0, 5.0
MOST_SLOW = 3
REST_SECONDS = 10.0
_MOST_HOSTS = 1_000
"""They are named by certificates of strangers, too. What is known of the others is forgotten."""


@dataclass(slots=True)
class _Host:
    slow: int = 0
    """Questions in a row that got no answer in time."""
    waiting: list[float] = field(default_factory=list)
    """When the questions began that have no answer yet."""
    rests_until: float = 0.0


class Hosts:
    """What is known of the hosts that were asked. Safe to call from threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock`: seconds, only forwards."""
        self._clock, self._lock = clock, threading.Lock()
        self._hosts: OrderedDict[str, _Host] = OrderedDict()

    def __len__(self) -> int:
        return len(self._hosts)

    @contextmanager
    def asking(self, url: str) -> Iterator[None]:
        """While the host of `url` is asked; an `Unreachable` inside is its failure. Raises: Unreachable at once."""
        name = _name(url)
        host, began = self._began(name)
        try:
            yield
        except Unreachable:
            self._ended(host, began, failed=True)
            raise
        except BaseException:
            self._ended(host, began, failed=False)
            raise
        self._ended(host, began, failed=False)

    def _began(self, name: str) -> tuple[_Host, float]:
        with self._lock:
            now, host = self._clock(), self._hosts.setdefault(name, _Host())
            self._hosts.move_to_end(name)
            while len(self._hosts) > _MOST_HOSTS:
                self._hosts.popitem(last=False)
            late = sum(now - since >= LATE_SECONDS for since in host.waiting)
            if host.slow + late >= MOST_SLOW:
                if now < host.rests_until:
                    raise Unreachable("Its host does not answer in time.")
                host.rests_until = now + REST_SECONDS
                log.warning("answers.host_rests", host=name, seconds=REST_SECONDS)
            host.waiting.append(now)
            return host, now

    def _ended(self, host: _Host, began: float, *, failed: bool) -> None:
        with self._lock:
            host.waiting.remove(began)
            if failed and self._clock() - began >= SLOW_SECONDS:
                host.slow += 1
            else:
                host.slow, host.rests_until = 0, 0.0


def _name(url: str) -> str:
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""
