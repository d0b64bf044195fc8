"""What is sent again, and what never is, over real connections that fail."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from uuid import uuid4

import pytest
from signroom_client import (
    ApiError,
    AsyncSignroomClient,
    ConnectionFailedError,
    RefusedError,
    ServerError,
    SignroomClient,
    SignroomError,
    TimedOutError,
    TooManyRequestsError,
    UnexpectedAnswerError,
)
from signroom_client.errors import api_error_class
from signroom_client.retries import RetryPolicy, retry_after

from tests.client.loopback import CUT, Loopback, Told, loopback, refused, told
from tests.harness.tools import free_port
from tests.harness.waiting import eventually

OPENED = told({"sessionId": str(uuid4()), "redirectUrl": "https://sign.example/sign/x"})
SESSION = told({"id": str(uuid4()), "status": "Pending", "documents": []})
DOCUMENT = told({"id": str(uuid4())})
KEY = told({"key": "ABCD", "formattedKey": "AB-CD"})
PROXY = Told(503, b"<html>", {"Retry-After": "0"})
BUSY = refused(503, "ServiceUnavailable", {"Retry-After": "0"})


def client_of(service: Loopback, **changes: Any) -> SignroomClient:
    return SignroomClient(service.url, "app|secret", **changes)


@pytest.mark.parametrize("failure", [BUSY, CUT, refused(502, "x"), refused(429, "TooManyRequests")])
def test_a_read_is_sent_again(failure: Told) -> None:
    with loopback(failure, SESSION) as service, client_of(service) as client:
        assert client.get_session(uuid4()).status == "Pending"

    assert len(service.heard) == 2


@pytest.mark.parametrize("failure", [BUSY, CUT, refused(504, "x")])
def test_opening_a_session_is_sent_again_with_the_same_key_and_body(failure: Told) -> None:
    with loopback(failure, failure, OPENED) as service, client_of(service) as client:
        client.create_session(return_url="https://app.example/", callback_argument="42")

    keys = {request.headers["idempotency-key"] for request in service.heard}
    assert len(service.heard) == 3
    assert len(keys) == 1
    assert len({request.body for request in service.heard}) == 1


def test_each_call_has_a_key_of_its_own_unless_one_is_given() -> None:
    with loopback(OPENED) as service, client_of(service) as client:
        client.create_session()
        client.create_session()
        client.create_session(idempotency_key="order-42")

    first, second, third = (request.headers["idempotency-key"] for request in service.heard)
    assert first != second
    assert third == "order-42"


def test_completing_a_signature_is_sent_again_with_the_same_key() -> None:
    with loopback(CUT, DOCUMENT) as service, client_of(service) as client:
        client.complete_signature("state", b"value")

    assert len(service.heard) == 2
    assert len({request.headers["idempotency-key"] for request in service.heard}) == 1


UNSAFE: list[Callable[[SignroomClient], object]] = [
    lambda client: client.allocate_document_key(),
    lambda client: client.allocate_document_keys(3),
    lambda client: client.complete_authentication("state", b"certificate", b"value"),
]


@pytest.mark.parametrize("call", UNSAFE)
@pytest.mark.parametrize("failure", [CUT, refused(502, "x"), refused(500, "InternalError"), BUSY, PROXY])
def test_what_would_be_done_twice_is_sent_once(call: Callable[[SignroomClient], object], failure: Told) -> None:
    with loopback(failure) as service, client_of(service) as client, pytest.raises(SignroomError):
        call(client)

    assert len(service.heard) == 1


TURNED_AWAY = [
    refused(429, "TooManyRequests", {"Retry-After": "0"}),
    refused(503, "ProcessingUnavailable", {"Retry-After": "0"}),
    refused(503, "RequestInProgress", {"Retry-After": "0"}),
]


@pytest.mark.parametrize("busy", TURNED_AWAY)
def test_what_was_turned_away_is_sent_again_whatever_it_is(busy: Told) -> None:
    with loopback(busy, KEY) as service, client_of(service) as client:
        assert client.allocate_document_key().key == "ABCD"

    assert len(service.heard) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 500])
def test_a_refusal_is_not_sent_again(status: int) -> None:
    with (
        loopback(refused(status, "Nope")) as service,
        client_of(service) as client,
        pytest.raises(api_error_class(status)) as caught,
    ):
        client.get_session(uuid4())

    assert len(service.heard) == 1
    assert isinstance(caught.value, ApiError)
    assert (caught.value.status, caught.value.code) == (status, "Nope")


def test_the_tries_end() -> None:
    with (
        loopback(BUSY) as service,
        client_of(service, max_retries=2) as client,
        pytest.raises(ServerError, match="ServiceUnavailable"),
    ):
        client.get_session(uuid4())

    assert len(service.heard) == 3


def test_no_retries_when_none_are_wanted() -> None:
    with loopback(BUSY) as service, client_of(service, max_retries=0) as client, pytest.raises(ServerError):
        client.get_session(uuid4())

    assert len(service.heard) == 1


def test_retry_after_is_waited_for() -> None:
    with (
        loopback(refused(429, "TooManyRequests", {"Retry-After": "2"}), SESSION) as service,
        client_of(service) as client,
    ):
        started = time.monotonic()
        client.get_session(uuid4())

    assert time.monotonic() - started >= 2


def test_a_retry_after_of_an_hour_is_the_callers_affair() -> None:
    with (
        loopback(refused(429, "TooManyRequests", {"Retry-After": "3600"})) as service,
        client_of(service) as client,
        pytest.raises(TooManyRequestsError) as caught,
    ):
        client.get_session(uuid4())

    assert len(service.heard) == 1
    assert caught.value.retry_after == 3600


def test_nobody_there_is_a_connection_error_that_never_left() -> None:
    with (
        SignroomClient(f"http://127.0.0.1:{free_port()}", "k", max_retries=1) as client,
        pytest.raises(ConnectionFailedError) as caught,
    ):
        client.allocate_document_key()

    assert caught.value.code == "ConnectionFailed"
    assert not caught.value.sent


def test_silence_is_a_time_out() -> None:
    with loopback(Told(after=5)) as service:
        with client_of(service, timeout=0.2, max_retries=1) as client, pytest.raises(TimedOutError) as caught:
            client.get_session(uuid4())

        assert caught.value.code == "TimedOut"
        eventually(lambda: len(service.heard) == 2)  # the other side hears of it when it gets to it


def test_the_awaited_client_does_the_same() -> None:
    async def use(url: str) -> None:
        async with AsyncSignroomClient(url, "app|secret") as client:
            assert (await client.create_session()).redirect_url

    with loopback(CUT, BUSY, OPENED) as service:
        asyncio.run(use(service.url))

    assert len({request.headers["idempotency-key"] for request in service.heard}) == 1
    assert len(service.heard) == 3


# -- answers that are none -------------------------------------------------------------------------


def test_a_proxys_page_is_an_error_with_a_code_and_without_the_page() -> None:
    page = Told(502, b"<html>secret inner host</html>", {"Content-Type": "text/html"})
    with loopback(page) as service, client_of(service, max_retries=0) as client, pytest.raises(ServerError) as caught:
        client.get_session(uuid4())

    assert caught.value.code == "Http502"
    assert "inner host" not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        Told(200, b"<html>", {"Content-Type": "text/html"}),
        Told(200, b""),
        Told(200, b"[]"),
        told({"status": "Pending"}),
        told({"id": "no uuid", "status": "Pending"}),
        told({"id": str(uuid4()), "status": 3}),
    ],
)
def test_an_answer_that_is_not_the_contracts_is_said_so(answer: Told) -> None:
    with loopback(answer) as service, client_of(service) as client, pytest.raises(UnexpectedAnswerError):
        client.get_session(uuid4())


def test_a_redirect_is_not_followed_with_the_key() -> None:
    with loopback(SESSION) as elsewhere:
        moved = Told(308, b"", {"Location": f"{elsewhere.url}/api/signature-sessions/x"})
        with (
            loopback(moved) as service,
            client_of(service) as client,
            pytest.raises(UnexpectedAnswerError, match="redirects"),
        ):
            client.get_session(uuid4())

    assert elsewhere.heard == []


def test_validation_results_of_a_refusal_are_typed() -> None:
    results = {"errors": [{"type": "CertificateExpired", "message": "It has expired."}]}
    body = {"code": "CertificateExpired", "message": "No.", "detail": "Since May.", "validationResults": results}
    with loopback(told(body, 422)) as service, client_of(service) as client, pytest.raises(RefusedError) as caught:
        client.create_session()

    assert caught.value.detail == "Since May."
    assert caught.value.validation_results is not None
    assert [item.type for item in caught.value.validation_results.errors] == ["CertificateExpired"]


def test_a_refusal_says_where_the_request_is_wrong_and_where_its_code_is_explained() -> None:
    code = {"code": "InvalidPdf", "message": "No."}
    body = told({**code, "path": "documents[0]", "docUrl": "https://sign.example/docs/errors/#InvalidPdf"}, 400)
    lines = {
        "Link": '<https://sign.example/docs/errors/#InvalidPdf>; rel="help"',
        "Signroom-Path": "documents[0].metadata.t%C3%ADtulo",
    }
    headers = told(code, 422, lines)
    found = []
    for answer in (body, headers, told(code, 422)):
        with loopback(answer) as service, client_of(service) as client, pytest.raises(ApiError) as caught:
            client.create_session()
        found.append((caught.value.path, caught.value.doc_url))

    address = "https://sign.example/docs/errors/#InvalidPdf"
    assert found == [("documents[0]", address), ("documents[0].metadata.título", address), (None, None)]


# -- the policy as a function ----------------------------------------------------------------------


def test_pauses_grow_to_a_limit_and_are_never_the_same_for_all() -> None:
    policy = RetryPolicy(attempts=20, first_pause=1, longest_pause=4)
    error = ConnectionFailedError("cut")

    pauses = [[policy.pause(n, error, repeatable=True) for _ in range(50)] for n in range(1, 7)]

    for mean, found in zip([1, 2, 4, 4, 4, 4], pauses, strict=True):
        assert all(p is not None and mean / 2 <= p <= mean for p in found)
        assert len(set(found)) > 1
    assert policy.pause(21, error, repeatable=True) is None


NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0.0),
        ("soon", None),
        ("-3", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_a_number_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


# -- what a client is made of ----------------------------------------------------------------------


def test_key_and_subscription_are_sent_and_not_shown() -> None:
    with loopback(SESSION) as service, client_of(service, subscription="acme") as client:
        client.get_session(uuid4())
        shown = repr(client) + repr(vars(client))

    assert service.heard[0].headers["x-api-key"] == "app|secret"
    assert service.heard[0].headers["x-subscription"] == "acme"
    assert "secret" not in shown


def test_the_endpoint_may_have_a_path_and_a_slash() -> None:
    with loopback(SESSION) as service, SignroomClient(f"{service.url}/signroom/", "k") as client:
        client.get_session("a/b?c")

    assert service.heard[0].path == "/signroom/api/signature-sessions/a%2Fb%3Fc"


@pytest.mark.parametrize("nothing", ["", ".", ".."])
def test_an_id_that_would_lead_to_another_route_is_refused_at_once(nothing: str) -> None:
    calls: list[Callable[[SignroomClient], object]] = [
        lambda client: client.get_session(nothing),
        lambda client: client.cancel_session(nothing),
        lambda client: client.get_document_signers(nothing),
        lambda client: client.when_completed(nothing),
    ]
    for call in calls:
        with loopback(SESSION) as service, client_of(service) as client, pytest.raises(ValueError, match="no id"):
            call(client)
        assert service.heard == []


@pytest.mark.parametrize("key", ["", "pedido-ç", "a\nb"])
def test_an_idempotency_key_that_no_header_can_carry_is_refused_at_once(key: str) -> None:
    with loopback(OPENED) as service, client_of(service) as client, pytest.raises(ValueError, match="printable ASCII"):
        client.create_session(idempotency_key=key)

    assert service.heard == []


@pytest.mark.parametrize("endpoint", ["sign.example.com", "ftp://x", "", "https://", "https://x/?a=b"])
def test_an_endpoint_that_is_no_address_is_refused_at_once(endpoint: str) -> None:
    with pytest.raises(ValueError, match="endpoint"):
        SignroomClient(endpoint, "k")


@pytest.mark.parametrize("key", ["", "a\nb", "clé"])
def test_a_key_that_no_header_can_carry_is_refused_at_once(key: str) -> None:
    with pytest.raises(ValueError, match="API key"):
        SignroomClient("https://sign.example", key)


def test_a_retry_says_so_in_the_log_and_names_no_id(caplog: pytest.LogCaptureFixture) -> None:
    session_id = uuid4()
    with loopback(CUT, BUSY, SESSION) as service, client_of(service) as client:
        client.get_session(session_id)

    lines = [record for record in caplog.records if record.name == "signroom_client"]
    text = "\n".join(record.getMessage() for record in lines)
    assert [record.levelname for record in lines] == ["WARNING"] * 2
    assert "GET api/signature-sessions failed (ConnectionFailed); trying again in " in text
    assert "(503 ServiceUnavailable)" in text
    assert "(2 of 3)" in text
    assert str(session_id) not in text
    assert "secret" not in text
