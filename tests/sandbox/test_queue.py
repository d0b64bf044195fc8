"""Whose task is next, and whose is refused."""

from __future__ import annotations

import random
from itertools import count
from uuid import UUID, uuid4

import pytest

from signroom.ports.files import Turn
from signroom.sandbox.queue import Bounds, FairQueue, Kind, NoPlace, Place, ShareTaken

WIDE = Bounds(session=1000, application=1000, total=1000)
_times = count()


def queue(bounds: Bounds = WIDE, *, looks: int = 1000) -> FairQueue[str]:
    return FairQueue(bounds, looks=looks)


def add(waiting: FairQueue[str], task: str, turn: Turn, kind: Kind = Kind.INSPECTION) -> Place[str] | None:
    return waiting.add(Place(task, turn, kind, float(next(_times))))


def order(waiting: FairQueue[str], most: int = 1000) -> list[str]:
    """What is handed out next, each task done before the next one."""
    found = []
    for _ in range(most):
        place = waiting.next()
        if place is None:
            break
        waiting.done(place)
        found.append(place.task)
    return found


def session(application: Turn) -> Turn:
    return Turn(application.subscription_id, application.application_id, uuid4())


def application(subscription: UUID) -> Turn:
    return Turn(subscription, uuid4())


ACME, OTHER = uuid4(), uuid4()
PORTAL, SHOP = application(ACME), application(ACME)
STRANGER = application(OTHER)


def test_what_one_session_asks_for_is_done_in_its_order() -> None:
    waiting, own = queue(), session(PORTAL)
    for number in range(5):
        add(waiting, str(number), own)

    assert order(waiting) == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("other", [session(PORTAL), session(SHOP), session(STRANGER)], ids=["session", "app", "tenant"])
def test_a_flood_delays_another_by_one_task(other: Turn) -> None:
    waiting, flooding = queue(), session(PORTAL)
    for number in range(100):
        add(waiting, f"flood {number}", flooding)
    assert order(waiting, 10) == [f"flood {number}" for number in range(10)]

    for number in range(3):
        add(waiting, f"honest {number}", other)

    found = order(waiting, 6)
    assert [found.index(f"honest {number}") for number in range(3)] in ([0, 2, 4], [1, 3, 5])


def test_a_flood_from_many_sessions_counts_as_one_subscription() -> None:
    waiting, honest = queue(), session(STRANGER)
    for number in range(50):
        add(waiting, f"flood {number}", session(PORTAL if number % 2 else SHOP))
    add(waiting, "honest", honest)

    assert order(waiting).index("honest") <= 1


def test_a_flood_from_many_sessions_counts_as_one_application() -> None:
    waiting, honest = queue(), session(SHOP)
    for number in range(50):
        add(waiting, f"flood {number}", session(PORTAL))
    add(waiting, "honest", honest)

    assert order(waiting).index("honest") <= 1


def test_somebody_who_always_comes_back_at_once_has_no_more_turns_than_others() -> None:
    waiting, greedy, patient = queue(), session(PORTAL), session(STRANGER)
    for number in range(20):
        add(waiting, f"patient {number}", patient)
    found = []
    for number in range(20):
        add(waiting, f"greedy {number}", greedy)
        found += order(waiting, 1)

    assert 9 <= sum(task.startswith("patient") for task in found) <= 11


def test_signing_goes_before_previews_and_previews_before_inspection() -> None:
    waiting, own = queue(), session(PORTAL)
    for kind in reversed(Kind):
        add(waiting, kind.label, own, kind)

    assert order(waiting) == ["signing", "preview", "inspection"]


def test_signing_of_one_goes_before_inspections_of_many_others() -> None:
    waiting = queue()
    for number in range(50):
        add(waiting, f"inspection {number}", session(application(uuid4())))
    for _ in range(2):
        add(waiting, "signing", session(STRANGER), Kind.SIGNING)

    assert order(waiting, 2) == ["signing", "signing"]


@pytest.mark.parametrize("other", [session(PORTAL), session(SHOP), session(STRANGER)], ids=["session", "app", "tenant"])
def test_a_flood_of_signing_delays_an_inspection_by_three_tasks(other: Turn) -> None:
    waiting, flooding = queue(), session(PORTAL)
    for number in range(100):
        add(waiting, f"signing {number}", flooding, Kind.SIGNING)
    order(waiting, 10)

    add(waiting, "inspection", other)

    assert order(waiting).index("inspection") <= 3


def test_nothing_starves_in_a_session_either() -> None:
    waiting, own = queue(), session(PORTAL)
    add(waiting, "inspection", own)
    found = []
    for number in range(20):
        add(waiting, f"signing {number}", own, Kind.SIGNING)
        found += order(waiting, 1)

    assert "inspection" in found[:5]


def test_ever_new_sessions_do_not_starve_one_that_waits() -> None:
    waiting = queue()
    add(waiting, "inspection", session(PORTAL))
    found = []
    for number in range(20):
        add(waiting, f"signing {number}", session(PORTAL), Kind.SIGNING)
        found += order(waiting, 1)

    assert "inspection" in found[:5]


@pytest.mark.parametrize("kind", [Kind.INSPECTION, Kind.PREVIEW])
def test_a_session_leaves_a_process_to_others_whatever_it_looks_at(kind: Kind) -> None:
    waiting, flooding, honest = queue(looks=1), session(PORTAL), session(STRANGER)
    for number in range(3):
        add(waiting, f"flood {number}", flooding, kind)
    first = waiting.next()
    assert first is not None

    assert waiting.next() is None, "one of them runs already"
    add(waiting, "signing", flooding, Kind.SIGNING)
    add(waiting, "honest", honest)
    assert order(waiting) == ["signing", "honest"]
    waiting.done(first)
    assert order(waiting) == ["flood 1", "flood 2"]


def test_who_looks_already_may_only_sign_in_the_last_process() -> None:
    waiting, flooding = queue(looks=1), [session(PORTAL), session(SHOP)]
    for turn in flooding:
        add(waiting, "flood", turn)
    first = waiting.next(last=True)
    assert first is not None

    assert waiting.next(last=True) is None, "of one subscription, whatever the application and the session"
    add(waiting, "honest", session(STRANGER))
    honest = waiting.next(last=True)
    assert honest is not None
    assert honest.task == "honest"
    add(waiting, "signing", flooding[1], Kind.SIGNING)
    signing = waiting.next(last=True)
    assert signing is not None
    assert signing.task == "signing"
    waiting.done(first)
    second = waiting.next(last=True)
    assert second is not None
    assert second.task == "flood"
    assert len(waiting) == 0


def test_a_session_has_a_bound() -> None:
    waiting, full = queue(Bounds(session=2, application=100, total=100)), session(PORTAL)
    for number in range(2):
        add(waiting, str(number), full)

    with pytest.raises(ShareTaken):
        add(waiting, "2", full)
    with pytest.raises(ShareTaken):
        waiting.require_place(full, Kind.INSPECTION)
    assert add(waiting, "another's", session(PORTAL)) is None
    assert len(waiting) == 3


def test_signing_takes_the_place_of_an_inspection_of_the_same_session() -> None:
    waiting, full = queue(Bounds(session=2, application=100, total=100)), session(PORTAL)
    add(waiting, "first", full)
    add(waiting, "last", full)

    displaced = add(waiting, "signing", full, Kind.SIGNING)

    assert displaced is not None
    assert displaced.task == "last"
    assert order(waiting) == ["signing", "first"]


def test_the_bound_of_an_application_takes_from_its_largest_session() -> None:
    waiting, flooding, honest = queue(Bounds(session=9, application=10, total=100)), session(PORTAL), session(PORTAL)
    for number in range(8):
        add(waiting, f"flood {number}", flooding)
    for number in range(2):
        assert add(waiting, f"honest {number}", honest) is None

    displaced = add(waiting, "honest 2", honest)

    assert displaced is not None
    assert displaced.task == "flood 7"
    with pytest.raises(ShareTaken):
        add(waiting, "flood 8", flooding)
    assert add(waiting, "of another application", session(SHOP)) is None


def test_the_bound_of_all_takes_from_the_largest_subscription() -> None:
    waiting = queue(Bounds(session=3, application=6, total=10))
    for number in range(6):
        add(waiting, f"flood {number}", session(PORTAL))
    for number in range(4):
        add(waiting, f"more {number}", session(SHOP))

    for number in range(5):
        displaced = add(waiting, f"honest {number}", session(STRANGER))
        assert displaced is not None
        assert displaced.turn.subscription_id == ACME

    with pytest.raises(NoPlace):
        add(waiting, "half is a fair share", session(STRANGER))
    with pytest.raises((NoPlace, ShareTaken)):
        waiting.require_place(session(PORTAL), Kind.INSPECTION)
    assert len(waiting) == 10


def test_the_operator_and_an_application_itself_wait_like_everybody() -> None:
    waiting = queue()
    add(waiting, "operator", Turn(ACME))
    add(waiting, "application", PORTAL)
    add(waiting, "session", session(PORTAL))

    assert sorted(order(waiting)) == ["application", "operator", "session"]


def test_what_is_removed_is_not_handed_out_and_leaves_nothing_behind() -> None:
    waiting, own = queue(), session(PORTAL)
    place = Place("gone", own, Kind.PREVIEW, 0.0)
    waiting.add(place)
    add(waiting, "stays", own, Kind.PREVIEW)

    assert waiting.remove(place)
    assert not waiting.remove(place)
    assert order(waiting) == ["stays"]
    assert not waiting
    assert not waiting._root.children  # noqa: SLF001


def test_whatever_happens_no_task_is_lost_and_no_bound_is_passed() -> None:
    chance, bounds = random.Random(13), Bounds(session=5, application=9, total=20)
    waiting = queue(bounds, looks=2)
    turns = [Turn(s, a, n) for s in (ACME, OTHER) for a in (uuid4(), uuid4()) for n in (uuid4(), uuid4(), None)]
    inside: set[Place[str]] = set()
    running: list[Place[str]] = []
    for number in range(3000):
        match chance.randrange(4):
            case 0 | 1:
                place = Place(str(number), chance.choice(turns), chance.choice(list(Kind)), float(number))
                try:
                    displaced = waiting.add(place)
                except (ShareTaken, NoPlace):
                    assert place not in set(waiting.places())
                else:
                    inside.add(place)
                    if displaced is not None:
                        inside.remove(displaced)
            case 2:
                found = waiting.next()
                if found is not None:
                    inside.remove(found)
                    running.append(found)
            case _:
                if running and chance.random() < 0.9:
                    waiting.done(running.pop())
                elif inside:
                    gone = chance.choice(sorted(inside, key=lambda place: place.since))
                    assert waiting.remove(gone)
                    inside.remove(gone)
        assert set(waiting.places()) == inside
        assert len(inside) <= bounds.total
        for turn in turns:
            of_application = [p for p in inside if p.turn.application_id == turn.application_id]
            assert len(of_application) <= bounds.application
            assert turn.session_id is None or sum(p.turn == turn for p in of_application) <= bounds.session
