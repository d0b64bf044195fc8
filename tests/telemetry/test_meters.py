"""Counted and timed: what is measured is what happened, and no label is anybody's to choose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, cast
from uuid import UUID

import pytest
import structlog
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families

from signroom.domain.errors import ProcessingUnavailable, SignatureRejected
from signroom.ports.operations import Measured
from signroom.ports.outside import Unreachable
from signroom.telemetry.meters import Meters, Momentary, Spans

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(meters: Meters) -> Samples:
    """Every sample by name and labels, as Prometheus reads them."""
    families = text_string_to_metric_families(meters.exposition().decode())
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def value(meters: Meters, name: str, **labels: str) -> float | None:
    return samples(meters).get((f"signroom_{name}", frozenset(labels.items())))


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (SignatureRejected(), "refused"),
        (Unreachable("The host is not allowed."), "refused"),
        (ProcessingUnavailable(), "unavailable"),
        (KeyError(), "failed"),
    ],
    ids=lambda given: type(given).__name__,
)
def test_a_step_is_timed_with_what_became_of_it(error: Exception, outcome: str) -> None:
    meters = Meters("1")
    with meters.timed("format", "embed"):
        pass
    with pytest.raises(type(error)), meters.timed("format", "embed"):
        raise error

    assert value(meters, "format_seconds_count", step="embed", outcome="done") == 1
    assert value(meters, "format_seconds_count", step="embed", outcome=outcome) == 1


def test_requests_are_counted_by_route_and_a_made_up_method_makes_no_label() -> None:
    meters = Meters("1")
    with meters.request("GET", {}) as answering:
        answering.answered("/api/documents/{id}", 200)
        during = value(meters, "http_requests_in_progress")
    with meters.request("BREW-1234", {}):
        pass

    assert (during, value(meters, "http_requests_in_progress")) == (1, 0)
    assert value(meters, "http_requests_total", route="/api/documents/{id}", method="GET", status="200") == 1
    assert value(meters, "http_request_seconds_count", route="/api/documents/{id}", method="GET") == 1
    assert value(meters, "http_requests_total", route="", method="other", status="0") == 1


def test_a_request_that_crashes_is_counted_and_is_not_in_progress() -> None:
    meters = Meters("1")
    with pytest.raises(RuntimeError), meters.request("GET", {}):
        raise RuntimeError

    assert value(meters, "http_requests_in_progress") == 0
    assert value(meters, "http_requests_total", route="", method="GET", status="0") == 1


def test_a_request_like_another_looks_no_label_up(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[tuple[str, ...]] = []
    labels = MetricWrapperBase.labels

    def counted(metric: Any, *values: str) -> Any:
        looked_up.append(values)
        return labels(metric, *values)

    monkeypatch.setattr(MetricWrapperBase, "labels", counted)
    meters = Meters("1")
    looked_up.clear()
    for _ in range(3):
        with meters.request("GET", {}) as answering:
            answering.answered("/api/documents/{id}", 200)

    assert looked_up == [("/api/documents/{id}", "GET", "200"), ("/api/documents/{id}", "GET")]
    assert value(meters, "http_requests_total", route="/api/documents/{id}", method="GET", status="200") == 3


def test_a_trace_that_cannot_begin_leaves_no_request_in_progress() -> None:
    class Broken:
        def request(self, _method: str, _headers: object) -> AbstractContextManager[Any]:
            return self.fails()

        @contextmanager
        def fails(self) -> Iterator[None]:
            raise RuntimeError
            yield

    meters = Meters("1", cast(Spans, Broken()))
    with pytest.raises(RuntimeError), meters.request("GET", {}):
        pass

    assert value(meters, "http_requests_in_progress") == 0


def test_two_of_a_process_do_not_mix() -> None:
    one, other = Meters("1"), Meters("1")
    one.count("event", "SessionCompleted")

    assert value(one, "events_total", type="SessionCompleted") == 1
    assert value(other, "events_total", type="SessionCompleted") is None


def test_what_a_request_is_about_is_in_its_log_lines() -> None:
    structlog.contextvars.clear_contextvars()
    session = UUID(int=7)
    Meters("1").about(session_id=session)

    assert structlog.contextvars.get_contextvars() == {"session_id": str(session)}
    structlog.contextvars.clear_contextvars()


def test_a_part_that_does_not_answer_takes_no_other_number_with_it() -> None:
    def away() -> Iterable[Measured]:
        raise ProcessingUnavailable

    meters = Meters("1")
    meters.watch(
        {"database": away, "jobs": lambda: [Measured("jobs", 3, (("queue", "documents"), ("state", "waiting")))]},
        own=lambda: [Measured("pool_workers", 2)],
    )

    assert value(meters, "up", part="database") == 0
    assert value(meters, "up", part="jobs") == 1
    assert value(meters, "jobs", queue="documents", state="waiting") == 3
    assert value(meters, "pool_workers") == 2


def test_the_parts_are_asked_once_in_a_while_however_often_the_metrics_are_read() -> None:
    asked: list[int] = []

    def source() -> Iterable[Measured]:
        asked.append(1)
        return [Measured("documents_processing", len(asked))]

    kept, fresh = Momentary({"database": source}, own=list, kept=60), Momentary({"database": source}, own=list, kept=0)
    for _ in range(3):
        list(kept.collect())
    assert len(asked) == 1
    for _ in range(3):
        list(fresh.collect())
    assert len(asked) == 4
