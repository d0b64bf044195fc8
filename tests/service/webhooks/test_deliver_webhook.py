"""Deliveries try by try, on both databases, with a clock of ours: the schedule as it comes, runs that are doubled,
interrupted or late, and what many do at the same time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from signroom.domain.document import Document
from signroom.domain.errors import DatabaseUnavailable
from signroom.domain.event import RecordedEvent, SessionCancelled, SessionCreated
from signroom.domain.session import Session
from signroom.domain.webhook import Delivery, DeliveryStatus, new_delivery
from signroom.fetch.guarded import GuardedFetch
from signroom.ports import EventBodies, Ports
from signroom.ports.outside import Answer, Unreachable
from signroom.ports.store import DeliveryFilter
from signroom.secrets.sealed_secrets import AesGcmSecrets
from signroom.secrets.secret_keys import SecretKeys
from signroom.service.access.operators import this_operator
from signroom.service.events.record_event import DELIVER_WEBHOOK, first_key, record_event
from signroom.service.subscriptions.manage_applications import ensure_application
from signroom.service.webhooks.deliver_webhook import deliver_webhook, fail_delivery
from signroom.service.webhooks.endpoint_credentials import GivenEndpoint
from signroom.service.webhooks.manage_webhooks import (
    LoggedDelivery,
    Replayed,
    ReplayFailed,
    SetWebhook,
    create_webhook,
    ensure_session_webhook,
    list_tried,
    list_webhooks,
    pause_webhook,
    read_delivery,
    read_webhook,
    remove_webhook,
    replay_failed,
    resume_webhook,
    send_test,
)
from signroom.service.webhooks.release_deliveries import AT_ONCE, release_deliveries
from signroom.store import tables
from signroom.worker.steps import jobs
from tests.fetch.sites import Exchange
from tests.harness.costs import counting
from tests.harness.hooks import Endpoint, Receiver, broken, broken_until, fine, running_receiver
from tests.harness.waiting import SECONDS, eventually
from tests.service.conftest import Room


@dataclass(frozen=True)
class Hook:
    room: Room
    ports: Ports
    id: UUID
    endpoint: Endpoint

    def tell(self, session: Session | None = None, kind: Callable[..., Any] = SessionCreated) -> Delivery:
        """Something happens; the delivery of it."""
        session = session or self.room.session()
        with self.ports.store.work() as work:
            told = record_event(work, kind(session.id, self.room.clock.now()), session.subscription_id, None)
        self.room.clock.advance(milliseconds=1)
        return next(d for d in self.deliveries() if d.event_id == told.id)

    def deliveries(self) -> list[Delivery]:
        with self.ports.store.read() as work:
            return work.deliveries.find(DeliveryFilter(self.id), 1000)

    def try_it(self, delivery: Delivery) -> timedelta | None:
        return deliver_webhook(self.ports, delivery.id)

    def log(self, delivery: Delivery) -> list[int | str | None]:
        found = read_delivery(self.ports, self.room.caller, self.id, delivery.id).attempts
        assert [a.number for a in found] == list(range(1, len(found) + 1))
        return [a.error if a.error is not None else a.status_code for a in found]

    def status(self, delivery: Delivery) -> DeliveryStatus:
        return read_delivery(self.ports, self.room.caller, self.id, delivery.id).delivery.status


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with running_receiver() as found:
        yield found


@pytest.fixture
def hook(room: Room, receiver: Receiver) -> Hook:
    ports = replace(room.ports, fetch=GuardedFetch(["127.0.0.2/32"]))
    room.service.jobs.start(jobs(ports), execute=False)
    endpoint = receiver.endpoint()
    wanted = SetWebhook(GivenEndpoint(endpoint.url), event_types=["SessionCreated", "SessionCancelled"])
    return Hook(room, ports, create_webhook(ports, room.caller, wanted).webhook.id, endpoint)


def through(hook: Hook, delivery: Delivery) -> timedelta:
    """Run it when it is due until nothing is left to do; how long that took."""
    begun = hook.room.clock.now()
    while (wait := hook.try_it(delivery)) is not None:
        hook.room.clock.time += wait
    return hook.room.clock.now() - begun


def together(*runs: Callable[[], Any]) -> list[Any]:
    """What they return, run at the same time."""
    results: list[Any] = [None] * len(runs)
    errors: list[BaseException] = []

    def run(number: int, call: Callable[[], Any]) -> None:
        try:
            results[number] = call()
        except BaseException as error:  # noqa: BLE001  (told to the test)
            errors.append(error)

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(runs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert errors == []
    return results


def test_a_receiver_that_is_away_for_three_days_gets_its_event_with_the_last_try(hook: Hook) -> None:
    hook.endpoint.reply = broken_until(9)
    delivery = hook.tell()

    took = through(hook, delivery)

    assert hook.log(delivery) == [500] * 8 + [200]
    assert hook.status(delivery) is DeliveryStatus.DELIVERED
    assert took >= timedelta(days=3)
    assert read_webhook(hook.ports, hook.room.caller, hook.id).failing_since is None


def test_a_refusal_is_in_the_log_and_among_those_that_are_still_tried(hook: Hook) -> None:
    hook.endpoint.reply, silent = broken, cast(Any, SilentFetch())
    delivery, unanswered = hook.tell(), hook.tell()
    with capture_logs() as lines:
        wait = hook.try_it(delivery)
        deliver_webhook(replace(hook.ports, fetch=silent), unanswered.id)
        through(hook, delivery)

    assert wait is not None
    refused = [line for line in lines if line["event"] == "webhook.refused"]
    seconds = round(wait.total_seconds())
    known = {"log_level": "warning", "event": "webhook.refused", "host": "127.0.0.2", "status": 500}
    known |= {"webhook_id": str(hook.id), "reason": "It answered with status 500."}
    assert refused[0] == {**known, "try": 1, "again_in": seconds}, "and nothing of the address but its host"
    assert (refused[1]["status"], refused[1]["reason"]) == (None, "It was too slow.")
    assert refused[-1] == {**known, "try": 9, "again_in": None}


def test_those_that_are_still_tried_are_found_with_their_last_attempt(hook: Hook) -> None:
    hook.endpoint.reply = broken
    delivery, other = hook.tell(), hook.tell()
    for _ in range(2):
        wait = hook.try_it(delivery)
        assert wait is not None
        hook.room.clock.time += wait

    assert [(one.delivery.id, [a.number for a in one.attempts]) for one in failing(hook)] == [(delivery.id, [2])]
    found = list_tried(hook.ports, hook.room.caller, DeliveryFilter(hook.id), 10)
    assert {one.delivery.id: len(one.attempts) for one in found} == {delivery.id: 1, other.id: 0}


def test_a_mended_endpoint_gets_at_once_what_it_has_refused(hook: Hook) -> None:
    """Before, only what was given up could be sent again together: the rest came after up to 40 hours."""
    clock, ports, caller = hook.room.clock, hook.ports, hook.room.caller
    hook.endpoint.reply = broken
    old, given_up, test = hook.tell(), hook.tell(), send_test(ports, caller, hook.id)
    untried = hook.tell()
    assert hook.try_it(old) is not None
    fail_delivery(ports, given_up.id, "InternalError")
    since = clock.now()
    late = hook.tell()
    assert hook.try_it(late) is not None

    assert replay_failed(ports, caller, hook.id, ReplayFailed(since=since)) == Replayed(0, 2)
    assert replay_failed(ports, caller, hook.id, ReplayFailed(failing=True, since=since)) == Replayed(1, 1)
    assert (hook.status(late), hook.status(old)) == (DeliveryStatus.HELD, DeliveryStatus.PENDING)
    done = together(*[lambda: replay_failed(ports, caller, hook.id, ReplayFailed(failing=True))] * 2)
    assert {one.count for one in done} == {2, 0}, "at the same time they are sent once"
    assert {hook.status(one) for one in (untried, test)} == {DeliveryStatus.PENDING}

    hook.endpoint.reply = fine
    assert release_deliveries(ports, hook.id) is None
    for delivery in (old, given_up, late):
        through(hook, delivery)
    assert [hook.log(one)[-1] for one in (old, given_up, late)] == [200] * 3
    assert replay_failed(ports, caller, hook.id, ReplayFailed(failing=True)) == Replayed(0, 0)


def test_a_replay_does_not_send_a_second_time_what_is_under_way(hook: Hook) -> None:
    hook.endpoint.reply = broken
    delivery = hook.tell()
    hook.room.clock.time += hook.try_it(delivery) or timedelta()
    again: list[timedelta | None] = []

    def meanwhile(exchange: Exchange, _number: int) -> None:
        if not again:
            assert replay_failed(hook.ports, hook.room.caller, hook.id, ReplayFailed(failing=True)).count == 1
            release_deliveries(hook.ports, hook.id)
            again.append(hook.try_it(delivery))
        exchange.answer()

    hook.endpoint.reply = meanwhile
    assert hook.try_it(delivery) is None

    assert again != [None], "not yet"
    assert hook.log(delivery) == [500, 200]
    assert len(hook.endpoint.seen) == 2
    assert hook.try_it(delivery) is None


class SilentFetch:
    def deliver(self, url: str, body: bytes, headers: Mapping[str, str], *, limit: int, seconds: float) -> Answer:
        raise Unreachable("It was too slow.")


def failing(hook: Hook) -> list[LoggedDelivery]:
    return list_tried(hook.ports, hook.room.caller, DeliveryFilter(hook.id, failing=True), 10)


def test_who_fails_throughout_is_paused_and_a_resumed_delivery_begins_anew(hook: Hook) -> None:
    hook.endpoint.reply = broken
    delivery, later = hook.tell(), hook.tell()
    through(hook, delivery)

    assert hook.status(delivery) is DeliveryStatus.HELD
    assert read_webhook(hook.ports, hook.room.caller, hook.id).paused_at is not None
    assert hook.try_it(later) is None
    assert hook.status(later) is DeliveryStatus.HELD
    assert len(hook.log(delivery)) == 9

    resume_webhook(hook.ports, hook.room.caller, hook.id)
    assert release_deliveries(hook.ports, hook.id) is None
    through(hook, delivery)
    assert len(hook.log(delivery)) == 18
    assert hook.status(delivery) is DeliveryStatus.HELD, "still down: paused once more, and nothing is lost"


def slow(exchange: Exchange, _number: int) -> None:
    exchange.over.wait(0.3)
    exchange.answer()


def test_runs_at_the_same_time_make_one_request(hook: Hook) -> None:
    hook.endpoint.reply = slow
    delivery = hook.tell()

    waits = together(*[lambda: hook.try_it(delivery)] * 4)

    assert len(hook.endpoint.seen) == 1
    assert hook.log(delivery) == [200]
    assert sum(wait is None for wait in waits) in {1, 2, 3, 4}
    assert hook.try_it(delivery) is None


def test_a_test_that_is_on_its_way_is_not_sent_again_when_another_settles(hook: Hook) -> None:
    first, second = (send_test(hook.ports, hook.room.caller, hook.id) for _ in range(2))
    jobs_before = enqueued(hook)
    settled: list[timedelta | None] = []

    def meanwhile(exchange: Exchange, _number: int) -> None:
        if not settled:
            settled.append(timedelta())
            settled.append(hook.try_it(first))
        exchange.answer()

    hook.endpoint.reply = meanwhile
    assert hook.try_it(second) is None

    assert settled == [timedelta(), None]
    assert enqueued(hook) <= jobs_before, "nobody is asked to send one of them again"
    assert (hook.log(first), hook.log(second)) == ([200], [200])


def test_endpoints_that_hang_leave_places_to_other_subscriptions(hook: Hook, receiver: Receiver) -> None:
    """Before, four of them took all 16 places, and nobody was told anything until they were given up."""
    over = threading.Event()

    def hang(exchange: Exchange, _number: int) -> None:
        over.wait(SECONDS)
        exchange.answer()

    hook.endpoint.reply = hang
    hanging, waits = [hook.tell() for _ in range(16)], list[timedelta | None]()
    threads = [threading.Thread(target=lambda d=d: waits.append(hook.try_it(d))) for d in hanging]
    ports, operator = hook.ports, this_operator()
    shop = ensure_application(ports, operator, "Another", "Shop")
    endpoint = receiver.endpoint()
    caller = operator.acting_for(shop.subscription_id)
    other = create_webhook(ports, caller, SetWebhook(GivenEndpoint(endpoint.url))).webhook
    try:
        for thread in threads:
            thread.start()
        eventually(lambda: len(waits) == 8)
        told = send_test(ports, caller, other.id)

        assert deliver_webhook(ports, told.id) is None
        assert len(endpoint.seen) == 1
        assert all(wait is not None and wait >= timedelta(seconds=2) for wait in waits)
    finally:
        over.set()
        for thread in threads:
            thread.join(SECONDS)

    hook.endpoint.reply = fine
    for delivery in hanging:
        hook.try_it(delivery)
    assert {hook.status(delivery) for delivery in hanging} == {DeliveryStatus.DELIVERED}


class Killed(BaseException):
    """The process ends in the middle of a request."""


class DyingFetch:
    def __init__(self, before: Callable[[], object]) -> None:
        self._before = before

    def deliver(self, url: str, body: bytes, headers: Mapping[str, str], *, limit: int, seconds: float) -> Answer:
        self._before()
        return GuardedFetch(["127.0.0.2/32"]).deliver(url, body, headers, limit=limit, seconds=seconds)


def dying(hook: Hook, before: Callable[[], object]) -> Ports:
    fetch: Any = DyingFetch(before)
    return replace(hook.ports, fetch=fetch)


def test_a_try_that_a_crash_interrupted_is_made_again_and_counted_once(hook: Hook) -> None:
    delivery = hook.tell()

    def die() -> None:
        raise Killed

    with pytest.raises(Killed):
        deliver_webhook(dying(hook, die), delivery.id)
    wait = hook.try_it(delivery)
    assert wait is not None
    assert (hook.endpoint.seen, hook.log(delivery)) == ([], [])

    hook.room.clock.time += wait
    assert hook.try_it(delivery) is None
    assert hook.log(delivery) == [200]


def test_a_process_that_slept_through_its_try_doubles_nothing(hook: Hook) -> None:
    hook.endpoint.reply = broken_until(2)
    delivery = hook.tell()

    def oversleep() -> None:
        hook.room.clock.advance(minutes=1)
        assert hook.try_it(delivery) is not None  # another process has taken over: 500

    wait = deliver_webhook(dying(hook, oversleep), delivery.id)  # and the sleeper gets a 200

    assert wait is not None, "the log says 500: it is tried again rather than believed"
    assert hook.log(delivery) == [500]
    hook.room.clock.time += wait
    assert hook.try_it(delivery) is None
    assert hook.log(delivery) == [500, 200]


def test_what_comes_later_waits_and_is_woken(hook: Hook) -> None:
    hook.endpoint.reply = broken_until(2)
    session = hook.room.session()
    first, second = hook.tell(session), hook.tell(session, SessionCancelled)
    other = hook.tell()

    wait = hook.try_it(first)
    assert wait is not None
    behind = hook.try_it(second)
    assert behind is not None
    assert behind > wait
    assert hook.try_it(other) is None, "another session does not wait"
    hook.room.clock.time += wait
    assert hook.try_it(first) is None
    assert hook.try_it(second) is None, "due at once when the one before it is delivered"
    told = [body["type"] for body in hook.endpoint.bodies if body["session"]["id"] == str(session.id)]
    assert told == ["SessionCreated", "SessionCreated", "SessionCancelled"]
    assert hook.log(second) == [200]


def enqueued(hook: Hook) -> set[str]:
    """Keys of the jobs that wait in their queue."""
    engine = hook.room.service.engine
    table = "workflow_status" if engine.dialect.name == "sqlite" else "dbos.workflow_status"
    query = sa.text(f"SELECT workflow_uuid FROM {table} WHERE status = 'ENQUEUED' AND name = :name")
    with engine.connect() as connection:
        return set(connection.scalars(query, {"name": DELIVER_WEBHOOK}))


def test_a_run_that_has_delivered_goes_on_with_what_is_due(hook: Hook) -> None:
    session = hook.room.session()
    first, *others = hook.tell(), hook.tell(session), hook.tell(session, SessionCancelled), hook.tell()
    assert {first_key(d) for d in (first, *others)} <= enqueued(hook)

    assert hook.try_it(first) is None

    told = [exchange.headers["webhook-id"] for exchange in hook.endpoint.seen]
    assert (told[0], sorted(told)) == (str(first.event_id), sorted(str(d.event_id) for d in (first, *others)))
    of_session = [told.index(str(d.event_id)) for d in others[:2]]
    assert of_session == sorted(of_session), "those of a stream in their order"
    assert {hook.status(d) for d in (first, *others)} == {DeliveryStatus.DELIVERED}
    assert enqueued(hook) & {first_key(d) for d in others} == set(), "jobs that were spared are taken back"
    assert [hook.try_it(d) for d in others] == [None] * 3
    assert len(hook.endpoint.seen) == 4


def test_further_deliveries_of_a_run_are_asked_for_and_settled_together(hook: Hook) -> None:
    count = 10
    first, *_ = [hook.tell() for _ in range(1 + count)]

    with counting() as costs:
        assert hook.try_it(first) is None

    assert len(hook.endpoint.seen) == 1 + count
    ours = [text for text in costs.statements if "signroom_" in text]
    assert len(ours) <= 30, "twice as many as for one alone"


def test_several_runs_share_what_is_due_and_double_nothing(hook: Hook) -> None:
    made = [hook.tell() for _ in range(12)]

    together(*[lambda d=d: hook.try_it(d) for d in made[:4]])

    assert {hook.status(d) for d in made} == {DeliveryStatus.DELIVERED}
    assert sorted(e.headers["webhook-id"] for e in hook.endpoint.seen) == sorted(str(d.event_id) for d in made)
    assert all(hook.log(d) == [200] for d in made)


def test_going_on_ends_with_the_first_failure(hook: Hook) -> None:
    first, second, third = hook.tell(), hook.tell(), hook.tell()
    looked: list[timedelta | None] = []

    def refuse_second(exchange: Exchange, number: int) -> None:
        if number == 2:
            looked.append(hook.try_it(third))
        exchange.answer(status=500 if number == 2 else 200)

    hook.endpoint.reply = refuse_second
    before = enqueued(hook)
    assert hook.try_it(first) is None, "what failed has a job of its own"

    assert [hook.log(d) for d in (first, second, third)] == [[200], [500], []]
    assert first_key(second) in enqueued(hook)
    assert looked != [None], "its own job has found it claimed, and waits for the end of that"
    assert [key.startswith(f"{first_key(third)}:") for key in enqueued(hook) - before] == [True], "it gets another one"
    wait = hook.try_it(second)
    assert wait is not None
    assert hook.try_it(third) is None
    hook.room.clock.time += wait
    assert hook.try_it(second) is None
    assert hook.log(second) == [500, 200]


def test_going_on_leaves_what_is_not_due_tests_and_who_is_paused_meanwhile(hook: Hook) -> None:
    session = hook.room.session()
    hook.endpoint.reply = broken_until(2)
    failed, behind = hook.tell(session), hook.tell(session, SessionCancelled)
    assert hook.try_it(failed) is not None
    test = send_test(hook.ports, hook.room.caller, hook.id)

    assert hook.try_it(hook.tell()) is None
    assert (hook.log(failed), hook.log(behind), hook.log(test)) == ([500], [], [])

    def pause(exchange: Exchange, _number: int) -> None:
        pause_webhook(hook.ports, hook.room.caller, hook.id)
        exchange.answer()

    hook.endpoint.reply = pause
    last, left = hook.tell(), hook.tell()
    assert hook.try_it(last) is None
    assert (hook.log(last), hook.log(left)) == ([200], [])
    assert hook.try_it(left) is None
    assert hook.status(left) is DeliveryStatus.HELD


def test_what_is_given_back_and_claimed_again_gets_no_other_job(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signroom.service.webhooks.deliver_webhook._TOGETHER_SECONDS", 0.0)
    monkeypatch.setattr("signroom.service.webhooks.deliver_webhook._most", lambda _attempts: 10)
    made = [hook.tell() for _ in range(4)]
    before = enqueued(hook)

    assert hook.try_it(made[0]) is None

    assert [hook.log(d) for d in made] == [[200]] * 4
    assert enqueued(hook) <= before


def test_going_on_takes_some_seconds_and_leaves_the_rest_to_its_job(
    hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signroom.service.webhooks.deliver_webhook._TURN", 0.0)
    first, second = hook.tell(), hook.tell()

    assert hook.try_it(first) is None

    assert (hook.log(first), hook.log(second)) == ([200], [])
    assert first_key(second) in enqueued(hook)


def test_what_is_still_pending_keeps_its_job(hook: Hook) -> None:
    """The second try of another was slow: somebody else made it too, was faster, and was refused."""
    first, second = hook.tell(), hook.tell()
    asked: list[None] = []

    def oversleep() -> None:
        asked.append(None)
        if len(asked) == 2:
            hook.room.clock.advance(minutes=1)
            hook.endpoint.reply = broken
            assert hook.try_it(second) is not None
            hook.endpoint.reply = fine

    assert deliver_webhook(dying(hook, oversleep), first.id) is None

    assert (hook.log(first), hook.log(second)) == ([200], [500])
    assert first_key(second) in enqueued(hook)


class BrokenBodies:
    """Cannot write those of some events."""

    def __init__(self, bodies: EventBodies, *broken: UUID) -> None:
        self._bodies, self._broken = bodies, broken

    def render(self, ports: Ports, event: RecordedEvent, session: Session | None, document: Document | None) -> bytes:
        if event.id in self._broken:
            raise LookupError("a mistake of ours")
        return self._bodies.render(ports, event, session, document)


def test_a_mistake_of_ours_with_another_ends_that_one_alone(hook: Hook) -> None:
    first, second, third = hook.tell(), hook.tell(), hook.tell()
    bodies: Any = BrokenBodies(hook.ports.event_bodies, second.event_id)

    assert deliver_webhook(replace(hook.ports, event_bodies=bodies), first.id) is None

    assert [hook.log(d) for d in (first, second, third)] == [[200], ["InternalError"], []]
    assert hook.status(second) is DeliveryStatus.FAILED
    assert hook.try_it(second) is None
    assert hook.try_it(third) is None
    assert hook.log(third) == [200]


def test_one_that_cannot_be_read_ends_alone(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a row of a newer version. Before, the job of another one failed for it, and all that were claimed waited."""
    session = hook.room.session()
    first, second, third = hook.tell(), hook.tell(session), hook.tell()
    with hook.room.service.engine.begin() as connection:
        of_second = sa.update(tables.sessions).where(tables.sessions.c.id == session.id)
        connection.execute(of_second.values(status="OfNewerVersion"))

    assert hook.try_it(first) is None

    assert [hook.log(d) for d in (first, second, third)] == [[200], ["InternalError"], [200]]
    assert hook.status(second) is DeliveryStatus.FAILED
    assert first_key(third) not in enqueued(hook), "its job was spared"

    def refuse(*_: object) -> None:
        raise LookupError("a mistake of ours")

    with monkeypatch.context() as broken, capture_logs() as lines:
        broken.setattr("signroom.service.webhooks.deliver_webhook._send_together", refuse)
        fourth, _ = hook.tell(), hook.tell()
        assert hook.try_it(fourth) is None, "whatever it was, it is not the fault of the first one"
    assert [line["event"] for line in lines] == ["delivery.failed"]


def test_an_outage_while_going_on_leaves_the_others_to_their_jobs(hook: Hook) -> None:
    first, second = hook.tell(), hook.tell()
    asked: list[None] = []

    def lose() -> None:
        asked.append(None)
        if len(asked) == 2:
            raise DatabaseUnavailable

    assert deliver_webhook(dying(hook, lose), first.id) is None

    assert (hook.log(first), hook.log(second)) == ([200], [])
    assert first_key(second) in enqueued(hook)
    wait = hook.try_it(second)
    assert wait is not None
    hook.room.clock.time += wait
    assert hook.try_it(second) is None
    assert hook.log(second) == [200]


def test_a_secret_that_cannot_be_read_is_a_try_that_failed(hook: Hook) -> None:
    delivery = hook.tell()

    wait = deliver_webhook(replace(hook.ports, secrets=AesGcmSecrets(SecretKeys(b"another key" * 4))), delivery.id)

    assert wait is not None
    assert hook.log(delivery) == ["A stored secret cannot be decrypted; set it again."]
    assert hook.endpoint.seen == []


def test_an_error_of_ours_ends_it_with_its_code(hook: Hook) -> None:
    delivery = hook.tell()

    fail_delivery(hook.ports, delivery.id, "InternalError")
    fail_delivery(hook.ports, delivery.id, "InternalError")
    fail_delivery(hook.ports, uuid4(), "InternalError")

    assert hook.status(delivery) is DeliveryStatus.FAILED
    assert hook.log(delivery) == ["InternalError"]


def test_an_event_that_is_not_kept_any_more_cannot_be_told(hook: Hook) -> None:
    delivery = hook.tell()
    with hook.room.service.engine.begin() as connection:
        connection.execute(sa.delete(tables.events).where(tables.events.c.id == delivery.event_id))

    assert hook.try_it(delivery) is None
    assert hook.log(delivery) == ["EventNotFound"]
    assert hook.status(delivery) is DeliveryStatus.FAILED


def test_a_release_goes_by_the_hundred_and_never_twice(hook: Hook) -> None:
    session = hook.room.session()
    first = hook.tell(session)
    with hook.ports.store.work() as work:
        event, webhook = work.feed.of_any_tenant(first.event_id), work.webhooks.of_any_tenant(hook.id)
        for number in range(AT_ONCE + 20):
            at = hook.room.clock.now() + timedelta(milliseconds=number)
            made = replace(new_delivery(uuid4(), event, webhook, at), stream=uuid4())
            work.deliveries.add(made.held())
    hook.room.clock.advance(minutes=1)

    waits = together(*[lambda: release_deliveries(hook.ports, hook.id)] * 2)

    assert sorted(wait is None for wait in waits) == [False, True]
    released = [d for d in hook.deliveries() if d.id != first.id]
    assert {d.status for d in released} == {DeliveryStatus.PENDING}
    due = sorted(released, key=lambda d: (d.created_at, d.id))[:AT_ONCE]
    assert [d.due_at for d in due] == sorted(d.due_at for d in due), "the oldest first"
    assert due[-1].due_at - due[0].due_at == timedelta(seconds=19.8)


def test_nothing_is_released_to_who_is_paused_again(hook: Hook) -> None:
    delivery = hook.tell()
    pause_webhook(hook.ports, hook.room.caller, hook.id)
    assert hook.try_it(delivery) is None

    assert release_deliveries(hook.ports, hook.id) is None
    assert hook.status(delivery) is DeliveryStatus.HELD


def test_a_hundred_events_of_one_transaction_look_for_webhooks_once(hook: Hook) -> None:
    session, statements = hook.room.session(), list[str]()
    sa.event.listen(hook.room.service.engine, "before_cursor_execute", lambda *a: statements.append(a[2]), named=False)
    with hook.ports.store.work() as work:
        for _ in range(100):
            record_event(work, SessionCreated(session.id, hook.room.clock.now()), session.subscription_id, None)

    assert sum("FROM signroom_webhooks" in statement for statement in statements) == 1
    assert len(hook.deliveries()) == 100


def test_one_that_is_removed_while_it_is_told_breaks_nothing(hook: Hook) -> None:
    session, telling = hook.room.session(), threading.Event()

    def tell() -> None:
        with hook.ports.store.work() as work:
            assert work.webhooks.to_notify(session.subscription_id)
            telling.set()
            threading.Event().wait(0.3)  # between the look and the row
            record_event(work, SessionCreated(session.id, hook.room.clock.now()), session.subscription_id, None)

    def remove() -> None:
        telling.wait(SECONDS)
        remove_webhook(hook.ports, hook.room.caller, hook.id)

    together(tell, remove)

    assert hook.room.told() == ["SessionCreated"]
    assert list_webhooks(hook.ports, hook.room.caller) == []
    assert hook.deliveries() == []


def test_first_sessions_at_the_same_time_share_one_row(hook: Hook) -> None:
    def first() -> None:
        session = replace(hook.room.session(), webhook_url="https://app.example/hook")
        with hook.ports.store.work() as work:
            work.sessions.save(session)
            ensure_session_webhook(work, hook.ports.secrets, session)

    together(*[first] * 4)

    assert [w.endpoint is None for w in list_webhooks(hook.ports, hook.room.caller)].count(True) == 1
