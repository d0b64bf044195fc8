"""Limits of requests per time, on a clock that no test can hold."""

from __future__ import annotations

from collections.abc import Callable

import httpx


def until_refused(ask: Callable[[], httpx.Response], amount: int) -> list[httpx.Response]:
    """The answers until one is 429, at most twice `amount` and one.

    A minute of the service may end between two of them. From then on those before it count less and less.
    """
    answers = list[httpx.Response]()
    while len(answers) <= 2 * amount and not (answers and answers[-1].status_code == 429):
        answers.append(ask())
    return answers
