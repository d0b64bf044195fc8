"""The contract of the ``Fetch`` port that does not depend on its driver; ``tests/fetch`` has the rest."""

from __future__ import annotations

from signroom.domain.errors import SignroomError
from signroom.ports.outside import Unreachable


def test_an_address_without_an_answer_is_no_error_that_a_client_sees_by_itself() -> None:
    assert not issubclass(Unreachable, SignroomError)
    assert Unreachable("It redirects too often.").reason == "It redirects too often."
