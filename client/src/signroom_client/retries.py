"""When a request is sent again, and after how long.

Sent again is only what does nothing twice: a request that is repeatable by its nature or by its ``Idempotency-Key``,
one that never left, and one that the service says it turned away before it did anything: 429, or 503 with a code that
means it. A bare 503 may be a proxy's, after the fact. Nothing else, and nothing for ever.

Each time it is a warning of the logger ``signroom_client``.
"""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from signroom_client.errors import ApiError, ConnectionFailedError, SignroomError

_LOG = logging.getLogger("signroom_client")
_NOTHING_DONE = {"ProcessingUnavailable", "RequestInProgress"}
"""The service's own words, with 503."""
_ASK_AGAIN = {502, 503, 504}
"""As a proxy says them: the service may have done it all the same."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`attempts` after the first; pauses in seconds."""

    attempts: int = 3
    first_pause: float = 0.5
    longest_pause: float = 8.0
    longest_wait: float = 60.0
    """A `Retry-After` beyond this is not waited for: the caller hears of it instead."""

    def pause(self, failed: int, error: SignroomError, *, repeatable: bool) -> float | None:
        """How long to wait after `failed` failures, the last of which is `error`; None: give up."""
        if failed > self.attempts or not _worth_it(error, repeatable=repeatable):
            return None
        # Half of it is chance, so that many clients do not come back at once.
        backoff = min(self.first_pause * 2.0 ** (failed - 1), self.longest_pause) * random.uniform(0.5, 1.0)  # noqa: S311
        asked: float | None = error.retry_after if isinstance(error, ApiError) else None
        if asked is None:
            return backoff
        return max(asked, backoff) if asked <= self.longest_wait else None


def tell_retry(what: str, error: SignroomError, pause: float, failed: int, policy: RetryPolicy) -> None:
    """Log that `what` failed and is tried again. Texts of the service are left out: they may name files."""
    why = f"{error.status} {error.code}" if isinstance(error, ApiError) else error.code
    _LOG.warning("%s failed (%s); trying again in %.1f s (%d of %d)", what, why, pause, failed, policy.attempts)


def _worth_it(error: SignroomError, *, repeatable: bool) -> bool:
    if isinstance(error, ConnectionFailedError):
        return repeatable or not error.sent
    if isinstance(error, ApiError):
        turned_away = error.status == 429 or (error.status == 503 and error.code in _NOTHING_DONE)
        return turned_away or (repeatable and error.status in _ASK_AGAIN)
    return False


def retry_after(header: str | None, now: datetime | None = None) -> float | None:
    """Seconds: the header has a number of them or a date (RFC 9110, 10.2.3). None for nonsense."""
    if header is None:
        return None
    text = header.strip()
    if text.isdigit():
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    date = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    return max((date - (now or datetime.now(UTC))).total_seconds(), 0.0)
