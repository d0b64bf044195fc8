"""The service as seen from here: an address, a key, JSON in and out, errors, retries."""

from __future__ import annotations

import json
import math
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import quote, unquote, urlsplit
from uuid import uuid4

import httpx

from signroom_client.decoding import decode
from signroom_client.encoding import encode
from signroom_client.errors import (
    ApiError,
    ConnectionFailedError,
    SignroomError,
    UnexpectedAnswerError,
    api_error_class,
)
from signroom_client.models import ValidationResults
from signroom_client.retries import RetryPolicy, retry_after, tell_retry
from signroom_client.wire import Answer, Request, Wire

Params = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Service:
    """`headers` hold the API key: they go to `endpoint` and nowhere else."""

    wire: Wire
    endpoint: str
    headers: Mapping[str, str] = field(repr=False)
    policy: RetryPolicy

    async def get(
        self,
        path: str,
        params: Params = (),
        *,
        timeout: httpx.Timeout | None = None,  # noqa: ASYNC109 - httpx keeps it
        deadline: float | None = None,
    ) -> Any:
        """The JSON of an answer; `deadline` as for `send`. Raises: ApiError, ConnectionFailedError,
        UnexpectedAnswerError.
        """
        request = Request("GET", self._url(path), self.headers, tuple(params), timeout=timeout, repeatable=True)
        return json_of(await self.send(request, deadline))

    async def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """Raises: as `get`."""
        return json_of(await self.send(replace(self.request("PUT", path, body), repeatable=True)))

    async def delete(self, path: str, params: Params = ()) -> Any:
        """Deleted twice, it is deleted once. Raises: as `get`."""
        request = Request("DELETE", self._url(path), self.headers, tuple(params), repeatable=True)
        return json_of(await self.send(request))

    async def post(self, path: str, body: Mapping[str, Any], *, repeatable: bool = False) -> Any:
        """Raises: as `get`."""
        return json_of(await self.send(replace(self.request("POST", path, body), repeatable=repeatable)))

    async def post_once(self, path: str, body: Mapping[str, Any], idempotency_key: str | None = None) -> Any:
        """With an ``Idempotency-Key``, of our own when there is none: however often it is sent, it is done once."""
        request = self.request("POST", path, body)
        key = uuid4().hex if idempotency_key is None else _header(idempotency_key, "idempotency key")
        headers = {**request.headers, "Idempotency-Key": key}
        return json_of(await self.send(replace(request, headers=headers, repeatable=True)))

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Request:
        """With the key; `body` as JSON."""
        headers, content = dict(self.headers), None
        if body is not None:
            headers["Content-Type"], content = "application/json", encode(body)
        return Request(method, self._url(path), headers, content=content)

    async def send(self, request: Request, deadline: float | None = None) -> Answer:
        """An answer with success, after as many tries as the policy allows.

        `deadline` (of the monotonic clock) ends tries and pauses: then the last error is raised.

        Raises: ApiError, ConnectionFailedError, UnexpectedAnswerError.
        """
        failed = 0
        while True:
            try:
                return await self._send_once(_within(request, _left(deadline)))
            except (ApiError, ConnectionFailedError) as error:
                failed += 1
                pause = self.policy.pause(failed, error, repeatable=request.repeatable)
                if pause is None:
                    raise
                tell_retry(self._shown(request), error, pause, failed, self.policy)
                await self.wire.sleep(max(0.0, min(pause, _left(deadline))))
                if _left(deadline) <= 0:
                    raise

    async def _send_once(self, request: Request) -> Answer:
        async with self.wire.stream(request) as streamed:
            answer = await streamed.whole()
        if not answer.success:
            raise problem(answer)
        return answer

    def _shown(self, request: Request) -> str:
        """For logs: the method and which kind of thing. What follows in an address may be a secret."""
        kind = request.url.removeprefix(self.endpoint).split("/")[1:3]
        return f"{request.method} {'/'.join(kind)}"

    def _url(self, path: str) -> str:
        return f"{self.endpoint}/{path}"


class Connected:
    """What operations need of a client."""

    def __init__(self, service: Service, timeout: httpx.Timeout) -> None:
        self._service = service
        self._timeout = timeout

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._service.endpoint!r})"


def service(wire: Wire, endpoint: str, api_key: str, subscription: str | None, max_retries: int) -> Service:
    """Raises: ValueError for an endpoint that is no address, or a key that no header can carry."""
    parts = urlsplit(endpoint)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("The endpoint is an address like https://sign.example.com.")
    headers = {"Accept": "application/json", "User-Agent": _user_agent(), "X-Api-Key": _header(api_key, "API key")}
    if subscription is not None:
        headers["X-Subscription"] = _header(subscription, "subscription")
    return Service(wire, endpoint.rstrip("/"), headers, RetryPolicy(attempts=max_retries))


def _header(value: str, what: str) -> str:
    if not value or not value.isascii() or not value.isprintable():
        raise ValueError(f"The {what} is empty, or has characters that no header can carry (printable ASCII only).")
    return value


def _left(deadline: float | None) -> float:
    return math.inf if deadline is None else deadline - time.monotonic()


def _within(request: Request, seconds: float) -> Request:
    """`request`, none of whose waits is longer than `seconds`. One without time limits of its own has the client's."""
    if request.timeout is None or seconds == math.inf:
        return request
    limits = {
        name: seconds if limit is None else min(limit, seconds) for name, limit in request.timeout.as_dict().items()
    }
    return replace(request, timeout=httpx.Timeout(**limits))


def segment(value: object) -> str:
    """`value` as one segment of a path. Raises: ValueError for what would make the path another one."""
    text = str(value)
    if text in {"", ".", ".."}:
        raise ValueError(f"{text!r} is no id.")
    return quote(text, safe="")


def json_of(answer: Answer) -> Any:
    """Raises: UnexpectedAnswerError."""
    try:
        return json.loads(answer.content)
    except ValueError as error:
        kind = answer.headers.get("content-type", "nothing")
        raise UnexpectedAnswerError(f"JSON was expected; the answer is {kind}.") from error


def problem(answer: Answer) -> SignroomError:
    """The error that an answer without success stands for. Bodies that are not the contract's are not repeated."""
    if answer.status < 400:
        text = f"Status {answer.status}: the endpoint redirects. Give the address that it leads to."
        return UnexpectedAnswerError(text)
    try:
        body = json.loads(answer.content)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        body = {}
    wait = retry_after(answer.headers.get("retry-after"))
    return api_error_class(answer.status)(
        answer.status,
        _text(body, "code") or f"Http{answer.status}",
        _text(body, "message") or "The answer has no explanation; it may be a proxy's.",
        detail=_text(body, "detail"),
        validation_results=_results(body.get("validationResults")),
        exception_code=_text(body, "exceptionCode"),
        path=_text(body, "path") or unquote(answer.headers.get("signroom-path") or "") or None,
        doc_url=_text(body, "docUrl") or _help_in(answer.headers.get("link") or ""),
        retry_after=wait,
    )


def _help_in(link: str) -> str | None:
    """The address in a ``Link`` header whose relation is ``help``."""
    address, _, relation = link.partition(">")
    return address.removeprefix("<") if 'rel="help"' in relation else None


def _text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    return value if isinstance(value, str) and value else None


def _results(value: object) -> ValidationResults | None:
    if not isinstance(value, dict):
        return None
    try:
        return decode(ValidationResults, value)
    except UnexpectedAnswerError:
        return None  # the refusal matters more than its attachment


def _user_agent() -> str:
    try:
        own = version("signroom-client")
    except PackageNotFoundError:  # run from a checkout
        own = "0"
    return f"signroom-client/{own} python/{platform.python_version()}"
