from __future__ import annotations

from signroom.domain.errors import Refused, SecretUnreadable, Unavailable


def test_a_secret_that_cannot_be_opened_is_no_outage() -> None:
    assert issubclass(SecretUnreadable, Refused)
    assert not issubclass(SecretUnreadable, Unavailable)
