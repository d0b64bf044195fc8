from __future__ import annotations

from signroom.domain.errors import BadInput, Refused, SecretUnreadable, Unavailable, told_of
from tests.harness.garbage import refused_and_gone


def test_a_secret_that_cannot_be_opened_is_no_outage() -> None:
    assert issubclass(SecretUnreadable, Refused)
    assert not issubclass(SecretUnreadable, Unavailable)


def test_an_error_that_is_told_of_a_place_goes_with_its_answer() -> None:
    async def refuse() -> None:
        with told_of("documents[1]"):
            raise BadInput("It is odd.")

    refused_and_gone(BadInput, refuse)
