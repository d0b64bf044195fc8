"""Webhooks: the schedule, what an endpoint may ask for, the signature, the moves of a delivery."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from signroom_client import WebhookError, parse_webhook

from signroom.domain.endpoint import Endpoint
from signroom.domain.errors import BadInput, BadWebhookOperation
from signroom.domain.event import RecordedEvent
from signroom.domain.webhook import (
    DEFAULT_TYPES,
    MAX_RETRY_AFTER,
    DeliverySchedule,
    DeliveryStatus,
    Webhook,
    clean_types,
    new_delivery,
    retry_after,
    secret_text,
    signature_headers,
)
from signroom.settings import read_settings

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
AN_ID, OTHER = UUID(int=1), UUID(int=2)
WAITS = st.lists(st.timedeltas(timedelta(), timedelta(days=2)), min_size=1, max_size=20)
JITTER = st.floats(-1, 1)
KEY = st.binary(min_size=32, max_size=32)


def a_webhook(endpoint: Endpoint | None = Endpoint("https://app.example/")) -> Webhook:  # noqa: B008  (frozen)
    return Webhook(AN_ID, AN_ID, None, endpoint, b"first", DEFAULT_TYPES, NOW)


@given(WAITS, JITTER, st.none() | st.timedeltas(timedelta(), timedelta(days=10)))
def test_each_wait_is_about_the_schedules_own_and_never_shorter_than_asked(
    waits: list[timedelta], jitter: float, asked: timedelta | None
) -> None:
    schedule = DeliverySchedule(tuple(waits))

    for tries, own in enumerate(waits):
        wait = schedule.after(tries, jitter, asked)
        assert wait is not None
        assert wait >= own * 0.899
        if asked is None:
            assert wait <= own * 1.101
        else:
            assert wait >= min(asked, MAX_RETRY_AFTER)
            assert wait <= max(own * 1.101, MAX_RETRY_AFTER)
    assert schedule.after(len(waits), jitter, asked) is None


def test_the_schedule_as_it_comes_is_eight_tries_or_more_over_three_days_or_more(tmp_path: Path) -> None:
    waits = read_settings({"SIGNROOM_PUBLIC_URL": "https://sign.example"}, tmp_path).webhook_schedule
    shortest = [DeliverySchedule(waits).after(n, -1) or timedelta() for n in range(len(waits))]

    assert len(waits) >= 8
    assert sum(shortest, timedelta()) >= timedelta(days=3)
    assert list(waits) == sorted(set(waits)), "growing"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("99999999999999999999", 86400),
        ("Fri, 01 May 2026 12:01:00 GMT", 60),
        ("Fri, 01 May 2026 11:59:00 GMT", None),
        ("Friday, 01-May-26 12:01:00 GMT", 60),
        ("-1", None),
        ("1.5", None),
        ("²", None),
        ("soon", None),
        ("Fri, 99 May 2026 12:01:00 GMT", None),
        ("", None),
        (None, None),
    ],
)
def test_what_retry_after_says(header: str | None, seconds: int | None) -> None:
    assert retry_after(header, NOW) == (None if seconds is None else timedelta(seconds=seconds))


@given(st.text(max_size=60))
def test_no_retry_after_is_a_crash(header: str) -> None:
    found = retry_after(header, NOW)

    assert found is None or found >= timedelta()


@given(st.binary(max_size=200), KEY, KEY, KEY)
def test_the_client_takes_either_of_two_secrets_and_no_third(body: bytes, one: bytes, two: bytes, third: bytes) -> None:
    headers = signature_headers(AN_ID, body, [secret_text(one), secret_text(two)], NOW)

    for key in (one, two, third):
        with pytest.raises(WebhookError) as caught:
            parse_webhook(body, headers, secret=secret_text(key), now=NOW)
        genuine = caught.value.code == WebhookError.MALFORMED  # not an event, but signed
        assert genuine is (key in {one, two})


def test_the_signature_is_that_of_standard_webhooks() -> None:
    # The vector of docs/guide/webhooks.md, computed with openssl.
    secret = secret_text(b"0123456789abcdef0123456789abcdef")
    headers = signature_headers(AN_ID, b'{"type":"WebhookTested"}', [secret], NOW)

    assert secret == "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
    assert headers == {
        "webhook-id": "00000000-0000-0000-0000-000000000001",
        "webhook-timestamp": "1777636800",
        "webhook-signature": "v1,iosLeb8neoC7nkh5uwYUdJPZP2R8T8s0Ij6FNkFpx6o=",
    }


def test_a_rotation_keeps_the_secret_before_for_a_while() -> None:
    rotated = a_webhook().rotated(b"second", NOW, timedelta(hours=24))

    assert rotated.secrets(NOW + timedelta(hours=23)) == (b"second", b"first")
    assert rotated.secrets(NOW + timedelta(hours=24)) == (b"second",)
    assert a_webhook().rotated(b"second", NOW, timedelta()).secrets(NOW) == (b"second",)
    assert rotated.rotated(b"third", NOW, timedelta(hours=1)).secrets(NOW) == (b"third", b"second")


def test_only_one_with_an_address_of_its_own_is_paused() -> None:
    paused = a_webhook().paused(NOW)

    assert paused.paused_at == NOW
    assert paused.resumed() == a_webhook()
    with pytest.raises(BadWebhookOperation):
        a_webhook(None).paused(NOW)


def test_what_one_may_ask_for() -> None:
    assert clean_types([]) == DEFAULT_TYPES
    assert clean_types(["SessionExpired", "SessionCreated", "SessionExpired"]) == ("SessionCreated", "SessionExpired")
    for unknown in ("WebhookTested", "sessioncreated", "", "*"):
        with pytest.raises(BadInput, match="eventTypes"):
            clean_types([unknown])


@pytest.mark.parametrize(
    ("session", "document", "stream"), [(OTHER, AN_ID, AN_ID), (OTHER, None, OTHER), (None, None, UUID(int=9))]
)
def test_a_stream_is_a_document_or_a_session_or_a_webhook(
    session: UUID | None, document: UUID | None, stream: UUID
) -> None:
    event = RecordedEvent(AN_ID, "X", AN_ID, None, session, document, UUID(int=9), NOW)

    assert new_delivery(AN_ID, event, a_webhook(), NOW).stream == stream


def test_a_held_delivery_begins_its_schedule_anew() -> None:
    event = RecordedEvent(AN_ID, "X", AN_ID, None, AN_ID, None, None, NOW)
    tried = new_delivery(AN_ID, event, a_webhook(), NOW).again(NOW).again(NOW)

    assert tried.tries == 2
    released = tried.held().released(NOW)
    assert (released.status, released.tries) == (DeliveryStatus.PENDING, 0)
    assert tried.failed(NOW).tries == tried.delivered(NOW).tries == 3
