"""The ``Meter`` port: Prometheus metrics of this process, log lines that say what they are about, traces.

Labels are few words: routes are templates, no id is ever a label. One registry object per process, made by ``wiring``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from functools import cache
from types import TracebackType
from typing import Protocol
from uuid import UUID

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest

from signroom.domain.errors import Refused, Unavailable
from signroom.ports.operations import Answering, Measured
from signroom.ports.outside import Unreachable

log = structlog.get_logger()

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PREFIX = "signroom_"
_KEPT_SECONDS = 5.0
"""How long what was asked of the database is good for, however often the metrics are read."""

_QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SLOW = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_KINDS = {
    "format": ("step", "Seconds of a step of signing, waiting for a worker included", _SLOW),
    "sandbox_wait": ("kind", "Seconds that a task waited for a process for CPU work", _SLOW),
    "job": ("job", "Seconds of one run of a job", _SLOW),
    "fetch": ("method", "Seconds until an outside address answered", _QUICK),
}
_COUNTED = {
    "event": ("events", "type", "Facts that this process made known, by type"),
    "sandbox_refused": ("sandbox_refused", "kind", "Tasks that found no place in the queue, or lost it"),
    "file": ("damaged_files", "found", "Stored files that were found changed or missing, each time"),
    "timestamp": ("timestamps", "outcome", "Timestamps asked of providers, by what became of them"),
    "revocation": (
        "revocation_answers",
        "source",
        "Questions about revocation, and for issuers, by what answered them",
    ),
    "webhook_attempt": ("webhook_attempts", "outcome", "Tries of deliveries, by what became of them"),
    "refused_connection": ("refused_connections", "reason", "Connections refused or ended before a request was whole"),
}
_MOMENTARY = {
    "up": "1 where what this process needs answers, by part (of the last scrape)",
    "sessions": "Sessions that are not over, by state",
    "documents_processing": "Documents that are being processed",
    "jobs": "Jobs that are not done, by queue and state",
    "dead_jobs": "Jobs that failed for good and were not tried again",
    "oldest_job_seconds": "How long the oldest job waits whose time has come",
    "deliveries": "Deliveries that are not done, by state",
    "delivery_lag_seconds": "Age of the oldest delivery whose time has come",
    "kept_answers": "Answers about revocation, and issuers, that are kept for all processes and still count",
    "kept_answers_bytes": "Their bytes",
    "kept_answers_oldest_seconds": "How long ago the oldest of them was asked for",
    "executors": "Processes that run jobs and are alive",
    "pool_workers": "Processes for CPU work of this process",
    "pool_tasks": "Their tasks, by state",
    "sandbox_tasks": "Their tasks, by kind and state",
    "sandbox_oldest_wait_seconds": "How long the oldest task waits that has no process yet",
    "database_connections": "Connections of this process, by state",
}
"""Metrics of the moment, by name; `Measured` uses no other."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})


Source = Callable[[], Iterable[Measured]]
"""Asks one part for its numbers, and blocks. Raises: Unavailable."""


class Spans(Protocol):
    """Where traces go: `telemetry.traces`, or nowhere."""

    def span(self, name: str, about: Mapping[str, str]) -> AbstractContextManager[None]: ...

    def request(self, method: str, headers: Mapping[str, str]) -> AbstractContextManager[Answering]: ...

    def about(self, ids: Mapping[str, str]) -> None: ...

    def close(self) -> None: ...


class Meters:
    """Safe to call from threads."""

    def __init__(self, version: str, spans: Spans | None = None) -> None:
        self._spans = spans or _NoSpans()
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        info = Gauge(f"{_PREFIX}info", "What runs here", ["version"], registry=self.registry)
        info.labels(version).set(1)
        self._seconds = {
            kind: Histogram(
                f"{_PREFIX}{kind}_seconds", text, [label, "outcome"], buckets=buckets, registry=self.registry
            )
            for kind, (label, text, buckets) in _KINDS.items()
        }
        self._counters = {
            what: Counter(f"{_PREFIX}{name}", text, [label], registry=self.registry)
            for what, (name, label, text) in _COUNTED.items()
        }
        self._requests = Counter(
            f"{_PREFIX}http_requests",
            "Requests by route, method and status",
            ["route", "method", "status"],
            registry=self.registry,
        )
        self._request_seconds = Histogram(
            f"{_PREFIX}http_request_seconds",
            "Seconds until the end of the answer",
            ["route", "method"],
            buckets=_QUICK,
            registry=self.registry,
        )
        self._in_progress = Gauge(
            f"{_PREFIX}http_requests_in_progress", "Requests that are being answered", registry=self.registry
        )
        # To look a counter up by its labels costs more than to count. There are as many as the metrics name.
        self._requests_of = cache(self._requests.labels)
        self._request_seconds_of = cache(self._request_seconds.labels)

    @contextmanager
    def timed(self, kind: str, name: str, **about: str) -> Iterator[None]:
        started, outcome = time.perf_counter(), "failed"
        try:
            with self._spans.span(f"{kind} {name}", about):
                yield
            outcome = "done"
        except (Refused, Unreachable):
            outcome = "refused"
            raise
        except Unavailable:
            outcome = "unavailable"
            raise
        finally:
            self._seconds[kind].labels(name, outcome).observe(time.perf_counter() - started)

    def count(self, what: str, outcome: str) -> None:
        self._counters[what].labels(outcome).inc()

    def request(self, method: str, headers: Mapping[str, str]) -> AbstractContextManager[Answering]:
        # Anybody can make up a method: a label must not be his to choose.
        method = method if method in _METHODS else "other"
        return _Request(self, method, self._spans.request(method, headers))

    def request_begins(self) -> None:
        self._in_progress.inc()

    def request_ends(self, route: str, method: str, status: int, seconds: float) -> None:
        self._requests_of(route, method, str(status)).inc()
        self._request_seconds_of(route, method).observe(seconds)
        self._in_progress.dec()

    def mistake(self, what: str) -> None:
        log.exception(f"{what}.failed")

    def webhook_refused(
        self,
        webhook_id: UUID,
        host: str,
        *,
        status: int | None,
        reason: str,
        number: int,
        again_in: timedelta | None,
    ) -> None:
        seconds = None if again_in is None else round(again_in.total_seconds())
        # `try` is a word of Python's own.
        about: dict[str, object] = {"webhook_id": str(webhook_id), "host": host, "status": status, "reason": reason}
        log.warning("webhook.refused", **about, **{"try": number, "again_in": seconds})

    def about(self, **ids: UUID | None) -> None:
        found = {name: str(subject) for name, subject in ids.items() if subject is not None}
        if len(found) < len(ids):
            structlog.contextvars.unbind_contextvars(*ids.keys() - found.keys())
        structlog.contextvars.bind_contextvars(**found)
        self._spans.about(found)

    def watch(self, sources: Mapping[str, Source], own: Source) -> None:
        """Ask `sources`, by part, and `own` for their numbers whenever the metrics are read."""
        self.registry.register(Momentary(sources, own))

    def names(self) -> Iterator[str]:
        """Of all metrics of ours, as they are asked for."""
        yield from (f"{_PREFIX}{name}" for name in ("info", "http_request_seconds", "http_requests_in_progress"))
        yield from (f"{_PREFIX}{kind}_seconds" for kind in _KINDS)
        yield from (f"{_PREFIX}{name}_total" for name in ("http_requests", *(name for name, _, _ in _COUNTED.values())))
        yield from (f"{_PREFIX}{name}" for name in _MOMENTARY)

    def close(self) -> None:
        """Send the traces that are left."""
        self._spans.close()

    def exposition(self) -> bytes:
        """All metrics in Prometheus's text format; asks the database, so call from threads."""
        return generate_latest(self.registry)


class _Request:
    """A request that is measured from the beginning of a block to its end. A class costs less than a generator."""

    __slots__ = ("_answering", "_meters", "_method", "_route", "_span", "_started", "_status")

    def __init__(self, meters: Meters, method: str, span: AbstractContextManager[Answering]) -> None:
        self._meters, self._method, self._span = meters, method, span
        self._route, self._status = "", 0

    def __enter__(self) -> Answering:
        self._started = time.perf_counter()
        self._answering = self._span.__enter__()
        self._meters.request_begins()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        try:
            return self._span.__exit__(kind, error, trace)
        finally:
            seconds = time.perf_counter() - self._started
            self._meters.request_ends(self._route, self._method, self._status, seconds)

    def answered(self, route: str, status: int) -> None:
        self._route, self._status = route, status
        self._answering.answered(route, status)


class _NoSpans:
    def span(self, _name: str, _about: Mapping[str, str]) -> AbstractContextManager[None]:
        return nullcontext()

    def request(self, _method: str, _headers: Mapping[str, str]) -> AbstractContextManager[Answering]:
        return nullcontext(_NoAnswering())

    def about(self, ids: Mapping[str, str]) -> None:
        """Nowhere."""

    def close(self) -> None:
        """Nothing is left."""


class _NoAnswering:
    def answered(self, route: str, status: int) -> None:
        """Nobody asks."""


class Momentary:
    """Numbers that are asked for when the metrics are read: a collector of prometheus-client.

    A part that does not answer has no numbers, and ``up`` 0; all others are there.
    """

    def __init__(self, sources: Mapping[str, Source], own: Source, *, kept: float = _KEPT_SECONDS) -> None:
        """`own` always answers. `kept` in seconds."""
        self._sources, self._own, self._kept = dict(sources), own, kept
        self._known: list[Measured] = []
        self._until = 0.0

    def describe(self) -> Iterable[Metric]:
        """Nothing is asked when the collector is registered."""
        return []

    def collect(self) -> Iterable[Metric]:
        # The registry's lock is not held here; two readers at once may both ask, which does no harm.
        if time.monotonic() >= self._until:
            self._known = [*self._own(), *(measured for name in self._sources for measured in self._ask(name))]
            self._until = time.monotonic() + self._kept
        return _families(self._known)

    def _ask(self, name: str) -> list[Measured]:
        try:
            found = list(self._sources[name]())
        except Unavailable as error:
            log.warning("metrics.part_unavailable", part=name, code=error.code)
            return [Measured("up", 0, (("part", name),))]
        return [Measured("up", 1, (("part", name),)), *found]


def _families(measured: Iterable[Measured]) -> list[Metric]:
    families: dict[str, GaugeMetricFamily] = {}
    for one in measured:
        labels = dict(one.labels)
        family = families.setdefault(
            one.name, GaugeMetricFamily(f"{_PREFIX}{one.name}", _MOMENTARY[one.name], labels=list(labels))
        )
        family.add_metric(list(labels.values()), one.value)
    return list(families.values())
