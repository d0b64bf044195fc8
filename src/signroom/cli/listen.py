"""``signroom listen``: events of a subscription, relayed to the machine of a developer whom no webhook can reach.

It reads the event feed and posts what a webhook would have posted, signed by a secret that is given or made. It keeps
no state:
the cursor that it prints is where the next one begins.
"""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx

from signroom.domain.errors import BadInput
from signroom.domain.webhook import SECRET_BYTES, clean_types, secret_key, secret_text, signature_headers

DONE, USAGE, REFUSED = 0, 2, 3
_PAGE = 500
_WAIT_SECONDS = 15
_TIMEOUT = httpx.Timeout(10, read=_WAIT_SECONDS + 15)
_LONGEST_PAUSE = 30.0
"""Seconds between two tries to reach the service."""


_HINT = (
    "Your application refuses the request. Does it have the signing secret above? "
    "With --secret or SIGNROOM_WEBHOOK_SECRET the one that it has is used."
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """``after``: a cursor; None: from the oldest event with `from_start`, else from now on."""

    url: str
    api_key: str
    forward_to: str
    secret: str | None = None
    events: tuple[str, ...] = ()
    """Types of event; none: what a webhook brings that names none."""
    after: str | None = None
    from_start: bool = False
    as_json: bool = False
    """One JSON object a line."""


class ListenError(Exception):
    """Ends the run with `exit_code`."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def run_listen(wanted: Wanted) -> int:
    """Until Ctrl-C. Returns the exit code."""
    try:
        secret = _secret(wanted.secret)
        types = _types(wanted.events)
        with _Service(wanted.url, wanted.api_key) as service, httpx.Client(timeout=_TIMEOUT, trust_env=False) as local:
            _relay(wanted, service, local, secret, types)
    except KeyboardInterrupt:
        return DONE
    except ListenError as error:
        print(f"signroom listen: {error}", file=sys.stderr)
        return error.exit_code
    return DONE


def _secret(given: str | None) -> str:
    if given is None:
        return secret_text(secrets.token_bytes(SECRET_BYTES))
    try:
        secret_key(given)
    except ValueError as error:
        raise ListenError("the secret is whsec_ and base64.", USAGE) from error
    return given


def _types(given: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return clean_types(given)
    except BadInput as error:
        raise ListenError(f"--event: {error.detail}", USAGE) from error


def _relay(wanted: Wanted, service: _Service, local: httpx.Client, secret: str, types: tuple[str, ...]) -> None:
    after = wanted.after
    if after is None and not wanted.from_start:
        after = service.end()
    if wanted.as_json:
        _say(json.dumps({"url": wanted.url, "forwardTo": wanted.forward_to, "events": types, "signingSecret": secret}))
    else:
        _say(f"Relaying events of {wanted.url} to {wanted.forward_to}: {', '.join(types)}")
        _say(f"Signing secret: {secret}")
    hinted = False
    for event, body in service.events(after, types):
        headers = {
            "Content-Type": "application/json",
            **signature_headers(UUID(event["id"]), body, [secret], datetime.now(UTC)),
        }
        try:
            status = local.post(wanted.forward_to, content=body, headers=headers).status_code
            outcome = str(status)
        except httpx.HTTPError as error:
            status, outcome = 0, type(error).__name__
        if wanted.as_json:
            _say(json.dumps({**event, "outcome": outcome}))
        else:
            _say(f"{event['createdAt']} {event['type']} {event['id']} -> {outcome} ({event['cursor']})")
        if 400 <= status < 500 and not hinted:
            hinted = True
            print(_HINT, file=sys.stderr, flush=True)


def _say(line: str) -> None:
    print(line, flush=True)


class _Service:
    """The service's feed; a connection that is lost is found again."""

    def __init__(self, url: str, api_key: str) -> None:
        try:
            self._http = httpx.Client(
                base_url=url, headers={"X-Api-Key": api_key}, timeout=_TIMEOUT, trust_env=False, follow_redirects=False
            )
        except (httpx.InvalidURL, ValueError) as error:
            raise ListenError(f"'{url}' is no address.", USAGE) from error

    def __enter__(self) -> _Service:
        return self

    def __exit__(self, *_error: object) -> None:
        self._http.close()

    def end(self) -> str | None:
        """The cursor behind everything that has happened."""
        after: str | None = None
        while True:
            page = self._page(after, wait=0)
            after = page["next"]
            if len(page["events"]) < _PAGE:
                return after

    def events(self, after: str | None, types: tuple[str, ...]) -> Iterator[tuple[dict[str, Any], bytes]]:
        """Each one of these types, with the body that a webhook would get."""
        while True:
            page = self._page(after, wait=_WAIT_SECONDS)
            for event in (one for one in page["events"] if one["type"] in types):
                answer = self._get(f"/api/events/{event['id']}", {})
                if answer is not None:
                    yield event, answer.content
            after = page["next"]

    def _page(self, after: str | None, wait: int) -> dict[str, Any]:
        query: dict[str, str | int] = {"limit": _PAGE, "wait": wait}
        if after is not None:
            query["after"] = after
        answer = self._get("/api/events", query)
        if answer is None:
            raise ListenError("the service has no event feed: its version is too old.", REFUSED)
        page: dict[str, Any] = answer.json()
        return page

    def _get(self, path: str, query: dict[str, str | int]) -> httpx.Response | None:
        """None for what is not there. Raises: ListenError for what will be refused for ever."""
        pause = 1.0
        while True:
            answer = self._tried(lambda: self._http.get(path, params=query))
            if answer is not None and answer.status_code == 200:
                return answer
            if answer is not None and (answer.status_code == 404 or _code(answer) == "EventNotFound"):
                return None
            if answer is not None and answer.status_code < 500 and answer.status_code != 429:
                raise ListenError(f"{answer.status_code} {_code(answer)}", REFUSED)
            print(f"The service does not answer; trying again in {pause:.0f} s.", file=sys.stderr, flush=True)
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _tried(self, call: Callable[[], httpx.Response]) -> httpx.Response | None:
        try:
            return call()
        except httpx.UnsupportedProtocol as error:
            raise ListenError("the address of the service begins with http:// or https://.", USAGE) from error
        except httpx.HTTPError:
            return None


def _code(answer: httpx.Response) -> str:
    try:
        found = answer.json()
    except ValueError:
        return ""
    return str(found.get("code", "")) if isinstance(found, dict) else ""
