"""A host that hangs holds a few callers, and not all who come after them."""

from __future__ import annotations

from contextlib import suppress

import pytest

from signroom.ports.outside import Unreachable
from signroom.trust.asking.answers import Answers, Question
from signroom.trust.asking.resting import LATE_SECONDS, MOST_SLOW, REST_SECONDS, SLOW_SECONDS, Hosts

HOST = "http://ocsp.example.org"


class Outside:
    """Answers, hangs or refuses; the clock goes on while it hangs."""

    def __init__(self) -> None:
        self.time, self.takes, self.fails = 1000.0, 0.0, False
        self.asked: list[str] = []

    def clock(self) -> float:
        return self.time

    def exchange(
        self,
        url: str,
        *,
        limit: int,
        body: bytes | None = None,
        content_type: str | None = None,
        redirects: bool = True,
    ) -> bytes:
        self.asked.append(url)
        self.time += self.takes
        if self.fails:
            raise Unreachable("It took too long.")
        return b"answer"[:limit]


def asked(answers: Answers, outside: Outside, paths: range, host: str = HOST) -> int:
    """How many of the questions came to the host."""
    before = len(outside.asked)
    for path in paths:
        with suppress(Unreachable):
            answers.ask(Question(f"{host}/{path}", 100), 1.0)
    return len(outside.asked) - before


def test_a_host_that_hangs_is_left_alone_until_one_caller_finds_it_back() -> None:
    outside = Outside()
    answers = Answers(outside, hosts=Hosts(outside.clock))
    outside.takes, outside.fails = SLOW_SECONDS, True

    # The next one asks whether it is back, and those after it go on at once.
    assert asked(answers, outside, range(20)) == MOST_SLOW + 1
    with pytest.raises(Unreachable, match="does not answer in time"):
        answers.ask(Question(f"{HOST}/other", 100), 1.0)
    assert asked(answers, outside, range(5), "http://other.example.org") == MOST_SLOW + 1

    outside.time += REST_SECONDS
    assert asked(answers, outside, range(5)) == 1
    outside.time += REST_SECONDS
    outside.takes, outside.fails = 0.0, False
    assert asked(answers, outside, range(5)) == 5


def test_a_host_that_refuses_at_once_or_answers_late_does_not_rest() -> None:
    outside = Outside()
    answers = Answers(outside, hosts=Hosts(outside.clock))
    outside.fails = True
    assert asked(answers, outside, range(10)) == 10

    outside.takes, outside.fails = 5 * SLOW_SECONDS, False
    assert asked(answers, outside, range(10)) == 10


def test_questions_that_still_wait_count() -> None:
    """The first callers may wait for ten seconds. Those who come meanwhile do not wait for the end of that."""
    outside = Outside()
    hosts = Hosts(outside.clock)
    waiting = [hosts.asking(f"{HOST}/{number}") for number in range(MOST_SLOW)]
    for one in waiting:
        one.__enter__()
    with hosts.asking(f"{HOST}/soon"):  # they may still be answered
        pass

    outside.time += SLOW_SECONDS  # a responder may take its time
    with hosts.asking(f"{HOST}/later"):
        pass

    outside.time += LATE_SECONDS - SLOW_SECONDS
    with hosts.asking(f"{HOST}/finds-out"):
        with pytest.raises(Unreachable), hosts.asking(f"{HOST}/at-once"):
            pass
        with hosts.asking("http://other.example.org"):
            pass

    for one in waiting:
        one.__exit__(None, None, None)
    with hosts.asking(f"{HOST}/answered"), hosts.asking(f"{HOST}/answered"):
        pass


def test_what_is_known_of_hosts_has_a_bound() -> None:
    outside = Outside()
    hosts = Hosts(outside.clock)
    for number in range(3_000):
        with hosts.asking(f"http://host-{number}.example.org/"):
            pass
    assert len(hosts) == 1_000
