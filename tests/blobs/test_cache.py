"""What is kept for a while stays within its room."""

from __future__ import annotations

from signroom.blobs.cache import BytesCache
from tests.harness.waiting import eventually


def test_the_least_recently_used_is_forgotten_first() -> None:
    kept = BytesCache(10)
    kept.put("a", b"1234")
    kept.put("b", b"1234")
    kept.get("a")
    kept.put("c", b"1234")

    assert [kept.get(key) for key in "abc"] == [b"1234", None, b"1234"]


def test_the_same_key_twice_counts_once() -> None:
    kept = BytesCache(10)
    for _ in range(5):
        kept.put("a", b"1234")
    kept.put("b", b"123456")

    assert (kept.get("a"), kept.get("b")) == (b"1234", b"123456")


def test_what_is_larger_than_the_room_pushes_nothing_out() -> None:
    kept = BytesCache(10)
    kept.put("a", b"1234")
    kept.put("b", b"x" * 11)

    assert (kept.get("a"), kept.get("b")) == (b"1234", None)


def test_nothing_stays_longer_than_its_time_whether_it_is_asked_for_or_not() -> None:
    """Another process may have erased the document that a picture shows."""
    kept = BytesCache(10, lifetime=0.05)
    kept.put("a", b"1234")
    assert kept.get("a") == b"1234"

    eventually(lambda: kept.get("a") is None)
    eventually(lambda: held(kept) == (0, 0))  # nobody asks any more
    kept.put("b", b"1234")
    eventually(lambda: held(kept) == (0, 0))


def held(kept: BytesCache) -> tuple[int, int]:
    return len(kept._values), kept._length  # noqa: SLF001
