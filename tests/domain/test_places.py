"""Who gets how many of the places that all share."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from signroom.domain.places import WAITS_LAPSE_SECONDS, Shares, Waits


def held(shares: Shares, owner: str, place: ExitStack) -> int:
    """How many places the owner gets, until there is none."""
    found = 0
    while not place.enter_context(shares.taken(owner)):
        found += 1
    return found


def test_each_owner_leaves_as_much_to_others_as_they_have() -> None:
    shares = Shares(16)
    with ExitStack() as places:
        assert [held(shares, owner, places) for owner in ("a", "b", "c", "d", "e")] == [8, 4, 2, 1, 1]

    with ExitStack() as places:
        assert held(shares, "b", places) == 8


def test_a_place_that_is_given_back_is_anybodys_again() -> None:
    shares = Shares(4)
    with ExitStack() as places:
        assert held(shares, "a", places) == 2
        with shares.taken("b") as refused:
            assert refused == 0
        with shares.taken("b") as first, shares.taken("b") as second:
            assert (first, second) == (0, 1)


def test_how_often_somebody_was_refused_is_told_until_they_get_a_place() -> None:
    shares = Shares(2)

    def refused() -> int:
        with shares.taken("a") as found:
            return found

    with shares.taken("a"):
        assert [refused(), refused(), refused()] == [1, 2, 3]
    assert refused() == 0
    with shares.taken("a"):
        assert refused() == 1


def test_an_error_gives_the_place_back() -> None:
    shares = Shares(2)
    for _ in range(3):
        with pytest.raises(ValueError, match="wrong"), shares.taken("a") as refused:
            assert refused == 0
            raise ValueError("wrong")


def test_an_owner_waits_no_longer_than_is_allowed_and_the_first_are_forgotten() -> None:
    waits = Waits(most=2)

    waits.spend("a", 3.0)
    waits.spend("a", 9.0)
    assert (waits.left("a", 8.0), waits.left("b", 8.0)) == (0.0, 8.0)
    for owner in ("b", "c"):
        waits.spend(owner, 1.0)
    assert [waits.left(owner, 8.0) for owner in ("a", "b", "c")] == [8.0, 7.0, 7.0]


def test_what_an_owner_has_waited_lapses_a_while_after_the_last_time() -> None:
    now = [0.0]
    waits = Waits(clock=lambda: now[0])

    waits.spend("a", 5.0)
    now[0] += WAITS_LAPSE_SECONDS - 1
    waits.spend("a", 3.0)
    now[0] += WAITS_LAPSE_SECONDS - 1
    assert waits.left("a", 8.0) == 0.0
    now[0] += 1
    assert waits.left("a", 8.0) == 8.0
    waits.spend("a", 1.0)
    assert waits.left("a", 8.0) == 7.0
