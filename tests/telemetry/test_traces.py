"""Traces as a receiver gets them: whole, linked, and without anything that is nobody's business."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from signroom.fetch.guarded import GuardedFetch
from signroom.ports.outside import Unreachable
from signroom.settings import SettingsError, read_settings
from signroom.telemetry.meters import Meters
from signroom.telemetry.traces import Traces
from signroom.wiring import _spans
from tests.harness.server import fork_server
from tests.telemetry.receiver import Receiver, receiving
from tests.vectors import hard_pdfs

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def meters(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Meters:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test")
    return Meters("1.2", Traces("1.2"))


def test_a_request_goes_on_with_its_callers_trace(receiver: Receiver, meters: Meters) -> None:
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "authorization": "Bearer top-secret"}
    with meters.request("POST", headers) as answering:
        meters.about(session_id=UUID(int=5))
        with meters.timed("format", "prepare"):
            pass
        answering.answered("/api/signature-sessions", 503)
    meters.close()

    request, step = receiver.wait_for("POST /api/signature-sessions"), receiver.wait_for("format prepare")
    assert (request.trace, request.parent, request.failed) == (TRACE, PARENT, True)
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/api/signature-sessions",
        "http.response.status_code": "503",
        "signroom.session_id": str(UUID(int=5)),
    }
    assert (step.trace, step.parent) == (TRACE, request.id)
    assert receiver.resources[0]["service.name"] == "signroom"
    assert receiver.resources[0]["deployment.environment"] == "test"
    assert b"top-secret" not in receiver.raw


@pytest.mark.parametrize("sent", ["", "nonsense", f"00-{'0' * 32}-{PARENT}-01", "00-x-y-z"])
def test_a_damaged_parent_begins_a_trace_of_our_own(receiver: Receiver, meters: Meters, sent: str) -> None:
    with meters.request("GET", {"traceparent": sent}) as answering:
        answering.answered("/health/live", 200)
    meters.close()

    assert receiver.wait_for("GET /health/live").parent == ""


def test_what_failed_is_told_by_its_kind_alone(receiver: Receiver, meters: Meters) -> None:
    with pytest.raises(ValueError, match="Ana"), meters.timed("job", "process-document"):
        raise ValueError("the contract of Ana")
    meters.close()

    span = receiver.wait_for("job process-document")
    assert (span.failed, span.events, span.attributes) == (True, 0, {"error.type": "ValueError"})
    assert b"Ana" not in receiver.raw


def test_an_outside_address_is_told_without_its_path_and_query(receiver: Receiver, meters: Meters) -> None:
    fetch = GuardedFetch(["127.0.0.0/8"], timed=meters.timed)
    with pytest.raises(Unreachable), meters.request("POST", {}) as answering:
        answering.answered("/api/signature-sessions", 422)
        fetch.exchange(f"{receiver.url}/of-ana?token=top-secret", limit=100)
    meters.close()

    request, span = receiver.wait_for("POST /api/signature-sessions"), receiver.wait_for("fetch GET")
    assert span.attributes == {"server.address": "127.0.0.1", "url.scheme": "http"}
    assert (span.trace, span.parent) == (request.trace, request.id)
    assert b"top-secret" not in receiver.raw
    assert b"of-ana" not in receiver.raw


def test_a_signature_is_traced_from_the_request_to_the_job(tmp_path: Path, receiver: Receiver) -> None:
    server = fork_server(tmp_path / "data", {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url})
    try:
        opened = server.open_session(callbackArgument="order of Ana")
        page = server.page(opened["redirectUrl"])
        page.add(hard_pdfs.make("plain"), "salary of Ana.pdf")
        page.sign(*page.demo_key())
        document = server.wait(opened["sessionId"])["documents"][0]["id"]
    finally:
        server.stop()

    job = receiver.wait_for("job process-document")
    steps = {span.name for span in receiver.spans if span.trace == job.trace}
    assert (job.parent, job.attributes["signroom.document_id"]) == ("", document)
    assert job.attributes["signroom.session_id"] == opened["sessionId"]
    assert "format sign" in steps
    finish = receiver.wait_for("POST /sign/api/finish")
    assert finish.attributes["signroom.session_id"] == opened["sessionId"]
    for secret in (server.api_key, page.link, page.client.headers["X-Signature-Session-Token"], "Ana"):
        assert secret.encode() not in receiver.raw


def test_traces_that_are_wanted_and_cannot_be_sent_stop_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {"SIGNROOM_PUBLIC_URL": "https://sign.example", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    monkeypatch.setitem(sys.modules, "signroom.telemetry.traces", None)  # as if the extra were not installed

    with pytest.raises(SettingsError, match=r"install signroom\[otel\]"):
        _spans(read_settings(variables, tmp_path))
    assert _spans(read_settings({**variables, "OTEL_EXPORTER_OTLP_ENDPOINT": ""}, tmp_path)) is None
