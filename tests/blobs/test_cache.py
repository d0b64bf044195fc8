"""What is kept for a while stays within its room."""

from __future__ import annotations

from uuid import uuid4

from signroom.blobs.cache import BytesCache
from signroom.ports.files import Turn
from tests.harness.waiting import eventually

SOMEBODY = Turn(uuid4(), uuid4(), uuid4())


def test_the_least_recently_used_is_forgotten_first() -> None:
    kept = BytesCache(10)
    kept.put("a", b"1234", SOMEBODY)
    kept.put("b", b"1234", SOMEBODY)
    kept.get("a")
    kept.put("c", b"1234", SOMEBODY)

    assert [kept.get(key) for key in "abc"] == [b"1234", None, b"1234"]


def test_the_same_key_twice_counts_once() -> None:
    kept = BytesCache(10)
    for _ in range(5):
        kept.put("a", b"1234", SOMEBODY)
    kept.put("b", b"123456", SOMEBODY)

    assert (kept.get("a"), kept.get("b")) == (b"1234", b"123456")


def test_what_is_larger_than_the_room_pushes_nothing_out() -> None:
    kept = BytesCache(10)
    kept.put("a", b"1234", SOMEBODY)
    kept.put("b", b"x" * 11, SOMEBODY)

    assert (kept.get("a"), kept.get("b")) == (b"1234", None)


def test_who_keeps_much_pushes_out_their_own_and_nobody_elses() -> None:
    """A signer who asks for picture after picture would make the service draw those of all others again and again."""
    kept = BytesCache(100)
    neighbour = Turn(SOMEBODY.subscription_id, SOMEBODY.application_id, uuid4())
    stranger = Turn(uuid4(), uuid4(), uuid4())
    kept.put("neighbour", b"x" * 20, neighbour)
    kept.put("stranger", b"x" * 30, stranger)
    for number in range(50):
        kept.put(f"flood {number}", b"x" * 10, SOMEBODY)

    assert kept.get("neighbour") is not None
    assert kept.get("stranger") is not None
    assert [n for n in range(50) if kept.get(f"flood {n}") is not None] == [45, 46, 47, 48, 49]


def test_a_subscription_with_many_sessions_pushes_out_its_own() -> None:
    kept = BytesCache(100)
    kept.put("stranger", b"x" * 30, Turn(uuid4(), uuid4(), uuid4()))
    for number in range(50):
        kept.put(f"flood {number}", b"x" * 10, Turn(SOMEBODY.subscription_id, None, uuid4()))

    assert kept.get("stranger") is not None
    assert sum(kept.get(f"flood {n}") is not None for n in range(50)) == 7


def test_nothing_stays_longer_than_its_time_whether_it_is_asked_for_or_not() -> None:
    """Another process may have erased the document that a picture shows."""
    long, kept = BytesCache(10, lifetime=3600), BytesCache(10, lifetime=0.05)
    for one in (long, kept):
        one.put("a", b"1234", SOMEBODY)

    eventually(lambda: kept.get("a") is None)
    assert long.get("a") == b"1234"
    eventually(lambda: held(kept) == (0, 0))  # nobody asks any more
    kept.put("b", b"1234", SOMEBODY)
    eventually(lambda: held(kept) == (0, 0))


def held(kept: BytesCache) -> tuple[int, int]:
    return len(kept._values), kept._length  # noqa: SLF001
