"""Ways to fetch for tests: one that reaches loopback, one that never answers, one that needs no server."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import httpx

from signroom.ports.outside import Unreachable


class PlainFetch:
    """Keeps the addresses that it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

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
        headers = {} if content_type is None else {"Content-Type": content_type}
        try:
            answer = httpx.request("GET" if body is None else "POST", url, content=body, headers=headers, timeout=10)
        except httpx.HTTPError as error:
            raise Unreachable("There was no answer.") from error
        if answer.status_code != 200 or len(answer.content) > limit:
            raise Unreachable("There was no answer.")
        return answer.content


class HangingFetch(PlainFetch):
    """Holds every question until `released`."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()

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
        self.released.wait(30)
        raise Unreachable("There was no answer.")


class FixedFetch(PlainFetch):
    """Answers the same whatever is asked, but for the addresses in `others`."""

    def __init__(self, answer: bytes, others: Mapping[str, bytes] | None = None) -> None:
        super().__init__()
        self._answer = answer
        self._others = others or {}
        self.redirects: list[bool] = []

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
        self.redirects.append(redirects)
        answer = self._others.get(url, self._answer)
        if len(answer) > limit:
            raise Unreachable("There was no answer.")
        return answer
