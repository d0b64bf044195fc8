"""Keys as they were read a moment ago."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

from signroom.domain.application import ApiKey, Application
from signroom.ports.store import KeyOwner
from signroom.store.known import KEPT_SECONDS, Known

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SHOP = Application(uuid4(), uuid4(), "Shop")
KEY = ApiKey(uuid4(), SHOP.id, b"h" * 32, None, NOW, None)
OWNER = KeyOwner(KEY, SHOP, subscription_closed=False)


class Watch:
    """A clock that stands still until it is moved, in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_key_is_known_for_a_moment() -> None:
    watch = Watch()
    keys = Known[bytes, KeyOwner](watch)
    keys.keep(b"h", OWNER, keys.begin())

    assert keys.get(b"h") == OWNER
    assert keys.get(b"g") is None
    watch.now += KEPT_SECONDS
    assert keys.get(b"h") == OWNER
    watch.now += 0.001
    assert keys.get(b"h") is None


def test_what_was_read_before_a_change_is_not_kept_after_it() -> None:
    keys = Known[bytes, KeyOwner]()
    before = keys.begin()

    keys.empty()
    keys.keep(b"h", OWNER, before)

    assert keys.get(b"h") is None


def test_a_slow_read_is_known_from_its_beginning() -> None:
    watch = Watch()
    keys = Known[bytes, KeyOwner](watch)
    reading = keys.begin()
    watch.now += KEPT_SECONDS + 0.001  # another process may have changed it since
    keys.keep(b"h", OWNER, reading)

    assert keys.get(b"h") is None


def test_memory_has_a_bound() -> None:
    keys = Known[bytes, KeyOwner](most=3)
    for name in (b"1", b"2", b"3", b"4"):
        keys.keep(name, OWNER, keys.begin())

    assert [keys.get(name) is not None for name in (b"1", b"2", b"3", b"4")] == [False, False, False, True]
