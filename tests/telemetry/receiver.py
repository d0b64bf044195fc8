"""A receiver of traces as an operator runs it: OTLP over HTTP on loopback, real protobuf."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.harness.waiting import eventually


@dataclass(frozen=True)
class Received:
    name: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, str]
    events: int
    failed: bool


@dataclass
class Receiver:
    url: str
    spans: list[Received] = field(default_factory=list)
    resources: list[dict[str, str]] = field(default_factory=list)
    raw: bytes = b""

    def wait_for(self, name: str) -> Received:
        return eventually(
            lambda: next((span for span in self.spans if span.name == name), None),
            why=lambda: str([span.name for span in self.spans]),
        )


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            _take(receiver, body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield receiver
        server.shutdown()


def _take(receiver: Receiver, body: bytes) -> None:
    receiver.raw += body
    request = ExportTraceServiceRequest.FromString(body)
    for resource in request.resource_spans:
        receiver.resources.append(_plain(resource.resource.attributes))
        receiver.spans += [_received(span) for scope in resource.scope_spans for span in scope.spans]


def _received(span: Span) -> Received:
    return Received(
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        _plain(span.attributes),
        len(span.events),
        span.status.code == span.status.STATUS_CODE_ERROR,
    )


def _plain(attributes: Any) -> dict[str, str]:
    def value(pair: KeyValue) -> str:
        kind = pair.value.WhichOneof("value")
        return str(getattr(pair.value, kind)) if kind else ""

    return {pair.key: value(pair) for pair in attributes}
