"""Places: how many things of one kind an owner may do at the same time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from signroom.domain.errors import TooManyRequests

_AGAIN_SECONDS = 5


class Places:
    """For one thread, the event loop's. An owner without a free place is refused; nobody queues up."""

    def __init__(self, limit: int, refusal: str) -> None:
        """`limit` per owner. `refusal` says what there is too much of."""
        self._limit, self._refusal = limit, refusal
        self._taken: Counter[Hashable] = Counter()

    @contextmanager
    def taken(self, owner: Hashable) -> Iterator[None]:
        """A place of `owner`, for as long as the block runs. Raises: TooManyRequests."""
        if self._taken[owner] >= self._limit:
            raise TooManyRequests(self._refusal, retry_after=_AGAIN_SECONDS)
        self._taken[owner] += 1
        try:
            yield
        finally:
            self._taken[owner] -= 1
            if not self._taken[owner]:
                del self._taken[owner]
