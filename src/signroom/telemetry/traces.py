"""Traces by OpenTelemetry (OTLP over HTTP), where the operator wants them: the extra ``signroom[otel]``.

The exporter reads the standard variables (``OTEL_EXPORTER_OTLP_ENDPOINT``, ``..._HEADERS``, ``OTEL_SERVICE_NAME``,
``OTEL_TRACES_SAMPLER`` ...) by itself. Attributes are route templates, few words and ids, and of outside addresses
scheme and host: no query, no header, no name of anybody.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from signroom.ports.operations import Answering

_SERVICE = "signroom"
_FLUSH_MILLISECONDS = 3_000


class Traces:
    """Spans of this process. Nothing global: no other library's spans are sent."""

    def __init__(self, version: str) -> None:
        given = Resource.create({"service.name": _SERVICE, "service.version": version})
        # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win over what is given here.
        resource = given.merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer(_SERVICE, version)
        self._incoming = TraceContextTextMapPropagator()
        # It would write of each failed export with the receiver's address and answer.
        logging.getLogger("opentelemetry").setLevel(logging.ERROR)

    @contextmanager
    def span(self, name: str, about: Mapping[str, str]) -> Iterator[None]:
        kind = SpanKind.CLIENT if "server.address" in _named(about) else SpanKind.INTERNAL
        with self._tracer.start_as_current_span(
            name, kind=kind, attributes=_named(about), record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except Exception as error:
                # The kind alone: the text may quote what it was about.
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(StatusCode.ERROR)
                raise

    @contextmanager
    def request(self, method: str, headers: Mapping[str, str]) -> Iterator[Answering]:
        begun = self._incoming.extract({"traceparent": headers.get("traceparent", "")})
        with self._tracer.start_as_current_span(
            method,
            context=begun,
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method},
            record_exception=False,
            set_status_on_exception=False,  # its description would be the exception's text
        ) as span:
            yield _Answered(span, method)

    def about(self, ids: Mapping[str, str]) -> None:
        trace.get_current_span().set_attributes(_named(ids))

    def close(self) -> None:
        """Send what is left, for some seconds."""
        self._provider.force_flush(_FLUSH_MILLISECONDS)
        self._provider.shutdown()


class _Answered:
    def __init__(self, span: trace.Span, method: str) -> None:
        self._span, self._method = span, method

    def answered(self, route: str, status: int) -> None:
        self._span.update_name(f"{self._method} {route}")
        self._span.set_attributes({"http.route": route, "http.response.status_code": status})
        if status >= 500:
            self._span.set_status(StatusCode.ERROR)


def _named(about: Mapping[str, str]) -> dict[str, str]:
    """Under the conventions' names where there are any."""
    return {_CONVENTIONS.get(name, f"signroom.{name}"): value for name, value in about.items()}


_CONVENTIONS = {"host": "server.address", "scheme": "url.scheme"}
