"""How long each subscription has used the processes of late."""

from __future__ import annotations

from uuid import uuid4

import pytest

from signroom.sandbox import spending
from signroom.sandbox.spending import LITTLE_SECONDS, Spending


def test_what_was_used_fades() -> None:
    now = [1000.0]
    used, somebody, other = Spending(lambda: now[0]), uuid4(), uuid4()
    assert used.little(somebody)

    for _ in range(4):
        used.add(somebody, LITTLE_SECONDS / 2)
    assert not used.little(somebody)
    assert used.little(other)

    now[0] += 10
    assert not used.little(somebody), "a half of it is left"
    now[0] += 1
    assert used.little(somebody)


def test_who_lets_a_process_work_for_a_tenth_of_the_time_uses_little_and_for_a_third_much() -> None:
    for share, little in ((0.1, True), (0.33, False)):
        now = [1000.0]
        used, somebody = Spending(lambda now=now: now[0]), uuid4()  # type: ignore[misc]
        for _ in range(60):
            now[0] += 1
            used.add(somebody, share)
        assert used.little(somebody) is little


def test_subscriptions_whose_use_has_faded_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spending, "_MOST", 3)
    now = [1000.0]
    used = Spending(lambda: now[0])
    for _ in range(10):
        used.add(uuid4(), 1)
        now[0] += 60

    assert len(used._used) <= 3  # noqa: SLF001
